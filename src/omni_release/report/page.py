"""Report → one HTML page: read from disk, without a network, and without a script.

The template is `page.html.j2`, its style and script are beside it. All text is escaped by Jinja2; control characters
are shown as escapes. The script only filters, searches and copies; the policy in the page permits it and the style by
their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from omni_release import __version__
from omni_release.core.model import BLOCKED_BY, IN_BASELINE, Finding, Outcome, Report, Severity, Stage, Status, ago
from omni_release.core.redaction import printable
from omni_release.report import problems, stages, text
from omni_release.report.page_facts import Contents, PageFacts, Scenario
from omni_release.report.problems import Problem
from omni_release.report.stages import Mark
from omni_release.report.timeline import Timeline, clock, timeline

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Environment
    from markupsafe import Markup

FILE = "report.html"
"""The name of the page in a run folder."""

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
}
_TONES = {
    **dict.fromkeys(("passed", "answered"), "good"),
    **dict.fromkeys(("failed", "error", "interrupted"), "bad"),
    **dict.fromkeys(("warning", "inconclusive", "waiting", "nothing tested"), "warn"),
}
_MARKS = {"good": "✔", "bad": "✘", "warn": "⚠", "plain": "·"}
_OF_SEVERITY = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTICE: "plain"}
_MODES = {
    "recorded": "Responses from cassettes: no call of the service was made, and nothing was paid.",
    "emulated": "Against the emulator on this machine: this proves nothing about the service.",
    "live": "Against the live service.",
}


def document(report: Report, facts: PageFacts, compiled: Path | None = None) -> str:
    """The page of a run. Both must be without secrets. Raises ModuleNotFoundError where Jinja2 is not installed.

    `compiled` is a folder of this user alone for the compiled template.
    """
    environment = _environment(compiled)
    needs = {id: task.needs for id, task in facts.tasks.items()}
    times = timeline(report.outcomes, needs, report.seconds)
    shown = _stages(report, facts, times)
    found, advice = problems.problems(report), problems.warnings(report)
    unchecked = list(_unchecked(report, facts))
    words, command, rest = _split_command(problems.next_step(report))
    style, script = (resources.files(__package__).joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    markup: type[Markup] = environment.filters["markup"]
    template = environment.get_template("page.html.j2")
    return template.render(
        report=report,
        facts=facts,
        tool=__version__,
        style=markup(style),
        script=markup(script),
        policy=_policy(style, script),
        subject=f"{report.project} {report.version}" if report.version else report.project,
        verdict=_verdict(report),
        counts=list(_counts(report)),
        next_words=words,
        next_command=command,
        next_rest=rest,
        sections=list(_sections(report, facts, found, len(advice), sum(len(group["ids"]) for group in unchecked))),
        problems=[_problem_view(problem, facts) for problem in found],
        problems_title=text.heading(found),
        unchecked=unchecked,
        unchecked_lead=_unchecked_lead(unchecked),
        timeline=times,
        chain=times.chain,
        stages=shown,
        warnings=[_problem_view(problem, facts) for problem in advice],
        contents=[_contents_view(contents) for contents in facts.contents],
        modes=list(_modes(facts.scenarios)),
        scenarios=[_scenario_view(scenario) for scenario in facts.scenarios],
        names={artifact.sha256: artifact.name for artifact in report.artifacts},
        task_ids={outcome.id for outcome in report.outcomes},
        filters=_filters(shown, found, advice),
    ).lstrip()


@functools.cache
def _environment(compiled: Path | None) -> Environment:
    """Jinja2 with the filters of the template. An unknown name is an error, and all that is not markup is escaped.

    To compile the template takes as long as the rest: `compiled` is the folder in which Jinja2 keeps the result.
    """
    import jinja2
    import markupsafe

    def shown(value: object) -> object:
        return printable(value) if isinstance(value, str) and not isinstance(value, markupsafe.Markup) else value

    def prose(value: str) -> Markup:
        """Text with `code` in it."""
        if "`" not in value:
            return markupsafe.escape(printable(value))
        parts = re.split(r"`([^`\n]+)`", printable(value))
        escaped = (markupsafe.escape(part) for part in parts)
        return markupsafe.Markup().join(code.format(part) if at % 2 else part for at, part in enumerate(escaped))

    code = markupsafe.Markup("<code>{}</code>")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("omni_release.report", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=jinja2.FileSystemBytecodeCache(str(compiled)) if compiled else None,
    )
    environment.filters |= {
        "address": _address,
        "clock": clock,
        "ended_as": lambda verdict: {"nothing tested": "tested nothing"}.get(verdict, verdict),
        "latency": lambda seconds: f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s",
        "markup": markupsafe.Markup,
        "prose": prose,
        "size": text.size,
        "slug": _slug,
        "tone": lambda word: _TONES.get(word, "plain"),
        "usd": lambda usd: "unknown" if usd is None else f"${usd:.3f}",
        "when": _when,
    }
    return environment


def _split_command(step: str) -> tuple[str, str, str]:
    """The words of a next step before its command, the command, and the words after it; each may be empty."""
    at = step.find("omni-release ")
    if at < 0:
        return step, "", ""
    command, comma, rest = step[at:].partition(", ")
    return step[:at], command, comma + rest


def _policy(style: str, script: str) -> str:
    """The content security policy: this style, this script, pictures in the page; nothing is loaded or sent."""

    def allowed(content: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {allowed(style)}; script-src {allowed(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _slug(id: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", id)


def _address(path: str) -> str:
    """A relative path as an address: nothing in it is a scheme, a query or a fragment."""
    import os
    from urllib.parse import quote

    return quote(os.fsencode(path))


def _when(stamp: str) -> str:
    """A time in ISO 8601 for people; as it is where it is something else."""
    try:
        return f"{datetime.datetime.fromisoformat(stamp).astimezone(datetime.UTC):%d %B %Y, %H:%M} UTC".lstrip("0")
    except ValueError:
        return stamp


def _verdict(report: Report) -> Mapping[str, str]:
    tone = _TONES.get(report.verdict, "plain")
    marks = {"inconclusive": "?", "waiting": "✋"}
    return {"title": report.verdict.capitalize(), "tone": tone, "mark": marks.get(report.verdict, _MARKS[tone])}


def _counts(report: Report) -> Iterator[Mapping[str, object]]:
    sections = {"problem": ("problems", "bad"), "warning": ("warnings", "warn"), "passed": ("tasks", "good")}
    for number, word in text.counts(report):
        section, tone = sections.get(word.partition(" ")[0].removesuffix("s"), ("unchecked", "plain"))
        yield {"number": number, "words": word, "section": section, "tone": tone}


def _sections(
    report: Report, facts: PageFacts, found: Sequence[Problem], advice: int, unchecked: int
) -> Iterator[Mapping[str, object]]:
    failed = sum(problem.outcome.status is Status.FAILED for problem in found)
    for id, title, number, there in (
        ("problems", "Problems" if failed else "Open results", failed or len(found), found),
        ("unchecked", "Not checked", unchecked, True),
        ("tasks", "Tasks", len(report.outcomes), True),
        ("warnings", "Warnings", advice, advice),
        ("artifacts", "Artifacts", len(report.artifacts), report.artifacts),
        ("smoke", "Smoke tests", len(facts.scenarios), facts.scenarios),
        ("contract", "Contract", len(facts.contract), facts.contract),
        ("answers", "Checklists", len(facts.answers), facts.answers),
        ("earlier", "Last run", None, True),
    ):
        if there:
            yield {"id": id, "title": title, "number": number}


def _problem_view(problem: Problem, facts: PageFacts) -> Mapping[str, object]:
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


def _stages(report: Report, facts: PageFacts, times: Timeline) -> list[Mapping[str, Any]]:
    """The stages in order, each with its tasks, as the template shows them."""
    shown: list[Mapping[str, Any]] = []
    for stage in Stage:
        outcomes = [outcome for outcome in report.outcomes if outcome.stage is stage]
        ran = [(o.started, o.started + o.seconds) for o in outcomes if o.started is not None and o.id in times.bars]
        seconds = max(end for _, end in ran) - min(begun for begun, _ in ran) if ran else 0.0
        if outcomes:
            row = stages.row(stage, outcomes, report.outcomes, seconds)
            word, tone = _WORDS[row.mark]
            tasks = [_task_view(outcome, facts, times) for outcome in outcomes]
            mark = stages.UNICODE[row.mark]
            seconds = 0.0 if row.mark in (stages.Mark.SKIPPED, stages.Mark.BLOCKED) else round(seconds, 3)
            shown.append(
                {"name": stage.value, "words": row.words, "seconds": seconds, "tasks": tasks}
                | {"mark": mark, "word": word, "tone": tone}
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
        "evidence": [(key, value) for key, value in outcome.evidence.items() if key != BLOCKED_BY],
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


def _unchecked(report: Report, facts: PageFacts) -> Iterator[Mapping[str, Any]]:
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
        elif outcome.status is Status.SKIPPED and BLOCKED_BY not in outcome.evidence:
            off = reason.startswith("off in the settings")
            add("turned off" if off else "not applicable", "warn" if off else "plain", reason, outcome.id)
        for finding in outcome.findings:
            if finding.severity is Severity.NOTICE and (waived := _WAIVED.search(finding.message)):
                add("waived", "warn", waived[1], outcome.id)
        if accepted := outcome.evidence.get(IN_BASELINE):
            findings = "1 finding is" if accepted == 1 else f"{accepted} findings are"
            add("in the baseline", "warn", f"{findings} accepted, as they were there before", outcome.id)
    for task in facts.tasks.values():
        if task.id not in outcomes:
            why = "the run was interrupted before it" if report.interrupted else "the run ended before it"
            add("not reached", "bad", why, task.id)
    kinds = (
        *("not run", "not reached", "inconclusive", "waiting", "cached"),
        *("turned off", "waived", "in the baseline", "not applicable"),
    )
    for (kind, tone, why), ids in sorted(found.items(), key=lambda entry: kinds.index(entry[0][0])):
        yield {"kind": kind, "tone": tone, "why": why, "ids": list(dict.fromkeys(ids))}


_EARLIER = "cached from an earlier run: "  # what `smoke-live` says of a live run that is still valid
_WAIVED = re.compile(r"\((waived until [^\n]*)\)$")


def _unchecked_lead(groups: Sequence[Mapping[str, Any]]) -> str:
    """The number of tasks of each kind, in words."""
    numbers: dict[str, int] = {}
    for group in groups:
        numbers[group["kind"]] = numbers.get(group["kind"], 0) + len(group["ids"])
    return f"This verdict does not cover: {', '.join(f'{number} {kind}' for kind, number in numbers.items())}."


def _contents_view(contents: Contents) -> Mapping[str, Any]:
    root: dict[str, Any] = {}
    for file in contents.files:
        *folders, name = file.path.split("/")
        at = root
        for folder in folders:
            at = at.setdefault(f"{folder}/", {})
        at[name] = file.size
    number, size = len(contents.files) + contents.more, sum(file.size for file in contents.files)
    summary = f"{number} file{'' if number == 1 else 's'}, {text.size(size)} unpacked"
    return {
        "name": contents.name,
        "tree": _folder_view(root),
        "summary": summary if contents.files else "",
        "problem": contents.problem,
        "more": contents.more,
    }


def _folder_view(folder: Mapping[str, Any]) -> Mapping[str, Any]:
    folders = [(name[:-1], _folder_view(inner)) for name, inner in sorted(folder.items()) if isinstance(inner, dict)]
    files = [(name, size) for name, size in sorted(folder.items()) if not isinstance(size, dict)]
    return {
        "folders": folders,
        "files": files,
        "count": len(files) + sum(inner["count"] for _, inner in folders),
        "size": sum(size for _, size in files) + sum(inner["size"] for _, inner in folders),
    }


def _modes(scenarios: Sequence[Scenario]) -> Iterator[Mapping[str, str]]:
    """The modes that smoke tests ran in, each with its results and its total cost."""
    for mode in dict.fromkeys(scenario.mode for scenario in scenarios):
        of_mode = [scenario for scenario in scenarios if scenario.mode == mode]
        results: dict[str, int] = {}
        for scenario in of_mode:
            results[scenario.outcome] = results.get(scenario.outcome, 0) + 1
        calls = [attempt for scenario in of_mode for attempt in scenario.attempts]
        said = ", ".join(f"{number} {outcome}" for outcome, number in results.items())
        cost = f", ${sum(scenario.usd for scenario in of_mode):.3f}" if calls and mode != "recorded" else ""
        unknown = sum(call.usd is None for call in calls) if mode != "recorded" else 0
        more = f" and {unknown} call{'' if unknown == 1 else 's'} of unknown cost" if unknown else ""
        estimate = " (what the service would have charged)" if cost and mode == "emulated" else ""
        number = len(calls)
        total = f"In total {said}; {number} call{'' if number == 1 else 's'}{cost}{more}{estimate}."
        yield {"name": mode, "words": _MODES.get(mode, ""), "summary": total}


def _scenario_view(scenario: Scenario) -> Mapping[str, Any]:
    tone = _TONES.get(scenario.outcome, "plain")
    pictures = [
        {"alt": f"Image {number} of {scenario.name}: {attempt.prompt[:160]}".rstrip(": ")}
        | {name: getattr(picture, name) for name in ("path", "size", "width", "height", "note")}
        | {"preview": _data_address(picture.preview, picture.mime_type)}
        for attempt in scenario.attempts
        for number, picture in enumerate(attempt.pictures, 1)
    ]
    return {
        "name": scenario.name,
        "mode": scenario.mode,
        "tone": tone,
        "mark": "?" if scenario.outcome == "inconclusive" else _MARKS[tone],
        "word": scenario.outcome,
        "why": scenario.why,
        "place": scenario.place,
        "seconds": scenario.seconds,
        "attempts": scenario.attempts,
        "pictures": pictures,
        "prompts": list(dict.fromkeys(attempt.prompt for attempt in scenario.attempts if attempt.prompt)),
    }


def _data_address(content: bytes, mime_type: str) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}" if content else ""


def _filters(
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
