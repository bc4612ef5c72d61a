"""Whether a function can return what it did not before, by its annotations: only where that is certain."""

from __future__ import annotations

import ast

_TYPING = {
    **{name.capitalize(): name for name in ("list", "dict", "set", "tuple", "type")},
    "FrozenSet": "frozenset",
    "Text": "str",
}
_COVERED_BY = {"bool": ("int", "float", "complex"), "int": ("float", "complex"), "float": ("complex",)}
_CONCRETE = frozenset(("str", "bytes", "int", "float", "bool", "complex", "list", "dict", "set", "frozenset", "tuple"))
_UNKNOWN = frozenset(("Any", "object", "NoReturn", "Never", "Self", "Incomplete", "NotImplementedType"))


def widened(old: str, new: str) -> tuple[str, ...]:
    """The types that the annotation `new` has in addition to those of `old`, of which none is covered by them.

    Only None and the types that are built in are compared: what other names stand for is not known here.
    """
    before, after = _members(old), _members(new)
    if not before or not after or before & _UNKNOWN or after & _UNKNOWN:
        return ()
    if any(len(name) == 1 or name.endswith("T") for name in before):  # a type variable
        return ()
    more = sorted(name for name in after - before if not before.intersection(_COVERED_BY.get(name, ())))
    known = before - {"None"} <= _CONCRETE
    return tuple(name for name in more if name == "None" or (known and name in _CONCRETE))


def _members(annotation: str) -> set[str]:
    """The names of the types in a union, without their parameters; empty where the text is no annotation."""
    try:
        tree = ast.parse(annotation.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return set()
    return _names(tree)


def _names(node: ast.expr) -> set[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _names(node.left) | _names(node.right)
    if isinstance(node, ast.Constant):
        return {"None"} if node.value is None else _members(node.value) if isinstance(node.value, str) else set()
    if isinstance(node, ast.Subscript):
        outer = _last(node.value)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer in ("Union", "Optional"):
            return set().union(*map(_names, parts)) | ({"None"} if outer == "Optional" else set())
        if outer == "Annotated":
            return _names(parts[0])
        if outer == "Literal":
            values = (part.value for part in parts if isinstance(part, ast.Constant))
            return {type(value).__name__.replace("NoneType", "None") for value in values}
        return {_TYPING.get(outer, outer)}
    name = _last(node)
    return {_TYPING.get(name, name)} if name else set()


def _last(node: ast.expr) -> str:
    """The last name of `a.b.C`."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
