"""What the modules that ship use of other packages: modules, the names in them, and keywords of calls.

A name counts where only an import binds it in its file. What a module can do without does not count: in a `try` that
catches the failure, or under a test of the version or of what is there.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.code import imports

_TESTED = re.compile(r"\b(?:hasattr|getattr|__version__|version)\b")
_CAUGHT = re.compile(r"\b(?:AttributeError|TypeError)\b")


@dataclass(frozen=True)
class Use:
    """A use of `names`, one below the other, in an imported module, and the keywords of a call of the last one.

    The module of what is built in is `builtins`. The import itself is a use, too: then `is_import` is true.
    """

    module: str
    names: tuple[str, ...]
    keywords: tuple[str, ...]
    path: str
    line: int
    column: int
    is_import: bool = False

    @property
    def top(self) -> str:
        """The first name of the module."""
        return self.module.partition(".")[0]

    @property
    def key(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """What is used, wherever that is."""
        return self.module, self.names, self.keywords


def in_files(root: Path, files: Iterable[PurePosixPath]) -> Iterator[Use]:
    """The uses in these Python files, in their order; none of a file that does not parse."""
    for file in files:
        if (tree := imports.parse(root / file)) is None:
            continue
        try:
            yield from _in_module(tree, file.as_posix())
        except RecursionError:
            continue


def _in_module(tree: ast.Module, path: str) -> Iterator[Use]:
    nodes = list(walk(tree, lazy=_has_lazy_annotations(tree)))
    imported = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
    bound = _bindings(tree)
    for statement in imported:
        for alias in statement.names:
            place = (path, statement.lineno, statement.col_offset + 1)
            if isinstance(statement, ast.Import):
                yield Use(alias.name, (), (), *place, is_import=True)
            elif statement.module and not statement.level and alias.name != "*":
                yield Use(statement.module, (alias.name,), (), *place, is_import=True)
    called = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if id(node) in inner or not isinstance(node, ast.Attribute | ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        chain = _chain(node)
        target = bound.get(chain[0], ()) if chain else ()
        if chain and chain[0] not in bound and hasattr(builtins, chain[0]):
            target = ("builtins", chain[0])
        if not target:
            continue
        call = called.get(id(node))
        keywords = tuple(keyword.arg for keyword in call.keywords if keyword.arg) if call else ()
        module, names = _split(target, chain[1:], modules)
        if names and (keywords or len(chain) > 1 or module == "builtins"):
            yield Use(module, names, keywords, path, node.lineno, node.col_offset + 1)


def walk(node: ast.AST, *, lazy: bool) -> Iterator[ast.AST]:
    """Each node that runs, without what may fail, and without annotations that are never evaluated."""
    if imports.is_guard(node) or _is_tested(node):
        return
    yield node
    skipped: list[ast.AST | None] = []
    if isinstance(node, ast.AnnAssign) or (lazy and isinstance(node, ast.arg)):
        skipped = [node.annotation]
    elif lazy and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        skipped = [node.returns]
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from walk(child, lazy=lazy)


def _is_tested(node: ast.AST) -> bool:
    """Whether what is in this statement runs only where something is there, or may fail for want of it."""
    if isinstance(node, ast.Try | ast.TryStar):
        return any(handler.type and _CAUGHT.search(ast.unparse(handler.type)) for handler in node.handlers)
    if isinstance(node, ast.With):
        return any(_CAUGHT.search(ast.unparse(item.context_expr)) for item in node.items)
    return isinstance(node, ast.If | ast.IfExp) and _TESTED.search(ast.unparse(node.test)) is not None


def _has_lazy_annotations(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations"
        for node in tree.body
    )


def _bindings(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """What the file binds: of a name that imports of one thing bind, the module and the name in it; empty of others."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name if alias.asname else alias.name.partition(".")[0]
                found.setdefault(alias.asname or top, set()).add((top,))
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inside = () if node.level else (node.module or "", alias.name)
                found.setdefault(alias.asname or alias.name, set()).add(inside)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.setdefault(node.id, set()).add(())
        elif isinstance(node, ast.arg):
            found.setdefault(node.arg, set()).add(())
        else:
            name = getattr(node, "name", None)  # of a function, a class, an exception, a pattern
            if isinstance(name, str) and not isinstance(node, ast.alias):
                found.setdefault(name, set()).add(())
    return {name: next(iter(targets)) if len(targets) == 1 else () for name, targets in found.items()}


def _chain(node: ast.expr) -> tuple[str, ...]:
    """The names of `a.b.c`; empty for any other expression."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def _split(target: tuple[str, ...], rest: tuple[str, ...], modules: set[str]) -> tuple[str, tuple[str, ...]]:
    """The module of a chain, the longest one that the file imports, and the names below it."""
    module, *names = (*target, *rest)
    while names and f"{module}.{names[0]}" in modules:
        module = f"{module}.{names.pop(0)}"
    return module, tuple(names)
