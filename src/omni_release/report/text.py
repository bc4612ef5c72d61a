"""Report → lines for a terminal, and workflow commands, which GitHub shows as annotations."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from omni_release.core.errors import OmniReleaseError
from omni_release.core.model import BLOCKED_BY, Outcome, Report, Severity, Status

if TYPE_CHECKING:
    from omni_release.core.redaction import Redact

_MARKS = {
    Status.PASSED: "ok   ",
    Status.FAILED: "FAIL ",
    Status.INCONCLUSIVE: "?    ",
    Status.SKIPPED: "skip ",
    Status.PLANNED: "plan ",
    Status.WAITING: "wait ",
}

_NOTICES = 5  # shown per task: there can be many waived findings
_ANNOTATIONS = 10  # of each severity; GitHub drops more without a message: https://docs.github.com/en/rest/checks


def outcome_lines(outcome: Outcome) -> Iterator[str]:
    """The line of a task with its id, then its actions, its findings, and the remedy if it failed.

    A skipped task is one line, with the reason.
    """
    took = f"  ({outcome.seconds:.1f} s)" if outcome.seconds >= 0.1 else ""
    line = f"{_MARKS[outcome.status]} {outcome.title}{took}  [{outcome.id}]"
    if outcome.status is Status.SKIPPED and len(outcome.findings) == 1 and "\n" not in outcome.findings[0].message:
        yield f"{line}: {outcome.findings[0].message}"
        return
    yield line
    for action in outcome.actions:
        yield from _indented(f"would {action}")
    hidden = [finding for finding in outcome.findings if finding.severity is Severity.NOTICE][_NOTICES:]
    for finding in outcome.findings:
        if finding in hidden:
            continue
        where = f"{finding.where}: " if finding.where else ""
        if finding.severity is Severity.NOTICE:
            yield from _indented(f"{where}{finding.message}")
        else:
            yield from _indented(f"{where}{finding.severity.value}: {finding.message}  [{finding.rule}]")
    if hidden:
        yield from _indented(f"… and {len(hidden)} more notices: `--format json` has all of them")
    if outcome.status is Status.FAILED and outcome.remedy:
        yield from _indented(f"→ {' '.join(outcome.remedy.split())}")


def not_run_lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One line for all tasks that did not run because of the same task, directly or through others."""
    blockers = {outcome.id: str(outcome.evidence[BLOCKED_BY]) for outcome in outcomes if BLOCKED_BY in outcome.evidence}
    by_cause: dict[str, list[str]] = {}
    for id, cause in blockers.items():
        while cause in blockers:
            cause = blockers[cause]
        by_cause.setdefault(cause, []).append(id)
    for cause, ids in by_cause.items():
        tasks, need = ("1 task", "it needs") if len(ids) == 1 else (f"{len(ids)} tasks", "they need")
        yield f"{_MARKS[Status.SKIPPED]} {tasks} not run, because {need} {cause}: {', '.join(ids)}"


def summary_lines(report: Report) -> Iterator[str]:
    """The last lines: the artifacts, the verdict, the number of tasks of each status, the run folder."""
    for artifact in report.artifacts:
        yield f"{artifact.name}  {artifact.size} bytes  sha256 {artifact.sha256}"
    subject = f"{report.project} {report.version}" if report.version else report.project
    target = f" → {report.target}" if report.artifacts else ""
    yield f"{report.lane}: {subject}{target}: {report.verdict.upper()} in {report.seconds:.1f} s"
    counts = {status: sum(outcome.status is status for outcome in report.outcomes) for status in Status}
    if report.outcomes:
        yield "  " + ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    if report.run:
        yield f"  run folder: {report.run}"


def error_lines(error: OmniReleaseError, redact: Redact) -> Iterator[str]:
    """An error and its hint, without a traceback."""
    yield f"omni-release: {redact(error.message)}"
    if error.hint:
        yield from _indented(f"→ {redact(error.hint)}")


def workflow_commands(report: Report) -> Iterator[str]:
    """The workflow commands for the findings: of each severity as many as GitHub shows for a step.

    Their paths are relative to the repository. Notices are shown for failed tasks only.
    """
    findings = [
        finding
        for outcome in report.outcomes
        for finding in outcome.findings
        if finding.severity is not Severity.NOTICE or outcome.status is Status.FAILED
    ]
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
