"""Runs a lane in the real world: the lock, the run folder, the adapters, the terminal, the files of the report."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import FrameType
from typing import TYPE_CHECKING

from omni_release import custom_tasks, distributions, git_queries, lane_names, lanes, programs, source_tree
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.secrets import Secrets
from omni_release.adapters.terminal import Terminal, terminal
from omni_release.checklists import sign_offs
from omni_release.core import causes, engine, own_commands
from omni_release.core.errors import UsageError, did_you_mean
from omni_release.core.model import REHEARSAL, Outcome, Release, Report, Stage, display_path
from omni_release.core.redaction import Redact, redacted
from omni_release.core.runs import Request, RunStore
from omni_release.core.tasks import Lane, Task
from omni_release.core.world import World
from omni_release.git_queries import Head
from omni_release.report import files as report_files
from omni_release.report import next_step, text
from omni_release.report.stages import Progress, Row
from omni_release.run.real_world import ALONE, TASK, Part, open_world

if TYPE_CHECKING:
    from omni_release.adapters.credentials import CredentialResolver


def run_lane(request: Request) -> int:
    """Run a lane from end to end; the exit code. Raises UsageError where it cannot start."""
    interrupt_on_signals()
    check_request(request)
    secrets = secrets_of(request)
    store = RunStore(request.project.root, LocalFiles(), secrets.redact, source_tree.tracked_run_files)
    store.require_own()
    stream = sys.stdout if request.format == "text" else sys.stderr
    with contextlib.ExitStack() as stack:
        if not request.read_only and (not request.dry or store.path.is_dir()):
            tell = functools.partial(print, file=stream, flush=True)
            stack.enter_context(store.lock(f"omni-release {request.lane}", tell))
        if request.lane in lanes.PUBLISHING:
            report = _run_for_real_index(request, store, secrets)
        else:
            report = run_one(request, store, secrets)
    if request.format in report_files.FORMATS:
        sys.stdout.write(report_files.rendered(report, request.format, secrets.redact))
    return report.exit_code


def interrupt_on_signals() -> None:
    """End the run as Ctrl-C does on each signal that asks for it: child processes first, then the report is written."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # SIGHUP: a closed terminal (not on Windows). SIGINT: a parent may have set it to be ignored, as shells do for `&`.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), terminate)


def secrets_of(request: Request) -> Secrets:
    """The secrets that a run can meet: of the environment, the user's files, and the addresses of indexes."""
    secrets = Secrets.of(os.environ)
    if not request.read_only or request.lane == "doctor":  # these start programs that are not ours
        secrets.know_of_files(os.environ)
    for address in (request.to or "", *map(str, request.project.settings.index.values())):
        secrets.know_addresses(address)
    return secrets


def check_request(request: Request) -> None:
    """Raises UsageError for a folder without distributions, and for a rehearsal that a rehearsal has started."""
    if request.lane in (*lanes.BUILDING, "release") and (outer := os.environ.get(programs.RUN_VARIABLE)):
        raise UsageError(
            f"nested rehearsal: this process was started by run {outer}",
            "Exclude the tests that rehearse: `command` in [tool.omni-release.tests] can select a part of them.",
        )
    if request.artifacts is None:
        return
    if not request.artifacts.is_dir():
        raise UsageError(f"there is no folder {request.artifacts}", "Give the folder of the distributions.")
    if not any(request.artifacts.glob("*.whl")) and not any(request.artifacts.glob("*.tar.gz")):
        raise UsageError(f"no wheel and no sdist in {request.artifacts}", "Give the folder of the distributions.")


def _run_for_real_index(request: Request, store: RunStore, secrets: Secrets) -> Report:
    """The report of a lane that works with a real index: that of its last phase.

    A release runs in phases: the checks of the world, the rehearsal if it is missing, then the publish. Problems of the
    world are reported before the long rehearsal, and checked again after it. Raises UsageError where it cannot start.
    """
    from omni_release.publishing import steps as publishing_steps

    request, resolver = to_index(request)
    if request.lane in ("published", "doctor"):
        return run_one(request, store, secrets, resolver)
    run = store.run(request.run) if request.run else None
    publishing_steps.require_confirmation(request, run)
    if run is None or run.rehearsal_verdict() is None:
        checks = run_one(replace(request, lane="doctor", only=lanes.PROOFS), store, secrets, resolver)
        if checks.verdict in ("failed", "interrupted"):
            return checks
        rehearsal = run_one(replace(request, lane="rehearse", destination=None), store, secrets, resolver)
        if rehearsal.verdict != "passed" or rehearsal.run is None:
            return rehearsal
        request = replace(request, run=rehearsal.run, artifacts=None)
    return run_one(request, store, secrets, resolver)


def to_index(request: Request) -> tuple[Request, CredentialResolver]:
    """The request with the addresses of the index that it names, and what finds the credentials for that.

    Each package has a resolver of its own: a token of trusted publishing is for one project. Raises UsageError for an
    index that is not known.
    """
    from packaging.utils import canonicalize_name

    from omni_release.adapters.credentials import CredentialResolver
    from omni_release.index import targets

    destination = targets.destination(request.to, request.project.settings.index, os.environ)
    resolver = CredentialResolver(destination.target, destination.credentials, os.environ)
    name = canonicalize_name(request.project.name)
    found = targets.discover(destination.target, name, resolver.login)
    return replace(request, destination=found), resolver


