"""The checks that run the smoke tests: recorded, emulated, live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from omni_release import cassettes, distributions
from omni_release.core.cache import Inputs
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import counted, dollars
from omni_release.core.vendors import VENDORS
from omni_release.core.world import World
from omni_release.environments.inputs import of_tree
from omni_release.smoke import (
    EMULATED,
    FAILED,
    INCONCLUSIVE,
    LIVE,
    LOCAL,
    PASSED,
    RECORDED,
    SKIPPED,
    Scenario,
    is_on_this_machine,
    runner,
)
from omni_release.smoke import evidence as live
from omni_release.smoke.runner import SmokeRun

SCENARIO_FAILED = Rule("scenario-failed", RuleClass.RELEASE, "Smoke test failed")
SCENARIO_INCONCLUSIVE = Rule("scenario-inconclusive", RuleClass.RELEASE, "Smoke test was inconclusive")
SCENARIOS_ENDED = Rule("scenarios-ended", RuleClass.RELEASE, "pytest ended before the smoke tests were complete")
OTHER_MODEL = Rule("scenario-other-model", RuleClass.QUALITY, "Another model answered than was asked")
CASSETTE_UNPLAYED = Rule("cassette-unplayed", RuleClass.RELEASE, "Cassette is used by no test")
CASSETTE_UNUSED = Rule("cassette-unused", RuleClass.RELEASE, "Recorded response is not requested by its test")
CASSETTE_UNWRITTEN = Rule("cassette-unwritten", RuleClass.RELEASE, "Calls of a smoke test were not recorded")

MODEL_RETIRES = Rule("scenario-model-retires", RuleClass.QUALITY, "The service says that a model ends")
_RUN_RULES = (SCENARIO_FAILED, SCENARIO_INCONCLUSIVE, SCENARIOS_ENDED, OTHER_MODEL, MODEL_RETIRES)


@reports(*_RUN_RULES, CASSETTE_UNPLAYED, CASSETTE_UNUSED)
def replay_passes(release: Release, world: World) -> Iterator[Finding]:
    """Smoke tests pass on their cassettes

    The smoke tests run on recorded responses, with the network blocked and without a key, and use all recordings.

    Fix: if the requests changed on purpose, record them again with `omni-release record`; otherwise fix the code. The
    full output is in `logs/smoke-recorded.log` of the run.
    """
    runner.require_smoke_tests(release.project)
    run = runner.run(release, world, RECORDED)
    yield from _results(release, run)
    yield from _unused_recordings(release, run)
    yield from _emulated_recordings(release)


@reports(*_RUN_RULES)
def smoke_emulated(release: Release, world: World) -> Iterator[Finding]:
    """Smoke tests pass against the emulator

    The smoke tests run against the emulator, which needs no key and proves nothing about the service.

    Fix: correct the code or the test that failed; the full output is in `logs/smoke-emulated.log` of the run.
    """
    runner.require_smoke_tests(release.project)
    traffic = runner.mode_folder(release, EMULATED) / "traffic"
    yield from _results(release, runner.run(release, world, EMULATED, traffic))


@reports(*_RUN_RULES)
def smoke_live(release: Release, world: World) -> Iterator[Finding]:
    """Smoke tests pass against the live service

    The smoke tests run against the live service with the wheel that is released, unless an earlier run is still valid.

    Fix: correct the code or the test that failed; the full output is in `logs/smoke-live.log` of the run. Without a
    result, set a key of each of the `vendors` of [tool.omni-release.smoke], and raise `budget` or `--budget USD` if it
    was reached.
    """
    runner.require_smoke_tests(release.project)
    try:
        earlier = live.load(release, world)
    except Inconclusive:
        earlier = None  # expired: run and pay again
    if earlier is not None and _is_from_service(earlier, release):
        yield Finding(f"cached from an earlier run: {earlier}", severity=Severity.NOTICE)
        return
    runner.require_key(release.project, world)
    run = runner.run(release, world, LIVE, runner.mode_folder(release, LIVE) / "traffic")
    findings = tuple(_results(release, run))
    if not any(finding.severity is Severity.ERROR for finding in findings):
        yield from findings
        if live.called_this_machine(release):
            message = "the live run called a server on this machine, not the service: it proves nothing about that"
            raise Inconclusive(message, f"{live.rerun_hint(release)}, without a base URL.")
        evidence = live.collect(release, world, run.report)
        live.store(release, world, evidence)
        yield Finding(str(evidence), severity=Severity.NOTICE)
    else:
        yield from findings


def live_evidence(release: Release, world: World) -> Iterator[Finding]:
    """Live smoke tests passed with this wheel

    A recent live run passed with this wheel, these smoke tests and these models.

    Fix: run `omni-release smoke --live --run RUN` with a key, which pays once for a wheel. Where no live run is
    possible, sign it off: `omni-release sign live-evidence --reason TEXT`.
    """
    runner.require_smoke_tests(release.project)
    if not world.journal.artifacts():
        raise NotApplicable("skipped: there is no run with a wheel to look for a live run of")
    evidence = live.load(release, world)
    if evidence is None:
        wheel = distributions.installable(release.dist).name
        sha256 = runner.wheel_sha256(release, world)
        message = f"no passing live run for {wheel} (sha256 {sha256}) with these scenarios and models"
        raise Inconclusive(message, live.rerun_hint(release))
    if not _is_from_service(evidence, release):
        own = [url for name in release.project.settings.smoke.vendors for url in VENDORS[name].base_urls]
        hint = f"{live.rerun_hint(release)}, without {' and '.join(own) or 'a base URL'}"
        raise Inconclusive(f"the live run called {evidence.base_url}, not the service", hint)
    yield Finding(str(evidence), severity=Severity.NOTICE)


def _is_from_service(evidence: live.LiveEvidence, release: Release) -> bool:
    """Whether the run called the address that the settings name, and neither one of this machine nor of a variable."""
    if any(is_on_this_machine(url) for url in filter(None, evidence.base_url.split(", "))):
        return False
    return evidence.base_url == live.addresses(release.project.settings.smoke, {})


@reports(*_RUN_RULES, CASSETTE_UNWRITTEN)
def recorded_live(release: Release, world: World) -> Iterator[Finding]:
    """Smoke tests are recorded from the live service

    Each smoke test passes against the live service, and its traffic is recorded.

    Fix: correct the code or the test that failed; the full output is in `logs/smoke-live.log` of the run. Recording
    needs a key of each vendor and costs as much as a live run. The old cassettes stay until every test passes.
    """
    runner.require_smoke_tests(release.project)
    runner.require_key(release.project, world)
    yield from _record(release, world, LIVE)


@reports(*_RUN_RULES, CASSETTE_UNWRITTEN)
def recorded_emulated(release: Release, world: World) -> Iterator[Finding]:
    """Smoke tests are recorded from the emulator

    Each smoke test passes against the emulator, and its traffic is recorded, marked as emulated.

    Fix: correct the code or the test that failed; the full output is in `logs/smoke-emulated.log` of the run. The old
    cassettes stay until every test passes.
    """
    runner.require_smoke_tests(release.project)
    yield from _record(release, world, EMULATED)


def _record(release: Release, world: World, mode: str) -> Iterator[Finding]:
    run = runner.run(release, world, mode, runner.new_cassettes_folder(release))
    yield from _results(release, run)
    for scenario in run.report.scenarios:
        if scenario.outcome == PASSED and scenario.calls and not scenario.wrote:
            message = f"{scenario.name} called the service, but no cassette was written"
            yield Finding(message, CASSETTE_UNWRITTEN.id)


def replay_inputs(release: Release, world: World) -> Inputs | None:
    """The inputs of a replay: the whole checkout, what is installed, and the variables. None without smoke tests."""
    if not runner.has_smoke_tests(release.project):
        return None
    return of_tree(release, world, runner.variables(release, world, RECORDED))


def _results(release: Release, run: SmokeRun) -> Iterator[Finding]:
    """Findings for a run. Raises Inconclusive where no scenario failed, but one was inconclusive, or none ran."""
    scenarios, log = run.report.scenarios, f"Full output: {run.command.log}"
    table = "\n".join(_table(scenarios, run.report.mode))
    failed = [scenario for scenario in scenarios if scenario.outcome == FAILED]
    for scenario in failed:
        path = _path_in_project(release, scenario)
        message = f"{scenario.name}: {scenario.why}"
        yield Finding(message, SCENARIO_FAILED.id, path=path, line=scenario.line if path else None)
    if not failed and _ended_early(run):
        message = f"pytest {run.completed.ended(run.command.deadline)}, although no scenario failed"
        if run.completed.timed_out:
            raise Inconclusive(f"{message}\n{table}", log)
        yield Finding("\n".join((message, *run.completed.tail[-15:], log)), SCENARIOS_ENDED.id)
        return
    reasons = [f"{scenario.name}: {scenario.why}" for scenario in scenarios if scenario.outcome == INCONCLUSIVE]
    if run.report.mode != RECORDED and not failed and not any(scenario.calls for scenario in scenarios):
        reasons.append("no scenario called the service")
    yield from _other_models(scenarios, run.report.mode)
    yield from retiring_models(scenarios, run.report.mode)
    if scenarios and all(scenario.outcome == SKIPPED for scenario in scenarios):
        reasons.append("all scenarios were skipped")
    if reasons and not failed:
        raise Inconclusive("\n".join((*reasons, table)), log)
    for reason in reasons:
        yield Finding(reason, SCENARIO_INCONCLUSIVE.id, Severity.WARNING)
    yield Finding(table, severity=Severity.NOTICE)


def _other_models(scenarios: Iterable[Scenario], mode: str) -> Iterator[Finding]:
    """A warning for each name for which another model answered a service: it is routed, or has moved."""
    others: dict[tuple[str, str], list[str]] = {}
    for scenario in scenarios if mode != RECORDED else ():
        for call in scenario.calls:
            if call.other:
                others.setdefault((call.asked, call.answered), []).append(scenario.name)
    for (asked, answered), names in others.items():
        message = f"{asked} was asked, but {answered} answered ({', '.join(dict.fromkeys(names))})"
        yield Finding(message, OTHER_MODEL.id, Severity.WARNING)


def retiring_models(scenarios: Iterable[Scenario], mode: str) -> Iterator[Finding]:
    """A warning for each model whose end the live service has stated in its answers."""
    calls = [call for scenario in scenarios if mode == LIVE for call in scenario.calls if call.retires]
    for model, end in dict.fromkeys((call.answered or call.asked, call.retires) for call in calls):
        yield Finding(f"{model}: the service says that it {end}", MODEL_RETIRES.id, Severity.WARNING)


def _path_in_project(release: Release, scenario: Scenario) -> str | None:
    """The path of a scenario's file; None where it is not in the project, as ours."""
    path = PurePosixPath(scenario.path)
    inside = not path.is_absolute() and ".." not in path.parts
    return scenario.path if inside and (release.project.root / path).is_file() else None


