"""Who may approve a release: the list of keys, read from the last release's tag, and how many have to.

The list is a file of OpenSSH (ALLOWED SIGNERS in ssh-keygen(1)). It is read from the tag, as are the settings about
approvals: who changes them in a release cannot approve that release with the change.
"""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from omni_release.core import toml
from omni_release.core.errors import Inconclusive, UsageError
from omni_release.core.model import Project
from omni_release.core.settings import Publish
from omni_release.git import ReleaseRepository
from omni_release.versions import tags as version_tags
from omni_release.versions.pep440 import parse
from omni_release.versions.tags import Tag, TagOwner

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@:/-]*")
_KIND = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+")
_LINE = re.compile(
    rf"(?P<names>\S+)[ \t]+(?:(?P<options>(?:[^\s\"]|\"[^\"]*\")+)[ \t]+)??(?P<kind>{_KIND.pattern})[ \t]+"
    r"(?P<key>[A-Za-z0-9+/=]+)(?:[ \t].*)?"
)
_ESCAPE = "To list other approvers, see docs/how-to/two-approvals.md."


@dataclass(frozen=True)
class Signer:
    """A line of the list: the names of one person, the options, and a key."""

    names: tuple[str, ...]
    options: str
    kind: str
    key: bytes

    def line(self) -> str:
        """The line for its first name alone."""
        options = f"{self.options} " if self.options else ""
        return f"{self.names[0]} {options}{self.kind} {base64.b64encode(self.key).decode()}\n"


@dataclass(frozen=True)
class Approvers:
    """The lines of a list, and for each line that does not count, why.

    Lines with a name in common, or with a key in common, are of one person: so two keys of one name are one person, and
    so is one key with two names.
    """

    signers: tuple[Signer, ...]
    problems: tuple[str, ...] = ()

    def with_key(self, key: bytes) -> list[Signer]:
        """The lines with this key."""
        return [signer for signer in self.signers if signer.key == key]

    def with_name(self, name: str) -> list[Signer]:
        """The lines with this name, in upper or lower case."""
        return [s for s in self.signers if name.casefold() in map(str.casefold, s.names)]

    def person(self, signer: Signer) -> str:
        """The person that a line is of: the first name that the list has for them."""
        return next(people[0] for people in self._groups() if signer.names[0] in people)

    @property
    def people(self) -> tuple[str, ...]:
        """All persons, each by the first name that the list has for them."""
        return tuple(names[0] for names in self._groups())

    def _groups(self) -> list[tuple[str, ...]]:
        """The names of each person, in the order of the list."""
        groups: list[tuple[list[str], set[object]]] = []
        for signer in self.signers:
            marks: set[object] = {signer.key, *map(str.casefold, signer.names)}
            same = [group for group in groups if group[1] & marks]
            names = [name for group in same for name in group[0]]
            merged = ([*names, *signer.names], marks.union(*(group[1] for group in same)))
            at = groups.index(same[0]) if same else len(groups)
            groups = [group for group in groups if group not in same]
            groups.insert(at, merged)
        return [tuple(dict.fromkeys(names)) for names, _ in groups]


def read(text: str) -> Approvers:
    """The approvers that a file lists."""
    signers, problems = [], []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r").strip(" \t")
        if not line or line.startswith("#"):
            continue
        found = _signer(line)
        if isinstance(found, Signer):
            signers.append(found)
        else:
            problems.append(f"line {number} does not count: {found}")
    return Approvers(tuple(signers), tuple(problems))


