"""The API of the packages in a folder, as griffe reads it from their files: nothing of them is imported.

Public is what griffe takes for it: a name without an underscore at its start in a module without `__all__`, or in
`__all__`; and what an `__init__.py` without `__all__` imports from below it. Modules for tests are left out.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import keyword
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import griffe
from griffe import Alias, Attribute, Class, Expr, ExprName, Module, Object

Member = Object | Alias

_NOT_API = re.compile(r"_.*|tests?|testing_?utils|conftest|vendor(?:ed|s)?|third_party|docs|examples?|benchmarks?")
_COMPILED = (".so", ".pyd")
_DEEPEST = 12  # names in a path: aliases can lead in circles
_UNRESOLVED = (griffe.AliasResolutionError, griffe.CyclicAliasError)


@dataclass(frozen=True)
class Surface:
    """The public objects of a folder by the paths that users write, and the paths by those where each is defined.

    `modules` are all that is at the top, `roots` those of them that are public.
    `hidden` are the modules of which griffe sees nothing: they are compiled, or do not parse on this Python; `stubs`
    are compiled ones that it reads from their stub. `unread` says which do not parse, and why.
    """

    folder: Path
    roots: Mapping[str, Module]
    modules: Mapping[str, Module]
    objects: Mapping[str, Member]
    names: Mapping[str, str]
    hidden: frozenset[str]
    stubs: frozenset[str]
    unread: tuple[str, ...]

    def shown(self, path: str) -> str:
        """The path that users write for an object that is defined at this path, or for a part of it."""
        parts = path.split(".")
        for count in range(len(parts), 0, -1):
            if public := self.names.get(".".join(parts[:count])):
                return ".".join((public, *parts[count:]))
        return path

    def find(self, path: str) -> Member | None:
        """The object at this path, public or not."""
        first, *rest = path.split(".")
        found: Member | None = self.modules.get(first)
        for part in rest:
            with contextlib.suppress(*_UNRESOLVED):
                found = found.all_members.get(part) if found is not None else None
        return found

    def is_hidden(self, path: str) -> bool:
        """Whether the module at this path, or one above it, is one of which griffe sees nothing."""
        return not self.hidden.isdisjoint(up_from(path))

    def is_of_stub(self, path: str) -> bool:
        """Whether this is in a compiled module, or is one, that is read from its stub."""
        return not self.stubs.isdisjoint(up_from(path))

    def ancestors(self, of: Class) -> set[str]:
        """The paths of all base classes that are known, at any distance; those of the standard library, too."""
        found: set[str] = set()
        left: list[str | Expr] = [*of.bases]
        while left:
            base = left.pop()
            path = (base if isinstance(base, str) else base.canonical_path).partition("[")[0]
            if path in found or not path:
                continue
            found.add(path)
            inside = resolved(self.find(path))
            if isinstance(inside, Class):
                left += inside.bases
            elif isinstance(inside, Attribute) and isinstance(inside.value, Expr):
                left.append(inside.value)  # another name of a class
            elif (real := standard_class(path)) is not None:
                found.update(f"{one.__module__}.{one.__qualname__}" for one in real.__mro__)
        return found


def load(folder: Path) -> Surface:
    """Read the packages and modules at the top of a folder."""
    logging.getLogger("griffe").setLevel(logging.CRITICAL)  # it logs each name that it cannot resolve
    loader = griffe.GriffeLoader(search_paths=[folder], allow_inspection=False)
    modules: dict[str, Module] = {}
    unread: dict[str, str] = {}
    for name in sorted(set(_top_names(folder))):  # private ones, too: what they define is public elsewhere
        try:
            loaded = loader.load(name, try_relative_path=False)
        except (griffe.GriffeError, ImportError, SyntaxError, ValueError, RecursionError, KeyError) as error:
            unread[name] = f": {error}"
            continue
        if isinstance(loaded, Module):
            modules[name] = loaded
    loader.resolve_aliases(implicit=True, external=False)
    for root in modules.values():
        _mark(root)
    roots = {name: root for name, root in modules.items() if not _NOT_API.fullmatch(name)}
    objects = {path: member for name, root in roots.items() for path, member in _public(name, root)}
    names: dict[str, str] = {}
    for path, member in sorted(objects.items(), key=lambda item: (item[0].count("."), item[0])):
        names.setdefault(_canonical(member), path)
    read = {one for name, module in modules.items() for one in _modules(name, module)}
    files = {name: suffixes for name, suffixes in _files(folder).items() if all(map(_is_importable, name.split(".")))}
    compiled = {name for name, suffixes in files.items() if not suffixes.isdisjoint(_COMPILED)}
    broken = {name for name in files.keys() - read - compiled if name.rpartition(".")[0] in {*read, ""}}
    hidden = frozenset(compiled - read | broken)
    said = [f"{name}{unread.get(name, ': it does not parse')}" for name in sorted(broken) if _is_api(name)]
    stubs = frozenset(compiled & read)
    return Surface(folder, roots, modules, objects, names, hidden, stubs, tuple(said))


def up_from(path: str) -> Iterator[str]:
    """A path, and all above it."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _files(folder: Path) -> dict[str, set[str]]:
    """The modules below a folder by their paths, with the suffixes of their files."""
    found: dict[str, set[str]] = {}
    for file in folder.rglob("*"):
        if file.suffix in (".py", ".pyi", *_COMPILED):
            *above, name = file.relative_to(folder).parts
            stem = name.partition(".")[0]
            found.setdefault(".".join([*above, *([] if stem == "__init__" else [stem])]), set()).add(file.suffix)
    return found


