"""A checkout as discovery reads it: the names of its files, each file read once, and its projects."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator

from omni_release import git_queries, source_tree
from omni_release.core import toml
from omni_release.core.toml import LocatedString, Malformed
from omni_release.versions import place as versions_place
from omni_release.versions.pep440 import parse
from omni_release.versions.place import Finder, Place, Text
from omni_release.versions.python import Assigned, Module, assignments, decode

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from typing import Any

LAYOUTS = ("", "src/", "lib/", "python/", "source/")
_LARGEST = 20_000_000  # bytes; no file that states a version is larger
_TESTS_AND_EXAMPLES = (
    *("test", "tests", "testing", "test_data", "testdata", "fixtures", "bench", "benchmark", "benchmarks"),
    *("example", "examples", "sample", "samples", "demo", "demos", "tutorial", "tutorials"),
    *("template", "templates", "cookiecutter", "skeleton", "archetypes", "scripts", "tools"),
)
_THIRD_PARTY = (
    *("vendor", "_vendor", "vendored", "_vendored", "third_party", "thirdparty", "extern", "external", "externals"),
    *("node_modules", "site-packages"),
)
_PRUNED = frozenset((*_TESTS_AND_EXAMPLES, *_THIRD_PARTY))
"""Folders whose files state other versions than the project's."""


def is_pruned(path: str) -> bool:
    """Is a file in a folder of tests, examples, or third-party code?"""
    return any(folder.lower() in _PRUNED or "{{" in folder for folder in path.split("/")[:-1])


