"""Whether the index's project admits this release: its status, and the versions that it has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from omni_release import distributions
from omni_release.core.errors import InvalidDistribution, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import IndexFile, World
from omni_release.index import polling
from omni_release.versions import tags as version_tags
from omni_release.versions.pep440 import Version, parse

QUARANTINED = Rule("project-quarantined", RuleClass.RELEASE, "Project is in quarantine on the index")
ARCHIVED = Rule("project-archived", RuleClass.RELEASE, "Project is archived on the index")
DEPRECATED = Rule("project-deprecated", RuleClass.RELEASE, "Project is marked as deprecated on the index")
UNKNOWN_STATUS = Rule("project-status-unknown", RuleClass.RELEASE, "Project has an unknown status on the index")

# https://packaging.python.org/en/latest/specifications/project-status-markers/ (PEP 792): what each is, what to do, and
# whether the index takes uploads.
_STATUSES = {
    "quarantined": (
        *(QUARANTINED, Severity.ERROR, "is in quarantine: the index takes no uploads, and offers none of its files"),
        "Ask the index's administrators why, and have the quarantine lifted before you release.",
    ),
    "archived": (
        *(ARCHIVED, Severity.ERROR, "is archived: the index takes no uploads"),
        "Unarchive it in the project's settings on the index, then run this again.",
    ),
    "deprecated": (
        *(DEPRECATED, Severity.WARNING, "is marked as deprecated: installers may warn all its users"),
        "Remove the mark on the index if the project is maintained again.",
    ),
}


@reports(QUARANTINED, ARCHIVED, DEPRECATED, UNKNOWN_STATUS)
def project_active(release: Release, world: World) -> Iterator[Finding]:
    """Project is active on the index

    The index does not show the project as quarantined or archived, which stops every upload, or as deprecated
    (PEP 792).

    Fix: unarchive the project in its settings on the index. Of a quarantine, ask the index's administrators.
    """
    from packaging.utils import canonicalize_name

    project = str(canonicalize_name(release.project.name))
    status = polling.project_status(world, project)
    if status is None:
        raise NotApplicable(f"{world.index.target.name} does not have the project yet")
    if status.name == "active":
        return
    reason = f" ({status.reason})" if status.reason else ""
    if status.name in _STATUSES:
        rule, severity, what, advice = _STATUSES[status.name]
        yield Finding(f"{world.index.target.name}: {project} {what}{reason}\n→ {advice}", rule.id, severity)
    else:
        message = (
            f"{world.index.target.name}: {project} has the status {status.name!r}{reason}, which PEP 792 does not have"
        )
        advice = "Look up what this index means by it, and whether it takes uploads."
        yield Finding(f"{message}\n→ {advice}", UNKNOWN_STATUS.id, Severity.WARNING)


GOES_BACK = Rule("version-below-index", RuleClass.RELEASE, "Version is lower than those on the index")


@reports(GOES_BACK)
def version_follows_index(release: Release, world: World) -> Iterator[Finding]:
    """Version follows the index's versions

    The version is the highest on the index, or the highest of an older series that the index has.

    Fix: set the right version with `omni-release version set VERSION`. To release a lower one on purpose, add a waiver
    for `version-follows-index/version-below-index`.
    """
    from packaging.utils import canonicalize_name

    version = distributions.version_to_release(release.version, world.journal.artifacts())
    if version is None:
        raise NotApplicable("the version is determined by the build, and nothing is built yet")
    listed = polling.files(world, str(canonicalize_name(release.project.name)))
    if any(distributions.is_of(file.name, version) for file in listed):  # a started release is finished
        return
    if found := _lower(version, _versions(listed)):
        message, severity = found
        yield Finding(f"{world.index.target.name}: {message}", GOES_BACK.id, severity)


def _versions(listed: tuple[IndexFile, ...]) -> list[Version]:
    """The final versions of the files."""
    found = set()
    for file in listed:
        with contextlib.suppress(InvalidDistribution):
            found.add(distributions.name_and_version(file.name)[1])
    return [version for text in found if (version := parse(text)) and version_tags.is_final(version)]


def _lower(stated: str, released: list[Version]) -> tuple[str, Severity] | None:
    """What is said of a version that is lower than one of these; None where it is the highest."""
    version = parse(stated)
    if version is None or not released or (newest := max(released, key=lambda other: other.key)).key < version.key:
        return None
    if in_series := version_tags.later_in_series(version, released):
        latest = max(in_series, key=lambda other: other.key)
        return f"{stated} is lower than {latest} of the same series", Severity.ERROR
    if version_tags.continues_series(version, released):
        return f"{stated} is a release of an older series; the newest version is {newest}", Severity.WARNING
    return f"{stated} is lower than {newest}, the newest version, and begins an older series", Severity.ERROR
