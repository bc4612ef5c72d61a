"""The problems of a run, as a person reads them: one for each rule of a check, with its places and its effects."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from omni_release.core.model import BLOCKED_BY, Finding, Outcome, Report, Severity, Status, ago
from omni_release.core.tasks import Stage
from omni_release.core.text import counted

_FIX = "→ "  # a line of a message that begins with this says what to do
_UNRESOLVED = (Status.FAILED, Status.WAITING, Status.INCONCLUSIVE)


@dataclass(frozen=True)
class Problem:
    """The findings of one rule in one outcome; of an outcome that is not determined, its first finding.

    `also` are the rules (`check/rule`) of findings elsewhere that these explain. `message` is the first one's.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]
    also: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return self.findings[0].message

    @property
    def by_message(self) -> tuple[tuple[Finding, ...], ...]:
        """The findings with the same message, in groups, in order of the first of each."""
        groups: dict[str, list[Finding]] = {}
        for finding in self.findings:
            groups.setdefault(finding.message, []).append(finding)
        return tuple(map(tuple, groups.values()))

    @property
    def headline(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]

    @property
    def details(self) -> tuple[str, ...]:
        """The other lines of the message, without the fixes among them."""
        return tuple(line for line in self.message.splitlines()[1:] if not line.startswith(_FIX))

    @property
    def fixes(self) -> tuple[str, ...]:
        """What to do: the message says it, or else the check."""
        said = [line.removeprefix(_FIX) for line in self.message.splitlines()[1:] if line.startswith(_FIX)]
        if not said and self.outcome.status is Status.FAILED and self.outcome.remedy:
            said = [" ".join(self.outcome.remedy.split())]
        return tuple(fix[:1].upper() + fix[1:] if fix.partition(" ")[0].isalpha() else fix for fix in said)

    @property
    def rule(self) -> str:
        """The rule, as `check/rule`, or the id of the task."""
        return self.findings[0].rule or self.outcome.id


def problems(report: Report) -> tuple[Problem, ...]:
    """What must be fixed or answered, the worst first: failed, waiting, inconclusive.

    Of the failed ones those come first that block other tasks or explain other findings, then the order of the lane.
    """
    effects = _effects(report.outcomes)
    blockers = set(itertools.chain.from_iterable(blocked_tasks(report.outcomes)))
    found: list[Problem] = []
    for outcome in report.outcomes:
        if outcome.status is Status.FAILED:
            found += _by_rule(outcome, (f for f in outcome.findings if f.severity is Severity.ERROR), effects)
        elif outcome.status in _UNRESOLVED and outcome.findings:
            found.append(Problem(outcome, outcome.findings[:1]))

    def badness(problem: Problem) -> tuple[int, bool, int]:
        first = problem.outcome.id in blockers or bool(problem.also)
        return _UNRESOLVED.index(problem.outcome.status), not first, list(Stage).index(problem.outcome.stage)

    return tuple(sorted(found, key=badness))


def warnings(report: Report) -> tuple[Problem, ...]:
    """The advice, in the order of the lane: warnings of finished tasks, one for each rule."""
    effects = _effects(report.outcomes)
    return tuple(
        problem
        for outcome in report.outcomes
        if outcome.status in (Status.PASSED, Status.FAILED)
        for problem in _by_rule(outcome, (f for f in outcome.findings if f.severity is Severity.WARNING), effects)
    )


def cached(report: Report, *, named: bool = True) -> tuple[str, ...]:
    """The tasks that an earlier run has determined, a line for each such run: `tests-pass: from RUN, 2 minutes ago`.

    They are counted instead where they are not `named`: `14 tasks from RUN, 2 minutes ago`.
    """
    by_run: dict[str, list[Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.cached:
            by_run.setdefault(outcome.cached.run, []).append(outcome)
    ages = {run: max(outcome.cached.age for outcome in found if outcome.cached) for run, found in by_run.items()}
    if not named:
        return tuple(f"{counted(len(found), 'task')} from {run}, {ago(ages[run])}" for run, found in by_run.items())
    names = {run: ", ".join(outcome.id for outcome in found) for run, found in by_run.items()}
    return tuple(f"{names[run]}: from {run}, {ago(ages[run])}" for run in by_run)


def blocked_tasks(outcomes: Sequence[Outcome]) -> dict[tuple[str, ...], list[str]]:
    """The ids of the tasks that did not run, by those that blocked them, directly or through others."""
    blockers = {o.id: str(o.evidence[BLOCKED_BY]).split(", ") for o in outcomes if BLOCKED_BY in o.evidence}

    def causes(id: str) -> Iterator[str]:
        for need in blockers.get(id, ()):
            yield from causes(need) if need in blockers else (need,)

    by_causes: dict[tuple[str, ...], list[str]] = {}
    for id in blockers:
        by_causes.setdefault(tuple(dict.fromkeys(causes(id))), []).append(id)
    return by_causes


def _effects(outcomes: Iterable[Outcome]) -> dict[str, list[str]]:
    """The checks, with their rules, that report an effect, by the rule of the cause."""
    effects: dict[str, list[str]] = {}
    for outcome in outcomes:
        for finding in outcome.findings:
            if finding.cause and finding.rule not in effects.setdefault(finding.cause, []):
                effects[finding.cause].append(finding.rule)
    return effects


def _by_rule(outcome: Outcome, findings: Iterable[Finding], effects: dict[str, list[str]]) -> Iterator[Problem]:
    """The findings that no other explains, grouped by rule."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        if not finding.cause:
            by_rule.setdefault(finding.rule, []).append(finding)
    for rule, group in by_rule.items():
        yield Problem(outcome, tuple(group), tuple(effects.get(rule, ())))


@dataclass(frozen=True)
class Places:
    """The places of some findings: those that are shown (`path:line, line`), and the number of the others.

    `files` is the number of files that the others are in.
    """

    shown: tuple[str, ...]
    more: int
    files: int

    @property
    def rest(self) -> str:
        """`and 43 more in 6 files`; empty where all are shown."""
        if not self.more:
            return ""
        files = f" in {self.files} file{'s' if self.files > 1 else ''}" if self.files else ""
        return f"and {self.more} more{files}"


def places(findings: Sequence[Finding], limit: int) -> Places:
    """The first `limit` places, grouped by file."""
    by_file: dict[str, list[str]] = {}
    for finding in findings[:limit]:
        if finding.path is not None:
            by_file.setdefault(finding.path, []).append(str(finding.line or ""))
    shown = tuple(
        f"{path}:{', '.join(dict.fromkeys(lines))}" if any(lines) else path for path, lines in by_file.items()
    )
    return Places(shown, *_count(findings[limit:]))


def shared_out(groups: Sequence[Sequence[Finding]], limit: int) -> tuple[tuple[Places, ...], Places]:
    """The places of the first `limit` groups, one of each at least, `limit` in all; and the rest of all groups.

    The places of a group count only its own rest.
    """
    room = [1] * len(groups[:limit])
    for number, group in enumerate(groups[:limit]):
        room[number] += min(len(group) - 1, limit - sum(room))
    shown = tuple(places(group, number) for group, number in zip(groups, room, strict=False))
    rest = [
        finding for number, group in enumerate(groups) for finding in group[room[number] if number < limit else 0 :]
    ]
    return shown, Places((), *_count(rest))


def _count(rest: Sequence[Finding]) -> tuple[int, int]:
    """The number of findings, and of the files that they are in."""
    return len(rest), len({finding.path for finding in rest if finding.path})
