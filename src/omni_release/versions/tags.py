"""Git's tags, as the versions that a project has released: which tags are its own, and whether its version follows."""

from __future__ import annotations

import os
import re
from collections import namedtuple

from omni_release import git_queries
from omni_release.core import toml
from omni_release.versions.member import canonical
from omni_release.versions.pep440 import Version, parse

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PLAIN = re.compile(r"(?:v|ver|version|r|rel|release)?[-_/.]?v?", re.IGNORECASE)
_END = re.compile(r"[-_/@.=]*v?$", re.IGNORECASE)
_PROJECT_TABLE = re.compile(r"(?m)^\[(?:project|tool\.poetry)\]")


class Tag(namedtuple("Tag", "name prefix version named")):
    """A tag of a version: its name, the prefix before the version, and whether the prefix names the project."""

    __slots__ = ()

    name: str
    prefix: str
    version: Version
    named: bool


class TagOwner(namedtuple("TagOwner", "name template folder nested", defaults=("", "", False))):
    """The project whose tags are looked for.

    `template` is the setting `tag`, and decides alone. `folder` is the name of the project's folder where it is not the
    repository's top; `nested` says that another project is at the top, which the tags without a name belong to.
    """

    __slots__ = ()

    name: str
    template: str
    folder: str
    nested: bool


def owner_of(root: str, name: str, template: str = "") -> TagOwner:
    """The project in the folder `root`, as an owner of tags; without a template of its own, with its workspace's."""
    root = os.path.realpath(root)
    top = git_queries.repository_top(root)
    if top is None or top == root:
        return TagOwner(name, template)
    workspace = _settings_above(root, top)
    template = template or str(workspace.get("tag") or "")
    nested = workspace.get("versions") != "fixed" and _is_project(top)  # one version, and so the tags are everyone's
    return TagOwner(name, template, os.path.basename(root), nested)


def _settings_above(root: str, top: str) -> dict[str, object]:
    """[tool.omni-release.workspace] of the nearest folder that has it, up to the repository's top; else empty."""
    while root != top:
        root = os.path.dirname(root)
        try:
            with open(os.path.join(root, "pyproject.toml"), encoding="utf-8", errors="replace") as file:
                text = file.read()
            if "tool.omni-release.workspace" in text:
                return toml.table(toml.read(text), "tool", "omni-release", "workspace")
        except (OSError, toml.Malformed):
            continue
    return {}


def has_later(root: str, name: str, template: str, stated: str) -> bool:
    """Has the project in the folder `root` a tag of a later version? Cheap: which commit it is on, is not looked at."""
    version = parse(stated)
    listed = git_queries.output(root, "for-each-ref", "--format=%(refname:strip=2)", "refs/tags")
    if version is None or not listed:
        return False
    own = own_tags(listed.splitlines(), owner_of(root, name, template))
    return any(tag.version.key > version.key for tag in own)


def commits_of_tags(git: Callable[..., str], *options: str) -> dict[str, str]:
    """The tags, and their commits: also that of a tag of a tag, while one of a tree or of a file is left out.

    `git` takes the arguments of git, and returns what it prints; `options` are those of `for-each-ref`.
    """
    form = "%(refname:strip=2)%09%(objecttype)%09%(objectname)%09%(*objecttype)%09%(*objectname)"
    found = {}
    for line in git("for-each-ref", f"--format={form}", *options, "refs/tags").splitlines():
        name, kind, own, peeled_kind, peeled = line.split("\t")
        if "commit" in (kind, peeled_kind):
            found[name] = peeled or own
        elif commit := git("rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}").strip():
            found[name] = commit
    return found


def _is_project(folder: str) -> bool:
    """Is a project in the folder itself? A pyproject.toml for tools alone makes none."""
    if any(os.path.exists(os.path.join(folder, name)) for name in ("setup.py", "setup.cfg")):
        return True
    try:
        with open(os.path.join(folder, "pyproject.toml"), encoding="utf-8", errors="replace") as file:
            return _PROJECT_TABLE.search(file.read()) is not None
    except OSError:
        return False


def split_tag(tag: str) -> tuple[str, str] | None:
    """The prefix of a tag's name, and the version after it; None where it has no version."""
    parts = _parts(tag)
    return (parts[0], tag.removeprefix(parts[0])) if parts else None


def own_tags(tags: Iterable[str], owner: TagOwner) -> list[Tag]:
    """The tags of a project's versions: those that name it, and those that name no project and can be its own."""
    return TagNames(tags).of(owner)


class TagNames:
    """The tags of a repository, each read once, however many projects ask for theirs."""

    def __init__(self, tags: Iterable[str]) -> None:
        self._names = tuple(tags)
        self._parsed: dict[int, Tag] = {}
        self._by_name: dict[str, set[int]] = {}
        self._plain: set[int] = set()
        for at, tag in enumerate(self._names):
            if parts := _parts(tag):
                self._parsed[at] = Tag(tag, *parts, named=False)
                stem = _END.sub("", parts[0])
                for name in {canonical(stem), canonical(stem.rpartition("/")[2])}:
                    self._by_name.setdefault(name, set()).add(at)
                if _PLAIN.fullmatch(parts[0]):
                    self._plain.add(at)

    def of(self, owner: TagOwner) -> list[Tag]:
        """See `own_tags`."""
        if owner.template:
            before, _, after = owner.template.replace("{name}", owner.name).partition("{version}")
            return [Tag(tag, before, version, named=True) for tag, version in _filled(self._names, before, after)]
        names = {canonical(owner.name)} | ({canonical(owner.folder)} if owner.folder else set())
        named = set().union(*(self._by_name.get(name, ()) for name in names))
        found = named if owner.nested else named | self._plain
        # In a folder of a repository, the plain tags are its own only where no tag names it.
        chosen = named if owner.folder and named else found
        return [self._parsed[at]._replace(named=at in named) for at in sorted(chosen)]


def _filled(tags: Iterable[str], before: str, after: str) -> list[tuple[str, Version]]:
    fitting = (tag for tag in tags if tag.startswith(before) and tag.endswith(after))
    versions = ((tag, parse(tag[len(before) : len(tag) - len(after)])) for tag in fitting)
    return [(tag, version) for tag, version in versions if version]


def _parts(tag: str) -> tuple[str, Version] | None:
    """The prefix, and the version that begins at the earliest digit possible."""
    for at, letter in enumerate(tag):
        if letter.isdigit() and (version := parse(tag[at:])):
            return tag[:at], version
    return None


def is_final(version: Version) -> bool:
    """Is a version neither a pre-release nor a development release?"""
    return version.pre is None and version.dev is None


def continues_series(version: Version, released: Iterable[Version]) -> bool:
    """Has the series of a version (its major version) an earlier release? Then it can be a maintenance release."""
    series = (version.epoch, version.release[0])
    return any((other.epoch, other.release[0]) == series and other.key < version.key for other in released)


def later_in_series(version: Version, released: Iterable[Version]) -> list[Version]:
    """The later final releases that differ from a version in its last number alone: 1.4.10 of 1.4.9."""
    length = max(len(version.release), 2)
    series = _padded(version, length)[:-1]
    return [
        other
        for other in released
        if is_final(other)
        and other.key > version.key
        and other.epoch == version.epoch
        and _padded(other, length)[: length - 1] == series
    ]


def _padded(version: Version, length: int) -> tuple[int, ...]:
    return version.release + (0,) * (length - len(version.release))