def _signer(line: str) -> Signer | str:
    """The signer of a line; or why it is none."""
    parts = _LINE.fullmatch(line)
    if parts is None or not line.replace("\t", " ").isprintable():
        return "it is not NAMES [OPTIONS] KIND KEY"
    names = tuple(parts["names"].split(","))
    for name in names:
        if not _NAME.fullmatch(name):
            return f"{name!r} is not the name of one person: patterns, quotes and other characters name no one"
    options = parts["options"] or ""
    if re.search(r"cert-authority", options, re.IGNORECASE):
        return "cert-authority would let others name approvers: list the key of each person"
    try:
        key = base64.b64decode(parts["key"], validate=True)
    except ValueError:
        return "its key is not base64"
    kind = parts["kind"].encode()
    if not key.startswith(len(kind).to_bytes(4, "big") + kind) or b"-cert-" in kind:
        return f"its key is none of {parts['kind']}, or is a certificate"
    return Signer(names, options, parts["kind"], key)


class ApprovalRule(NamedTuple):
    """How many people have to approve a release, who can, and what says so.

    `approvers` are those of the list at `path` in the repository, at the last release's `tag`; a key counts only if the
    released commit still lists it (`still`; None where that has no list). Reviewers of the GitHub environment
    `environment` count, too; of none where it is empty.
    """

    needed: int
    approvers: Approvers
    path: str
    tag: str
    environment: str = ""
    still: Approvers | None = None

    @property
    def origin(self) -> str:
        """Where the list is, for people."""
        return f"{self.path} at {self.tag}"


class _Stated(NamedTuple):
    """What pyproject.toml says about approvals at a commit, and the folder of the project there."""

    publish: Publish
    folder: PurePosixPath


def rule(
    project: Project, inside: PurePosixPath, version: str | None, repository: ReleaseRepository
) -> ApprovalRule | None:
    """The rule for a release of this version; None where no approval is asked for.

    `inside` is the project's path in the repository. The settings of the last release's tag hold; without any there,
    those of the checkout. The checkout can ask for more approvals, not for fewer, and can take keys away.

    Raises Inconclusive where it cannot be known who may approve: without an earlier release, or without a list there.
    """
    own = _Stated(project.settings.publish, inside)
    owner = version_tags.owner_of(str(project.root), project.name, project.settings.git.tag)
    if not own.publish.approvals:
        local = _local_tag(repository, owner, version)
        if (
            local is None
            or not _stated_at(f"refs/tags/{local.name}", project.name, inside, repository).publish.approvals
        ):
            return None
    tag, commit = _last_release(repository, owner, version, own.publish)
    there = _stated_at(commit, project.name, inside, repository)
    path = _list_of(there if there.publish.approvals else own)
    content = _content(commit, path, repository)
    if content is None:
        raise Inconclusive(
            f"the last release, {tag.name}, has no {path}: it is not known who may approve this one",
            f"Approvals begin with the release after the one that has the list. {_ESCAPE}",
        )
    now = _content(repository.commit, _list_of(own), repository)
    return ApprovalRule(
        max(own.publish.approvals or 0, there.publish.approvals or 0),
        read(content),
        path,
        tag.name,
        (there if there.publish.approvals else own).publish.github_environment,
        None if now is None else read(now),
    )


def _list_of(stated: _Stated) -> str:
    """The path of the list in the repository. Raises UsageError where it is outside."""
    given = stated.publish.allowed_signers
    path = posixpath.normpath((stated.folder / given).as_posix())
    if path.startswith(("../", "/")):
        raise UsageError(f"`allowed-signers` leads out of the repository: {given}", "Correct the path.")
    return path


def _content(commit: str, path: str, repository: ReleaseRepository) -> str | None:
    """A file at a commit; None where there is none. What `git replace` has put in its place is left alone."""
    answer = repository.ask("--no-replace-objects", "cat-file", "blob", f"{commit}:{path}")
    return answer.out if answer.code == 0 else None


