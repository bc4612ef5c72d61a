"""One run of a lane, wired to the real world: the lock, the run folder, the ports, the terminal, the report's files."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from types import FrameType
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from omni_release import custom_tasks, distributions, lanes, programs, source_tree, versions
from omni_release import report as report_files
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import MachineIndex, PackageIndex, Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.adapters.secrets import Secrets
from omni_release.adapters.terminal import AtTerminal, Terminal, terminal
from omni_release.checklists import sign_offs
from omni_release.core import engine, redaction, waivers
from omni_release.core.actions import Run
from omni_release.core.errors import UsageError
from omni_release.core.journal import RunFolder
from omni_release.core.model import BLOCKED_BY, REHEARSAL, Outcome, Release, Report
from omni_release.core.redaction import Redact, redacted
from omni_release.core.runs import Request, RunStore
from omni_release.core.tasks import Lane
from omni_release.core.world import Completed, World
from omni_release.report import text

if TYPE_CHECKING:
    from omni_release.adapters.credentials import CredentialResolver


_ALWAYS_NEW = ("rehearse", "build")


def run_lane(request: Request) -> int:
    """Run a lane from end to end; the exit code. Raises UsageError where it cannot begin."""
    # SIGHUP: a closed terminal (not on Windows). SIGINT: a parent may have set it to be ignored, as shells do for `&`.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminated)
    if request.lane in (*lanes.BUILDING, "release") and (outer := os.environ.get(programs.RUN_VARIABLE)):
        raise UsageError(
            f"a rehearsal inside a rehearsal: run {outer} has started this one",
            "Leave out the tests that rehearse: `command` in [tool.omni-release.tests] can choose a part of them.",
        )
    _refuse_artifacts(request)
    if request.lane == "release" and request.only:
        raise UsageError("a release is published whole, or not at all", "Leave --only out; `doctor` takes it.")
    secrets = Secrets.of(os.environ)
    if not request.read_only or request.lane == "doctor":  # what starts programs that are not ours
        secrets.know_of_files(os.environ)
    home = RunStore(request.project.root, LocalFiles(), secrets.redact)
    with contextlib.ExitStack() as stack:
        if not request.read_only and (not request.dry or home.path.is_dir()):
            stack.enter_context(home.lock(f"omni-release {request.lane}", lambda line: _say(request, line)))
        if request.lane in lanes.PUBLISHING:
            report = _published(request, home, secrets)
        else:
            report = _one(request, home, secrets)
    if request.format in report_files.FORMATS:
        sys.stdout.write(report_files.rendered(report, request.format, secrets.redact))
    return report.exit_code


def _published(request: Request, home: RunStore, secrets: Secrets) -> Report:
    """The report of a lane about a real index: that of its last phase.

    A release runs in phases: its proofs, the rehearsal it needs, then what cannot be undone. What is wrong outside is
    reported before the rehearsal, which takes its time, and checked again after it. Raises UsageError where the lane
    cannot begin.
    """
    from omni_release.adapters.credentials import CredentialResolver
    from omni_release.index import targets
    from omni_release.publishing import steps

    destination = targets.destination(request.to, request.project.settings.index, os.environ)
    resolver = CredentialResolver(destination.target, destination.credentials, os.environ)
    name = canonicalize_name(request.project.name)
    request = replace(request, destination=targets.discover(destination.target, name, resolver.login))
    if request.lane in ("published", "doctor"):
        return _one(request, home, secrets, resolver)
    run = home.run(request.run) if request.run else None
    steps.require_confirmation(request, run)
    if run is None or run.rehearsal_verdict() is None:
        before = _one(replace(request, lane="doctor", only=lanes.PROOFS), home, secrets, resolver)
        if before.verdict in ("failed", "interrupted"):
            return before
        rehearsal = _one(replace(request, lane="rehearse", destination=None), home, secrets, resolver)
        if rehearsal.verdict != "passed" or rehearsal.run is None:
            return rehearsal
        request = replace(request, run=rehearsal.run, artifacts=None)
    return _one(request, home, secrets, resolver)


def _one(request: Request, home: RunStore, secrets: Secrets, resolver: CredentialResolver | None = None) -> Report:
    """One lane's report, shown and kept."""
    lane = _lane(request)
    with contextlib.ExitStack() as stack:
        stream = sys.stdout if request.format == "text" else sys.stderr
        shown = terminal(stream, os.environ, secrets.redact)
        release, world = stack.enter_context(_wired(request, home, secrets, shown, resolver))
        stack.enter_context(shown)
        if request.lane == "rehearse" and request.to:  # what a release needs
            from omni_release.publishing import summary

            shown.say(summary.reusable_rehearsal(home, release, world))
        begun = world.clock.monotonic()
        outcomes: list[Outcome] = []
        interrupted = False
        try:
            outcomes.extend(_outcomes(request, lane, release, world, shown, secrets.redact))
        except KeyboardInterrupt:
            interrupted = True
        shown.say(text.not_run_lines(outcomes))
        report = _report(request, release, world, outcomes, world.clock.monotonic() - begun, interrupted=interrupted)
        try:
            if release.folder.is_dir() and not request.dry and not request.read_only:
                report_files.keep_report(report, release, world, secrets.redact, whole=not request.only)
            if request.output is not None:
                report_files.write_reports(report, request.output, world.files, secrets.redact)
            report_files.write_step_summary(report, os.environ, secrets.redact)
        except OSError as error:
            shown.say([f"the report is not kept: {error.strerror}: {error.filename or release.folder}"])
        shown.say(text.summary_lines(report))
        if request.lane == "release" and not request.dry:
            from omni_release.publishing import summary

            shown.say(summary.after_release(request, report, world))
        if request.lane == "rehearse" and not request.dry and not request.only:
            shown.say(sign_offs.questions_before_release(request.project, home.run(str(release.folder))))
        if os.environ.get("GITHUB_ACTIONS") == "true":
            shown.say(text.workflow_commands(redacted(report, secrets.redact)))
    return report


