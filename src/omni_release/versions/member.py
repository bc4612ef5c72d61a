"""One project of a checkout: its name, its modules, and the versions they state."""

from __future__ import annotations

import _ast
import functools
import os
import re
from collections.abc import Iterator

from omni_release.core.toml import LocatedString, table
from omni_release.versions.checkout import LAYOUTS, Checkout, is_pruned
from omni_release.versions.pep440 import is_signed
from omni_release.versions.place import MIRROR, SOURCE, Place
from omni_release.versions.python import (
    CALL,
    COMPUTED,
    INVALID,
    LITERAL,
    TUPLE,
    Assigned,
    Module,
    components,
    constants,
    walk,
)
from omni_release.versions.setup_py import paths_in_setup, setup_arguments

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from typing import Any

_DEEPEST = 5


def canonical(name: str) -> str:
    """A project's name, normalised as PEP 503 says.

    packaging.utils does the same; its import takes longer than all of `omni-release version` (bench/start.py).
    """
    return re.sub(r"[-_.]+", "-", name).lower()


class Member:
    """The project in the folder `at` of a checkout: empty for its top, else as `packages/acme/`."""

    def __init__(self, checkout: Checkout, at: str) -> None:
        self.checkout = checkout
        self.at = at

    @functools.cached_property
    def pyproject(self) -> dict[str, Any]:
        """The tables of pyproject.toml, read on first use: of siblings, few need it."""
        return self.checkout.toml(self.at + "pyproject.toml")

    @functools.cached_property
    def setup_cfg(self) -> dict[str, dict[str, LocatedString]]:
        """The values of setup.cfg, by section."""
        return self.checkout.ini(self.at + "setup.cfg")

    @functools.cached_property
    def name(self) -> str:
        """The project's name, wherever it is stated; empty where it is computed."""
        name = self.table("project").get("name") or self.table("tool", "poetry").get("name")
        name = name or self.table("tool", "flit", "metadata").get("module")
        name = name or self.setup_cfg.get("metadata", {}).get("name") or self._name_in_setup()
        return str(name or "")

    @functools.cached_property
    def canonical(self) -> str:
        """The name, normalised."""
        return canonical(self.name)

    def table(self, *keys: str) -> dict[str, object]:
        """A table of pyproject.toml."""
        return table(self.pyproject, *keys)

    def _name_in_setup(self) -> str:
        read = self.checkout.module(self.at + "setup.py")
        if not read or not read[0].tree:
            return ""
        for argument, value in setup_arguments(read[0].tree):
            if argument == "name":
                tree = read[0].tree
                return self._constant(tree, value) or self._value_of_key(tree, value) or self._value_of_attribute(value)
        return ""

    def _value_of_attribute(self, value: _ast.expr) -> str:
        """The value of `acme.__title__`, where setup.py imports the module."""
        if not isinstance(value, _ast.Attribute) or not isinstance(value.value, _ast.Name):
            return ""
        path = self.module(value.value.id)
        read = self.checkout.module(path) if path else None
        found = (node.value for name, node in constants(read[0]) if name == value.attr) if read and read[0].tree else ()
        return next((item for item in found if isinstance(item, str)), "")

    def _value_of_key(self, tree: _ast.Module, value: _ast.expr) -> str:
        """The value of `about["__title__"]`, where setup.py reads `about` from a module of the project."""
        key = value.slice.value if isinstance(value, _ast.Subscript) and isinstance(value.slice, _ast.Constant) else ""
        for path in paths_in_setup(tree) if isinstance(key, str) and key.startswith("__") else ():
            read = self.checkout.module(self.at + path) if path.endswith(".py") else None
            for name, node in constants(read[0]) if read and read[0].tree else ():
                if name == key and isinstance(node.value, str):
                    return node.value
        return ""

    def _constant(self, tree: _ast.Module, value: _ast.expr) -> str:
        """The value of a string, or of the name of a string that the module assigns."""
        if isinstance(value, _ast.Constant):
            return str(value.value)
        for node in tree.body:
            if isinstance(value, _ast.Name) and isinstance(node, _ast.Assign) and isinstance(node.value, _ast.Constant):
                if any(isinstance(target, _ast.Name) and target.id == value.id for target in node.targets):
                    return str(node.value.value)
        return ""

    def files(self, others: frozenset[str]) -> Iterator[str]:
        """The files of this project, without those of the projects in the folders `others`, and without tests."""
        below = tuple(other for other in others if other != self.at and other.startswith(self.at))
        for file in self.checkout.files:
            if (
                file.startswith(self.at)
                and not (below and file.startswith(below))
                and not is_pruned(file[len(self.at) :])
            ):
                yield file

    def around(self, folders: list[str]) -> Iterator[str]:
        """The files outside the project's folder, if it is the only project of its repository."""
        if self.at and folders == [self.at]:
            for file in self.checkout.files:
                if not file.startswith(self.at) and not is_pruned(file):
                    yield file

    def module(self, dotted: str) -> str | None:
        """The path of the module that is imported under a name; None where it is not found."""
        inside = dotted.replace(".", "/")
        where = self.table("tool", "setuptools").get("package-dir")
        extra = [str(path) for path in where.values()] if isinstance(where, dict) else []
        find = self.table("tool", "setuptools", "packages", "find").get("where")
        extra += map(str, find) if isinstance(find, list) else []
        layouts = [f"{path}/" for path in map(os.path.normpath, filter(None, extra)) if path != "."]
        for layout in (*layouts, *LAYOUTS):
            for file in (f"{inside}/__init__.py", f"{inside}.py"):
                if self.checkout.text(self.at + layout + file) is not None:
                    return self.at + layout + file
        return None

    def attribute(self, dotted: str, role: str = SOURCE) -> list[Place]:
        """The places of `package.module.NAME`."""
        module, _, name = dotted.rpartition(".")
        while module:
            path = self.module(module)
            if path is not None:
                return self.resolved(path, name, role)
            module, _, name = module.rpartition(".")
        return []

    def resolved(self, path: str, name: str, role: str = SOURCE, depth: int = 0) -> list[Place]:
        """The places of a name in a module, through imports and other names."""
        read = self.checkout.module(path)
        if read is None or depth > _DEEPEST:
            return []
        module, found = read
        mine = [item for item in found if item.name == name and not item.fallback]
        if literal := next((item for item in mine if item.kind not in (COMPUTED, INVALID)), None):
            return [python_place(self.checkout, path, literal, role)]
        if computed := next((item for item in mine if item.kind == COMPUTED), None):
            words = re.findall(r"[A-Za-z_]\w*", computed.value)
            for word in words:
                if word != name and any(item.name == word for item in found):
                    others = [other for other in words if other not in (word, name) and _is_number(module, other)]
                    note = f"it is computed from {word} and {others[0]}" if others else ""
                    return [
                        place._replace(note=place.note or note) for place in self.resolved(path, word, role, depth + 1)
                    ]
            if (inside := re.fullmatch(r"(\w+)\.(\w+)", computed.value)) and module.tree:
                if target := self._module_called(path, inside[1]):
                    return self.resolved(target, inside[2], role, depth + 1)
            if parts := part_places(self.checkout, path, role):
                return parts
            for word in words if module.tree else ():
                if word != name and (places := self._imported(path, word, role, depth)):
                    return places
        return self._imported(path, name, role, depth) if module.tree else []

    def _module_called(self, path: str, name: str) -> str | None:
        """The module that `name` is in the module at `path`: `from . import name`, `from acme import other as name`."""
        read = self.checkout.module(path)
        for node in getattr(read[0].tree, "body", ()) if read else ():
            for alias in node.names if isinstance(node, _ast.ImportFrom) else ():
                if (alias.asname or alias.name) == name:
                    if not node.level:
                        return self.module(f"{node.module}.{alias.name}")
                    folder = path.rsplit("/", node.level)[0] if path.count("/") >= node.level else ""
                    inside = "/".join(
                        part for part in (folder, (node.module or "").replace(".", "/"), alias.name) if part
                    )
                    near = (f"{inside}.py", f"{inside}/__init__.py")
                    return next((file for file in near if self.checkout.text(file) is not None), None)
        return None

    def _imported(self, path: str, name: str, role: str, depth: int) -> list[Place]:
        read = self.checkout.module(path)
        assert read is not None
        tree = read[0].tree
        in_functions = path.endswith("setup.py")
        for node in walk(tree) if tree and in_functions else getattr(tree, "body", ()):
            if not isinstance(node, _ast.ImportFrom):
                continue
            origin = next((alias.name for alias in node.names if (alias.asname or alias.name) == name), None)
            if origin is None:
                continue
            folder = path.rsplit("/", node.level)[0] + "/" if path.count("/") >= node.level > 0 else ""
            inside = (node.module or "").replace(".", "/")
            near = (f"{folder}{inside}.py", f"{folder}{inside}/__init__.py") if node.level else ()
            target = next((file for file in near if self.checkout.text(file) is not None), None)
            target = target or (self.module(node.module) if node.module and not node.level else None)
            if target and (places := self.resolved(target, origin, role, depth + 1)):
                return places
        return []


