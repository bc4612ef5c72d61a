"""A checkout → its packages: named by the settings, by uv and other tools, by paths of dependencies, or by themselves.

A file is read once, and none is run. What the settings of omni-release name decides alone. A root that is a package of
its own, and names no other one, is no workspace, whatever projects are in the folders below it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from omni_release import versions
from omni_release.core import settings
from omni_release.core.errors import SettingsError
from omni_release.core.settings_reader import nearest_line
from omni_release.core.toml import read_values, table
from omni_release.file_roles import FileRoles, Role
from omni_release.versions.checkout import Checkout, is_pruned
from omni_release.versions.member import Member
from omni_release.versions.setup_py import runs_setup
from omni_release.workspaces import groups, packages, requirements
from omni_release.workspaces.model import Workspace, WorkspacePackage

_FILE = "pyproject.toml"
_OWN = ("tool", "omni-release", "workspace")
_DECLARED = (_OWN, ("tool", "uv", "workspace"), ("tool", "rye", "workspace"))
_EXAMPLES = re.compile(r"(?:^|[/_-])(?:examples?|samples?|demos?|templates?|fixtures?)/", re.IGNORECASE)
_MAGIC = re.compile(r"[*?\[{]")


def discover(root: Path) -> Workspace | None:
    """The workspace whose root is this folder; None where it is none, or where it has one package to release.

    Raises SettingsError, with the path, for a member that does not exist or has no name, and for two of one name.
    """
    return discover_in(versions.open_checkout(str(root)))


def discover_in(checkout: Checkout) -> Workspace | None:
    """The same in the root of a checkout that is open, of which no file is read again."""
    if versions.candidate_folders(checkout) <= {checkout.inside}:
        return None
    return _Discovery(checkout).workspace()


def around(folder: Path) -> Workspace | None:
    """The workspace of which this folder is the root, or a member: looked for up to the top of the repository.

    Raises as `discover`.
    """
    folder = folder.resolve()
    top = Path(versions.open_checkout(str(folder)).top)
    for root in (folder, *folder.parents):
        found = discover(root) if root in (folder, top) or (root / _FILE).exists() else None
        inside = folder.relative_to(root).as_posix()
        if found and (root == folder or any(package.folder == inside for package in found.packages.values())):
            return found
        if root == top:
            break
    return None


class _Discovery:
    """The search below one root. A folder is relative to it: empty for the root itself, else as `packages/acme/`."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.root = Path(checkout.root)
        self.at = checkout.inside
        self.tables = checkout.toml(self.at + _FILE)
        text = checkout.text(self.at + _FILE)
        self.text = text.text if text else ""
        self.settings = self._settings()
        folders = versions.candidate_folders(checkout)
        self.candidates = sorted(folder[len(self.at) :] for folder in folders if folder.startswith(self.at))
        self._members: dict[str, Member | None] = {}

    def member(self, folder: str) -> Member | None:
        """The project in a folder; None where there is none, or where its name is computed."""
        if folder not in self._members:
            at = self.at + folder
            found = folder in self.candidates and versions.is_project(self.checkout, at)
            self._members[folder] = self._readable(Member(self.checkout, at), folder) if found else None
        return self._members[folder]

    def _settings(self) -> settings.Workspace:
        if not table(self.tables, *_OWN):
            return settings.Workspace()
        path = self.root / _FILE
        return settings.read(read_values(self.text.lstrip("\ufeff")), path, self.text).workspace

    def _readable(self, member: Member, folder: str) -> Member:
        """The project, whose pyproject.toml must be TOML: else a release would go without it, and say nothing."""
        reason = dict(self.checkout.unreadable).get(member.at + _FILE) if folder and not member.pyproject else None
        if reason:
            raise SettingsError(f"{folder}{_FILE} is not valid TOML: {reason}", "Correct it.")
        return member

    def workspace(self) -> Workspace | None:
        """The packages, each with what it requires of the others, its tags and its group."""
        found_by, keys, folders = self._found()
        members = {folder: member for folder in folders if (member := self.member(folder))}
        names = {member.canonical for member in members.values()}
        projects, by_uv = frozenset(self.at + folder for folder in self.candidates), "uv" in keys or "rye" in keys
        found: dict[str, WorkspacePackage] = {}
        for member in members.values():
            package = packages.read(member, self.at, names, self.settings.tag, projects, by_uv=by_uv)
            if other := found.get(package.key):
                hint = "Rename one of them, or list its folder in `exclude` [tool.omni-release.workspace]."
                problem = f"two packages are called {package.key}: {other.folder} and {package.folder}"
                raise self._error(keys, problem, hint)
            found[package.key] = package
        if sum(not package.private for package in found.values()) < (1 if keys == _OWN else 2):
            return None
        shared = self._groups(found, members)
        group_of = {key: group for group, keys in shared.items() for key in keys}
        found = {key: replace(found[key], group=group_of.get(key, "")) for key in sorted(found)}
        own_name = own.name if (own := self.member("")) else ""
        return Workspace(self.root, self.settings.name or own_name or self.root.name, found, shared, found_by)

    def _found(self) -> tuple[str, tuple[str, ...], list[str]]:
        """What names the packages, the keys of that table in pyproject.toml, and the folders."""
        for keys in _DECLARED:
            declared = table(self.tables, *keys)
            if "members" in declared or (declared and keys != _OWN):
                folders = set(self._matched(keys, declared.get("members")))
                folders -= set(self._excluded(declared.get("exclude")))
                return f"[{'.'.join(keys)}]", keys, self._named({*folders, *self._root_package(stated=keys == _OWN)})
        ways: list[tuple[str, set[str]]] = [
            ("[tool.hatch.envs]", self._of_hatch()),
            ("Cargo.toml", self._of_cargo()),
            ("paths of dependencies", self._of_paths()),
        ]
        if not self._root_package():
            ways.append(("folders with a project", self._plain()))
        used = [(way, folders) for way, folders in ways if folders]
        folders = {folder for _, found in used for folder in found} | self._root_package()
        return " and ".join(way for way, _ in used), (), self._named(folders)

    def _named(self, folders: Iterable[str]) -> list[str]:
        """The folders without those that the settings exclude, and without those of projects whose name is computed."""
        excluded = set(self._excluded(list(self.settings.exclude)))
        named = (folder for folder in folders if (member := self.member(folder)) and member.name)
        return sorted(folder for folder in named if folder not in excluded)

    def _root_package(self, *, stated: bool = False) -> set[str]:
        """The root, where it is a package itself: not a pyproject.toml that only configures tools or lists packages.

        Where the packages are `stated` in the settings, a name and a version are enough.
        """
        member = self.member("")
        if member is None:
            return set()
        setup = self.checkout.text(self.at + "setup.py")
        if not member.name:
            return {""} if setup and runs_setup(setup.text) else set()
        built = bool("build-system" in self.tables or setup or member.setup_cfg)
        built = built or member.module(member.canonical.replace("-", "_")) is not None
        complete = stated and member.table("project").get("version")
        return {""} if (built or complete) and not packages.withheld(member) else set()

    def _matched(self, keys: tuple[str, ...], members: object) -> Iterator[str]:
        """The folders of a list of paths and globs. Raises SettingsError for a path that is no package."""
        for stated in members if isinstance(members, list) else ():
            pattern = os.path.normpath(str(stated)).replace(os.sep, "/")
            if _MAGIC.search(pattern):
                fits = _glob(pattern)
                yield from (folder for folder in self.candidates if folder and fits.fullmatch(folder[:-1]))
                continue
            folder = "" if pattern == "." else f"{pattern}/"
            member = self.member(folder)
            if member is None or not member.name:
                problem = "does not exist"
                if pattern.startswith(("..", "/")):
                    problem = "is not below this folder"
                elif (self.root / pattern).is_dir():
                    problem = "has no pyproject.toml that names a package"
                raise self._error(keys, f"`members` names {stated}, which {problem}", "Correct the path, or remove it.")
            yield folder

    def _excluded(self, patterns: object) -> Iterator[str]:
        for stated in patterns if isinstance(patterns, list) else ():
            fits = _glob(os.path.normpath(str(stated)).replace(os.sep, "/"))
            yield from (folder for folder in self.candidates if fits.fullmatch(folder[:-1] or "."))

    def _of_hatch(self) -> set[str]:
        """The members of hatch's environments."""
        found: set[str] = set()
        for environment in requirements.hatch_environments(Member(self.checkout, self.at)):
            declared = table(environment, "workspace")
            listed = declared.get("members")
            stated = [item.get("path") if isinstance(item, dict) else item for item in listed or ()]
            found.update(self._matched(("tool", "hatch", "envs"), stated))
            found.difference_update(self._excluded(declared.get("exclude")))
        return found

    def _of_cargo(self) -> set[str]:
        """The members of the Cargo workspace that maturin builds a Python package from."""
        workspace = table(self.checkout.toml(self.at + "Cargo.toml"), "workspace")
        patterns = [_glob(str(stated).removeprefix("./").rstrip("/")) for stated in workspace.get("members") or ()]
        return {
            folder
            for folder in self.candidates
            if self._ships(folder)
            and any(fits.fullmatch(folder[:-1]) for fits in patterns)
            and (member := self.member(folder))
            and member.table("build-system").get("build-backend") == "maturin"
        }

    def _of_paths(self) -> set[str]:
        """The packages that the root requires by path, and those that they require by path."""
        found: set[str] = set()
        left = [""]
        while left:
            member = self.member(left.pop())
            for path in requirements.paths(member) if member else ():
                folder = path[len(self.at) :] if path.startswith(self.at) else ".."
                if folder and folder not in found and self._ships(folder) and self.member(folder):
                    found.add(folder)
                    left.append(folder)
        return found

    def _plain(self) -> set[str]:
        """The folders of projects that ship, below a root that is no package.

        A project in the folder of another one is often an example or a template of it: it counts where another package
        requires it.
        """
        shipping = [folder for folder in self.candidates if self._ships(folder) and self._is_named(folder)]
        found: set[str] = set()
        for folder in shipping:  # in alphabetical order, and so after the folders above it
            if not any(folder.startswith(outer) for outer in found):
                found.add(folder)
        inner = {member.canonical: folder for folder in set(shipping) - found if (member := self.member(folder))}
        left = list(found)
        while left:
            member = self.member(left.pop())
            required = requirements.of_siblings(member, inner.keys(), self.at) if member else ()
            for folder in {inner[item.name] for item in required} - found:
                found.add(folder)
                left.append(folder)
        return found

    def _ships(self, folder: str) -> bool:
        """Is a folder below the root neither of tests, examples and docs, nor of third-party code?"""
        if not folder or is_pruned(folder) or _EXAMPLES.search(folder):
            return False
        return FileRoles(()).role(folder + _FILE) is Role.SHIPPED

    def _is_named(self, folder: str) -> bool:
        member = self.member(folder)
        return bool(member and member.name and "{" not in member.name)

    def _groups(
        self, packages: Mapping[str, WorkspacePackage], members: Mapping[str, Member]
    ) -> dict[str, tuple[str, ...]]:
        by_key = {member.canonical: member for member in members.values()}
        try:
            return groups.of_packages(packages, by_key, self.settings)
        except groups.WrongGroup as error:
            raise self._error((*_OWN, "groups", error.group), error.problem, error.hint) from None

    def _error(self, keys: tuple[str, ...], problem: str, hint: str) -> SettingsError:
        line = nearest_line(self.text, (*keys, "members")) if keys else None
        return SettingsError(problem, hint, path=self.root / _FILE, line=line)


def _glob(pattern: str) -> re.Pattern[str]:
    """A glob as uv and Cargo read it: `*` stays in one folder, `**` is any number of them, `{a,b}` either."""
    parts = re.split(r"(\*\*/?|\*|\?|\[[^\]]+\]|\{[^}]*\})", pattern.rstrip("/"))
    made = []
    for part in parts:
        if part.startswith("**"):
            made.append(r"(?:[^/]+/)*" if part.endswith("/") else r".*")
        elif part.startswith("{") and part.endswith("}"):
            made.append(f"(?:{'|'.join(re.escape(option) for option in part[1:-1].split(','))})")
        elif part.startswith("[") and part.endswith("]"):
            made.append(part.replace("[!", "[^"))
        else:
            made.append({"*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part)))
    try:
        return re.compile("".join(made))
    except re.error:  # `[z-a]`
        return re.compile(re.escape(pattern))
