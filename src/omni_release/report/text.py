"""Report → lines for a person, and annotations for GitHub."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from omni_release.core.errors import OmniReleaseError
from omni_release.core.model import BLOCKED_BY, Finding, Outcome, Report, Severity, Status

if TYPE_CHECKING:
    from omni_release.core.redaction import Redact

_SHOWN = 10  # https://docs.github.com/en/rest/checks: more annotations of a step are dropped without a word
_MARKS = {
    Status.PASSED: "ok   ",
    Status.FAILED: "FAIL ",
    Status.INCONCLUSIVE: "?    ",
    Status.SKIPPED: "skip ",
    Status.PLANNED: "plan ",
    Status.WAITING: "wait ",
}

_NOTICES = 5
"""Notices of a task that a person is shown: waived findings can be many."""


def outcome(done: Outcome) -> Iterator[str]:
    """One task's line, its findings, and the remedy where it failed. What was skipped takes one line, with why."""
    if done.status is Status.SKIPPED and len(done.findings) == 1 and "\n" not in done.findings[0].message:
        yield f"{_MARKS[done.status]} {done.id}: {done.findings[0].message}"
        return
    took = f"  ({done.seconds:.1f} s)" if done.seconds >= 0.1 else ""
    named = "" if done.status in (Status.PASSED, Status.SKIPPED) else f"  [{done.id}]"
    yield f"{_MARKS[done.status]} {done.title}{took}{named}"
    for action in done.actions:
        yield from _indented(f"would {action}")
    notices = [finding for finding in done.findings if finding.severity is Severity.NOTICE]
    left_out = notices[_NOTICES:]
    for finding in done.findings:
        if finding not in left_out:
            yield from _finding(finding)
    if left_out:
        yield from _indented(f"… and {len(left_out)} more notices: `--format json` has all of them")
    if done.status is Status.FAILED and done.remedy:
        yield from _indented(f"→ {' '.join(done.remedy.split())}")


def not_run(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One line for all that the same task held up, itself or through others: dozens of lines would bury the rest."""
    held_up = {done.id: str(done.evidence[BLOCKED_BY]) for done in outcomes if BLOCKED_BY in done.evidence}
    by_cause: dict[str, list[str]] = {}
    for id, cause in held_up.items():
        while cause in held_up:
            cause = held_up[cause]
        by_cause.setdefault(cause, []).append(id)
    for cause, ids in by_cause.items():
        tasks = "1 task" if len(ids) == 1 else f"{len(ids)} tasks"
        need = "it needs" if len(ids) == 1 else "they need"
        yield f"{_MARKS[Status.SKIPPED]} {tasks} not run, for {need} {cause}: {', '.join(ids)}"


def summary(report: Report) -> Iterator[str]:
    """The last lines: what was built, what was left undone, the verdict."""
    for artifact in report.artifacts:
        yield f"{artifact.name}  {artifact.size} bytes  sha256 {artifact.sha256}"
    what = f"{report.project} {report.version}" if report.version else report.project
    target = f" → {report.target}" if report.artifacts else ""
    yield f"{report.lane}: {what}{target}: {report.verdict.upper()} in {report.seconds:.1f} s"
    counted = {status: sum(o.status is status for o in report.outcomes) for status in Status}
    if report.outcomes:
        yield "  " + ", ".join(f"{number} {status.value}" for status, number in counted.items() if number)
    if report.run:
        yield f"  all of it: {report.run}"


def error(failure: OmniReleaseError, redact: Redact) -> Iterator[str]:
    """What a user is told instead of a traceback."""
    yield f"omni-release: {redact(failure.message)}"
    if failure.hint:
        yield from _indented(f"→ {redact(failure.hint)}")


def workflow_commands(report: Report) -> Iterator[str]:
    """Workflow commands that GitHub shows beside the lines: of each severity as many as it shows for one step."""
    found = [
        finding
        for done in report.outcomes
        for finding in done.findings
        if finding.severity is not Severity.NOTICE or done.status is Status.FAILED
    ]
    for severity in Severity:
        of_this = [finding for finding in found if finding.severity is severity]
        for finding in of_this[:_SHOWN]:
            yield f"::{severity.value} {_place(finding, report.inside)}::{_escaped(finding.message)}"
        if len(of_this) > _SHOWN:
            yield f"and {len(of_this) - _SHOWN} more of severity {severity.value}: see the step summary, or the report"


def _place(finding: Finding, inside: str) -> str:
    """Where GitHub shows it: paths are relative to the repository's top."""
    path = finding.path and f"{inside}/{finding.path}".lstrip("/")
    place = {"file": path, "line": finding.line, "col": finding.column, "title": finding.rule}
    return ",".join(f"{key}={_escaped(str(value), ',:')}" for key, value in place.items() if value is not None)


def _finding(finding: Finding) -> Iterator[str]:
    mark = "" if finding.severity is Severity.NOTICE else f"{finding.severity.value}: "
    where = f"{finding.where}: " if finding.where else ""
    rule = "" if finding.severity is Severity.NOTICE else f"  [{finding.rule}]"
    yield from _indented(f"{where}{mark}{finding.message}{rule}")


def _indented(text: str) -> list[str]:
    return textwrap.indent(text, "      ").splitlines()


def _escaped(text: str, also: str = "") -> str:
    for char in "%\r\n" + also:
        text = text.replace(char, f"%{ord(char):02X}")
    return text
