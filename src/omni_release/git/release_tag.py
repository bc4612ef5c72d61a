"""The tag of a release: its name, whether the tags that exist are the project's, and whether it is of the past."""

from __future__ import annotations

import datetime
import re

from omni_release import distributions, git_queries
from omni_release.core.errors import Inconclusive, SettingsError, UsageError
from omni_release.core.model import Release
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.world import ReleasedTag, World
from omni_release.git import ReleaseRepository, TagRef, short
from omni_release.versions import tags as version_tags
from omni_release.versions.pep440 import parse
from omni_release.versions.tags import TagOwner
from omni_release.workspaces import discovery, history

USUAL_TEMPLATE = "v{version}"

_NEWER = datetime.timedelta(days=1)
"""A release of the last day has just begun: what has happened since then, its own checks have not seen either."""

_KEYS = ("tool", "omni-release", "git", "tag")


def released_version(release: Release, world: World) -> str:
    """The version that is released. Raises Inconclusive where the build determines it, and nothing is built yet."""
    version = distributions.version_to_release(release.version, world.journal.artifacts())
    if version is None:
        raise Inconclusive(
            "the version is determined by the build, and nothing is built yet", "Run `omni-release rehearse` first."
        )
    return version


def tag_name(release: Release, repository: ReleaseRepository, version: str) -> str:
    """The name of the tag for a version. Raises SettingsError where the setting `tag` gives no valid name."""
    configured = tag_owner(release).template
    if not configured:
        return fill(_usual_template(release, repository, version), release, version)
    problem = ""
    if "{version}" not in configured or re.search(r"[{}]", re.sub(r"\{(?:version|name)\}", "", configured)):
        problem = "must contain `{version}`, and may contain `{name}`"
    elif configured.startswith("-"):
        problem = "must not begin with a hyphen, which git takes for an option"
    elif repository.ask("check-ref-format", f"refs/tags/{fill(configured, release, '1.0')}").code != 0:
        problem = "is not a valid tag name"
    if problem:
        root = release.project.root
        raise SettingsError(
            f"`tag` in [tool.omni-release.git] {problem}: {configured!r}",
            'A common value is "v{version}".',
            path=root / "pyproject.toml",
            line=pyproject_line(root, _KEYS),
        )
    return fill(configured, release, version)


def fill(template: str, release: Release, version: str) -> str:
    """The template with the version and the project's name in it."""
    return template.replace("{version}", version).replace("{name}", release.project.name)


def _usual_template(release: Release, repository: ReleaseRepository, version: str) -> str:
    """The style of the highest version's tag: among those that name this project, else those that name none.

    In a workspace, a tag without a name is this package's only where its version is not higher: it can be another's.
    """
    names = existing_tags(repository)
    tags = version_tags.own_tags(names, tag_owner(release))
    workspace = discovery.around(release.project.root)
    package = workspace.package_at(release.project.root) if workspace else None
    stated = parse(version)
    if package and package.folder != "." and stated:
        tags = [tag for tag in tags if tag.named or tag.version.key <= stated.key]
    if tags:
        return max(tags, key=lambda tag: (tag.named, tag.version.key)).prefix + "{version}"
    if workspace and package:
        return history.tag_template(workspace, package, None)
    # All tags are of other projects in the repository: this project's tag must differ from theirs.
    shared = any(version_tags.split_tag(name) for name in names) and str(release.inside) != "."
    return "{name}-" + USUAL_TEMPLATE if shared else USUAL_TEMPLATE


def tag_owner(release: Release) -> TagOwner:
    """The released project, as an owner of tags."""
    project = release.project
    return version_tags.owner_of(str(project.root), project.name, project.settings.git.tag)


def existing_tags(repository: ReleaseRepository) -> tuple[str, ...]:
    """The names of the local tags; where there are none, as in a clone made by CI, of those on the remote.

    Raises Inconclusive where the remote does not answer.
    """
    local = repository.ask("for-each-ref", "--format=%(refname:strip=2)", "refs/tags").out.splitlines()
    if local or repository.remote is None:
        return tuple(local)
    return tuple(repository.remote_tags())


def conflict(name: str, tag: TagRef, where: str, repository: ReleaseRepository) -> str:
    """Why a tag is not the release's: it points to another commit. Empty where it points to the released one."""
    if tag.commit == repository.commit:
        return ""
    return f"tag {name} points to {short(tag.commit)} {where}, but the release is {short(repository.commit)}"


def released_tag(release: Release, world: World) -> ReleasedTag | None:
    """The tag on the commit of a version that the index has; None without one, or where the release has just begun.

    Where only the build determines the version, before the build it is that of the highest tag. Without an answer of
    the index nothing is released: a version that can still be released is judged by what is true today.
    """
    root = str(release.project.root)
    # The tagger's time: very old tags, and tags of tags, have that of the commit alone.
    form = "--format=%(refname:strip=2)%09%(creatordate:unix)%09%(*committerdate:unix)"
    listed = git_queries.output(root, "for-each-ref", "--points-at=HEAD", form, "refs/tags")
    lines = (line.split("\t") for line in (listed or "").splitlines())
    times = {name: created or committed for name, created, committed in lines if created or committed}
    own = sorted(version_tags.own_tags(times, tag_owner(release)), key=lambda tag: tag.version.key, reverse=True)
    stated = distributions.version_to_release(release.version, world.journal.artifacts())
    version = parse(stated) if stated else own[0].version if own else None
    name = next((tag.name for tag in own if version and tag.version.key == version.key), "")
    if not name:
        return None
    time = datetime.datetime.fromtimestamp(int(times[name]), datetime.UTC)
    if world.clock.now() - time <= _NEWER or not _is_published(world, release.project.name, stated or str(version)):
        return None
    return ReleasedTag(name, time)


def _is_published(world: World, project: str, version: str) -> bool:
    try:
        return world.default_index.has_version(project, version)
    except (Inconclusive, UsageError):
        return False
