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
from importlib import resources
from typing import TYPE_CHECKING

from omni_release import __version__
from omni_release.core.model import Report
from omni_release.core.own_commands import typed
from omni_release.core.redaction import printable
from omni_release.core.text import dollars
from omni_release.report import api_changes, next_step, page_evidence, page_views, problems, sboms, text
from omni_release.report.page_facts import PageFacts
from omni_release.report.timeline import clock, timeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jinja2 import Environment
    from markupsafe import Markup

    from omni_release.report.workspace import WorkspaceReport

_TEMPLATE = "page.html.j2"


def document(report: Report, facts: PageFacts, compiled: Path | None = None) -> str:
    """The page of a run. Both must be without secrets. Raises ModuleNotFoundError where Jinja2 is not installed.

    `compiled` is a folder of this user alone for the compiled template.
    """
    environment = _environment(compiled)
    needs = {id: task.needs for id, task in facts.tasks.items()}
    times = timeline(report.outcomes, needs, report.seconds)
    shown = page_views.stage_views(report, facts, times)
    found, advice = problems.problems(report), problems.warnings(report)
    unchecked = list(page_views.unchecked(report))
    sections = page_views.sections(report, facts, found, len(advice), sum(len(group["ids"]) for group in unchecked))
    words, command, rest = _split_command(next_step.after(report))
    style, script = (resources.files(__package__).joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    markup: type[Markup] = environment.filters["markup"]
    template = environment.get_template(_TEMPLATE)
    return template.render(
        report=report,
        facts=facts,
        tool=__version__,
        style=markup(style),
        script=markup(script),
        policy=_policy(style, script),
        target=text.target_of(report),
        subject=f"{report.project} {report.version}" if report.version else report.project,
        verdict=page_views.verdict(report),
        counts=list(page_views.counts(report)),
        next_words=words,
        next_command=typed(command),
        next_rest=rest,
        sections=list(sections),
        problems=[page_views.problem_view(problem, facts) for problem in found],
        problems_title=text.heading(found),
        unchecked=unchecked,
        unchecked_lead=page_views.unchecked_lead(unchecked),
        timeline=times,
        chain=times.chain,
        stages=shown,
        warnings=[page_views.problem_view(problem, facts) for problem in advice],
        contents=[page_evidence.contents_view(contents) for contents in facts.contents],
        modes=list(page_evidence.modes(facts.scenarios)),
        scenarios=[page_evidence.scenario_view(scenario) for scenario in facts.scenarios],
        api=api_changes.changes(report.outcomes),
        sboms=sboms.sboms(report.outcomes),
        names={artifact.sha256: artifact.name for artifact in report.artifacts},
        task_ids={outcome.id for outcome in report.outcomes},
        filters=page_views.filters(shown, found, advice),
    ).lstrip()


def workspace_document(report: WorkspaceReport, links: Mapping[str, str], compiled: Path | None = None) -> str:
    """The page of a run of a workspace, with a section for each package; as `document` otherwise.

    `links` are the pages of the packages, by name, relative to this one.
    """
    environment = _environment(compiled)
    words, command, rest = _split_command(report.step)
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    sections = []
    for section in report.sections:
        found = problems.problems(section.report) if section.report else []
        numbers = text.counts(section.report) if section.report else ()
        sections.append(
            {
                "name": section.name,
                "version": section.version,
                "folder": section.folder,
                "verdict": section.verdict,
                "reason": section.reason,
                "link": links.get(section.name, ""),
                "problems": [page_views.problem_view(problem, PageFacts()) for problem in found],
                "counts": ", ".join(f"{number} {word}" for number, word in numbers),
                "artifacts": section.report.artifacts if section.report else (),
            }
        )
    return (
        environment.get_template("workspace.html.j2")
        .render(
            report=report,
            tool=__version__,
            style=environment.filters["markup"](style),
            policy=_policy(style, ""),
            sections=sections,
            words=words,
            command=command,
            rest=rest,
        )
        .lstrip()
    )


def load(compiled: Path | None = None) -> None:
    """Load Jinja2 and the template: `document` needs both. Raises ModuleNotFoundError as that."""
    _environment(compiled).get_template(_TEMPLATE)


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
        "tone": page_views.tone,
        "usd": lambda usd: "unknown" if usd is None else dollars(usd),
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