def _modules(path: str, module: Module) -> Iterator[str]:
    """The path of a module that was read, and of those below it."""
    yield path
    for name, member in module.members.items():
        if isinstance(member, Module):
            yield from _modules(f"{path}.{name}", member)


def _is_importable(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _is_api(path: str) -> bool:
    return not any(map(_NOT_API.fullmatch, path.split(".")))


def _top_names(folder: Path) -> Iterator[str]:
    """The names that can be imported from a folder."""
    for path in folder.iterdir():
        is_module = path.suffix in (".py", ".pyi") and path.is_file()
        is_package = path.is_dir() and any(file.suffix in (".py", ".pyi") for file in path.rglob("*.py*"))
        if (is_module or is_package) and _is_importable(path.stem):
            yield path.stem


def _mark(module: Module) -> None:
    """Say of the members of a module, and of those below it, whether they are public, where griffe says otherwise."""
    if module.exports is not None:
        module.exports = _exports(module)
    reexports = module.is_init_module and module.exports is None
    of_program = _lines_of_program(module)
    for name, member in list(module.members.items()):
        if (member.alias_lineno if isinstance(member, Alias) else member.lineno) in of_program:
            member.public = False
        if module.exports == [] and not isinstance(member, Module):
            member.public = False  # griffe takes an empty list for none
        if isinstance(member, Alias):
            with contextlib.suppress(*_UNRESOLVED):
                below = member.target_path.startswith(f"{module.path}.")
                if reexports and below and not name.startswith("_") and member.runtime:
                    member.public = True
        elif isinstance(member, Module):
            if _NOT_API.fullmatch(name) or not _is_importable(name):
                member.public = False
            _mark(member)


def _exports(module: Module) -> list[str | ExprName] | None:
    """The names in `__all__`; None where only running the module shows them, so that its names decide."""
    found: list[str | ExprName] = [name for name in module.exports or () if isinstance(name, str)]
    tree = ast.Module([], [])
    with contextlib.suppress(Exception):  # a source that is not there, or does not parse on this Python
        tree = ast.parse(module.source)
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign | ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(map(_is_all, targets)) and node.value is not None and not _is_listed(node.value):
                return None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_all(node.func.value):
            try:  # griffe does not read these
                given = ast.literal_eval(node.args[0])
            except (ValueError, IndexError):
                return None
            if node.func.attr not in ("append", "extend"):
                return None
            found += [given] if node.func.attr == "append" else given
    return found


def _is_all(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "__all__"


def _is_listed(node: ast.expr) -> bool:
    """Whether griffe knows what this adds to `__all__`: names in a list, `__all__` of other modules, sums of both."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and _is_listed(node.left) and _is_listed(node.right)
    if isinstance(node, ast.List | ast.Tuple):
        return all(isinstance(one, ast.Constant) or _is_listed(one) for one in node.elts)
    inner = node.value if isinstance(node, ast.Starred) else node
    return isinstance(inner, ast.Attribute) and inner.attr == "__all__"


def _lines_of_program(module: Module) -> set[int]:
    """The lines below `if __name__ == "__main__"`: what they define is there only where the module is the program."""
    with contextlib.suppress(Exception):  # a source that is not there, or does not parse on this Python
        if "__main__" in module.source:
            tests = (node for node in ast.parse(module.source).body if isinstance(node, ast.If))
            found = (node for node in tests if "__main__" in ast.unparse(node.test))
            return {line for node in found for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return set()


def _public(path: str, member: Member, depth: int = 0) -> Iterator[tuple[str, Member]]:
    """The public objects below a module or a class, with their paths."""
    yield path, member
    inside = resolved(member)
    through = isinstance(member, Alias) and isinstance(inside, Module)  # it has a path of its own
    if not isinstance(inside, Module | Class) or depth > _DEEPEST or through:
        return
    for name, below in inside.members.items():  # what is inherited is found at the base class
        with contextlib.suppress(*_UNRESOLVED):
            if below.is_public and not is_dunder(name):
                yield from _public(f"{path}.{name}", below, depth + 1)


def is_dunder(name: str) -> bool:
    """Whether a name is one that Python itself uses."""
    return name.startswith("__") and name.endswith("__")


def resolved(member: Member | None) -> Object | None:
    """What a member is in the end; None where that is in another package."""
    if not isinstance(member, Alias):
        return member
    try:
        return member.final_target
    except _UNRESOLVED:
        return None


def _canonical(member: Member) -> str:
    inside = resolved(member)
    return member.path if inside is None else inside.canonical_path


def standard_class(path: str) -> type | None:
    """The class of the standard library at this path; None where it has none."""
    module, _, name = path.rpartition(".")
    if not module:
        found = getattr(builtins, name, None)
    elif module.partition(".")[0] in sys.stdlib_module_names and "__main__" not in module:
        try:
            found = getattr(importlib.import_module(module), name, None)  # noqa: TID251 - of the standard library
        except ImportError:
            return None
    else:
        return None
    return found if isinstance(found, type) else None