@dataclass(frozen=True)
class _Session:
    """A lane that runs: what was asked for, what it works on, where it is shown; `head` is what is checked out."""

    request: Request
    lane: Lane
    store: RunStore
    release: Release
    world: World
    head: Head | None
    screen: Terminal
    redact: Redact
    part: Part

    def shown(self, words: str) -> str:
        """A text for a person here: without secrets, and with the commands as they are typed here."""
        return own_commands.typed(self.redact(words))

    @property
    def layout(self) -> text.Layout:
        return text.Layout(self.screen.width, self.screen.unicode, quiet=self.request.verbosity < 0)


def run_one(
    request: Request,
    store: RunStore,
    secrets: Secrets,
    resolver: CredentialResolver | None = None,
    part: Part = ALONE,
) -> Report:
    """Run one lane of one package: its outcomes and its report are shown, and the report is written."""
    lane = lane_of(request)
    with contextlib.ExitStack() as stack:
        stream = sys.stdout if request.format == "text" else sys.stderr
        screen = part.screen or terminal(stream, os.environ, secrets.redact)
        release, world = stack.enter_context(open_world(request, store, secrets, screen, resolver, part))
        stack.enter_context(screen)
        if request.lane == "rehearse" and request.to and not request.resume:  # as a part of a release
            from omni_release import publishing

            screen.say(publishing.reusable_rehearsal(store, release, world))
        # `version` runs at every commit, and git takes longer to look at all files than all the rest.
        head = None if request.lane == "version" else git_queries.head(str(release.project.root))
        session = _Session(request, lane, store, release, world, head, screen, secrets.redact, part)
        report = _run_tasks(session)
        shown = redacted(_with_relative_run(report), secrets.redact)
        _write(session, report, shown)
        _say_end(session, report, shown)
    return report


def _run_tasks(session: _Session) -> Report:
    """Run the tasks of the lane; each stage is shown when it has ended."""
    request, lane, screen, layout = session.request, session.lane, session.screen, session.layout
    release, world = session.release, session.world
    begun = world.clock.monotonic()
    link = functools.partial(causes.link, tasks=lane.tasks)
    progress = Progress(((task.id, task.stage) for task in lane.tasks), world.clock.monotonic, link)
    screen.follow(lambda: text.running_lines(progress))
    if request.verbosity >= 0:
        target = _shown(request, release)
        screen.say([text.header_line(release.project.name, release.version, session.head, target), ""])
    outcomes: list[Outcome] = []
    interrupted = False

    def report_so_far() -> Report:
        seconds = world.clock.monotonic() - begun
        report = _report(request, lane, release, world, link(outcomes), seconds, interrupted=False)
        return _redacted(report, session.redact)

    world = replace(world, report=report_so_far)
    try:
        for outcome in _outcomes(request, lane, release, world, progress, session.shown):
            if session.part.stopped():
                raise KeyboardInterrupt
            if outcome.stage is Stage.BUILD and not any(before.stage is Stage.BUILD for before in outcomes):
                threading.Thread(target=_load_page, args=(world.environment,), daemon=True).start()
            outcomes.append(outcome)
            screen.say(_stage_lines(request, progress.new_rows(), layout))
    except KeyboardInterrupt:
        interrupted = True
        outcomes += _unreached(lane, outcomes, progress)
        screen.say(_stage_lines(request, progress.new_rows(), layout))
    seconds = world.clock.monotonic() - begun
    return _report(request, lane, release, world, link(outcomes), seconds, interrupted=interrupted)


def _redacted(report: Report, redact: Redact) -> Report:
    """The report without secrets."""
    shown: Report = redacted(report, redact)
    return shown


def _unreached(lane: Lane, outcomes: Sequence[Outcome], progress: Progress) -> Iterator[Outcome]:
    """The outcomes of the tasks that an interrupted run has not finished, which `progress` follows."""
    ended = {outcome.id for outcome in outcomes}
    running = {id for _, ids, _ in progress.running() for id in ids}
    for task in lane.tasks:
        if task.id not in ended:
            outcome = engine.unreached(task, started=task.id in running)
            progress.ended(outcome)
            yield outcome


def _load_page(environment: Mapping[str, str]) -> None:
    """Load what writes the page while a build runs: it takes as long as writing it, and nothing else is to be done."""
    with contextlib.suppress(Exception):  # to write the page shows what is wrong
        from omni_release import run_facts

        run_facts.load(environment)


