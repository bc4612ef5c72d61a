"""What a run left behind, gathered for its page: logs, distributions, smoke tests, answers, and the run before it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from omni_release import git_queries
from omni_release.core.actions import Write
from omni_release.core.cache import user_cache
from omni_release.core.errors import MissingExtra, OmniReleaseError
from omni_release.core.journal import RunFolder
from omni_release.core.model import Release, Report
from omni_release.core.own_folder import is_own
from omni_release.core.redaction import Redact, redacted
from omni_release.core.tasks import Lane
from omni_release.core.world import Files, World
from omni_release.git_queries import Head
from omni_release.report import page
from omni_release.report.files import FORMATS, PAGE
from omni_release.report.page_facts import Answer, ContractChange, Log, PageFacts, TaskFacts
from omni_release.report.workspace import WorkspaceReport
from omni_release.run_facts import distribution_files, earlier_run, scenarios

_LINES, _LINE = 20, 400  # of a log, and characters of a line
_READ = 16_384  # bytes, from the end of a log
_PREVIEWS = 1_800_000  # bytes of all previews of a page


def load(environment: Mapping[str, str]) -> None:
    """Load what writes the page, before there is anything to write. Raises ModuleNotFoundError without Jinja2."""
    page.load(_compiled(environment))


def write_page(
    report: Report,
    lane: Lane,
    release: Release,
    world: World,
    redact: Redact,
    runs: Iterable[RunFolder],
    folders: Iterable[Path],
    *,
    head: Head | None,
) -> str:
    """Write the page of a run into each folder, with the images beside it; why there is none, empty where there is.

    `head` is what was checked out when the run began. The report must be without secrets; the facts are redacted here.
    Raises OSError where a file cannot be written; no other fault of the page stops a run.
    """

    def write() -> None:
        compiled = _compiled(world.environment)
        facts = redacted(gather(report, lane, release, world, runs, head), redact)
        forms = tuple(format.file for format in FORMATS.values())
        for folder in folders:
            copied = folder != release.records
            shown = dataclasses.replace(facts, files=forms, with_logs=False) if copied else facts
            content = page.document(report, shown, compiled).encode("utf-8", "backslashreplace")
            world.files.write(Write(folder.absolute() / PAGE, content))
            if copied:
                _copy_pictures(facts, release.records, folder)

    return _problem(write)


def write_workspace_page(
    report: WorkspaceReport, root: Path, folders: Iterable[Path], files: Files, environment: Mapping[str, str]
) -> str:
    """Write the page of a run of the workspace at `root` into each folder; as `write_page` otherwise."""

    def write() -> None:
        for folder in folders:
            kept = report.run is not None and folder == Path(report.run)
            linked = [section for section in report.sections if section.page and kept]
            links = {section.name: os.path.relpath(root / section.page, folder) for section in linked}
            content = page.workspace_document(report, links, _compiled(environment))
            files.write(Write(folder.absolute() / PAGE, content.encode("utf-8", "backslashreplace")))

    return _problem(write)


def _problem(write: Callable[[], None]) -> str:
    """Write pages; why there are none, empty where there are."""
    try:
        write()
    except ModuleNotFoundError as error:
        return f"no {PAGE}: {MissingExtra(str(error.name), 'it').full_message}"
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - no fault of the page stops a run: a release may be published by now
        return f"no {PAGE}: internal error of omni-release: {type(error).__name__}: {error}"
    return ""


def _compiled(environment: Mapping[str, str]) -> Path | None:
    """The folder of the compiled template; None where it is not this user's alone: what is in it is executed."""
    folder = user_cache(environment) / "page"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if is_own(folder) and is_own(folder.parent) else None


def _copy_pictures(facts: PageFacts, source: Path, target: Path) -> None:
    """Copy the originals of the images to the same place beside a copy of the page."""
    for scenario in facts.scenarios:
        for picture in (picture for attempt in scenario.attempts for picture in attempt.pictures):
            with contextlib.suppress(FileNotFoundError):
                (target / picture.path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / picture.path, target / picture.path)


