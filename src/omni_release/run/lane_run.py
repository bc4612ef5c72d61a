"""One lane of one package: its tasks run, its stages and problems are shown, its report and page are written."""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from omni_release import custom_tasks, distributions, git_queries, lane_names, lanes, programs
from omni_release.adapters.prepared import OF_A_REHEARSAL, PreparedPrograms
from omni_release.adapters.secrets import Secrets
from omni_release.adapters.terminal import Terminal, terminal
from omni_release.checklists import sign_offs
from omni_release.core import causes, engine, own_commands
from omni_release.core.errors import UsageError, did_you_mean
from omni_release.core.model import REHEARSAL, Outcome, Release, Report, display_path
from omni_release.core.redaction import Redact, redacted
from omni_release.core.runs import Request, RunStore, outcomes_of
from omni_release.core.tasks import Lane, Stage, Task
from omni_release.core.text import counted
from omni_release.core.world import World
from omni_release.git_queries import Head
from omni_release.report import files as report_files
from omni_release.report import next_step, text
from omni_release.report.stages import Progress, Row
from omni_release.run.real_world import ALONE, TASK, Part, open_world

if TYPE_CHECKING:
    from omni_release.adapters.credentials import CredentialResolver


_ACTIONS = 4  # of a task that are shown in a dry run


@dataclass(frozen=True)
class LaneRun:
    """A lane that runs: what was asked for, what it works on, where it is shown; `head` is what is checked out.

    While it builds, the programs that look at the distributions are `prepared`; None where they may not be needed.
    """

    request: Request
    lane: Lane
    store: RunStore
    release: Release
    world: World
    head: Head | None
    screen: Terminal
    redact: Redact
    part: Part
    prepared: PreparedPrograms | None

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
    prepared = PreparedPrograms() if _pays_for_all(request) else None
    with contextlib.ExitStack() as stack:
        stream = sys.stdout if request.format == "text" else sys.stderr
        screen = part.screen or terminal(stream, os.environ, secrets.redact)
        release, world = stack.enter_context(open_world(request, store, secrets, screen, resolver, part, prepared))
        stack.enter_context(screen)
        if request.lane == "rehearse" and request.to and not request.resume:  # as a part of a release
            from omni_release import publishing

            screen.say(publishing.reusable_rehearsal(store, release, world))
        # `version` runs at every commit, and git takes longer to look at all files than all the rest.
        head = None if request.lane == "version" else git_queries.head(str(release.project.root))
        lane_run = LaneRun(request, lane, store, release, world, head, screen, secrets.redact, part, prepared)
        report = _run_tasks(lane_run)
        shown = redacted(_with_relative_run(report), secrets.redact)
        _write(lane_run, report, shown)
        _say_end(lane_run, report, shown)
    return report


def _pays_for_all(request: Request) -> bool:
    """Whether this is a whole rehearsal without results of earlier ones: all that it can run is run."""
    if request.lane != "rehearse" or request.dry or request.only or request.run or request.artifacts:
        return False
    kept = outcomes_of(request, os.environ)
    return request.fresh or kept is None or not kept.is_dir()


def _run_tasks(lane_run: LaneRun) -> Report:
    """Run the tasks of the lane; each stage is shown when it has ended."""
    request, lane, screen, layout = lane_run.request, lane_run.lane, lane_run.screen, lane_run.layout
    release, world = lane_run.release, lane_run.world
    begun = world.clock.monotonic()
    link = functools.partial(causes.link, tasks=lane.tasks)
    progress = Progress(((task.id, task.stage) for task in lane.tasks), world.clock.monotonic, link)
    screen.follow(lambda: text.running_lines(progress))
    if request.verbosity >= 0:
        target = _shown(request, release)
        screen.say([text.header_line(release.project.name, release.version, lane_run.head, target), ""])
    world.journal.record("begun", lane=request.lane, target=release.target, options=shlex.join(request.chosen))
    outcomes: list[Outcome] = []
    interrupted = False

    def report_so_far() -> Report:
        seconds = world.clock.monotonic() - begun
        report = _report(request, lane, release, world, link(outcomes), seconds, interrupted=False)
        return _redacted(report, lane_run.redact)

    world = replace(world, report=report_so_far)
    try:
        for outcome in _outcomes(lane_run, world, progress):
            if lane_run.part.stopped():
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
    report = _report(request, lane, release, world, link(outcomes), seconds, interrupted=interrupted)
    return replace(report, uncommitted=lane_run.head is not None and not lane_run.head.clean)


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


