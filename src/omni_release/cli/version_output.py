"""What `version` prints: the outcome of the check, the places, and what a change leaves alone."""

from __future__ import annotations

import os
import sys

from omni_release.cli import lane
from omni_release.core import errors
from omni_release.versions.pep440 import normalize
from omni_release.versions.place import DERIVED, DOC, TAG

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from omni_release.core.model import Finding, Outcome, Project, Report
    from omni_release.versions import Place, ProjectVersions


class Arguments(lane.Arguments):
    """The arguments of `version`; `verb` is sync, set or bump, `value` the version or the part to bump."""

    staged: bool = False
    verb: str = ""
    value: str = ""
    docs: bool = False
    index: str = ""
    package: tuple[str, ...] = ()


def outcome(project: Project, found: ProjectVersions, *, staged: bool, as_json: bool) -> Outcome:
    """What the check says of these places, under the settings. Raises NotApplicable where only the build knows it."""
    from omni_release.versions.checks import findings, staged_versions_agree, versions_agree

    try:
        said = tuple(findings(found, tuple(package.path.as_posix() for package in project.packages)))
    except errors.NotApplicable:
        if not as_json:
            raise
        said = ()  # the document says that there is no version
    return judged(project, staged_versions_agree if staged else versions_agree, "versions-agree", said)


def judged(project: Project, look: Callable[..., Iterator[Finding]], id: str, said: Iterable[Finding]) -> Outcome:
    """The outcome of the check `look` that has said this, under the project's settings, as the engine judges it."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from omni_release.core import severity, waivers
    from omni_release.core.model import Outcome, Severity, Status
    from omni_release.core.tasks import check

    task = replace(check(look), id=id)
    said = tuple(replace(finding, rule=f"{task.id}/{finding.rule}") for finding in said)
    failed = any(finding.severity is Severity.ERROR for finding in said)
    status = Status.FAILED if failed else Status.PASSED
    outcome = Outcome(task.id, task.title, task.kind, status, said, task.remedy)
    return waivers.apply(severity.apply(outcome, task, project.settings), project, datetime.now(UTC).date())


def show(report: Report) -> None:
    """Print a report as a lane does, in short."""
    from omni_release.adapters.secrets import Secrets
    from omni_release.adapters.terminal import terminal
    from omni_release.core.own_commands import typed
    from omni_release.core.redaction import redacted
    from omni_release.report import next_step, stages, text

    step, report = typed(next_step.after(report)), redacted(report, typed)
    with terminal(sys.stdout, os.environ, Secrets.of(os.environ).redact) as screen:
        layout = text.Layout(screen.width, screen.unicode)
        screen.say([text.header_line(report.project, report.version, None, ""), ""])
        screen.say(text.stage_line(row, layout) for row in stages.rows(report.outcomes))
        screen.say(text.problem_lines(report, layout))
        screen.say(text.verdict_lines(report, step, layout))


def document(found: ProjectVersions, drift: Iterable[Place]) -> dict[str, Any]:
    """The places as JSON has them: docs/version.schema.json."""

    def fields(place: Place) -> dict[str, str | int]:
        return {name: getattr(place, name) for name in ("path", "line", "column", "value", "role")}

    return {
        "version": normalize(found.source.value) if found.source else None,
        "source": f"{found.source.path}:{found.source.line}" if found.source else None,
        "places": [fields(place) for place in found.places],
        "drift": [fields(place) for place in drift],
    }


def unchanged(found: ProjectVersions, *, docs: bool) -> Iterator[str]:
    """The places that a change leaves alone, each with the reason."""
    for place in found.places:
        if place.role == DERIVED:
            yield f"{place.where}: computed, nothing to write: {place.value}"
        elif place.role == DOC and not docs:
            yield f"{place.where}: prose, unchanged without --docs: {place.value}"
        elif place.form.startswith(TAG):
            yield f"the version comes from the tag {place.path.removeprefix('refs/tags/')}: tag the commit to change it"
