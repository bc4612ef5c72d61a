"""Report → Markdown: the step summary of a pipeline, or a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from omni_release.core.model import Finding, Outcome, Report, Severity, Status
from omni_release.core.redaction import printable

_MARKS = {
    Status.PASSED: "✅",
    Status.FAILED: "❌",
    Status.INCONCLUSIVE: "❔",
    Status.SKIPPED: "⏭️",
    Status.PLANNED: "📝",
    Status.WAITING: "✋",
}


def document(report: Report) -> str:
    """The verdict, what has to be done, then a line for each task."""
    what = f"{report.project} {report.version}" if report.version else report.project
    lines = [f"## {report.lane}: {plain(what)}: {report.verdict}", ""]
    for done in report.outcomes:
        if done.status in (Status.FAILED, Status.INCONCLUSIVE, Status.WAITING) or _warns(done):
            lines += _told(done)
    lines += ["| | task | seconds |", "|---|---|---|"]
    for done in report.outcomes:
        why = f": {plain(done.findings[0].message)}" if done.status is Status.SKIPPED and done.findings else ""
        lines.append(f"| {_MARKS[done.status]} {done.status.value} | {plain(done.title)}{why} | {done.seconds:.1f} |")
    if report.artifacts:
        lines += ["", "| artifact | bytes | sha256 |", "|---|---|---|"]
        lines += [f"| `{a.name}` | {a.size} | `{a.sha256}` |" for a in report.artifacts]
    return printable("\n".join(lines) + "\n")


def _warns(done: Outcome) -> bool:
    return done.status is Status.PASSED and any(f.severity is not Severity.NOTICE for f in done.findings)


def _told(done: Outcome) -> Iterator[str]:
    yield f"### {_MARKS[done.status]} {plain(done.title)} (`{done.id}`)"
    yield ""
    yield from _findings(done.findings)
    if done.status is Status.FAILED and done.remedy:
        yield f"\n→ {plain(done.remedy)}"
    yield ""


def _findings(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        where = f"{code(finding.where)} " if finding.where else ""
        first, _, rest = finding.message.partition("\n")
        yield f"- {finding.severity.value}: {where}{plain(first)}"
        if rest:
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", rest)), 0)
            yield from ("", f"  {fence}text", *(f"  {line}" for line in rest.splitlines()), f"  {fence}")


def plain(text: str) -> str:
    """Text that Markdown leaves as it is, on one line."""
    for char in "\\`*_{}[]<>#|~":
        text = text.replace(char, f"\\{char}")
    return " ".join(text.split())


def code(text: str) -> str:
    """Text as code, on one line."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"
