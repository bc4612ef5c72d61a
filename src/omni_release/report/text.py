"""Report → lines for a terminal, and workflow commands, which GitHub shows as annotations."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omni_release.core.errors import OmniReleaseError
from omni_release.core.model import IN_BASELINE, REHEARSAL, UNREACHED, Outcome, Report, Severity, Status
from omni_release.core.tasks import Stage
from omni_release.core.text import counted, listed
from omni_release.report import problems, stages
from omni_release.report.problems import Problem
from omni_release.report.stages import Mark, Progress, Row

if TYPE_CHECKING:
    from omni_release.core.redaction import Redact
    from omni_release.git_queries import Head

_NOTICES = 5  # shown per task: there can be many waived findings
_ANNOTATIONS = 10  # of each severity; GitHub drops more without a message: https://docs.github.com/en/rest/checks
_PLACES = 5  # shown per problem
_DETAILS = 10  # lines of a message that has more than one
_WARNINGS = 10  # shown in a run
_WARNINGS_BELOW_PROBLEMS = 5  # shown where something must be fixed first
_SENTENCE = re.compile(r"(?<=[a-z)`'\d]{2})\. (?=[A-Z`])")  # between two sentences


@dataclass(frozen=True)
class Layout:
    """How lines are laid out: the width in columns, and whether the stream has other marks than ASCII.

    A `quiet` one has nothing above the verdict, which then says what it is about.
    """

    width: int = 100
    unicode: bool = True
    quiet: bool = False

    def mark(self, mark: Mark) -> str:
        """A mark, padded to the width of the widest."""
        return stages.UNICODE[mark] if self.unicode else f"{mark.value:<4}"

    def cut(self, line: str, room: int = 0) -> str:
        """The line, cut at the width less `room` columns."""
        most = max(self.width - room, 10)
        return line if len(line) <= most else f"{line[: most - 1]}…"

    def wrapped(self, text: str, indent: str, first: str | None = None) -> Iterator[str]:
        """The text, wrapped; `first` replaces the indentation of the first line. Line breaks in it are kept."""
        for line in text.splitlines() or [""]:
            start = indent if first is None else first
            yield from textwrap.wrap(
                line,
                max(self.width, 40),
                initial_indent=start,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
                replace_whitespace=False,
            ) or [start.rstrip()]
            first = None


def stage_line(row: Row, layout: Layout) -> str:
    """The line of a stage: its mark, its name, what came of it, and its time."""
    timed = row.seconds >= 0.05 and row.mark not in (Mark.SKIPPED, Mark.BLOCKED)
    seconds = f"{row.seconds:.1f} s" if timed else ""
    begin = f"  {layout.mark(row.mark)} {row.stage.value.capitalize():<10} "
    column = max(min(layout.width - len(begin) - 9, 66), 10)
    words = layout.cut(row.words, layout.width - column)
    return f"{begin}{words:<{column}} {seconds:>8}".rstrip()


def running_lines(progress: Progress) -> Iterator[str]:
    """A line for each stage that is running: its name, its tasks (two at most), and its seconds so far."""
    for stage, ids, seconds in progress.running():
        if ids:
            yield f"{stage.value.capitalize():<10} {listed(ids, 2)}  {seconds:.0f} s"


def header_line(project: str, version: str | None, head: Head | None, target: str) -> str:
    """The first line: what a run is about; `head` is None outside of a repository, `target` empty without an index."""
    words = [f"{project} {version}" if version else project]
    if head:
        name = " ".join(filter(None, (head.branch, head.sha[:7]))) or "no commit"
        words.append(f"{name}, {'clean' if head.clean else 'uncommitted changes'}")
    return "   ".join((*words, f"→ {target}") if target else words)


def target_of(report: Report) -> str:
    """The index of a run, as the first line of its screen names it; empty where the lane works with none."""
    if report.target != REHEARSAL:
        return report.target
    uses_index = any(outcome.stage in (Stage.PUBLISH, Stage.VERIFY) for outcome in report.outcomes)
    return "rehearsal index" if uses_index and report.lane != "watch" else ""


def task_lines(outcome: Outcome, layout: Layout, actions: int | None = None) -> Iterator[str]:
    """The line of a task with its id, its actions, its findings, and the remedy if it failed and they name none.

    `actions` is how many of them are shown; None for all.
    """
    took = f"  {outcome.seconds:.1f} s" if outcome.seconds >= 0.1 else ""
    cached = f"  ({outcome.cached})" if outcome.cached else ""
    line = f"    {layout.mark(stages.mark_of(outcome))} {outcome.title}  [{outcome.id}]{took}{cached}"
    if outcome.status is Status.SKIPPED and len(outcome.findings) == 1 and "\n" not in outcome.findings[0].message:
        yield f"{line}: {outcome.findings[0].message}"
        return
    yield line
    for action in outcome.actions[:actions]:
        yield from _indented(f"would {action}")
    if more := len(outcome.actions) - len(outcome.actions[:actions]):
        yield from _indented(f"and {counted(more, 'more action')}: -v shows {'it' if more == 1 else 'them'}")
    hidden = [finding for finding in outcome.findings if finding.severity is Severity.NOTICE][_NOTICES:]
    for finding in outcome.findings:
        if finding in hidden:
            continue
        where = f"{finding.where}: " if finding.where else ""
        if finding.severity is Severity.NOTICE:
            yield from _indented(f"{where}{finding.message}")
        else:
            first, feed, details = finding.message.partition("\n")
            yield from _indented(f"{where}{finding.severity.value}: {first}  [{finding.rule}]{feed}{details}")
    if hidden:
        yield from _indented(f"… and {len(hidden)} more notices: `--format json` has all of them")
    errors = [finding.message for finding in outcome.findings if finding.severity is Severity.ERROR]
    if outcome.status is Status.FAILED and outcome.remedy and not (errors and all("\n→ " in said for said in errors)):
        yield from _indented(f"→ {' '.join(outcome.remedy.split())}")


def problem_lines(report: Report, layout: Layout) -> Iterator[str]:
    """What must be fixed, numbered, the worst first; then the warnings."""
    found = problems.problems(report)
    if found:
        yield ""
        yield f"  {heading(found)}"
    for number, problem in enumerate(found, 1):
        yield ""
        yield from _problem(number, problem, layout)
    advice = problems.warnings(report)
    if advice:
        yield ""
    shown = advice[: _WARNINGS_BELOW_PROBLEMS if found else _WARNINGS]
    for problem in shown:
        yield from _warning(problem, layout)
    if rest := len(advice) - len(shown):
        yield f"  and {counted(rest, 'more warning')}: -v shows {'it' if rest == 1 else 'them'}"


def heading(found: Sequence[Problem]) -> str:
    """The number of problems of each kind, in words."""
    counts = {status: sum(problem.outcome.status is status for problem in found) for status in Status}
    parts = []
    if number := counts[Status.FAILED]:
        parts.append("1 problem must be fixed" if number == 1 else f"{number} problems must be fixed")
    if number := counts[Status.WAITING]:
        parts.append("1 task waits for a person" if number == 1 else f"{number} tasks wait for a person")
    if number := counts[Status.INCONCLUSIVE]:
        parts.append("1 result is unknown" if number == 1 else f"{number} results are unknown")
    return " · ".join(parts)


def _problem(number: int, problem: Problem, layout: Layout) -> Iterator[str]:
    """The number, the rule, the message, the places, the fix, and the checks that also report it."""
    indent, outcome = " " * 5, problem.outcome
    groups = problem.by_message
    shown, rest = problems.shared_out(groups, _PLACES)
    details = [line for line in problem.details if not line.startswith("Source: ")]
    for group, places in zip(groups, shown, strict=False):
        first, *more = _message_at(places, group[0].message.partition("\n")[0] or outcome.title)
        if group is groups[0]:
            yield from layout.wrapped(f"{problem.rule}  {first}", indent, f"  {number:<3}")
            more += details[:_DETAILS]
        else:
            yield from layout.wrapped(first, f"{indent}  ", indent)
        for line in more:
            yield from layout.wrapped(line, f"{indent}  ", indent)
    if len(details) > _DETAILS:
        yield f"{indent}… {len(details) - _DETAILS} more lines in the report"
    if rest.rest:
        yield f"{indent}{rest.rest}: see the report"
    for fix in _short_fixes(problem):
        yield from layout.wrapped(fix, f"{indent}     ", f"{indent}Fix  ")
    if problem.also:
        yield from layout.wrapped(" · ".join(problem.also), f"{indent}     ", f"{indent}Also ")


def _short_fixes(problem: Problem) -> Sequence[str]:
    """The fixes; of the remedy of a check, the first sentence: `explain` and the report have the others."""
    said = any(line.startswith("→ ") for line in problem.message.splitlines())
    return problem.fixes if said else [_SENTENCE.split(fix.rstrip("."))[0] for fix in problem.fixes]


def _message_at(places: problems.Places, message: str) -> list[str]:
    """A message behind its place; before its places where they are in several files."""
    if len(places.shown) == 1:
        return [f"{places.shown[0]}: {message}"]
    return [message, *places.shown]


def _warning(problem: Problem, layout: Layout) -> Iterator[str]:
    """The rule, the first place and the message, or its first sentence, in one line where they fit, else in three."""
    first = problem.findings[0]
    found = problems.places(problem.findings, 1)
    more = f"  (+{found.more}{f' in {found.files} files' if found.files > 1 else ''})" if found.more else ""
    line = f"  {layout.mark(Mark.WARNING)} {problem.rule}  {''.join(found.shown)}".rstrip() + more
    message, _, details = first.message.partition("\n")
    if message.endswith(":") and details:  # it announces what another program has said
        message = f"{message} {details.strip().partition(chr(10))[0]}"
    for short in (message, _SENTENCE.split(message)[0]):
        if len(line) + 2 + len(short) <= layout.width:
            yield f"{line}  {short}"
            return
    if len(line) > layout.width:
        rule, where = f"  {layout.mark(Mark.WARNING)} {problem.rule}", f"    {''.join(found.shown)}"
        yield from (layout.cut(rule), layout.cut(where, len(more)) + more)
    else:
        yield line
    short = message if len(message) + 4 <= layout.width else _SENTENCE.split(message)[0]
    top, *rest = layout.wrapped(short, "    ")
    yield layout.cut(top)
    if rest:
        yield layout.cut(" ".join([rest[0], *(line.strip() for line in rest[1:2])]))


def verdict_lines(report: Report, next_step: str = "", layout: Layout = Layout(), *, page: str = "") -> Iterator[str]:
    """The last block: the verdict, the counts, the artifacts, the page or the run folder, and the next command."""
    yield ""
    yield from _verdict(report, layout)
    if layout.quiet:
        if failed := [p.rule for p in problems.problems(report) if p.outcome.status is Status.FAILED]:
            yield from layout.wrapped(", ".join(failed), " " * 10, "  Failed  ")
    else:
        for line in problems.cached(report, named=False):
            yield f"  Cached  {line} (-v lists them)"
    for artifact in report.artifacts:
        kind = "wheel" if artifact.name.endswith(".whl") else "sdist"
        begin, facts = f"  {kind:<7} {artifact.name}", f"{size(artifact.size)}  sha256:{artifact.sha256[:8]}…"
        fits = len(begin) + 2 + len(facts) <= layout.width
        yield from (f"{begin}  {facts}",) if fits else (begin, f"{' ' * 10}{facts}")
    if report.run:
        yield f"  Report  {page or report.run}"
    if next_step:
        yield f"  Next    {next_step}"


def _verdict(report: Report, layout: Layout) -> Iterator[str]:
    """The verdict and the counts, in one line where they fit."""
    subject = f"{report.project} {report.version}" if report.version else report.project
    seconds = f"in {report.seconds:.1f} s"
    numbers = " · ".join(f"{number} {word}" for number, word in counts(report))
    named = f"  {report.lane} of {subject}" if layout.quiet else ""
    verdict = f"  {report.verdict.upper()}{named} {seconds}"
    if report.lane == "release" and report.verdict == "passed":
        verdict = f"  RELEASED {subject} to {report.target} {seconds}"
    if len(verdict) + 4 + len(numbers) <= layout.width or not numbers:
        yield f"{verdict}    {numbers}".rstrip()
        return
    yield verdict
    unbroken = " · ".join(f"{number} {word}".replace(" ", "\xa0") for number, word in counts(report))
    yield from (line.replace("\xa0", " ") for line in layout.wrapped(unbroken, "  "))


def counts(report: Report) -> tuple[tuple[int, str], ...]:
    """The number of problems and warnings, then of tasks: passed, blocked, not reached; those that are not zero."""
    blocked = sum(map(len, problems.blocked_tasks(report.outcomes).values()))
    unreached = sum(UNREACHED in outcome.evidence for outcome in report.outcomes)
    skipped = sum(outcome.status is Status.SKIPPED for outcome in report.outcomes) - blocked - unreached
    status = {status: sum(outcome.status is status for outcome in report.outcomes) for status in Status}
    found = [problem.outcome.status for problem in problems.problems(report)]
    accepted = sum(int(outcome.evidence.get(IN_BASELINE, 0)) for outcome in report.outcomes)
    failed, warnings = found.count(Status.FAILED), problems.warnings(report)
    advice, places = len(warnings), sum(len(problem.findings) for problem in warnings)
    word = "warning" if advice == 1 else "warnings"
    numbers = (
        (failed, "problem" if failed == 1 else "problems"),
        (status[Status.WAITING], "waiting"),
        (status[Status.INCONCLUSIVE], "inconclusive"),
        (advice, f"{word} ({places} places)" if places > advice else word),
        (accepted, "in the baseline"),
        (status[Status.PASSED], "passed"),
        (status[Status.PLANNED], "planned"),
        (blocked, "not run"),
        (unreached, "not reached"),
        (skipped, "not applicable"),
    )
    return tuple((number, word) for number, word in numbers if number)


def size(number: int) -> str:
    """A number of bytes for people: 1.1 kB."""
    return f"{number} B" if number < 1000 else f"{number / 1000:.1f} kB" if number < 1e6 else f"{number / 1e6:.1f} MB"


def error_lines(error: OmniReleaseError, redact: Redact) -> Iterator[str]:
    """An error and its hint, without a traceback."""
    yield f"omni-release: {redact(error.message)}"
    if error.hint:
        yield from _indented(f"→ {redact(error.hint)}")


def workflow_commands(report: Report) -> Iterator[str]:
    """The workflow commands for the findings: of each severity as many as GitHub shows for a step.

    The first place of each problem comes first, in the order of the problems. Paths are relative to the repository.
    Notices are shown for failed tasks only.
    """
    grouped = [problem.findings for problem in (*problems.problems(report), *problems.warnings(report))]
    places = [(number, finding) for group in grouped for number, finding in enumerate(group)]
    ordered = (finding for _, finding in sorted(places, key=lambda place: place[0]))
    findings = [finding for finding in ordered if finding.severity is not Severity.NOTICE]
    failed = (outcome for outcome in report.outcomes if outcome.status is Status.FAILED)
    findings += [finding for outcome in failed for finding in outcome.findings if finding.severity is Severity.NOTICE]
    for severity in Severity:
        of_severity = [finding for finding in findings if finding.severity is severity]
        for finding in of_severity[:_ANNOTATIONS]:
            path = finding.path and f"{report.inside}/{finding.path}".lstrip("/")
            values = {"file": path, "line": finding.line, "col": finding.column, "title": finding.rule}
            properties = (f"{key}={_escaped(str(value), ',:')}" for key, value in values.items() if value is not None)
            yield f"::{severity.value} {','.join(properties)}::{_escaped(finding.message)}"
        if len(of_severity) > _ANNOTATIONS:
            yield f"and {len(of_severity) - _ANNOTATIONS} more of severity {severity.value}: see the report"


def _indented(text: str) -> list[str]:
    return textwrap.indent(text, "      ").splitlines()


def _escaped(text: str, also: str = "") -> str:
    for char in "%\r\n" + also:
        text = text.replace(char, f"%{ord(char):02X}")
    return text
