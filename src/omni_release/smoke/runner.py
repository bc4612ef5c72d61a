"""Run the smoke tests in the candidate environment, against the installed wheel, with the project's own pytest."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from omni_release import cassettes, distributions, environments, scripts
from omni_release.core import vendors
from omni_release.core.actions import Run
from omni_release.core.documents import read_json_lines
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Project, Release
from omni_release.core.text import counted, dollars
from omni_release.core.toml import table
from omni_release.core.world import Completed, World
from omni_release.smoke import EMULATORS, LIVE, RECORDED, CallRecord, KeptImage, Scenario, SmokeReport, gateway
from omni_release.testing import Plugin

RECORDER_OFF = "OMNI_RELEASE_UNRECORDED"
"""Set for programs whose deprecation warnings are not the tests'; see scripts/warnings_recorder.py."""


REPORT = "scenarios.jsonl"
"""The file of a smoke run's results, in the folder of its mode."""

_SCENARIOS = "omni_release.smoke.scenarios"

_NONE_COLLECTED = 5


@dataclass(frozen=True)
class SmokeRun:
    """A finished run of the smoke tests: their report, and how the command ended."""

    report: SmokeReport
    completed: Completed
    command: Run


def has_smoke_tests(project: Project) -> bool:
    """Whether the project has smoke tests: `[tool.omni-release.smoke]`, or cassettes not just for its classes."""
    own = table(project.metadata, "tool", "omni-release", "smoke")
    if "model" in own:
        return bool({*own} - {"model", "cassettes"})
    declared = "smoke" in table(project.metadata, "tool", "omni-release")
    return declared or bool(cassettes.of_project(project))


def require_smoke_tests(project: Project) -> None:
    """Raises NotApplicable where the project has no smoke tests, Inconclusive where no test calls its vendors."""
    if not has_smoke_tests(project):
        raise NotApplicable("the project has no smoke tests: [tool.omni-release.smoke] names none")
    smoke = project.settings.smoke
    if not smoke.tests and "gemini" not in smoke.vendors and table(project.metadata, "tool", "omni-release", "smoke"):
        message = f"no smoke test calls {', '.join(vendors.VENDORS[name].title for name in smoke.vendors)}"
        raise Inconclusive(message, "Name your files in `tests` of [tool.omni-release.smoke]: ours call Gemini alone.")


def require_key(project: Project, world: World) -> None:
    """Raises Inconclusive where no variable holds a key of one of the vendors."""
    if lacking := vendors.lacking_key(world.environment, project.settings.smoke.vendors):
        message, hint = vendors.missing_keys(lacking)
        others = set(project.settings.smoke.vendors) - {*EMULATORS}
        hint = f"{hint}." if others else f"{hint}, or run it with --emulated."
        raise Inconclusive(f"{message}, so the live service was not called", hint)


_OF_PLUGIN = frozenset(("filelock", "msgspec", "packaging", "pyyaml", "shtab", "tenacity", "tomlkit", "werkzeug"))
"""The requirements of omni-release itself that its pytest plugin, the emulator and the provider import."""


def plugin(project: Project, wheel: Path) -> Plugin:
    """The pytest plugin, which is this omni-release; empty for a project without smoke tests."""
    from importlib.metadata import distribution

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    if not has_smoke_tests(project):
        return Plugin()
    if canonicalize_name(project.name) == "omni-release":
        return Plugin((f"{wheel}[smoke]",))
    own = distribution("omni-release")
    url = json.loads(own.read_text("direct_url.json") or "{}").get("url", "")
    required = []
    for each in map(Requirement, own.requires or ()):
        of_extra = each.marker is not None and any(
            each.marker.evaluate({"extra": name}) for name in ("smoke", "images")
        )
        if canonicalize_name(each.name) != "omni-release" and (of_extra or each.name in _OF_PLUGIN):
            required.append(f"{each.name}{each.specifier}")
    itself = f"omni-release @ {url}" if url else f"omni-release=={own.version}"
    return Plugin(tuple(dict.fromkeys(required)), itself)


def mode_folder(release: Release, mode: str) -> Path:
    """The folder for the report and the traffic of a run in this mode."""
    return release.records / "smoke" / mode


def new_cassettes_folder(release: Release) -> Path:
    """The folder for new recordings until they replace the old ones."""
    return release.records / "smoke" / "new-cassettes"


def pytest_targets(project: Project) -> tuple[str, ...]:
    """The arguments that name the tests: the project's own files, or else our scenarios."""
    return project.settings.smoke.tests or ("--pyargs", _SCENARIOS)


