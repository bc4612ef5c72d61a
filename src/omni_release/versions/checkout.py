"""A checkout as discovery reads it: the names of its files, each file read once, and the projects that lie in it."""

from __future__ import annotations

import os
import re

from omni_release import source_tree
from omni_release.core.toml import LocatedString, Malformed
from omni_release.versions import place as versions_place
from omni_release.versions.place import Place, Text
from omni_release.versions.python import Assigned, Module, assignments, decode

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from typing import Any

_NAMES = frozenset(
    (
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "Cargo.toml",
        "Cargo.lock",
        "package.json",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "pylock.toml",
        "CITATION.cff",
        "codemeta.json",
        ".zenodo.json",
        "conf.py",
        "VERSION",
        "VERSION.txt",
        "version.txt",
        "version.info",
        ".bumpversion.cfg",
        ".bumpversion.toml",
        ".cz.toml",
        ".cz.json",
        "cz.toml",
        "cz.json",
        ".cz.yaml",
        ".cz.yml",
        "cz.yaml",
        "tbump.toml",
        "bumpver.toml",
        "pycalver.toml",
        ".release-please-manifest.json",
        "meson.build",
        "pixi.toml",
        "settings.ini",
        "towncrier.toml",
        "__init__.py",
        "version",
        "_version.py",
    )
)
_STEM = re.compile(
    r"\w*version\w*|_*(?:about|meta|metadata|info|pkginfo|package_info|release|const|constants|config|main|cli|core|settings)_*"
)
_PROSE = ("readme", "changelog", "changes", "history", "news", "index", "install", "quickstart", "getting", "release")
_LARGEST = 20_000_000  # bytes; no file that states a version is larger

_OTHER_CODE = frozenset(
    (
        "test",
        "tests",
        "testing",
        "test_data",
        "testdata",
        "fixtures",
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "tutorial",
        "tutorials",
        "vendor",
        "_vendor",
        "vendored",
        "_vendored",
        "third_party",
        "thirdparty",
        "extern",
        "external",
        "externals",
        "node_modules",
        "site-packages",
        "bench",
        "benchmark",
        "benchmarks",
        "template",
        "templates",
        "cookiecutter",
        "skeleton",
        "scripts",
        "tools",
        "archetypes",
    )
)
"""Folders whose files state other versions than the project's."""


class Checkout:
    """The files around a project. All paths in here are relative to `top`; those of its places, to the project.

    With `staged` it is what a commit would have, whatever lies in the folder.
    """

    def __init__(self, root: str, *, staged: bool = False) -> None:
        self.root = os.path.realpath(root)
        self.top = source_tree.repository_top(self.root) or self.root
        inside = os.path.relpath(self.root, self.top).replace(os.sep, "/")
        self.inside = "" if inside == "." else inside + "/"
        if staged:
            files, self._differ = source_tree.staged_files(self.top)
        else:
            files, self._differ = source_tree.file_names(self.top), frozenset()
        self._staged = frozenset(files) if staged else None
        self.files = tuple(file for file in files if _may_hold(file))
        self.known = frozenset(self.files)
        self.unreadable: list[tuple[str, str]] = []
        self._texts: dict[str, Text | None] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        self._modules: dict[str, tuple[Module, list[Assigned]] | None] = {}

    def shown(self, path: str) -> str:
        """A path as the project's places show it."""
        if path.startswith(self.inside):
            return path[len(self.inside) :]
        return os.path.relpath(path, self.inside).replace(os.sep, "/")

    def inner(self, shown: str) -> str:
        """The path from the top of what a place shows: the reverse of `shown`."""
        return os.path.normpath(self.inside + shown).replace(os.sep, "/")

    def text(self, path: str) -> Text | None:
        """A file's text; None where there is none, or only a link to one."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _read(self, path: str) -> Text | None:
        if self._staged is not None and path not in self._staged:
            return None
        data = self._blob(path) if path in self._differ else self._bytes(path)
        if data is None:
            return None
        return decode(self.shown(path), data) if path.endswith(".py") else Text(self.shown(path), data)

    def _bytes(self, path: str) -> bytes | None:
        full = os.path.join(self.top, path)
        try:
            if os.path.islink(full) or not os.path.isfile(full) or os.path.getsize(full) > _LARGEST:
                return None
            with open(full, "rb") as file:
                return file.read()
        except (OSError, ValueError):
            return None

    def _blob(self, path: str) -> bytes | None:
        """What is staged of a file that says something else in the folder; None for a link."""
        mode = source_tree.git_output(self.top, "ls-files", "--stage", "--", f":(literal){path}") or ""
        said = source_tree.git_output(self.top, "cat-file", "blob", f":{path}") if mode.startswith("100") else None
        return None if said is None else said.encode("utf-8", "surrogateescape")

    def toml(self, path: str) -> dict[str, Any]:
        """A TOML file's tables; none where it is not there, or not TOML (which `unreadable` then says)."""
        return self._table(path, ".toml")

    def json(self, path: str) -> dict[str, Any]:
        """A JSON file's object; an empty one where it is not there, or not JSON."""
        return self._table(path, ".json")

    def ini(self, path: str) -> dict[str, dict[str, LocatedString]]:
        """A file's sections."""
        text = self.text(path)
        return versions_place.read_ini(text.text) if text else {}

    def module(self, path: str) -> tuple[Module, list[Assigned]] | None:
        """A Python file, with the versions that it assigns; None where it is not there."""
        if path not in self._modules:
            text = self.text(path)
            module = Module(text) if text else None
            self._modules[path] = (module, assignments(module)) if module else None
        return self._modules[path]

    def place(self, path: str, stated: object, role: str, form: str = "") -> Place | None:
        """The place of a value of a TOML, JSON or INI file, where it is a version."""
        from omni_release.versions.pep440 import parse

        text = self.text(path)
        if not isinstance(stated, LocatedString) or text is None or not parse(stated):
            return None
        if stated.start < 0:
            note = "written with escapes: write it as a plain string"
            return text.place(stated.near, stated.near, role, str(stated), form, note)
        return text.place(stated.start, stated.end, role, form=form)

    def _table(self, path: str, kind: str) -> dict[str, Any]:
        if path not in self._tables:
            from omni_release.core import toml

            text = self.text(path)
            try:
                read = toml.read if kind == ".toml" else versions_place.read_json
                self._tables[path] = read(text.text) if text else {}
            except (Malformed, RecursionError) as error:
                self.unreadable.append((path, str(error)))
                self._tables[path] = {}
        return self._tables[path]


def _may_hold(file: str) -> bool:
    name = file[file.rfind("/") + 1 :]
    if name in _NAMES or (file.count("/") < 2 and name.endswith(".py")) or "/" not in file:
        return True
    if name.endswith((".md", ".rst", ".txt", ".in")):
        return name.lower().startswith(_PROSE) or "require" in name
    return name.endswith(".py") and bool(_STEM.fullmatch(name[:-3].lower()))


def is_pruned(path: str) -> bool:
    """Does a file lie in a folder of tests, examples, or other people's code?"""
    return any(folder.lower() in _OTHER_CODE or "{{" in folder for folder in path.split("/")[:-1])