def _ended_early(run: SmokeRun) -> bool:
    """Whether a run was cut off, or pytest failed for a reason other than a scenario."""
    unclear = any(scenario.outcome == INCONCLUSIVE for scenario in run.report.scenarios)
    expected = run.completed.code == 0 or (run.completed.code == 1 and unclear)
    return not (expected and run.report.ended and run.report.scenarios) or run.completed.timed_out


def _table(scenarios: Iterable[Scenario], mode: str) -> Iterator[str]:
    """The scenarios as aligned lines: name, models asked and answering, attempts, seconds, tokens, cost, outcome."""
    head = ("scenario", "model asked", "model that answered", "attempts", "seconds", "tokens")
    rows: list[tuple[str, ...]] = [(*head, "live cost" if mode == EMULATED else "cost", "outcome")]
    for scenario in scenarios:
        asked, answered = (
            ", ".join(sorted({getattr(call, name) for call in scenario.calls} - {""})) or "-"
            for name in ("asked", "answered")
        )
        cost = _cost(scenario, mode)
        attempts, seconds = str(len(scenario.calls)), f"{scenario.seconds:.1f}"
        counted_calls = [call for call in scenario.calls if call.sent is not None]
        sent, received = (sum(getattr(call, name) or 0 for call in counted_calls) for name in ("sent", "received"))
        tokens = f"{sent} + {received}" if counted_calls else "-"
        rows.append((scenario.name, asked, answered, attempts, seconds, tokens, cost, scenario.outcome))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        aligned = (text.rjust(n) if 3 <= at <= 6 else text.ljust(n) for at, (text, n) in enumerate(cells))
        yield "  ".join(aligned).rstrip()


