"""Report → Markdown: the step summary of a pipeline, or a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from omni_release.core.model import Report, Severity, Status
from omni_release.core.redaction import printable
from omni_release.report import api_changes, next_step, problems, sboms
from omni_release.report.api_changes import ApiRow
from omni_release.report.problems import Problem
from omni_release.report.sboms import Sbom

_MARKS = {
    Status.PASSED: "✅",
    Status.FAILED: "❌",
    Status.INCONCLUSIVE: "❔",
    Status.SKIPPED: "⏭️",
    Status.PLANNED: "📝",
    Status.WAITING: "✋",
}

_PLACES = 20  # shown per problem


def document(report: Report) -> str:
    """The verdict and the next command, the problems, the warnings, then a folded line for each task."""
    return part(report, next_step.after(report))


def part(report: Report, step: str = "") -> str:
    """The same with another next command, or none: as a part of the report of a workspace."""
    subject = f"{report.project} {report.version}" if report.version else report.project
    lines = [f"## {report.lane}: {plain(subject)}: {report.verdict}", ""]
    if step:
        lines += [f"**Next:** {code(step)}", ""]
    for problem in problems.problems(report):
        lines += _problem(problem)
    if advice := problems.warnings(report):
        lines += [f"<details><summary>{len(advice)} warning{'' if len(advice) == 1 else 's'}</summary>", ""]
        for problem in advice:
            lines += _problem(problem)
        lines += ["</details>", ""]
    if changes := api_changes.changes(report.outcomes):
        lines += ["<details><summary>Changes of the API</summary>", "", api_table(changes), "</details>", ""]
    if found := sboms.sboms(report.outcomes):
        lines += ["<details><summary>SBOMs</summary>", "", sbom_table(found), "</details>", ""]
    if cached := problems.cached(report):
        lines += [*(f"- cached: {plain(line)}" for line in cached), ""]
    lines += ["<details><summary>All tasks</summary>", "", "| | stage | task | seconds |", "|---|---|---|---|"]
    for outcome in report.outcomes:
        skipped = outcome.status is Status.SKIPPED and outcome.findings
        reason = f": {plain(outcome.findings[0].message)}" if skipped else ""
        source = f", {plain(str(outcome.cached))}" if outcome.cached else ""
        task = f"{plain(outcome.title)} (`{outcome.id}`){source}{reason}"
        status = f"{_MARKS[outcome.status]} {outcome.status.value}"
        lines.append(f"| {status} | {outcome.stage.value} | {task} | {outcome.seconds:.1f} |")
    lines += ["", "</details>"]
    if report.artifacts:
        lines += ["", "| artifact | bytes | sha256 |", "|---|---|---|"]
        lines += [f"| {_cell(code(a.name))} | {a.size} | `{a.sha256}` |" for a in report.artifacts]
    return printable("\n".join(lines) + "\n")


def api_table(changes: Iterable[ApiRow]) -> str:
    """A table of changes of the API."""
    lines = ["| object | change | a caller sees | where | version |", "|---|---|---|---|---|"]
    for change in changes:
        where = _cell(code(change.where)) if change.where else ""
        cells = (_cell(code(change.name)), plain(change.what), plain(change.effect), where, plain(change.verdict))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def sbom_table(found: Iterable[Sbom]) -> str:
    """A table of SBOMs."""
    lines = ["| wheel | SBOM | format | components |", "|---|---|---|---|"]
    for sbom in found:
        cells = (_cell(code(sbom.wheel)), _cell(code(sbom.path)), plain(sbom.form), str(sbom.components))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _problem(problem: Problem) -> Iterator[str]:
    """A heading for a problem, its findings or the places of its message, the fix, and what else reports it."""
    outcome = problem.outcome
    advice = problem.findings[0].severity is Severity.WARNING and outcome.status in (Status.PASSED, Status.FAILED)
    yield f"### {'⚠️' if advice else _MARKS[outcome.status]} {plain(outcome.title)} ({code(problem.rule)})"
    yield ""
    groups = problem.by_message
    shown, others = problems.shared_out(groups, _PLACES)
    for group, places in zip(groups, shown, strict=False):
        finding = group[0]
        place = finding.where if len(group) == 1 else places.shown[0] if len(places.shown) == 1 else ""
        where = f"{code(place)} " if place else ""
        first, *rest = finding.message.splitlines() or [""]
        rest = [line for line in rest if not line.startswith("→ ")]
        yield f"- {finding.severity.value}: {where}{plain(first)}"
        if rest:
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", "\n".join(rest))), 0)
            yield from ("", f"  {fence}text", *(f"  {line}" for line in rest), f"  {fence}")
        if not where:
            yield from (f"  - {code(place)}" for place in places.shown)
    if others.rest:
        yield f"- {others.rest}"
    yield from (f"\n→ {plain(fix)}" for fix in problem.fixes)
    if problem.also:
        yield f"\nAlso reported by {', '.join(code(rule) for rule in problem.also)}"
    yield ""


def _cell(text: str) -> str:
    """The text in a cell of a table, which a bar would end."""
    return text.replace("|", "\\|")


def plain(text: str) -> str:
    """The text on one line, with everything escaped that Markdown would interpret."""
    for char in "\\`*_{}[]<>#|~":
        text = text.replace(char, f"\\{char}")
    return " ".join(text.split())


def code(text: str) -> str:
    """The text as code, on one line, whatever is in it."""
    text = " ".join(text.split())
    fence = "`" * max(1, *(len(run) + 1 for run in re.findall("`+", text)), 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"
