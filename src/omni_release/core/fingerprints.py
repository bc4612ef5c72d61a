"""What identifies a finding while its file changes elsewhere: rule, path, enclosing definition, hash of the statement.

In Python the statement is what `ast` sees, without positions: formatting and comments do not count. Of a compound
statement only its head counts, of an exception handler all of it, and of a list, dict or call of several lines the item
that the finding is in. Elsewhere, and in comments and strings of several lines, it is the line without its blanks.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omni_release.core.documents import parse_python
from omni_release.core.model import Finding

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
_ITEMS = {ast.Dict: ("keys", "values"), ast.List: ("elts",), ast.Tuple: ("elts",), ast.Set: ("elts",)}
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, order=True)
class Fingerprint:
    """A finding, wherever it is in its file.

    `rule` is `check/rule`, `within` the dotted name of the enclosing definition, `statement` 16 hexadecimal digits of a
    SHA-256; `number` counts equal ones of a definition, from 0.
    """

    path: str
    rule: str
    within: str
    statement: str
    number: int = 0


@dataclass(frozen=True)
class _Place:
    """A place in a file: the line from 1, and the offset of the column in bytes of UTF-8, where it is known."""

    line: int
    offset: int | None

    def is_in(self, node: ast.AST) -> bool:
        start, end = _span(node)
        if self.offset is None:
            return start[0] <= self.line <= end[0]
        return start <= (self.line, self.offset) < end


def fingerprints(findings: Sequence[Finding], root: Path) -> list[Fingerprint]:
    """The fingerprints of the findings, in their order. A file that cannot be read counts as empty."""
    files: dict[str, _File] = {}
    counts: Counter[Fingerprint] = Counter()
    numbered = {}
    in_order = sorted(range(len(findings)), key=lambda i: (findings[i].line or 0, findings[i].column or 0))
    for index in in_order:
        finding = findings[index]
        path = finding.path or ""
        if path not in files:
            files[path] = _File.read(root / path if path else None)
        within, statement = files[path].locate(finding)
        digest = hashlib.sha256(statement.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        first = Fingerprint(path, finding.rule, within, digest)
        numbered[index] = replace(first, number=counts[first])
        counts[first] += 1
    return [numbered[index] for index in range(len(findings))]


@dataclass(frozen=True)
class _File:
    lines: Sequence[str]
    tree: ast.Module | None

    @classmethod
    def read(cls, path: Path | None) -> _File:
        try:
            data = path.read_bytes() if path else b""
        except OSError:
            data = b""
        python = path is not None and path.suffix in (".py", ".pyi")
        lines = data.decode("utf-8", "replace").splitlines()
        return cls(lines, parse_python(data) if python else None)

    def locate(self, finding: Finding) -> tuple[str, str]:
        """The enclosing definition of a finding, and the text that stands for its statement."""
        if finding.line is None or not 0 < finding.line <= len(self.lines):
            return "", _subject(finding)
        line = self.lines[finding.line - 1]
        tokens = " ".join(_TOKEN.findall(line))
        if self.tree is None:
            return "", tokens
        offset = None if finding.column is None else len(line[: finding.column - 1].encode("utf-8", "replace"))
        names, statement = _statement_at(self.tree, _Place(finding.line, offset))
        if statement is None or line.lstrip().startswith("#"):
            return ".".join(names), tokens
        return ".".join(names), _text_of(statement, _Place(finding.line, offset)) or tokens


def _subject(finding: Finding) -> str:
    """What a finding without a line is about: the files that it names, or its message, without numbers."""
    if finding.subjects:
        return " ".join(finding.subjects)
    words = (word for word in finding.message.split() if not re.search(r"\.whl|\.tar\.gz", word))
    return re.sub(r"\d+", "0", " ".join(words))


def _statement_at(tree: ast.Module, place: _Place) -> tuple[list[str], ast.AST | None]:
    """The names of the definitions around a place, and the innermost statement or handler that it is in."""
    names: list[str] = []
    found: ast.AST | None = None
    children: Iterable[ast.AST] = tree.body
    while True:
        inner = next((child for child in children if place.is_in(child)), None)
        if inner is None:
            return names, found
        if isinstance(found, _DEFINITIONS):
            names.append(found.name)
        found = inner
        children = [child for field in _BODIES for child in getattr(inner, field, ()) if isinstance(child, ast.AST)]


def _text_of(statement: ast.AST, place: _Place) -> str:
    """What `ast` sees of a statement, without positions; empty where the place is in a string of several lines."""
    if isinstance(statement, ast.ExceptHandler):
        return ast.dump(statement)
    head = [(name, value) for name, value in ast.iter_fields(statement) if name not in _BODIES]
    item = _item_at(statement, place)
    if isinstance(item, ast.Constant | ast.JoinedStr) and _span(item)[0][0] < _span(item)[1][0]:
        return ""
    if item is not statement:
        return f"{type(statement).__name__} {' '.join(_targets(statement))} {ast.dump(item)}"
    return f"{type(statement).__name__} {' '.join(f'{name}={_dumped(value)}' for name, value in head)}"


def _item_at(node: ast.AST, place: _Place) -> ast.AST:
    """The innermost item of lists, dicts and calls within a statement that the place is in, or the statement."""
    around = [child for child in _parts(node) if place.is_in(child)]
    if len(around) != 1:
        return node
    return _item_at(around[0], place)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The items of a collection or a call, and the values of a statement that can be one."""
    if isinstance(node, ast.Call):
        yield from (*node.args, *(keyword.value for keyword in node.keywords))
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.Expr):
        if node.value is not None:
            yield node.value
    else:
        for field in _ITEMS.get(type(node), ()):
            yield from (item for item in getattr(node, field) if item is not None)


def _targets(statement: ast.AST) -> Iterator[str]:
    """What a statement assigns to."""
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    yield from (ast.dump(target) for target in targets if isinstance(target, ast.AST))


def _dumped(value: object) -> str:
    if isinstance(value, ast.AST):
        return ast.dump(value)
    return f"[{', '.join(map(_dumped, value))}]" if isinstance(value, list) else repr(value)


def _span(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where a node begins and ends: lines from 1, offsets in bytes from 0. Decorators belong to a definition."""
    if isinstance(node, ast.match_case):
        return _span(node.pattern)[0], _span(node.body[-1])[1]
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first: ast.AST = decorators[0] if decorators else node
    start = (getattr(first, "lineno", 0), getattr(first, "col_offset", 0) if first is node else 0)
    return start, (getattr(node, "end_lineno", 0) or 0, getattr(node, "end_col_offset", 0) or 0)
