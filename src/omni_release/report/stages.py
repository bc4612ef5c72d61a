"""The stages of a run: what came of each in a few words, while it runs and when it has ended."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from omni_release.core.model import BLOCKED_BY, UNREACHED, Outcome, Severity, Status
from omni_release.core.tasks import Stage
from omni_release.core.text import counted, listed
from omni_release.report.problems import blocked_tasks


class Mark(enum.StrEnum):
    """The mark of a stage or a task, in ASCII; `UNICODE` has the others."""

    PASSED = "ok"
    FAILED = "FAIL"
    WARNING = "warn"
    SKIPPED = "skip"
    BLOCKED = "-"
    UNKNOWN = "?"
    PLANNED = "plan"
    WAITING = "wait"
    INTERRUPTED = "stop"


UNICODE: Mapping[Mark, str] = {
    Mark.PASSED: "✔",
    Mark.FAILED: "✘",
    Mark.WARNING: "⚠",
    Mark.SKIPPED: "·",
    Mark.BLOCKED: "–",
    Mark.UNKNOWN: "?",
    Mark.PLANNED: "○",
    Mark.WAITING: "✋",
    Mark.INTERRUPTED: "■",
}
"""The marks for a terminal that has them."""

_OF_STATUS = {
    Status.PASSED: Mark.PASSED,
    Status.FAILED: Mark.FAILED,
    Status.INCONCLUSIVE: Mark.UNKNOWN,
    Status.SKIPPED: Mark.SKIPPED,
    Status.PLANNED: Mark.PLANNED,
    Status.WAITING: Mark.WAITING,
}
_TITLES = 60  # characters of the titles of a stage
_WORST_FIRST = (Mark.FAILED, Mark.WAITING, Mark.UNKNOWN, Mark.PLANNED, Mark.BLOCKED, Mark.WARNING, Mark.PASSED)


def mark_of(outcome: Outcome) -> Mark:
    """The mark of a task: that of its status, or a warning where it passed with one."""
    if UNREACHED in outcome.evidence:
        return Mark.INTERRUPTED
    if BLOCKED_BY in outcome.evidence:
        return Mark.BLOCKED
    warned = any(finding.severity is Severity.WARNING and not finding.cause for finding in outcome.findings)
    return Mark.WARNING if outcome.status is Status.PASSED and warned else _OF_STATUS[outcome.status]


@dataclass(frozen=True)
class Row:
    """A stage that has ended: its mark, what came of it, and the seconds from its first start to its last end."""

    stage: Stage
    mark: Mark
    words: str
    seconds: float
    outcomes: tuple[Outcome, ...]


def row(stage: Stage, of_stage: Sequence[Outcome], everything: Sequence[Outcome], seconds: float) -> Row:
    """The row of a stage with these outcomes; `everything` are the outcomes of the whole run so far."""
    left = [outcome for outcome in of_stage if UNREACHED in outcome.evidence]
    outcomes = [outcome for outcome in of_stage if UNREACHED not in outcome.evidence]
    marks = {mark_of(outcome) for outcome in outcomes}
    if not any(mark_of(outcome) is Mark.BLOCKED and outcome.kind == "step" for outcome in outcomes) and len(marks) > 1:
        marks.discard(Mark.BLOCKED)  # a check that did not run does not stop the stage
    mark = next((mark for mark in _WORST_FIRST if mark in marks), Mark.SKIPPED)
    checks = [outcome for outcome in outcomes if outcome.kind == "check"]
    reported = outcomes
    if stage is Stage.AFTER:
        checks = []  # a tag is no preparation
    if mark is Mark.PASSED and checks and all(check.status is Status.SKIPPED for check in checks):
        mark, reported = Mark.SKIPPED, checks  # the steps only prepare: where there are no tests, for example
    words = list(_words(mark, stage, reported, everything))
    if left:
        begun = [outcome for outcome in left if outcome.evidence[UNREACHED] == "not finished"]
        names = listed([outcome.id for outcome in begun or left], 3)
        words = [*(words if mark is Mark.FAILED else ()), f"interrupted {'in' if begun else 'before'} {names}"]
        mark = mark if mark is Mark.FAILED else Mark.INTERRUPTED if begun or outcomes else Mark.BLOCKED
    return Row(stage, mark, "; ".join(words), seconds, tuple(of_stage))


def rows(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """The rows of a run that has ended, in order."""
    for stage in Stage:
        of_stage = [outcome for outcome in outcomes if outcome.stage is stage]
        ran = [(o.started, o.started + o.seconds) for o in of_stage if o.started is not None]
        seconds = max(end for _, end in ran) - min(begun for begun, _ in ran) if ran else 0.0
        if of_stage:
            yield row(stage, of_stage, outcomes, seconds)


def _words(mark: Mark, stage: Stage, outcomes: Sequence[Outcome], everything: Sequence[Outcome]) -> Iterator[str]:
    named = [outcome for outcome in outcomes if not _only_effects(outcome)]
    ids = {status: [outcome.id for outcome in named if outcome.status is status] for status in Status}
    for status, verb in (
        (Status.FAILED, "failed"),
        (Status.WAITING, "waiting for a person"),
        (Status.INCONCLUSIVE, "inconclusive"),
    ):
        if ids[status]:
            yield f"{listed(ids[status], 3)} {verb}"
    if mark is Mark.FAILED and not ids[Status.FAILED]:
        yield "failed because of a problem in another stage"
    if mark is Mark.PASSED:
        yield _SUMMARIES.get(stage, _count)([outcome for outcome in outcomes if outcome.status is Status.PASSED])
    ended = [outcome for outcome in outcomes if outcome.status in (Status.PASSED, Status.FAILED)]
    warned = [f for o in ended for f in o.findings if f.severity is Severity.WARNING and not f.cause]
    if rules := {finding.rule for finding in warned}:
        places = f" ({len(warned)} places)" if len(warned) > len(rules) else ""
        yield f"{counted(len(rules), 'warning')}{places}"
    if mark is Mark.BLOCKED:
        blocked = {outcome.id for outcome in outcomes if mark_of(outcome) is mark}
        found = [causes for causes, tasks in blocked_tasks(everything).items() if blocked.intersection(tasks)]
        yield f"not run: needs {listed(list(dict.fromkeys(itertools.chain.from_iterable(found))), 3)}"
    elif mark is Mark.SKIPPED:
        yield _reason(outcomes)
    elif mark is Mark.PLANNED:
        yield counted(len(ids[Status.PLANNED]), "task")


def _only_effects(outcome: Outcome) -> bool:
    """Whether a task failed for reasons that another task reports."""
    errors = [finding for finding in outcome.findings if finding.severity is Severity.ERROR]
    return outcome.status is Status.FAILED and bool(errors) and all(finding.cause for finding in errors)


def _reason(outcomes: Sequence[Outcome]) -> str:
    reasons = dict.fromkeys(finding.message.partition("\n")[0] for o in outcomes for finding in o.findings[:1])
    return next(iter(reasons)) if len(reasons) == 1 else "not applicable"


def _count(passed: Sequence[Outcome]) -> str:
    """The titles of what passed, where they are short; else the number of checks, or of steps without a check."""
    titles = ", ".join(_lowered(outcome.title) for outcome in passed)
    if len(titles) <= _TITLES:
        return titles
    checks = sum(outcome.kind == "check" for outcome in passed)
    return counted(checks, "check") if checks else counted(len(passed), "step")


def _lowered(title: str) -> str:
    """A title in the middle of a sentence."""
    first = title.partition(" ")[0]
    return title if any(letter.isupper() for letter in first[1:]) else title[:1].lower() + title[1:]


def _built(passed: Sequence[Outcome]) -> str:
    names = [str(name) for outcome in passed if outcome.id == "build" for name in outcome.evidence]
    kinds = [
        counted(sum(name.endswith(end) for name in names), kind) for end, kind in ((".gz", "sdist"), (".whl", "wheel"))
    ]
    return ", ".join(kind for kind in kinds if not kind.startswith("0")) or _count(passed)


def _tested(passed: Sequence[Outcome]) -> str:
    tests = next((outcome for outcome in passed if outcome.id == "tests-pass"), None)
    notices = [f.message for f in tests.findings if f.severity is Severity.NOTICE] if tests else []
    summary = next((message for message in notices if " passed" in message), "")
    return f"{summary.partition(' in ')[0]}, against the wheel" if summary else _count(passed)


def _inspected(passed: Sequence[Outcome]) -> str:
    """The count, and whether a second build gave the same: both files, or the wheel alone."""
    rebuilt = next((outcome for outcome in passed if outcome.id == "build-reproducible"), None)
    if rebuilt is None:
        return _count(passed)
    others = [finding.distribution for finding in rebuilt.findings]
    if not all(name.endswith(".tar.gz") for name in others):
        return _count(passed)
    return f"{_count(passed)}, {'wheel ' if others else ''}reproducible"


def _published(passed: Sequence[Outcome]) -> str:
    names = [str(name) for outcome in passed if outcome.id == "upload" for name in outcome.evidence]
    files = sum(name.endswith((".gz", ".whl")) for name in names)
    return f"{counted(files, 'file')}, the index serves the same bytes" if files else _count(passed)


def _verified(passed: Sequence[Outcome]) -> str:
    installers = [name for name in ("uv", "pip") if any(outcome.id == f"works-with-{name}" for outcome in passed)]
    return f"{' and '.join(installers)}: install and import" if installers else _count(passed)


_SUMMARIES: Mapping[Stage, Callable[[Sequence[Outcome]], str]] = {
    Stage.BUILD: _built,
    Stage.INSPECT: _inspected,
    Stage.TEST: _tested,
    Stage.PUBLISH: _published,
    Stage.VERIFY: _verified,
}


class Progress:
    """Follows a run: which stages have ended, and what is running in the others."""

    def __init__(
        self,
        tasks: Iterable[tuple[str, Stage]],
        clock: Callable[[], float],
        link: Callable[[Sequence[Outcome]], Sequence[Outcome]] = tuple,
    ) -> None:
        """`tasks` are the ids of the lane's tasks with their stages; `clock` gives seconds.

        `link` gives each finding the cause that explains it: a task that reports only effects is not named.
        """
        self._link = link
        self._stage_of = dict(tasks)
        self._clock = clock
        self._begun: dict[Stage, float] = {}
        self._ended: dict[Stage, float] = {}
        self._running: dict[str, Stage] = {}
        self._outcomes: list[Outcome] = []
        self._shown: set[Stage] = set()

    def started(self, id: str) -> None:
        """A task has started."""
        self._running[id] = stage = self._stage_of[id]
        self._begun.setdefault(stage, self._clock())

    def ended(self, outcome: Outcome) -> None:
        """A task has ended, or cannot run."""
        self._running.pop(outcome.id, None)
        self._outcomes.append(outcome)
        self._ended[outcome.stage] = self._clock()

    def new_rows(self) -> Iterator[Row]:
        """The rows of the stages that have ended since the last call, in order: a stage waits for those before it."""
        stages = set(self._stage_of.values())
        for stage in (stage for stage in Stage if stage in stages and stage not in self._shown):
            outcomes = [outcome for outcome in self._link(self._outcomes) if outcome.stage is stage]
            if len(outcomes) < sum(s is stage for s in self._stage_of.values()):
                return
            self._shown.add(stage)
            seconds = self._ended[stage] - self._begun[stage] if stage in self._ended and stage in self._begun else 0.0
            yield row(stage, outcomes, self._outcomes, seconds)

    def running(self) -> Iterator[tuple[Stage, tuple[str, ...], float]]:
        """The stages that have not been shown: the ids of their running tasks, and the seconds since their start."""
        stages = set(self._stage_of.values())
        for stage in (stage for stage in Stage if stage in stages and stage not in self._shown):
            ids = tuple(id for id, of in list(self._running.items()) if of is stage)
            yield stage, ids, self._clock() - self._begun[stage] if stage in self._begun else 0.0
