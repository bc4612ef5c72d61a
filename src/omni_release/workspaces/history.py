"""What git knows of each package: the tag of its last release, and whether its files have changed since."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from omni_release import git_queries
from omni_release.core.errors import Inconclusive, UsageError
from omni_release.versions.pep440 import parse
from omni_release.versions.tags import Tag, TagNames, TagOwner, commits_of_tags, own_tags
from omni_release.workspaces.model import Workspace, WorkspacePackage


@dataclass(frozen=True)
class History:
    """The last release of a package that HEAD contains, and what is different now.

    `tag` and `version` are empty where it has no tag of its own; `template` names the next one. `changed` says whether
    a file in its folder differs from the tag's commit (or from the commit that was asked for), uncommitted ones
    included; None without a tag. `borrowed` is a tag of another package, which shares the version.
    """

    tag: str = ""
    version: str = ""
    template: str = ""
    changed: bool | None = None
    uncommitted: bool = False
    borrowed: bool = False


def of_packages(workspace: Workspace, since: str = "") -> Mapping[str, History]:
    """The history of each package, by its name; empty histories outside a repository.

    `since` is a commit that all are compared with, instead of each package's own tag. Raises UsageError where there is
    no such commit, Inconclusive where git does not say what has changed.
    """
    root = str(workspace.root)
    top = git_queries.repository_top(root)
    if top is None or git_queries.output(root, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        return dict.fromkeys(workspace.packages, History())
    commits = _tags(root)
    newest = _newest_of(workspace, commits)
    if since:
        found = git_queries.output(root, "rev-parse", "--verify", "--quiet", f"{since}^{{commit}}")
        if found is None:
            raise UsageError(f"git knows no commit {since!r}", "Name a tag, a branch or a commit, as git does.")
        bases = dict.fromkeys(workspace.packages, found.strip())
    else:
        bases = {key: commits[tag.name] for key, tag in newest.items() if tag}
    inside = workspace.root.resolve().relative_to(top).as_posix()
    dirty = _dirty(workspace, root)
    differing = _differing(workspace, root, "" if inside == "." else f"{inside}/", bases)
    histories = {}
    for key, tag in newest.items():
        changed = key in differing or key in dirty if key in bases else None
        name, version = (tag.name, str(tag.version)) if tag else ("", "")
        template = tag_template(workspace, workspace.packages[key], tag)
        borrowed = tag is not None and not own_tags([tag.name], _owner(workspace, workspace.packages[key]))
        histories[key] = History(name, version, template, changed, key in dirty, borrowed)
    return histories


def newest_tags(workspace: Workspace) -> Mapping[str, Tag | None]:
    """The tag of each package's last release in the history of HEAD, by the package's name."""
    return _newest_of(workspace, _tags(str(workspace.root)))


def _newest_of(workspace: Workspace, tags: Iterable[str]) -> dict[str, Tag | None]:
    names = TagNames(tags)
    return {key: _newest(workspace, package, names) for key, package in workspace.packages.items()}


def _tags(root: str) -> dict[str, str]:
    """The tags in the history of HEAD, and their commits."""
    return commits_of_tags(lambda *arguments: git_queries.output(root, *arguments) or "", "--merged=HEAD")


def _newest(workspace: Workspace, package: WorkspacePackage, names: TagNames) -> Tag | None:
    """The tag of a package's highest version; without one, that of a package that shares its version.

    A tag without a name, of a higher version than the package's, is another package's, unless all share one version.
    """
    found = names.of(_owner(workspace, package))
    stated = parse(package.version or "")
    if stated and not workspace.has_one_version(package):
        unnamed = [tag.version.key for tag in found if not tag.named]
        found = [tag for tag in found if tag.named] if max(unnamed, default=()) > stated.key else found
    for key in workspace.groups.get(package.group, ()) if not found else ():
        found += [tag for tag in names.of(_owner(workspace, workspace.packages[key])) if tag.named]
    return max(found, key=lambda tag: tag.version.key, default=None)


def _owner(workspace: Workspace, package: WorkspacePackage) -> TagOwner:
    """The package as an owner of tags; those without a name are the root's, where that is released and not the same."""
    at_root = package.folder == "."
    nested = not at_root and any(other.folder == "." for other in workspace.released)
    folder = "" if at_root else posixpath.basename(package.folder)
    return TagOwner(package.name, package.tag, folder, nested and not workspace.has_one_version(package))