def _write(lane_run: LaneRun, report: Report, shown: Report) -> None:
    """Write the report and its page into the run folder, and where else they were asked for."""
    request, release, world, redact = lane_run.request, lane_run.release, lane_run.world, lane_run.redact
    kept = release.folder.is_dir() and not request.dry and not request.read_only
    folders = [*([release.records] if kept else []), *filter(None, [request.output])]
    try:
        if kept:
            report_files.keep_report(report, release, world, redact, whole=report.whole)
        if request.output is not None:
            report_files.write_forms(report, report_files.FORMATS, request.output, world.files, redact)
        if not request.resume:  # else it is in the report of the workspace
            report_files.write_step_summary(lambda: report_files.rendered(report, "md", redact), os.environ)
        if folders:
            runs = lane_run.store.runs()
            from omni_release import run_facts

            problem = run_facts.write_page(
                shown, lane_run.lane, release, world, redact, runs, folders, head=lane_run.head
            )
            lane_run.screen.say([problem] if problem else [])
    except OSError as error:
        lane_run.screen.say([f"cannot write the report: {error.strerror}: {error.filename or release.folder}"])


def _say_end(lane_run: LaneRun, report: Report, shown: Report) -> None:
    """Show the problems and the verdict, and what a person must know besides."""
    request, screen, layout = lane_run.request, lane_run.screen, lane_run.layout
    goes_on = request.to and request.lane != "release" and report.verdict == "passed"  # as a part of a release
    for_another = goes_on or request.resume or request.baseline is not None
    step = "" if for_another else own_commands.typed(next_step.after(shown))
    shown = redacted(shown, lane_run.shown)
    if request.verbosity >= 0:
        screen.say(text.problem_lines(shown, layout))
    screen.say(text.verdict_lines(shown, step, layout, page=_page_of(lane_run.release)))
    if request.lane == "release" and not request.dry:
        from omni_release import publishing

        screen.say(map(lane_run.shown, publishing.after_release(request, report, lane_run.world)))
    if request.lane == "rehearse" and not request.dry and not request.only:
        run = lane_run.store.run(str(lane_run.release.folder))
        screen.say(map(lane_run.shown, sign_offs.questions_before_release(request.project, run)))
        if (number := request.project.settings.publish.approvals) and report.verdict == "passed":
            asked = f"a release needs {counted(number, 'approval')}: each person runs"
            screen.say([lane_run.shown(f"{asked} `omni-release approve --run {run.path.name}`")])
    if os.environ.get("GITHUB_ACTIONS") == "true":
        screen.say(text.workflow_commands(redacted(report, lane_run.redact)), commands=True)


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


def _outcomes(lane_run: LaneRun, world: World, progress: Progress) -> Iterator[Outcome]:
    """The lane's outcomes as they end, which `progress` follows as they are shown."""
    release, today = lane_run.release, world.clock.now().date()

    def started(task: Task) -> None:
        TASK.set(task.id)
        progress.started(task.id)
        if task.id == "build" and lane_run.prepared is not None:
            lane_run.prepared.prepare(OF_A_REHEARSAL, programs.tool_env(world.environment, release.folder))

    for outcome in engine.run(lane_run.lane, release, world, today=today, dry=lane_run.request.dry, started=started):
        progress.ended(redacted(outcome, lane_run.shown))
        yield outcome


def _stage_lines(request: Request, rows: Iterable[Row], layout: text.Layout) -> Iterator[str]:
    """The lines of stages that have ended, with their tasks in a dry run or where all is asked for."""
    for row in rows:
        if request.verbosity >= 0:
            yield text.stage_line(row, layout)
        for outcome in row.outcomes:
            if request.verbosity > 0 or outcome.actions:
                yield from text.task_lines(outcome, layout, None if request.verbosity > 0 else _ACTIONS)


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
    """The report, its outcomes in the order of the lane: that in which they have ended differs from run to run."""
    artifacts = world.journal.artifacts()
    ids = [task.id for task in lane.tasks]
    inside = "" if release.inside == PurePosixPath() else release.inside.as_posix()
    built: Mapping[str, object] = {}
    if artifacts:  # the lanes that build nothing start without what reads a build
        from omni_release.builds import record

        built = record.summary(release.folder, world.journal.commit_built(), world.journal.tree_hash(), inside)
    return Report(
        lane=request.lane,
        project=request.project.name,
        version=distributions.version_to_release(release.version, artifacts),
        target=release.target,
        seconds=round(seconds, 3),
        outcomes=tuple(sorted(outcomes, key=lambda outcome: ids.index(outcome.id))),
        artifacts=artifacts,
        run=str(release.folder) if release.folder.is_dir() and request.mode != "files" else None,
        interrupted=interrupted,
        whole=not request.only,
        tests=lane.tests,
        inside=inside,
        build=built,
        options=request.chosen,
    )