def _cost(scenario: Scenario, mode: str) -> str:
    if mode == RECORDED or not scenario.calls:
        return "-"
    if scenario.unpriced == len(scenario.calls):
        return "unknown"
    return dollars(scenario.usd) + (f" + {scenario.unpriced} unknown" if scenario.unpriced else "")


def _emulated_recordings(release: Release) -> Iterator[Finding]:
    """How many recordings say nothing about the service, as the emulator or a server on this machine answered."""
    sources = [cassettes.read(path).provenance for path in cassettes.of_project(release.project)]
    others = [found.source for found in sources if found and found.source in (EMULATED, LOCAL)]
    if others:
        recordings = f"{len(others)} of {counted(len(sources), 'recording')}"
        message = f"{recordings} from the emulator or a server on this machine: they prove nothing about the service"
        yield Finding(message, severity=Severity.NOTICE)


def _unused_recordings(release: Release, run: SmokeRun) -> Iterator[Finding]:
    """Cassettes that no test uses, and recorded responses that no test requests."""
    root = release.project.root
    folder = root / release.project.settings.smoke.cassettes
    by_cassette = {scenario.cassette: scenario for scenario in run.report.scenarios}
    for path in cassettes.of_project(release.project):
        shown = path.relative_to(root).as_posix()
        scenario = by_cassette.get(path.relative_to(folder).as_posix())
        if scenario is None:
            yield Finding("no test uses this cassette: remove it", CASSETTE_UNPLAYED.id, path=shown)
        elif scenario.unused and scenario.outcome == PASSED:
            interactions = cassettes.read(path).interactions
            for position in scenario.unused:
                message = f"{scenario.name} passes without this response: record it again"
                yield Finding(message, CASSETTE_UNUSED.id, path=shown, line=interactions[position].line)