def _write(session: _Session, report: Report, shown: Report) -> None:
    """Write the report and its page into the run folder, and where else they were asked for."""
    request, release, world, redact = session.request, session.release, session.world, session.redact
    kept = release.folder.is_dir() and not request.dry and not request.read_only
    folders = [*([release.records] if kept else []), *filter(None, [request.output])]
    try:
        if kept:
            report_files.keep_report(report, release, world, redact, whole=report.whole)
        if request.output is not None:
            report_files.write_reports(report, request.output, world.files, redact)
        if not request.resume:  # else it is in the report of the workspace
            report_files.write_step_summary(lambda: report_files.rendered(report, "md", redact), os.environ)
        if folders:
            runs = session.store.runs()
            from omni_release import run_facts

            problem = run_facts.write_page(
                shown, session.lane, release, world, redact, runs, folders, head=session.head
            )
            session.screen.say([problem] if problem else [])
    except OSError as error:
        session.screen.say([f"cannot write the report: {error.strerror}: {error.filename or release.folder}"])


def _say_end(session: _Session, report: Report, shown: Report) -> None:
    """Show the problems and the verdict, and what a person must know besides."""
    request, screen, layout = session.request, session.screen, session.layout
    goes_on = request.to and request.lane != "release" and report.verdict == "passed"  # as a part of a release
    for_another = goes_on or request.resume or request.baseline is not None
    step = "" if for_another else own_commands.typed(next_step.after(shown))
    shown = redacted(shown, session.shown)
    if request.verbosity >= 0:
        screen.say(text.problem_lines(shown, layout))
    screen.say(text.verdict_lines(shown, step, layout, page=_page_of(session.release)))
    if request.lane == "release" and not request.dry:
        from omni_release import publishing

        screen.say(map(session.shown, publishing.after_release(request, report, session.world)))
    if request.lane == "rehearse" and not request.dry and not request.only:
        run = session.store.run(str(session.release.folder))
        screen.say(map(session.shown, sign_offs.questions_before_release(request.project, run)))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        screen.say(text.workflow_commands(redacted(report, session.redact)), commands=True)


def _shown(request: Request, release: Release) -> str:
    """The target, with the address that uploads go to: a name alone does not say where. Empty without an index."""
    if release.target == REHEARSAL:
        return "rehearsal index" if request.lane in lanes.BUILDING and request.mode != "files" else ""
    upload = request.destination.upload if request.destination else ""
    return f"{release.target} ({upload})" if upload not in ("", release.target) else release.target


def lane_of(request: Request) -> Lane:
    """The lane, or the part of it that `--only` selects. Raises UsageError where it has no such task.

    Each lane but `version` checks the names in the settings: `version` runs at every commit, and has only one check.
    """
    lane = lanes.lane(request.lane, request.artifacts, request.mode, request.issue)
    lane = custom_tasks.with_project_tasks(lane, request.project)
    ids = [task.id for task in lane.tasks]
    if request.lane != "version":
        lane_names.validate(lane, request.project)
    for id in request.only:
        if id not in ids:
            hint = did_you_mean(id, ids, f"It has: {', '.join(ids)}.")
            raise UsageError(f"`{request.lane}` has no task {id!r}", hint)
    return lane.up_to(lane.name, *request.only) if request.only else lane


def _outcomes(
    request: Request, lane: Lane, release: Release, world: World, progress: Progress, shown: Redact
) -> Iterator[Outcome]:
    """The lane's outcomes as they end, which `progress` follows as they are shown."""
    today = world.clock.now().date()

    def started(task: Task) -> None:
        TASK.set(task.id)
        progress.started(task.id)

    for outcome in engine.run(lane, release, world, today=today, dry=request.dry, started=started):
        progress.ended(redacted(outcome, shown))
        yield outcome


def _stage_lines(request: Request, rows: Iterable[Row], layout: text.Layout) -> Iterator[str]:
    """The lines of stages that have ended, with their tasks in a dry run or where all is asked for."""
    for row in rows:
        if request.verbosity >= 0:
            yield text.stage_line(row, layout)
        for outcome in row.outcomes:
            if request.verbosity > 0 or outcome.actions:
                yield from text.task_lines(outcome, layout)


def _page_of(release: Release) -> str:
    """The path of the run's page as a person types it; empty without one."""
    path = release.records / report_files.PAGE
    return display_path(Path.cwd(), path) if path.is_file() else ""


def _with_relative_run(report: Report) -> Report:
    """The report with the path of its run as a person types it: relative, where it is below the current folder."""
    return report if report.run is None else replace(report, run=display_path(Path.cwd(), Path(report.run)))


def _report(
    request: Request,
    lane: Lane,
    release: Release,
    world: World,
    outcomes: Sequence[Outcome],
    seconds: float,
    *,
    interrupted: bool,
) -> Report:
    artifacts = world.journal.artifacts()
    return Report(
        lane=request.lane,
        project=request.project.name,
        version=distributions.version_to_release(release.version, artifacts),
        target=release.target,
        seconds=round(seconds, 3),
        outcomes=tuple(outcomes),
        artifacts=artifacts,
        run=str(release.folder) if release.folder.is_dir() and request.mode != "files" else None,
        interrupted=interrupted,
        whole=not request.only,
        tests=lane.tests,
        inside="" if release.inside == PurePosixPath() else release.inside.as_posix(),
    )