class Checkout:
    """The files around a project. All paths are relative to `top`; those of its places, to the project.

    `files` are the files that `finders` read, all files without finders. With `staged` it is the content of a commit,
    not of the folder. `declared` are folders of projects that are the repository's, although they are in a folder of
    tests or examples.
    """

    def __init__(self, root: str, finders: tuple[Finder, ...] = (), *, staged: bool = False) -> None:
        self.root = os.path.realpath(root)
        self.top = git_queries.repository_top(self.root) or self.root
        inside = os.path.relpath(self.root, self.top).replace(os.sep, "/")
        self.inside = "" if inside == "." else inside + "/"
        self._finders = finders
        self._listed: tuple[str, ...] | None = None
        self._differing: frozenset[str] = frozenset()
        if staged:
            self._listed, self._differing = source_tree.staged_files(self.top)
        self._staged = None if self._listed is None else frozenset(self._listed)
        self.declared: frozenset[str] = frozenset()
        self._contents: dict[str, bytes | None] = {}
        self._named: dict[str, tuple[str, ...]] = {}
        self._forget()

    def _forget(self) -> None:
        self.unreadable: list[tuple[str, str]] = []
        self._texts: dict[str, Text | None] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        self._modules: dict[str, tuple[Module, list[Assigned]] | None] = {}

    def of_project(self, folder: str) -> Checkout:
        """The same checkout around another project, in a folder relative to its top: no file is read again."""
        import copy  # only for many packages, and start-up is measured

        assert self.known is not None  # the names of the files, which are listed once
        other = copy.copy(self)
        other.inside = folder
        other.root = os.path.join(self.top, folder).rstrip(os.sep)
        other._forget()
        return other

    @functools.cached_property
    def files(self) -> tuple[str, ...]:
        """The files that the finders read, by their names; and the modules at the top of projects and of packages."""
        files = source_tree.file_names(self.top) if self._listed is None else self._listed
        if not self._finders:
            return files
        names = frozenset().union(*(finder.names for finder in self._finders))
        patterns = "|".join(finder.pattern for finder in self._finders if finder.pattern)
        matches = re.compile(patterns).fullmatch
        listed, modules, packages, tops = [], [], set(), {""}
        for file in files:
            name = file[file.rfind("/") + 1 :]
            if name in names or matches(name.lower()):
                listed.append(file)
                folder = file[: -len(name)]
                if name == "__init__.py":
                    packages.add(folder)
                elif name in ("pyproject.toml", "setup.py", "setup.cfg"):
                    tops.update(folder + layout for layout in LAYOUTS)
            elif name.endswith(".py"):
                modules.append(file)
        tops |= {package for package in packages if package[: package.rfind("/", 0, -1) + 1] not in packages}
        listed += [file for file in modules if file[: file.rfind("/") + 1] in tops]
        return tuple(sorted(listed))

    @functools.cached_property
    def known(self) -> frozenset[str]:
        """The same as `files`, for look-ups."""
        return frozenset(self.files)

    def named_as(self, pattern: str) -> tuple[str, ...]:
        """The files whose whole path matches a regular expression; they are looked for once."""
        if pattern not in self._named:
            matches = re.compile(pattern).fullmatch
            self._named[pattern] = tuple(file for file in self.files if matches(file))
        return self._named[pattern]

    @functools.cached_property
    def described(self) -> str | None:
        """The newest tag of a version that HEAD descends from, as `git describe --long` prints it."""
        return git_queries.output(self.root, "describe", "--tags", "--long", "--match", "*[0-9]*")

    def relative_path(self, path: str) -> str:
        """A path relative to the project, as its places show it."""
        if path.startswith(self.inside):
            return path[len(self.inside) :]
        own, parts = self.inside.rstrip("/").split("/"), path.split("/")  # os.path.relpath asks for the current folder
        common = 0
        while common < min(len(own), len(parts)) and own[common] == parts[common]:
            common += 1
        return "../" * (len(own) - common) + "/".join(parts[common:])

    def path_from_top(self, relative: str) -> str:
        """The path from the top, of a path relative to the project."""
        return self.joined(self.inside, relative)

    @staticmethod
    def joined(folder: str, relative: str) -> str:
        """The path from the top, of a path relative to a folder (as `packages/acme/`)."""
        return os.path.normpath(folder + relative).replace(os.sep, "/")

    def text(self, path: str) -> Text | None:
        """A file's text; None where there is none, or only a link to one."""
        if path not in self._texts:
            if path not in self._contents:
                self._contents[path] = self._data(path)
            data = self._contents[path]
            decoder = decode if path.endswith(".py") else Text
            self._texts[path] = None if data is None else decoder(self.relative_path(path), data)
        return self._texts[path]

    def _data(self, path: str) -> bytes | None:
        if self._staged is not None and path not in self._staged:
            return None
        if path in self._differing:  # its staged content; None for a link
            mode = git_queries.output(self.top, "ls-files", "--stage", "--", f":(literal){path}") or ""
            blob = git_queries.output(self.top, "cat-file", "blob", f":{path}") if mode.startswith("100") else None
            return None if blob is None else blob.encode("utf-8", "surrogateescape")
        full = os.path.join(self.top, path)
        try:
            if os.path.islink(full) or not os.path.isfile(full) or os.path.getsize(full) > _LARGEST:
                return None
            with open(full, "rb") as file:
                return file.read()
        except (OSError, ValueError):
            return None

    def toml(self, path: str) -> dict[str, Any]:
        """A TOML file's tables; none where it is missing, or malformed (then it is in `unreadable`)."""
        return self._table(path, toml.read)

    def json(self, path: str) -> dict[str, Any]:
        """A JSON file's object; an empty one where it is missing, or malformed (then it is in `unreadable`)."""
        return self._table(path, versions_place.read_json)

    def _table(self, path: str, read: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        if path not in self._tables:
            text = self.text(path)
            try:
                self._tables[path] = read(text.text) if text else {}
            except (Malformed, RecursionError) as error:
                self.unreadable.append((path, str(error)))
                self._tables[path] = {}
        return self._tables[path]

    def ini(self, path: str) -> dict[str, dict[str, LocatedString]]:
        """The values of an INI file, by section."""
        text = self.text(path)
        return versions_place.read_ini(text.text) if text else {}

    def module(self, path: str) -> tuple[Module, list[Assigned]] | None:
        """A Python file, with the versions it assigns; None where it is missing."""
        if path not in self._modules:
            text = self.text(path)
            module = Module(text) if text else None
            self._modules[path] = (module, assignments(module)) if module else None
        return self._modules[path]

    def places(self, path: str, value: object, role: str, form: str = "") -> Iterator[Place]:
        """The place of a value of a TOML, JSON or INI file; none where the value is not a version."""
        text = self.text(path)
        if not isinstance(value, LocatedString) or text is None or not parse(value):
            return
        if value.start >= 0:
            yield text.place(value.start, value.end, role, form=form)
        else:
            yield text.place(value.near, value.near, role, str(value), form, "written with escapes: use a plain string")
