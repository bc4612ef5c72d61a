"""What a release's tag is called: as the settings say, else as the tags that are there are called."""

from __future__ import annotations

import re

from omni_release import distributions, git
from omni_release.core.errors import Inconclusive, SettingsError
from omni_release.core.model import Release
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.world import World
from omni_release.git import Repository
from omni_release.versions import guards

USUAL = "v{version}"
_KEYS = ("tool", "omni-release", "git", "tag")


def version_of(release: Release, world: World) -> str:
    """The version that is released. Raises CannotTell where only the build can tell it, and nothing is built yet."""
    version = distributions.released(release.version, world.journal.artifacts())
    if version is None:
        raise Inconclusive(
            "only the build can tell the version, and nothing is built yet", "Run omni-release rehearse."
        )
    return version


def template(release: Release, repository: Repository) -> str:
    """The tag's name with `{version}` in it. Raises SettingsError for one that names no tag."""
    stated = release.project.settings.git.tag
    if not stated:
        return _as_the_others(release, repository)
    if "{version}" not in stated or re.search(r"[{}]", stated.replace("{version}", "").replace("{name}", "")):
        raise _wrong(release, "needs `{version}` in it, and may have `{name}`")
    if repository.ask("check-ref-format", f"refs/tags/{filled(stated, release, '1.0')}").code != 0:
        raise _wrong(release, "is nothing that git takes as a tag's name")
    return stated


def name(release: Release, repository: Repository, version: str) -> str:
    """The tag's name."""
    return filled(template(release, repository), release, version)


def filled(template: str, release: Release, version: str) -> str:
    """The template with the version and the project's name in it."""
    return template.replace("{version}", version).replace("{name}", release.project.name)


def known(repository: Repository) -> tuple[str, ...]:
    """The names of the tags here; where there are none (a CI service's clone, say), of those on the remote.

    Raises CannotTell where that does not answer.
    """
    listed = repository.ask("for-each-ref", "--format=%(refname:strip=2)", "refs/tags").out.splitlines()
    if listed or repository.remote is None:
        return tuple(listed)
    answer = repository.across("ls-remote", "--tags", "--refs", repository.remote)
    if answer.code != 0:
        raise Inconclusive(f"{repository.remote} does not say which tags it has:\n{git.shown(answer.err)}")
    return tuple(line.partition("\trefs/tags/")[2] for line in answer.out.splitlines())


def _as_the_others(release: Release, repository: Repository) -> str:
    """The style of the highest version's tag: of those that name this project, else of those that name none."""
    there = known(repository)
    if ours := guards.project_tags(there, release.project.name):
        return max(ours, key=lambda tag: (tag.named, tag.version.key)).prefix + "{version}"
    # Tags of other projects alone: this one's must be told apart from them.
    others = any(guards.split_tag(tag) for tag in there)
    return "{name}-" + USUAL if others and str(release.inside) != "." else USUAL


def _wrong(release: Release, what: str) -> SettingsError:
    path = release.project.root / "pyproject.toml"
    line = pyproject_line(release.project.root, _KEYS)
    said = f"`tag` in [tool.omni-release.git] {what}: {release.project.settings.git.tag!r}"
    return SettingsError(said, 'The usual one is "v{version}".', path=path, line=line)