def _say(request: Request, line: str) -> None:
    print(line, file=sys.stdout if request.format == "text" else sys.stderr, flush=True)


def _lane(request: Request) -> Lane:
    """The lane that was asked for, or the part of it. Raises UsageError where it has no such task.

    A waiver of nothing is told by each lane but `version`, which is asked at every commit and has but one check.
    """
    lane = custom_tasks.with_project_tasks(lanes.lane(request.lane, request.artifacts, request.mode), request.project)
    known = [task.id for task in lane.tasks]
    if request.lane != "version":
        waivers.validate(request.project, *lanes.waiver_names(lane, request.project))
    for id in request.only:
        if id not in known:
            raise UsageError(f"`{request.lane}` has no task {id!r}", f"It has: {', '.join(known)}.")
    return lane.up_to(lane.name, *request.only) if request.only else lane


def _refuse_artifacts(request: Request) -> None:
    """Raises UsageError where artifacts are named that this run cannot take."""
    if request.artifacts is None:
        return
    if request.lane not in (*lanes.BUILDING, "release"):
        raise UsageError(f"`{request.lane}` takes no --artifacts", "Leave it out.")
    if request.run is not None:
        raise UsageError("--artifacts and --run are two answers to one question", "A run has its own: leave one out.")
    if not request.artifacts.is_dir():
        raise UsageError(f"there is no folder {request.artifacts}", "Name the folder that holds the distributions.")
    if not any(request.artifacts.glob("*.whl")) and not any(request.artifacts.glob("*.tar.gz")):
        raise UsageError(f"there is no wheel and no sdist in {request.artifacts}", "Name the folder that holds them.")


@contextlib.contextmanager
def _wired(
    request: Request, home: RunStore, secrets: Secrets, shown: Terminal, resolver: CredentialResolver | None
) -> Iterator[tuple[Release, World]]:
    """The release that the run is about and the real world; closed at the end."""
    files, project = LocalFiles(), request.project
    folder = replace(_folder(request, home, LocalProcesses(secrets.resolve)), read_only=request.read_only)
    processes = LocalProcesses(
        secrets.resolve, lambda command, ended: _journal(folder, command, ended), lambda: secrets.given
    )
    index = _index(request, folder, resolver)
    secrets.offer(index.secrets)
    secrets.offer({name: functools.partial(_variable, name) for name in redaction.KEY_VARIABLES})
    version = versions.version_of(versions.places_of(project))
    found = source_tree.working_tree(project.root, processes)
    release = Release(
        project,
        version,
        _target(request, folder),
        source_tree.commit(project.root, processes),
        folder.path,
        folder.work_dir() if folder.path.is_dir() and not request.read_only else folder.path / "work-dir",
        found.inside(project.root) if found else PurePosixPath(),
    )
    try:
        clock = SystemClock(lambda: processes.stopped)
        person = AtTerminal(shown, sys.stdin, lambda: processes.stopped, preapproved=request.yes)
        elsewhere = MachineIndex(os.environ)

        def tell(line: str) -> None:
            shown.say([line])

        world = World(processes, files, clock, index, folder, os.environ, tell, person, elsewhere)
        if not request.read_only:
            from omni_release.publishing import steps as publishing_steps

            world = replace(world, publisher=publishing_steps)
        yield release, replace(world, answers=sign_offs, task_ids=lambda: lanes.task_ids(project))
    finally:
        index.close()
        processes.close()
        if request.lane == "gate":
            folder.remove_work_dir()


