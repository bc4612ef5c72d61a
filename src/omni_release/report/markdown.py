"""Report → Markdown: the step summary of a pipeline, or a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from omni_release.core.model import Outcome, Report, Severity, Status
from omni_release.core.redaction import printable

_MARKS = {
    Status.PASSED: "✅",
    Status.FAILED: "❌",
    Status.INCONCLUSIVE: "❔",
    Status.SKIPPED: "⏭️",
    Status.PLANNED: "📝",
    Status.WAITING: "✋",
}

_PROBLEMS = (Status.FAILED, Status.INCONCLUSIVE, Status.WAITING)


def document(report: Report) -> str:
    """The verdict, then the problems, then a line for each task and each artifact."""
    subject = f"{report.project} {report.version}" if report.version else report.project
    lines = [f"## {report.lane}: {plain(subject)}: {report.verdict}", ""]
    for outcome in report.outcomes:
        warns = any(finding.severity is not Severity.NOTICE for finding in outcome.findings)
        if outcome.status in (Status.FAILED, Status.INCONCLUSIVE, Status.WAITING) or (
            outcome.status is Status.PASSED and warns
        ):
            lines += _problem(outcome)
    lines += ["| | stage | task | seconds |", "|---|---|---|---|"]
    for outcome in report.outcomes:
        skipped = outcome.status is Status.SKIPPED and outcome.findings
        reason = f": {plain(outcome.findings[0].message)}" if skipped else ""
        task = f"{plain(outcome.title)} (`{outcome.id}`){reason}"
        status = f"{_MARKS[outcome.status]} {outcome.status.value}"
        lines.append(f"| {status} | {outcome.stage.value} | {task} | {outcome.seconds:.1f} |")
    if report.artifacts:
        lines += ["", "| artifact | bytes | sha256 |", "|---|---|---|"]
        lines += [f"| `{a.name}` | {a.size} | `{a.sha256}` |" for a in report.artifacts]
    return printable("\n".join(lines) + "\n")


def _problem(outcome: Outcome) -> Iterator[str]:
    """A heading for a task, its findings, and the remedy if it failed."""
    yield f"### {_MARKS[outcome.status]} {plain(outcome.title)} (`{outcome.id}`)"
    yield ""
    for finding in outcome.findings:
        where = f"{code(finding.where)} " if finding.where else ""
        first, _, rest = finding.message.partition("\n")
        yield f"- {finding.severity.value}: {where}{plain(first)}"
        if rest:
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", rest)), 0)
            yield from ("", f"  {fence}text", *(f"  {line}" for line in rest.splitlines()), f"  {fence}")
    if outcome.status is Status.FAILED and outcome.remedy:
        yield f"\n→ {plain(outcome.remedy)}"
    yield ""


def plain(text: str) -> str:
    """The text on one line, with everything escaped that Markdown would interpret."""
    for char in "\\`*_{}[]<>#|~":
        text = text.replace(char, f"\\{char}")
    return " ".join(text.split())


def code(text: str) -> str:
    """The text as code, on one line."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"
