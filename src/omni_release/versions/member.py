"""One project of a checkout: its names, its packages, and where its modules lie."""

from __future__ import annotations

import _ast
import re
from collections.abc import Iterator

from omni_release.versions.checkout import Checkout, pruned, table
from omni_release.versions.place import MIRROR, SOURCE, Place
from omni_release.versions.python import COMPUTED, LITERAL, TUPLE, Assigned, components

_LAYOUTS = ("", "src/", "lib/", "python/", "source/")
_DEEPEST = 5


def canonical(name: str) -> str:
    """A project's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Member:
    """The project in the folder `at` of a checkout (`` or `packages/acme/`)."""

    def __init__(self, checkout: Checkout, at: str) -> None:
        self.checkout = checkout
        self.at = at
        self.pyproject = checkout.toml(at + "pyproject.toml")
        self.setup_cfg = checkout.ini(at + "setup.cfg")
        self.name = str(self._name() or "")
        self.canonical = canonical(self.name)

    def table(self, *keys: str) -> dict[str, object]:
        """A table of pyproject.toml."""
        return table(self.pyproject, *keys)

    def _name(self) -> object:
        stated = self.table("project").get("name") or self.table("tool", "poetry").get("name")
        stated = stated or self.table("tool", "flit", "metadata").get("module")
        return stated or self.setup_cfg.get("metadata", {}).get("name") or self._setup_name()

    def _setup_name(self) -> str:
        read = self.checkout.module(self.at + "setup.py")
        if not read or not read[0].tree:
            return ""
        from omni_release.versions.python import calls

        for call in calls(read[0].tree, "setup"):
            for keyword in call.keywords:
                if keyword.arg == "name":
                    return self._constant(read[0].tree, keyword.value)
        return ""

    def _constant(self, tree: _ast.Module, value: _ast.expr) -> str:
        """A string, or what the module assigns to the name that stands there."""
        if isinstance(value, _ast.Constant):
            return str(value.value)
        for node in tree.body:
            if isinstance(value, _ast.Name) and isinstance(node, _ast.Assign) and isinstance(node.value, _ast.Constant):
                if any(isinstance(target, _ast.Name) and target.id == value.id for target in node.targets):
                    return str(node.value.value)
        return ""

    def files(self, others: frozenset[str]) -> Iterator[str]:
        """The files of this project, and of none of those in the folders `others`; none of its tests."""
        below = tuple(other for other in others if other != self.at and other.startswith(self.at))
        for file in self.checkout.files:
            if file.startswith(self.at) and not (below and file.startswith(below)) and not pruned(file[len(self.at) :]):
                yield file

    def module(self, dotted: str) -> str | None:
        """Where the module lies that is imported under a name."""
        inside = dotted.replace(".", "/")
        where = self.table("tool", "setuptools").get("package-dir")
        extra = [f"{path}/" for path in where.values() if path] if isinstance(where, dict) else []
        find = self.table("tool", "setuptools", "packages", "find").get("where")
        extra += [f"{path}/" for path in find if path] if isinstance(find, list) else []
        for layout in (*extra, *_LAYOUTS):
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
        """The places of a name in a module, through imports and other names as far as they can be followed."""
        read = self.checkout.module(path)
        if read is None or depth > _DEEPEST:
            return []
        module, found = read
        mine = [item for item in found if item.name == name and not item.fallback]
        if literal := next((item for item in mine if item.kind in (LITERAL, TUPLE)), None):
            return [python_place(self.checkout, path, literal, role)]
        if computed := next((item for item in mine if item.kind == COMPUTED), None):
            words = re.findall(r"[A-Za-z_]\w*", computed.value)
            for word in words:
                if word != name and any(item.name == word for item in found):
                    return self.resolved(path, word, role, depth + 1)
            if parts := part_places(self.checkout, path, role):
                return parts
        return self._imported(path, name, role, depth) if module.tree else []

    def _imported(self, path: str, name: str, role: str, depth: int) -> list[Place]:
        read = self.checkout.module(path)
        assert read is not None
        for node in getattr(read[0].tree, "body", ()):
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
    if item.kind == TUPLE:
        form = "release" if role != SOURCE and _said_beside(checkout, path, item) else "tuple"
    return text.place(item.start, item.end, role, item.value, form, item.note)


def _said_beside(checkout: Checkout, path: str, item: Assigned) -> bool:
    """Is a tuple all numbers, and does a string in the same module say the version as well?"""
    read, text = checkout.module(path), checkout.text(path)
    assert read is not None
    assert text is not None
    numbers = not re.search("[A-Za-z]", text.text[item.start : item.end])
    return numbers and any(other.kind == LITERAL and not other.fallback for other in read[1])


def part_places(checkout: Checkout, path: str, role: str = MIRROR) -> list[Place]:
    """The places of a version in parts, in the module at `path`."""
    read, text = checkout.module(path), checkout.text(path)
    if read is None or text is None:
        return []
    for group in components(read[1], read[0]):
        whole = ".".join(said for part, _, _, said in group if part < 3) + "".join(s for p, _, _, s in group if p == 3)
        more = "+" if group[-1][0] == 3 else ""
        forms = ["part:suffix" if part == 3 else f"part:{part}{more}" for part, *_ in group]
        return [
            text.place(start, end, role, whole, form) for (_, start, end, _), form in zip(group, forms, strict=True)
        ]
    return []