def python_place(checkout: Checkout, path: str, item: Assigned, role: str, form: str = "") -> Place:
    """The place of an assignment."""
    text = checkout.text(path)
    assert text is not None
    if item.kind == CALL:
        form = "call"
    elif item.kind == TUPLE and is_signed(text.text[item.start : item.end]):
        form = "signed"
    elif item.kind == TUPLE:
        form = "release" if role != SOURCE and _is_release_only(checkout, path, item) else "tuple"
    return text.place(item.start, item.end, role, item.value, form, item.note)


def _is_release_only(checkout: Checkout, path: str, item: Assigned) -> bool:
    """Does a tuple contain numbers only, and does a string in the same module state the version too?"""
    read, text = checkout.module(path), checkout.text(path)
    assert read is not None
    assert text is not None
    numbers = not re.search("[A-Za-z]", text.text[item.start : item.end])
    return numbers and any(other.kind == LITERAL and not other.fallback for other in read[1])


def _is_number(module: Module, name: str) -> bool:
    """Does a module assign a number other than 0 to a name?"""
    return any(assigned == name and isinstance(node.value, int) and node.value for assigned, node in constants(module))


def part_places(checkout: Checkout, path: str, role: str = MIRROR) -> list[Place]:
    """The places of a version in parts, in the module at `path`."""
    read, text = checkout.module(path), checkout.text(path)
    if read is None or text is None:
        return []

    def is_string(part: tuple[int, int, int, str]) -> bool:
        return text.text[part[1] - 1 : part[1]] in ("'", '"')

    for group in components(read[0]):
        first, last = group[0], group[-1]
        version = ".".join(value for part, _, _, value in group if part < 3)
        version += "".join(value for part, _, _, value in group if part == 3)
        rest = "+" if last[0] == 3 else ""
        if last[0] == 2 and (not last[3].isdigit() or (not is_string(first) and is_string(last))):
            rest = "s"  # the last one includes what follows the numbers
        forms = ["part:suffix" if part == 3 else f"part:{part}{rest}" for part, *_ in group]
        return [
            text.place(start, end, role, version, form) for (_, start, end, _), form in zip(group, forms, strict=True)
        ]
    return []
