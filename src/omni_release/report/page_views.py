"""What the page of a run shows, in words: each part of a report and of its facts as its template reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from omni_release.core.model import (
    BLOCKED_BY,
    IN_BASELINE,
    UNREACHED,
    Finding,
    Outcome,
    Report,
    Severity,
    Status,
    ago,
)
from omni_release.report import api_changes, problems, sboms, stages, text
from omni_release.report.page_facts import PageFacts
from omni_release.report.problems import Problem
from omni_release.report.stages import Mark
from omni_release.report.timeline import Timeline

_FINDINGS = 100  # shown per task
_SHOWN, _PLACES = 5, 200  # places per problem: at once, and in all
_DETAILS = 6000  # characters of a message
_WORDS = {
    Mark.PASSED: ("passed", "good"),
    Mark.FAILED: ("failed", "bad"),
    Mark.WARNING: ("warning", "warn"),
    Mark.SKIPPED: ("not applicable", "plain"),
    Mark.BLOCKED: ("not run", "plain"),
    Mark.UNKNOWN: ("inconclusive", "warn"),
    Mark.PLANNED: ("planned", "plain"),
    Mark.WAITING: ("waiting", "warn"),
    Mark.INTERRUPTED: ("interrupted", "warn"),
}
_TONES = {
    **dict.fromkeys(("passed", "answered"), "good"),
    **dict.fromkeys(("failed", "error", "interrupted"), "bad"),
    **dict.fromkeys(("warning", "inconclusive", "waiting", "nothing tested"), "warn"),
}
MARKS: Mapping[str, str] = {"good": "✔", "bad": "✘", "warn": "⚠", "plain": "·"}
"""The marks of the tones."""
_OF_SEVERITY = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTICE: "plain"}


def tone(word: str) -> str:
    """The tone of a verdict or a result: `good`, `bad`, `warn` or `plain`."""
    return _TONES.get(word, "plain")


def verdict(report: Report) -> Mapping[str, str]:
    """The verdict with its tone and its mark."""
    of_verdict, marks = tone(report.verdict), {"inconclusive": "?", "waiting": "✋"}
    mark = marks.get(report.verdict, MARKS[of_verdict])
    return {"title": report.verdict.capitalize(), "tone": of_verdict, "mark": mark}


def counts(report: Report) -> Iterator[Mapping[str, object]]:
    """The numbers of the verdict, each with the section of the page that has what it counts."""
    sections = {"problem": ("problems", "bad"), "warning": ("warnings", "warn"), "passed": ("tasks", "good")}
    for number, word in text.counts(report):
        section, tone = sections.get(word.partition(" ")[0].removesuffix("s"), ("unchecked", "plain"))
        yield {"number": number, "words": word, "section": section, "tone": tone}


def sections(
    report: Report, facts: PageFacts, found: Sequence[Problem], advice: int, unchecked: int
) -> Iterator[Mapping[str, object]]:
    """The sections that the page has, in order, with the number of what is in each."""
    failed = sum(problem.outcome.status is Status.FAILED for problem in found)
    for id, title, number, there in (
        ("problems", "Problems" if failed else "Open results", failed or len(found), found),
        ("unchecked", "Not checked", unchecked, True),
        ("tasks", "Tasks", len(report.outcomes), True),
        ("warnings", "Warnings", advice, advice),
        ("api", "API", len(api_changes.changes(report.outcomes)), api_changes.changes(report.outcomes)),
        ("artifacts", "Artifacts", len(report.artifacts), report.artifacts),
        ("sboms", "SBOMs", len(sboms.sboms(report.outcomes)), sboms.sboms(report.outcomes)),
        ("smoke", "Smoke tests", len(facts.scenarios), facts.scenarios),
        ("contract", "Contract", len(facts.contract), facts.contract),
        ("answers", "Checklists", len(facts.answers), facts.answers),
        ("earlier", "Last run", None, True),
    ):
        if there:
            yield {"id": id, "title": title, "number": number}


def problem_view(problem: Problem, facts: PageFacts) -> Mapping[str, object]:
    """A problem or a warning as the template shows it: its messages, each with its places."""
    outcome, findings = problem.outcome, problem.findings
    groups = problem.by_message
    shown, rest = problems.shared_out(groups, _SHOWN)
    rows = [row for group, found in zip(groups, shown, strict=False) for row in _rows(problem, group, found.shown)]
    hidden = []
    for number, group in enumerate(groups):
        left = group[len(group) - shown[number].more :] if number < len(shown) else group
        hidden += list(_rows(problem, group, problems.places(left, _PLACES).shown)) if left else []
    failed = outcome.status is Status.FAILED and findings[0].severity is not Severity.WARNING
    return {
        "rule": problem.rule,
        "kind": _title_of_rule(problem, facts),
        "task": outcome.id,
        "headline": problem.headline or outcome.title,
        "details": _cut("\n".join(problem.details)),
        "fixes": problem.fixes,
        "where": _only_place(problem),
        "rows": rows,
        "rest": rest.rest,
        "hidden": hidden[:_PLACES],
        "left_out": len(hidden[_PLACES:]),
        "number": len(findings),
        "also": problem.also,
        "stage": outcome.stage.value,
        "status": outcome.status.value,
        "word": outcome.status.value if outcome.status in (Status.WAITING, Status.INCONCLUSIVE) else "",
        "tone": "bad" if failed else "warn",
        "paths": _paths(findings),
    }


def _title_of_rule(problem: Problem, facts: PageFacts) -> str:
    """The kind of problem that the rule is for; empty for a rule that no check declares by its name."""
    task = facts.tasks.get(problem.outcome.id)
    name = problem.rule.removeprefix(f"{problem.outcome.id}/")
    titles = (title for id, title in (task.rules if task else ()) if re.fullmatch(id, name))
    return next(titles, "")


def _only_place(problem: Problem) -> str:
    """The place of the message in the heading, where it has one alone."""
    return problem.findings[0].where if len(problem.by_message[0]) == 1 else ""


def _rows(problem: Problem, group: Sequence[Finding], places: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """The places of a message, below the heading; a further message is on one line with its places."""
    if group[0].message != problem.message:
        yield {"where": ", ".join(places), "message": group[0].message.partition("\n")[0]}
    elif not _only_place(problem):
        yield from ({"where": place, "message": ""} for place in places)


def _cut(content: str) -> str:
    return content if len(content) <= _DETAILS else f"{content[:_DETAILS]}\n… (cut: report.json has all of it)"


def _paths(findings: Iterable[Finding]) -> str:
    return "\n".join(dict.fromkeys(finding.path for finding in findings if finding.path))


def stage_views(report: Report, facts: PageFacts, times: Timeline) -> list[Mapping[str, Any]]:
    """The stages in order, each with its tasks, as the template shows them."""
    shown: list[Mapping[str, Any]] = []
    for row in stages.rows(report.outcomes):
        word, tone = _WORDS[row.mark]
        seconds = 0.0 if row.mark in (Mark.SKIPPED, Mark.BLOCKED) else round(row.seconds, 3)
        shown.append(
            {"name": row.stage.value, "words": row.words, "seconds": seconds}
            | {"mark": stages.UNICODE[row.mark], "word": word, "tone": tone}
            | {"tasks": [_task_view(outcome, facts, times) for outcome in row.outcomes]}
        )
    return shown


def _task_view(outcome: Outcome, facts: PageFacts, times: Timeline) -> Mapping[str, Any]:
    mark = stages.mark_of(outcome)
    word, tone = _WORDS[mark]
    known = facts.tasks.get(outcome.id)
    brief = _first_line(outcome) if outcome.status is Status.SKIPPED else ""
    rules = dict.fromkeys(finding.rule for finding in outcome.findings if finding.severity is not Severity.NOTICE)
    return {
        "id": outcome.id,
        "title": outcome.title,
        "mark": stages.UNICODE[mark],
        "word": "cached" if outcome.cached else word,
        "tone": tone,
        "brief": brief or str(outcome.cached or ""),
        "bar": times.bars.get(outcome.id),
        "chain": outcome.id in times.chain,
        "seconds": outcome.seconds if outcome.id in times.bars else None,
        "summary": " ".join(known.summary.split()) if known else "",
        "needs": known.needs if known else (),
        "findings": [_finding_view(finding) for finding in outcome.findings[:_FINDINGS]],
        "left_out": len(outcome.findings[_FINDINGS:]),
        "remedy": " ".join(outcome.remedy.split()) if outcome.status is Status.FAILED else "",
        "evidence": [(key, value) for key, value in outcome.evidence.items() if key not in (BLOCKED_BY, UNREACHED)],
        "actions": "\n".join(outcome.actions),
        "logs": known.logs if known else (),
        "rules": "\n".join(rules),
        "paths": _paths(outcome.findings),
    }


def _first_line(outcome: Outcome) -> str:
    """The reason of its status, in a line."""
    return outcome.findings[0].message.partition("\n")[0] if outcome.findings else ""


def _finding_view(finding: Finding) -> Mapping[str, str]:
    headline, _, details = finding.message.partition("\n")
    return {
        "severity": finding.severity.value,
        "tone": _OF_SEVERITY[finding.severity],
        "rule": finding.rule,
        "where": finding.where,
        "headline": headline,
        "details": _cut(details),
        "cause": finding.cause,
    }


_EARLIER = "cached from an earlier run: "  # what `smoke-live` says of a live run that is still valid
_WAIVED = re.compile(r"\((waived until [^\n]*)\)$")


def unchecked(report: Report) -> Iterator[Mapping[str, Any]]:
    """What has no result of this run, with the reason: grouped by it, the most important kinds first."""
    found: dict[tuple[str, str, str], list[str]] = {}

    def add(kind: str, tone: str, why: str, id: str) -> None:
        found.setdefault((kind, tone, why), []).append(id)

    outcomes = {outcome.id: outcome for outcome in report.outcomes}
    states = {Status.FAILED: "failed", Status.SKIPPED: "did not run"}
    for causes, ids in problems.blocked_tasks(report.outcomes).items():
        why = "; ".join(f"`{id}`, which {states.get(outcomes[id].status, 'has no result')}" for id in causes)
        for id in ids:
            add("not run", "bad", f"needs {why}", id)
    for outcome in report.outcomes:
        reason = _first_line(outcome)
        if outcome.status is Status.INCONCLUSIVE:
            add("inconclusive", "warn", reason, outcome.id)
        elif outcome.status is Status.WAITING:
            add("waiting", "warn", "a person must answer", outcome.id)
        elif outcome.cached:
            why = f"determined by run {outcome.cached.run}, {ago(outcome.cached.age)}: its inputs are the same"
            add("cached", "warn", why, outcome.id)
        elif any(finding.message.startswith(_EARLIER) for finding in outcome.findings):
            add("cached", "warn", reason, outcome.id)
        elif UNREACHED in outcome.evidence:
            add("not reached", "bad", reason, outcome.id)
        elif outcome.status is Status.SKIPPED and BLOCKED_BY not in outcome.evidence:
            off = reason.startswith("off in the settings")
            add("turned off" if off else "not applicable", "warn" if off else "plain", reason, outcome.id)
        for finding in outcome.findings:
            if finding.severity is Severity.NOTICE and (waived := _WAIVED.search(finding.message)):
                add("waived", "warn", waived[1], outcome.id)
        if accepted := outcome.evidence.get(IN_BASELINE):
            findings = "1 finding is" if accepted == 1 else f"{accepted} findings are"
            add("in the baseline", "warn", f"{findings} accepted, as they were there before", outcome.id)
    kinds = (
        *("not run", "not reached", "inconclusive", "waiting", "cached"),
        *("turned off", "waived", "in the baseline", "not applicable"),
    )
    for (kind, tone, why), ids in sorted(found.items(), key=lambda entry: kinds.index(entry[0][0])):
        yield {"kind": kind, "tone": tone, "why": why, "ids": list(dict.fromkeys(ids))}


def unchecked_lead(groups: Sequence[Mapping[str, Any]]) -> str:
    """The number of tasks of each kind, in words."""
    numbers: dict[str, int] = {}
    for group in groups:
        numbers[group["kind"]] = numbers.get(group["kind"], 0) + len(group["ids"])
    return f"This verdict does not cover: {', '.join(f'{number} {kind}' for kind, number in numbers.items())}."


def filters(
    shown: Sequence[Mapping[str, Any]], found: Sequence[Problem], advice: Sequence[Problem]
) -> Mapping[str, Sequence[str]]:
    """The choices of the filter: only what occurs on the page."""
    tasks = [task for stage in shown for task in stage["tasks"]]
    statuses = dict.fromkeys((*(task["word"] for task in tasks), *(["warning"] if advice else [])))
    rules = {rule for task in tasks for rule in task["rules"].split("\n") if rule}
    return {
        "statuses": list(statuses),
        "stages": [stage["name"] for stage in shown],
        "rules": sorted(rules | {problem.rule for problem in (*found, *advice)}),
    }
