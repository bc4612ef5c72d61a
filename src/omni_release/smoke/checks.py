"""The live API: the scenarios recorded, emulated and live, and the recordings themselves."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator

from omni_release import distributions
from omni_release.cassettes.checks import Gate
from omni_release.core import redaction as core_redaction
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import World
from omni_release.smoke import evidence, outcomes, runner
from omni_release.smoke.runner import Ran


def replay_passes(release: Release, world: World) -> Iterator[Finding]:
    """The smoke tests pass on their recordings, with the network blocked and without a key.

    A test that fails here no longer asks what was recorded, or no longer understands the answer. Where the change is
    meant, record it anew: `omni-release record`. All that the tests print lies in the run's `logs/smoke-recorded.log`.
    """
    runner.must_be_wanted(release.project)
    ran = runner.run(release, world, outcomes.RECORDED)
    yield from _verdict(release, ran)
    yield from _unplayed(release, ran)


def smoke_emulated(release: Release, world: World) -> Iterator[Finding]:
    """The smoke tests pass against the emulator.

    It needs no key and proves nothing about the service. All that the tests print lies in `logs/smoke-emulated.log`.
    """
    runner.must_be_wanted(release.project)
    traffic = runner.folder(release, outcomes.EMULATED) / "traffic"
    yield from _verdict(release, runner.run(release, world, outcomes.EMULATED, traffic))


def smoke_live(release: Release, world: World) -> Iterator[Finding]:
    """The smoke tests pass against the live service, with the very wheel that is to be released.

    It needs a key (GEMINI_API_KEY), and costs money: `budget` in [tool.omni-release.smoke], or `--budget USD`. While
    its evidence stands for a wheel, it is not paid for again. All that the tests print lies in `logs/smoke-live.log`.
    """
    runner.must_be_wanted(release.project)
    try:
        stands = evidence.standing(release, world)
    except Inconclusive:
        stands = None  # too old: it is paid for again
    if stands is not None and _by_the_service(stands, release):
        yield Finding(f"kept from an earlier run: {stands}", severity=Severity.NOTICE)
        return
    runner.must_have_key(release, world)
    ran = runner.run(release, world, outcomes.LIVE, runner.folder(release, outcomes.LIVE) / "traffic")
    findings = tuple(_verdict(release, ran))
    if not any(finding.severity is Severity.ERROR for finding in findings):
        found = evidence.of(release, world, ran.told, distributions.installable(release.dist).name)
        evidence.keep(release, world, found)
        yield Finding(str(found), severity=Severity.NOTICE)
    yield from findings


def live_evidence(release: Release, world: World) -> Iterator[Finding]:
    """A live run of the smoke tests stands for this very wheel, and is young enough.

    Run `omni-release smoke --live --run RUN`, with a key: it pays once for a wheel, and keeps the evidence with the
    run. Where no live run is possible, a person can answer for it, with a reason.
    """
    runner.must_be_wanted(release.project)
    if not world.journal.artifacts():
        raise NotApplicable("not asked: it needs a run, whose wheel is what a live run stands for")
    stands = evidence.standing(release, world)
    if stands is None:
        wheel = distributions.installable(release.dist).name
        said = f"{wheel} (sha256 {runner.wheel_sha256(release, world)}) has passed no live run with these scenarios"
        raise Inconclusive(f"{said} and models", evidence.again(release))
    if not _by_the_service(stands, release):
        hint = f"{evidence.again(release)}, without GOOGLE_GEMINI_BASE_URL"
        raise Inconclusive(f"the live run was answered by {stands.base_url}, not by the service", hint)
    yield Finding(str(stands), severity=Severity.NOTICE)


def _by_the_service(stands: evidence.LiveEvidence, release: Release) -> bool:
    """Whether who answered is whom the settings name, and no stand-in of one environment's."""
    return stands.base_url == core_redaction.strip_userinfo(release.project.settings.smoke.base_url)


def recorded_live(release: Release, world: World) -> Iterator[Finding]:
    """Each smoke test passes against the live service, and its traffic is recorded.

    It needs a key, and costs what a live run costs. Nothing is replaced where one did not pass: see
    `logs/smoke-live.log`.
    """
    runner.must_be_wanted(release.project)
    runner.must_have_key(release, world)
    yield from _recorded(release, world, outcomes.LIVE)