def gather(
    report: Report, lane: Lane, release: Release, world: World, runs: Iterable[RunFolder], head: Head | None
) -> PageFacts:
    """All facts of a run; `runs` are those of the project, the newest first. What cannot be read is left out."""
    read_scenarios = scenarios.begin(release.records, _PREVIEWS)
    sha = release.commit.sha if release.commit else ""
    subject = git_queries.output(str(release.project.root), "log", "-1", "--format=%s", sha) if sha else None
    packed: tuple[distribution_files.Packed, ...] = ()
    if report.artifacts:
        packed = _readable(packed, lambda: distribution_files.packed(release))
    return PageFacts(
        ended=world.clock.now().isoformat(timespec="seconds"),
        commit=sha,
        branch=head.branch if head else "",
        uncommitted=head is not None and not head.clean,
        subject=(subject or "").strip(),
        machine=f"Python {platform.python_version()} on {platform.system()}",
        tasks={task.id: task for task in _tasks(lane, release, RunFolder(release.folder, world.files).events())},
        contents=distribution_files.contents(packed),
        differences=_readable((), lambda: distribution_files.differences(release, packed)),
        contract=_readable((), lambda: _contract(release)),
        answers=_readable((), lambda: tuple(_answers(release, world))),
        earlier=_readable(None, lambda: earlier_run.compare(report, release, runs)),
        scenarios=read_scenarios(),
        files=tuple(name for name in _files() if (release.records / name).is_file()),
    )


_Fact = TypeVar("_Fact")


def _readable(otherwise: _Fact, read: Callable[[], _Fact]) -> _Fact:
    """What can be read: a page with less is better than none."""
    try:
        return read()
    except (OmniReleaseError, OSError):
        return otherwise


def _files() -> Iterator[str]:
    yield from (format.file for format in FORMATS.values())
    yield from ("journal.jsonl", "tests.junit.xml", "warnings.jsonl")


def _tasks(lane: Lane, release: Release, events: Iterable[Mapping[str, Any]]) -> Iterator[TaskFacts]:
    """The tasks of the lane, with the ends of the logs of the programs that each has run."""
    logs: dict[str, list[str]] = {}
    for event in events:
        if event.get("event") == "ran" and event.get("task"):
            logs.setdefault(str(event["task"]), []).append(f"{event['log']}.log")
    for task in lane.tasks:
        names = dict.fromkeys(logs.get(task.id, ()))
        ends = tuple(log for name in names if (log := _end_of(release.logs / name, release.records)) is not None)
        rules = tuple((rule.id, rule.title) for rule in task.rules)
        yield TaskFacts(task.id, task.title, task.stage.value, task.summary, task.needs, rules, ends)


def _end_of(path: Path, folder: Path) -> Log | None:
    """The last lines of a log; None where it is empty or not there."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _READ, 0))
            end = file.read()
    except OSError:
        return None
    lines = end.decode("utf-8", "replace").splitlines()[-_LINES:]
    cut = tuple(line if len(line) <= _LINE else f"{line[:_LINE]}…" for line in lines)
    return Log(path.relative_to(folder).as_posix(), "\n".join(cut)) if any(cut) else None


def _contract(release: Release) -> tuple[ContractChange, ...]:
    """How the responses of the last live run of this folder differ from the recorded ones."""
    from omni_release import smoke
    from omni_release.smoke.runner import mode_folder

    if not (mode_folder(release, smoke.LIVE) / "traffic").is_dir():
        return ()
    from omni_release.smoke.schema_checks import live_changes

    return tuple(
        ContractChange(change.response, change.kind, change.path, change.was, change.now, change.finding.severity.value)
        for change in live_changes(release)
        if change.path
    )


def _answers(release: Release, world: World) -> Iterator[Answer]:
    """The items of the checklists, then the tasks that persons have signed off."""
    from omni_release import checklists
    from omni_release.checklists import sign_offs

    lists = checklists.read(release.project.root)
    run = world.journal
    items = set()
    if lists and isinstance(run, RunFolder):
        for checklist in lists:
            for state in sign_offs.item_states(checklist, release.project, run):
                items.add(state.item.id)
                signed = state.sign_off if state.answered else None
                who = signed.who if signed else f"check {state.item.check}" if state.item.check else ""
                rest = (signed.when, signed.reason, signed.artifacts) if signed else ("", state.why, ())
                status = "answered" if state.answered else state.status.value
                yield Answer(checklist.title, state.item.id, state.item.says, status, who, *rest)
    for signed in run.sign_offs():
        if signed.id not in items:
            says = "a task, signed off by a person"
            yield Answer("", signed.id, says, "answered", signed.who, signed.when, signed.reason, signed.artifacts)
