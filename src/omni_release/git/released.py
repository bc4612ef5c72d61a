"""Whether the commit is a release of the past: its own tag is on it, and the index has its version."""

from __future__ import annotations

import datetime

from omni_release import distributions, git_queries
from omni_release.core.errors import Inconclusive, UsageError
from omni_release.core.model import Release
from omni_release.core.world import ReleasedTag, World
from omni_release.versions import tags
from omni_release.versions.pep440 import parse

_NEWER = datetime.timedelta(days=1)
"""A release of the last day has just begun: what has happened since then, its own checks have not seen either."""


def released_tag(release: Release, world: World) -> ReleasedTag | None:
    """The tag of this version on the commit; None where there is none, or the release has just begun.

    Where only the build determines the version, before the build it is that of the highest tag. Without an answer of
    the index nothing is released: a version that can still be released is judged by what is true today.
    """
    root = str(release.project.root)
    # The tagger's time: very old tags, and tags of tags, have that of the commit alone.
    form = "--format=%(refname:strip=2)%09%(creatordate:unix)%09%(*committerdate:unix)"
    listed = git_queries.output(root, "for-each-ref", "--points-at=HEAD", form, "refs/tags")
    lines = (line.split("\t") for line in (listed or "").splitlines())
    times = {name: created or committed for name, created, committed in lines if created or committed}
    owner = tags.owner_of(root, release.project.name, release.project.settings.git.tag)
    own = sorted(tags.own_tags(times, owner), key=lambda tag: tag.version.key, reverse=True)
    stated = distributions.version_to_release(release.version, world.journal.artifacts())
    version = parse(stated) if stated else own[0].version if own else None
    name = next((tag.name for tag in own if version and tag.version.key == version.key), "")
    if not name:
        return None
    time = datetime.datetime.fromtimestamp(int(times[name]), datetime.UTC)
    old = world.clock.now() - time > _NEWER
    return (
        ReleasedTag(name, time) if old and _is_published(world, release.project.name, stated or str(version)) else None
    )


def _is_published(world: World, project: str, version: str) -> bool:
    try:
        return world.default_index.has_version(project, version)
    except (Inconclusive, UsageError):
        return False