def recorded_emulated(release: Release, world: World) -> Iterator[Finding]:
    """Each smoke test passes against the emulator, and its traffic is recorded, marked as emulated.

    Nothing is replaced where one did not pass: see `logs/smoke-emulated.log`.
    """
    runner.must_be_wanted(release.project)
    yield from _recorded(release, world, outcomes.EMULATED)


def _recorded(release: Release, world: World, mode: str) -> Iterator[Finding]:
    ran = runner.run(release, world, mode, runner.recorded_anew(release))
    yield from _verdict(release, ran)
    for one in ran.told.scenarios:
        if one.outcome == outcomes.PASSED and one.calls and not one.wrote:
            yield Finding(f"{one.name} has called the service, and no cassette was written", "cassette-unwritten")


def cassettes_clean(release: Release, world: World) -> Iterator[Finding]:
    """Recorded traffic holds no key, and is small, young and without faults of the service.

    Record it anew with `omni-release record`: what it writes has no keys, and small stubs in place of images. A key
    that was committed is to be revoked: it stays in the history.
    """
    project = release.project
    paths = runner.recordings(project)
    if not paths:
        raise NotApplicable(f"there are no cassettes in {project.settings.smoke.cassettes}/")
    secrets = core_redaction.key_variables_set(world.environment)
    yield from Gate(project.root, project.settings.smoke, world.clock.now(), secrets).findings(paths)


def replay_key(release: Release, world: World) -> str:
    """What a replay's outcome depends on: what the tests' does, and the settings."""
    from omni_release.testing.checks import tests_key

    if not runner.wanted(release.project):
        return ""
    settings = dataclasses.astuple(release.project.settings)
    return hashlib.sha256(f"{tests_key(release, world)}\0{settings!r}".encode()).hexdigest()


def _verdict(release: Release, ran: Ran) -> Iterator[Finding]:
    """What came of the scenarios. Raises CannotTell where none failed, and one could not be told."""
    told, log = ran.told, f"All of the output: {ran.command.log}"
    table = "\n".join(outcomes.table(told.scenarios))
    failed = [one for one in told.scenarios if one.outcome == outcomes.FAILED]
    unclear = [one for one in told.scenarios if one.outcome == outcomes.INCONCLUSIVE]
    for one in failed:
        path = runner.relative(release, one.path)
        yield Finding(f"{one.name}: {one.why}", "scenario-failed", path=path, line=one.line if path else None)
    if not failed and (ended := _ended(ran)):
        if ran.completed.timed_out:
            raise Inconclusive(f"{ended}\n{table}", log)
        yield Finding("\n".join((ended, *ran.completed.tail[-15:], log)), "scenarios-ended")
        return
    reasons = [f"{one.name}: {one.why}" for one in unclear]
    if told.mode != outcomes.RECORDED and not failed and not any(one.calls for one in told.scenarios):
        reasons.append("no scenario has called the service: nothing is proved")
    if told.scenarios and all(one.outcome == outcomes.SKIPPED for one in told.scenarios):
        reasons.append("all scenarios were skipped")
    if reasons and not failed:
        raise Inconclusive("\n".join((*reasons, table)), log)
    for reason in reasons:
        yield Finding(reason, "scenario-inconclusive", Severity.WARNING)
    yield Finding(table, severity=Severity.NOTICE)


def _ended(ran: Ran) -> str:
    """How a run ended that was cut off, or that failed without a failed scenario; empty where all is well."""
    completed, told = ran.completed, ran.told
    unclear = any(one.outcome == outcomes.INCONCLUSIVE for one in told.scenarios)
    well = completed.code == 0 or (completed.code == 1 and unclear)
    if well and told.ended and told.scenarios and not completed.timed_out:
        return ""
    return f"pytest {completed.ended(ran.command.deadline)}, and not because of a scenario"


def _unplayed(release: Release, ran: Ran) -> Iterator[Finding]:
    """Recordings that nobody plays, and answers that nobody asks for."""
    project = release.project
    folder = project.root / project.settings.smoke.cassettes
    played = {one.cassette: one for one in ran.told.scenarios}
    for path in runner.recordings(project):
        shown, one = path.relative_to(project.root).as_posix(), played.get(path.relative_to(folder).as_posix())
        if one is None:
            yield Finding("no test plays this cassette: remove it", "cassette-unplayed", path=shown)
        elif one.unused and one.outcome == outcomes.PASSED:
            from omni_release import cassettes

            lines = [interaction.line for interaction in cassettes.read(path).interactions]
            for at in one.unused:
                said = f"{one.name} passes without this answer: record it anew"
                yield Finding(said, "cassette-unused", path=shown, line=lines[at])