def tag_template(workspace: Workspace, package: WorkspacePackage, newest: Tag | None) -> str:
    """How the tags of a package are named: as its settings say, as its newest tag, or in the usual style."""
    if package.tag or newest:
        return package.tag or (newest.prefix if newest else "") + "{version}"
    plain = package.folder == "." or workspace.has_one_version(package)
    return "v{version}" if plain else "{name}-v{version}"


def with_tag(workspace: Workspace, tag: str) -> tuple[str, ...]:
    """The packages whose own tag this is, and of them those that it names, if it names one."""
    found = {
        key: own[0] for key, item in workspace.packages.items() if (own := own_tags([tag], _owner(workspace, item)))
    }
    named = [key for key, own in found.items() if own.named and not workspace.packages[key].private]
    return tuple(named or [key for key in found if not workspace.packages[key].private])


def _dirty(workspace: Workspace, root: str) -> frozenset[str]:
    """The packages with uncommitted files, or with untracked ones that are not ignored."""
    status = _printed(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", ".")
    prefix = _printed(root, "rev-parse", "--show-prefix").rstrip("\n")
    files = (entry[3:].removeprefix(prefix) for entry in status.split("\0") if entry)
    return frozenset(_owners(workspace, files))


def _owners(workspace: Workspace, files: Iterable[str]) -> Iterator[str]:
    """The package that each file is of: the one in the nearest folder above it."""
    by_folder = {package.folder: key for key, package in workspace.packages.items()}
    for file in files:
        folder = posixpath.dirname(file)
        while folder and folder not in by_folder:
            folder = posixpath.dirname(folder)
        if key := by_folder.get(folder or "."):
            yield key


def _differing(workspace: Workspace, root: str, inside: str, bases: Mapping[str, str]) -> frozenset[str]:
    """The packages whose files in HEAD are not those of the commit in `bases`.

    By the hashes of their folders, which git knows without a look at the files; where packages are nested, by the names
    of the files that differ.
    """
    folders = {package.folder for package in workspace.packages.values()}
    found = set()
    asked = []
    for key, commit in bases.items():
        folder = workspace.packages[key].folder
        if folder == "." or any(other.startswith(f"{folder}/") for other in folders):
            options = ("--name-only", "-z", "--no-renames", "--relative")
            listed = _printed(root, "diff", *options, commit, "HEAD", "--", folder)
            if key in _owners(workspace, filter(None, listed.split("\0"))):
                found.add(key)
        else:
            asked.append((key, f"{commit}:{inside}{folder}", f"HEAD:{inside}{folder}"))
    lines = "".join(f"{then}\n{now}\n" for _, then, now in asked)
    hashes = iter(_printed(root, "cat-file", "--batch-check=%(objectname)", given=lines).splitlines() if lines else ())
    for (key, _, _), then, now in zip(asked, hashes, hashes, strict=False):
        if then != now:
            found.add(key)
    return frozenset(found)


def _printed(root: str, *arguments: str, given: str = "") -> str:
    """What git prints. Raises Inconclusive where it fails: a package is not unchanged because git does not say so."""
    printed = git_queries.output(root, *arguments, given=given)
    if printed is None:
        message = f"`git {arguments[0]}` fails in {root}, so that it is unknown which packages have changed"
        raise Inconclusive(message, f"Run `git status` and `git fsck` in {root}, and correct what they report.")
    return printed


def hidden_changes(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """The files that differ from the index although git does not look: the package, and the path from the root.

    They are marked assume-unchanged or skip-worktree, so that no status of git has them.
    """
    root = str(workspace.root)
    listed = git_queries.output(root, "ls-files", "-v", "-z", "--", ".") or ""
    for entry in filter(None, listed.split("\0")):
        mark, path = entry[0], entry[2:]
        present = os.path.lexists(os.path.join(root, path))
        if not (mark.islower() or mark == "S") or (mark == "S" and not present):  # a sparse checkout leaves files out
            continue
        staged = git_queries.output(root, "rev-parse", f":./{path}")
        if not present or git_queries.output(root, "hash-object", "--", path) != staged:
            for key in _owners(workspace, iter((path,))):
                yield key, path
