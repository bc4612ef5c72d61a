"""Versions in Python source, read with the interpreter's parser, so that no string in a docstring counts."""

from __future__ import annotations

import _ast
import functools
import re
import warnings
from collections import namedtuple
from collections.abc import Iterator

from omni_release.versions.pep440 import FINAL, parse, version_of_tuple
from omni_release.versions.place import Text

LITERAL, TUPLE, CALL, COMPUTED, INVALID = "literal", "tuple", "call", "computed", "invalid"


_COOKIE = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:[ \t\f]*(?:#[^\n]*)?\r?\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)")

_NAMED = re.compile(r"(?mi)(?:^|;)[ \t(]*(?:[\w.]+[ \t]*[,=][ \t]*)*(?:\w*version\w*|release|\w*major\w*)[ \t]*[,:=)]")

_WORDS = ("ersion", "ERSION", "elease", "ELEASE", "ajor", "AJOR")
"""What the names contain: to search for them is faster than for the pattern."""

_SIMPLE = re.compile(r"""[rRuU]?(?:\"\"\"|'''|"|')""")

_LINE = re.compile(r"\r\n|\r|\n")

_LONGEST = 12  # lines of one assignment, in a file for another version of Python

_CALLED = re.compile(r"(?i)\w*version\w*$")

_LEVELS = {"release_candidate": "rc", "prerelease": "rc", "post": ".post", "dev": ".dev"}

_STAGES = ("releaselevel", "level", "stage", "prerelease", "pre", "serial")

_ALMOST = re.compile(r"v?\d+(?:[.,] ?\d+)+[ \w.,+!()-]*")
"""A string that is meant as a version; a placeholder of a build is not."""

_SUFFIXED = re.compile(r"\d{1,9}(?:[-_.]?(?:a|b|rc|alpha|beta|dev|post)[-_.]?\d*)+")

_COMPONENTS = {
    "major": 0, "minor": 1, "patch": 2, "micro": 2, "bugfix": 2, "maintenance": 2,
    "suffix": 3, "extra": 3, "prerelease": 3, "pre": 3, "label": 3,
}  # fmt: skip


class Assigned(namedtuple("Assigned", "name kind value start end note fallback")):
    """An assignment of a module: `value` is the version, or the code that computes it.

    A `fallback` is in an `except` or `else`, for the case that the real value is not available.
    """

    __slots__ = ()

    name: str
    kind: str
    value: str
    start: int
    end: int
    note: str
    fallback: bool


def decode(path: str, data: bytes) -> Text:
    """A module's text, in the encoding that it declares."""
    cookie = _COOKIE.match(data)
    return Text(path, data, cookie[1].decode() if cookie else "utf-8")


class Module:
    """A module's syntax tree, and the positions of its nodes. `tree` is None where this Python cannot parse it."""

    def __init__(self, text: Text) -> None:
        self.text = text
        # One character for one, so that offsets hold: the parser takes no surrogates and no byte order mark.
        self.clean = text.text.encode("utf-8", "replace").decode()
        self.shift = 1 if self.clean.startswith("\ufeff") else 0
        self.clean = self.clean[self.shift :]
        self.named = _assigns_version(self.clean)

    @functools.cached_property
    def tree(self) -> _ast.Module | None:
        """The syntax tree, parsed on first use: few modules need it."""
        return _parsed(self.clean)

    @functools.cached_property
    def starts(self) -> list[int]:
        """Where each line begins."""
        return [0, *(match.end() for match in _LINE.finditer(self.clean))]

    def offset(self, line: int, column: int) -> int:
        """The offset in the text of a node's position: lines from 1, columns in bytes of UTF-8."""
        start = self.starts[line - 1]
        end = self.starts[line] if line < len(self.starts) else len(self.clean)
        return self.shift + start + len(self.clean[start:end].encode()[:column].decode("utf-8", "ignore"))

    def span(self, node: _ast.expr) -> tuple[int, int]:
        """The start and end of an expression in the text."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def literal(self, node: _ast.expr) -> tuple[int, int, str]:
        """The start and end of a string between its quotes, and why it cannot be written, else an empty string."""
        start, end = self.span(node)
        source = self.text.text[start:end]
        opened = _SIMPLE.match(source)
        value = node.value if isinstance(node, _ast.Constant) else None
        if opened:
            quotes = opened[0].lstrip("rRuU")
            inside = source[opened.end() : -len(quotes)]
            if inside == value:
                return start + opened.end(), end - len(quotes), ""
        return start, end, "written with escapes or in several strings: use one plain string"


def assignments(module: Module) -> list[Assigned]:
    """All versions that a module assigns at its top level."""
    if not module.named:
        return []
    body = module.tree.body if module.tree else _statements(module)
    return _assignments_in(module, body, fallback=False)


def components(module: Module) -> list[list[tuple[int, int, int, str]]]:
    """Versions in parts (`MAJOR = 1`): for each, the parts as (component, start, end, text), 3 being the suffix."""
    if not module.named or not module.tree:
        return []
    groups: dict[str, dict[int, tuple[int, int, int, str]]] = {}
    for name, node in constants(module):
        stem = re.sub(r"version", "", name.rpartition(".")[2].lower()).strip("_")
        component = _COMPONENTS.get(stem)
        value = node.value
        if component is None or isinstance(value, bool) or not isinstance(value, int | str):
            continue
        if component < 3 and not re.fullmatch(r"\d{1,9}", str(value)):
            if component != 2 or not _SUFFIXED.fullmatch(str(value)):
                continue
        start, end, note = module.literal(node) if isinstance(value, str) else (*module.span(node), "")
        if not note and (isinstance(value, str) or module.text.text[start:end].isdigit()):
            key = name.lower().replace(stem, "*")
            groups.setdefault(key, {}).setdefault(component, (component, start, end, str(value)))
    return [[group[part] for part in sorted(group)] for group in groups.values() if 0 in group and 1 in group]


def constants(module: Module) -> Iterator[tuple[str, _ast.Constant]]:
    """The constants that a module assigns; those of `name = VersionInfo(major=1, …)` as `name.argument`."""
    for node in module.tree.body if module.tree else ():
        if not isinstance(node, _ast.Assign | _ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, _ast.Assign) else node.target
        pairs = [(target, node.value)]
        if isinstance(target, _ast.Tuple) and isinstance(node.value, _ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=False))
        for name, value in pairs:
            if isinstance(name, _ast.Name) and isinstance(value, _ast.Constant):
                yield name.id, value
            elif isinstance(name, _ast.Name) and isinstance(value, _ast.Call) and "version" in name.id.lower():
                for keyword in value.keywords if _is_final(value) and not value.args else ():
                    argument, constant = keyword.arg, keyword.value
                    if argument and isinstance(constant, _ast.Constant) and _COMPONENTS.get(argument, 3) < 3:
                        yield f"{name.id}.{argument}", constant


def _is_final(call: _ast.Call) -> bool:
    """Do the arguments of a version's type name no stage before a release?"""
    stages = [getattr(keyword.value, "value", "") for keyword in call.keywords if keyword.arg in _STAGES]
    return all(stage in (None, *FINAL) or isinstance(stage, int) for stage in stages)


def walk(tree: _ast.AST) -> Iterator[_ast.AST]:
    """All nodes of a tree."""
    open_ = [tree]
    while open_:
        node = open_.pop()
        yield node
        for field in node._fields:
            child = getattr(node, field, None)
            if isinstance(child, _ast.AST):
                open_.append(child)
            elif isinstance(child, list):
                open_.extend(item for item in child if isinstance(item, _ast.AST))


def _assigns_version(text: str) -> bool:
    """Has a line a name of a version before `=`, or the like? Only the lines with such a word are matched."""
    for word in _WORDS:
        at = text.find(word)
        while at >= 0:
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            if _NAMED.search(text, text.rfind("\n", 0, at) + 1, end):
                return True
            at = text.find(word, end)
    return False


def _parsed(text: str) -> _ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = compile(text, "<version>", "exec", _ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    assert isinstance(tree, _ast.Module)
    return tree


def _statements(module: Module) -> list[_ast.stmt]:
    """The assignments of a module that this Python cannot parse as a whole, each parsed by itself."""
    found: list[_ast.stmt] = []
    for match in re.finditer(r"(?m)^_*[A-Za-z]*_?version\w*[ \t]*[:=]", module.clean, re.IGNORECASE):
        first = module.clean.count("\n", 0, match.start())
        lines = module.clean[match.start() :].split("\n")[:_LONGEST]
        for count in range(1, len(lines) + 1):
            tree = _parsed("\n" * first + "\n".join(lines[:count]))
            if tree:
                found.extend(tree.body)
                break
    return found


def _assignments_in(module: Module, body: list[_ast.stmt], *, fallback: bool) -> list[Assigned]:
    """The assignments of a block, without those that a later statement of the same block overrides."""
    found: list[Assigned] = []
    for node in body:
        if isinstance(node, _ast.Assign):
            new = [
                item for target in node.targets for item in _assignment(module, target, node.value, fallback=fallback)
            ]
        elif isinstance(node, _ast.AnnAssign) and node.value:
            new = list(_assignment(module, node.target, node.value, fallback=fallback))
        else:
            found += _in_blocks(module, node, fallback=fallback)
            continue
        # What is computed may be computed from the value before.
        again = {item.name for item in new if item.kind != COMPUTED}
        found = [item for item in found if item.name not in again] + new
    return found


def _in_blocks(module: Module, node: _ast.stmt, *, fallback: bool) -> list[Assigned]:
    """The assignments in the blocks of a statement."""
    if isinstance(node, _ast.If):
        body = _assignments_in(module, node.body, fallback=fallback)
        return body + _assignments_in(module, node.orelse, fallback=True)
    if isinstance(node, _ast.Try):
        body = _assignments_in(module, [*node.body, *node.orelse, *node.finalbody], fallback=fallback)
        handlers = (_assignments_in(module, handler.body, fallback=True) for handler in node.handlers)
        return body + [item for handler in handlers for item in handler]
    return _assignments_in(module, node.body, fallback=fallback) if isinstance(node, _ast.With) else []


def _assignment(module: Module, target: _ast.expr, value: _ast.expr, *, fallback: bool) -> Iterator[Assigned]:
    if isinstance(target, _ast.Tuple | _ast.List) and isinstance(value, _ast.Tuple | _ast.List):
        for name, item in zip(target.elts, value.elts, strict=False):
            yield from _assignment(module, name, item, fallback=fallback)
    if not isinstance(target, _ast.Name) or ("version" not in target.id.lower() and target.id != "release"):
        return
    if isinstance(value, _ast.Constant):
        text = value.value if isinstance(value.value, str) else ""
        start, end, note = module.literal(value)
        if target.id == "version" and text.endswith(".") and not note:  # `version = "1.35."` in a conf.py
            text, end = text[:-1], end - 1
        if text and parse(text):
            yield Assigned(target.id, LITERAL, text, start, end, note, fallback)
        elif target.id in ("__version__", "version", "VERSION") and _ALMOST.fullmatch(text):
            yield Assigned(target.id, INVALID, text, start, end, note, fallback)
    elif isinstance(value, _ast.Tuple | _ast.List) and value.elts:
        start, end = module.span(value.elts[0])[0], module.span(value.elts[-1])[1]
        plain = all(
            isinstance(item, _ast.Constant) and isinstance(item.value, int | str) for item in _without_sign(value.elts)
        )
        whole = version_of_tuple(module.text.text[start:end]) if plain else None
        if whole and parse(whole) and len(value.elts) > 1:
            yield Assigned(target.id, TUPLE, whole, start, end, "", fallback)
    elif isinstance(value, _ast.Call) and (called := _called(module, value)):
        yield Assigned(target.id, CALL, called[0], *called[1:], "", fallback)
    else:
        start, end = module.span(value)
        code = " ".join(module.text.text[start:end].split())
        yield Assigned(target.id, COMPUTED, code if len(code) <= 80 else code[:77] + "…", start, end, "", fallback)


def _without_sign(items: list[_ast.expr]) -> list[_ast.expr]:
    """The items; of a negative last one, its number."""
    last = items[-1]
    return [*items[:-1], last.operand] if isinstance(last, _ast.UnaryOp) and isinstance(last.op, _ast.USub) else items


def _called(module: Module, value: _ast.Call) -> tuple[str, int, int] | None:
    """The version of `Version("acme", 1, 2, 3)` or `version_info(1, 2, 3, "final", 0)`, and the span of its items.

    Its parts may have names: `VersionInfo(major=1, minor=2, micro=3, releaselevel="beta", serial=1)`.
    """
    name = getattr(value.func, "id", "") or getattr(value.func, "attr", "")
    if not _CALLED.match(name) or not all(isinstance(item, _ast.Constant) for item in value.args):
        return None
    items = value.args
    if items and isinstance(first := getattr(items[0], "value", None), str) and not first[:1].isdigit():
        items = items[1:]
    numbered = (keyword for keyword in value.keywords if isinstance(getattr(keyword.value, "value", None), int))
    levels = [keyword for keyword in numbered if keyword.arg in _LEVELS]
    if not levels and (items or not _is_final(value)):
        items = [*items, *(keyword.value for keyword in value.keywords)]
        if any(keyword.arg not in (*_COMPONENTS, *_STAGES) for keyword in value.keywords):
            return None
    if len(items) < 2 or not all(isinstance(getattr(item, "value", None), int | str) for item in items):
        return None
    start, end = module.span(items[0])[0], module.span(items[-1])[1]
    version = version_of_tuple(module.text.text[start:end])
    for keyword in value.keywords if levels else ():
        number = getattr(keyword.value, "value", None)
        if keyword.arg not in _LEVELS or not isinstance(number, int):
            return None
        version = f"{version}{_LEVELS[keyword.arg]}{number}" if version else None
        end = max(end, module.span(keyword.value)[1])
    return (version, start, end) if version and parse(version) else None
