"""Do all places that state the version agree?"""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import versions
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World

DRIFT = Rule("version-drift", RuleClass.RELEASE, "Places disagree on the version")
UNREADABLE = Rule("version-unreadable", RuleClass.RELEASE, "File that may state the version is malformed")
NO_HEADING = Rule("changelog-heading", RuleClass.RELEASE, "Changelog has no heading for the version")


@reports(DRIFT, UNREADABLE, NO_HEADING)
def versions_agree(release: Release, world: World) -> Iterator[Finding]:
    """Versions agree

    Every place that states the version states the same one, and the changelog has a heading for it.

    Fix: run `omni-release version sync`, which writes the source's version into all places (`--dry-run` shows the
    change). Write the changelog's heading by hand.
    """
    return findings(versions.find_places(str(release.project.root)))


@reports(DRIFT, UNREADABLE, NO_HEADING)
def staged_versions_agree(release: Release, world: World) -> Iterator[Finding]:
    """Versions agree in the staged files

    In what a commit would contain, every place that states the version states the same one.

    Fix: run `omni-release version sync`, which writes the source's version into all places, and stage the changes.
    """
    return findings(versions.find_places(str(release.project.root), staged=True))


def findings(project: versions.ProjectVersions) -> Iterator[Finding]:
    """The findings about a project's places.

    Raises Inconclusive where no file that can be read states the version, NotApplicable where only the build can
    determine it.
    """
    for path, reason in project.unreadable:
        yield Finding(f"cannot be read, so versions in it are unknown: {reason}", UNREADABLE.id, Severity.WARNING, path)
    source = project.source
    if source is None and project.unreadable:
        reasons = "; ".join(f"{path}: {reason}" for path, reason in project.unreadable)
        raise Inconclusive(f"no file that can be read states the version ({reasons})", "Fix the malformed files.")
    if source is None:
        raise NotApplicable("no place states the version: the build determines it")
    for place in versions.drift(project.places):
        message = f"says {place.value}, but {source.path}:{source.line} says {source.value}"
        yield Finding(message, DRIFT.id, path=place.path, line=place.line, column=place.column)
    for path in project.unheaded:
        message = f"has headings for other versions, but none for {source.value}"
        yield Finding(message, NO_HEADING.id, Severity.WARNING, path)