def _target(request: Request, folder: RunFolder) -> str:
    """What the run is about; checklists are about the index that it was last about."""
    if request.destination is not None:
        return request.destination.name
    return folder.last_target() if request.lane == "checklist" else REHEARSAL


def _variable(name: str) -> str:
    return os.environ.get(name, "")


def _index(request: Request, folder: RunFolder, resolver: CredentialResolver | None) -> Rehearsal | PackageIndex:
    if request.destination is None or resolver is None:
        return Rehearsal(folder.path / "index", canonicalize_name(request.project.name))
    return PackageIndex(request.destination, resolver)


def _journal(folder: RunFolder, command: Run, ended: Completed) -> None:
    """How each program ended, for whoever asks later where the time went."""
    folder.record("ran", log=command.log.stem, code=ended.code, seconds=round(ended.seconds, 3))


def _folder(request: Request, home: RunStore, processes: LocalProcesses) -> RunFolder:
    """The run that was asked for; else, for a part, the newest that was built from this very tree; else a new one."""
    if request.run is not None:
        return home.run(request.run)
    if request.lane == "checklist":
        return next(iter(home.runs()), home.none())
    if request.lane == "gate" and not request.read_only and not request.dry:
        return home.gate()
    if request.lane not in (*lanes.BUILDING, "doctor", "published") or (request.dry and not home.runs()):
        return home.none()
    if request.lane == "doctor":
        now = source_tree.fingerprint(request.project.root, processes)
        built = [run for run in home.runs() if run.tree_hash() == now]
        finished = next((run for run in built if run.rehearsal_verdict() is not None), None)
        return finished or next(iter(built), home.none())
    newest = next(iter(home.runs()), None)
    if request.lane not in _ALWAYS_NEW and request.artifacts is None and newest is not None:
        if newest.tree_hash() == source_tree.fingerprint(request.project.root, processes):
            return newest
    if request.lane == "published":
        return home.none()
    return (
        RunFolder(home.path / "runs" / "new", home.files)
        if request.dry
        else home.new_run(request.project.settings.keep_runs)
    )


def _outcomes(
    request: Request, lane: Lane, release: Release, world: World, shown: Terminal, redact: Redact
) -> Iterator[Outcome]:
    """The lane's outcomes, shown as they end."""
    today = world.clock.now().date()
    for outcome in engine.run(
        lane, release, world, today=today, dry=request.dry, started=lambda task: shown.started(task.id, task.title)
    ):
        shown.ended(outcome.id)
        if BLOCKED_BY not in outcome.evidence:  # those are told together, at the end
            shown.say(text.outcome_lines(redacted(outcome, redact)))
        yield outcome


def _report(
    request: Request, release: Release, world: World, outcomes: Sequence[Outcome], seconds: float, *, interrupted: bool
) -> Report:
    pinned = world.journal.artifacts()
    version = distributions.released(release.version, pinned)
    run = str(release.folder) if release.folder.is_dir() else None
    return Report(
        lane=request.lane,
        project=request.project.name,
        version=version,
        target=release.target,
        seconds=round(seconds, 3),
        outcomes=tuple(outcomes),
        artifacts=pinned,
        run=run,
        interrupted=interrupted,
        inside="" if release.inside == PurePosixPath() else release.inside.as_posix(),
    )


def _terminated(number: int, frame: FrameType | None) -> None:
    """End the run: its child processes first, then the report."""
    raise KeyboardInterrupt