def run(release: Release, world: World, mode: str, record: Path | None = None) -> SmokeRun:
    """Run all smoke tests in this mode and report progress; their traffic is recorded to `record`, if given.

    Raises Inconclusive where pytest finds no test.
    """
    folder = mode_folder(release, mode)
    for old in filter(None, (folder, record)):
        shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(parents=True)
    report = folder / REPORT
    command = _command(release, world, mode, report, record)
    finished = threading.Event()
    progress = threading.Thread(target=_report_progress, args=(report, world, finished), daemon=True)
    if mode != RECORDED:  # a replay takes a moment
        progress.start()
    try:
        completed = world.processes.run(command)
    finally:
        finished.set()
        if progress.ident is not None:
            progress.join(timeout=5)
            _report_total(read_report(report), world)
    if completed.code == _NONE_COLLECTED:
        raise Inconclusive("pytest found no test marked `smoke`", f"Full output: {command.log}")
    return SmokeRun(read_report(report), completed, command)


def variables(release: Release, world: World, mode: str) -> dict[str, str]:
    """The variables of pytest in this mode, without the keys."""
    smoke = release.project.settings.smoke
    given = smoke.pass_env if mode == LIVE else ()
    inner = environments.venv_env(world.environment, release.folder, release.environment("candidate"), given)
    return inner | {RECORDER_OFF: "1"} | (gateway(smoke) if mode == LIVE else {})


def _command(release: Release, world: World, mode: str, report: Path, record: Path | None) -> Run:
    smoke, environment = release.project.settings.smoke, variables(release, world, mode)
    keys = tuple(key for name in smoke.vendors for key in vendors.VENDORS[name].keys if world.environment.get(key))
    tree = release.tests_tree if release.tests_tree.is_dir() else release.project.root
    arguments = [*pytest_targets(release.project), f"--smoke={mode}", f"--smoke-budget={smoke.budget}", "-m", "smoke"]
    arguments += [f"--smoke-cassettes={tree / smoke.cassettes}", f"--smoke-report={report}"]
    arguments += [f"--smoke-record={record}"] if record else []
    arguments += ["-p", "no:cacheprovider", "-q"]
    if not smoke.tests:
        arguments += ["-o", "addopts=", f"--rootdir={tree}"]
    elif any(name.startswith("pytest-xdist==") for name in _installed(release)):
        arguments += ["-n", "0"]  # one process, one budget
    pytest = shutil.which("pytest", path=environment["PATH"]) or "pytest"
    return Run(
        (sys.executable, "-I", str(scripts.program("process_group")), pytest, *arguments),
        cwd=tree,
        environment=environment,
        log=release.logs / f"smoke-{mode}.log",
        deadline=smoke.timeout,
        secrets={name: name for name in keys} if mode == LIVE else {},
    )


def _installed(release: Release) -> tuple[str, ...]:
    return environments.installed_distributions(release.environment("candidate"))


def read_report(path: Path) -> SmokeReport:
    """The report that the pytest plugin has written so far."""
    mode, count, ended = "", 0, False
    scenarios: list[Scenario] = []
    for entry in read_json_lines(path):
        mode, count = entry.get("mode", mode), entry.get("count", count)
        ended = ended or "ended" in entry
        if "scenario" in entry:
            fields = entry["scenario"]
            calls = tuple(
                CallRecord(**call | {"images": tuple(KeptImage(**image) for image in call.get("images", ()))})
                for call in fields["calls"]
            )
            scenarios.append(Scenario(**fields | {"calls": calls, "unused": tuple(fields["unused"])}))
    return SmokeReport(mode, count, tuple(scenarios), ended)


def _report_progress(path: Path, world: World, finished: threading.Event) -> None:
    """Print a line for each scenario as it ends, with what it has cost: the emulator costs nothing."""
    shown, ended = 0, False
    while not ended:
        ended = finished.wait(0.3)
        report = read_report(path)
        for scenario in report.scenarios[shown:]:
            shown += 1
            cost = f", {cost_of([scenario])}" if (scenario.usd or scenario.unpriced) and report.mode == LIVE else ""
            outcome = f"{scenario.outcome} ({scenario.seconds:.1f} s{cost})"
            world.tell(f"      {shown} of {report.count}  {scenario.name}: {outcome}")


def _report_total(report: SmokeReport, world: World) -> None:
    """Print what the calls have cost, or would have cost, if anything."""
    if any(scenario.usd or scenario.unpriced for scenario in report.scenarios):
        paid = "paid" if report.mode == LIVE else "for the live service; the emulator answered, nothing was paid"
        world.tell(f"      total: {cost_of(report.scenarios)} {paid}")


def cost_of(scenarios: Iterable[Scenario]) -> str:
    """What the calls of scenarios have cost, and how many have an unknown cost."""
    found = tuple(scenarios)
    unpriced = sum(scenario.unpriced for scenario in found)
    usd = dollars(sum(scenario.usd for scenario in found))
    return f"{usd} and {counted(unpriced, 'call')} of unknown cost" if unpriced else usd


def wheel_sha256(release: Release, world: World) -> str:
    """The sha256 of the wheel that is installed in the candidate environment; empty for a run without a build."""
    wheel = distributions.installable(release.dist).name
    return next((artifact.sha256 for artifact in world.journal.artifacts() if artifact.name == wheel), "")