def _stated_at(commit: str, name: str, inside: PurePosixPath, repository: ReleaseRepository) -> _Stated:
    """What the project's pyproject.toml says about approvals at a commit; the defaults where it says nothing.

    A project that was in another folder then is found by its name. What else the file says is left alone: it may have
    been written for another omni-release.
    """
    from packaging.utils import canonicalize_name

    wanted = canonicalize_name(name)
    here = _parsed(commit, inside / "pyproject.toml", repository)
    named = str(toml.table(here, "project").get("name", ""))
    if here and (not named or canonicalize_name(named) == wanted):
        return _Stated(_publish(here), inside)
    listed = repository.ask("ls-tree", "-r", "-z", "--full-tree", "--name-only", commit).out.split("\0")
    for path in (PurePosixPath(each) for each in listed if PurePosixPath(each).name == "pyproject.toml"):
        found = _parsed(commit, path, repository)
        if canonicalize_name(str(toml.table(found, "project").get("name", ""))) == wanted:
            return _Stated(_publish(found), path.parent)
    return _Stated(Publish(), inside)


def _parsed(commit: str, path: PurePosixPath, repository: ReleaseRepository) -> dict[str, object]:
    """A file of TOML at a commit; empty where there is none, or it cannot be read."""
    try:
        return toml.read_values(_content(commit, path.as_posix(), repository) or "")
    except ValueError:
        return {}


def _publish(content: dict[str, object]) -> Publish:
    """The settings about approvals."""
    stated = toml.table(content, "tool", "omni-release", "publish")
    table = {key.replace("-", "_"): value for key, value in stated.items()}
    number = table.get("approvals")
    texts = {key: table[key] for key in ("allowed_signers", "github_environment") if isinstance(table.get(key), str)}
    return Publish(approvals=number if type(number) is int and number > 0 else None, **texts)


def _earlier(names: Iterable[str], owner: TagOwner, version: str | None) -> Iterator[Tag]:
    """The project's own tags of earlier versions, the highest first."""
    new = parse(version) if version else None
    own = version_tags.own_tags(names, owner)
    earlier = (tag for tag in own if new is None or tag.version.key < new.key)
    return iter(sorted(earlier, key=lambda tag: tag.version.key, reverse=True))


def _local_tag(repository: ReleaseRepository, owner: TagOwner, version: str | None) -> Tag | None:
    """The last release before this version by the tags of this clone."""
    commits = _commits(repository)
    names = [name for name, commit in commits.items() if commit != repository.commit]
    return next(_earlier(names, owner, version), None)


def _commits(repository: ReleaseRepository) -> dict[str, str]:
    """The tags of this clone in the history of the released commit, and their commits."""
    return version_tags.commits_of_tags(lambda *words: repository.ask(*words).out, f"--merged={repository.commit}")


def _last_release(repository: ReleaseRepository, owner: TagOwner, version: str | None, own: Publish) -> tuple[Tag, str]:
    """The tag of the last release before this version in the history of its commit, and the commit of the tag.

    Where the repository has a remote, the tags there count: one that is only here is no release. Raises Inconclusive
    where the clone lacks a tag or its history, and where there is no earlier release.
    """
    if repository.line("rev-parse", "--is-shallow-repository") == "true":
        message = "the clone is shallow: it is not known which release was the last, and so who may approve"
        raise Inconclusive(message, "Run `git fetch --unshallow --tags`; in CI clone the whole history.")
    if repository.ask("cat-file", "-e", f"{repository.commit}^{{commit}}").code != 0:
        message = f"this clone does not have the released commit {repository.commit}: it is not known who may approve"
        raise Inconclusive(message, "Run `git fetch`.")
    tags = repository.remote_tags() if repository.remote else _commits(repository)
    for tag in _earlier(tags, owner, version):
        commit = tags[tag.name]
        if commit == repository.commit:
            continue
        code = repository.ask("--no-replace-objects", "merge-base", "--is-ancestor", commit, repository.commit).code
        if code == 0:
            return tag, commit
        if code != 1:
            message = f"this clone does not have the commit of {tag.name}: it is not known who may approve"
            raise Inconclusive(message, "Run `git fetch --tags`.")
    where = f"{repository.remote} has" if repository.remote else "there is"
    raise Inconclusive(
        f"{where} no tag of an earlier release with {own.allowed_signers}: it is not known who may approve this one",
        f"Publish one release that has the list, without `approvals`; then set it for the next. {_ESCAPE}",
    )
