"""TOML, read so that each string knows where it stands. Held to tomllib by the tests; a third of its start-up time."""

from __future__ import annotations

import re

from omni_release.versions.place import Malformed, Stated

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from typing import Any

_BLANK = re.compile(r"[ \t]*")
_SKIP = re.compile(r"(?:[ \t\n]|\r\n|#[^\n]*)*+")
_LINE_END = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"((?:[^"\\\n\r\x00-\x08\x0b-\x1f\x7f]|\\.)*)"')
_LITERAL = re.compile(r"'([^'\n\r\x00-\x08\x0b-\x1f\x7f]*)'")
_LONG_BASIC = re.compile(r'"""((?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*+)("{3,5})')
_LONG_LITERAL = re.compile(r"'''((?:[^']|'{1,2}(?!'))*+)('{3,5})")
_SCALAR = re.compile(r"[A-Za-z0-9_+.:-]+(?: \d\d:[\d:.+Z-]+)?")
_VALID_SCALAR = re.compile(
    r"true|false|[+-]?(?:inf|nan)"
    r"|0x[0-9A-Fa-f]+(?:_[0-9A-Fa-f]+)*|0o[0-7]+(?:_[0-7]+)*|0b[01]+(?:_[01]+)*"
    r"|[+-]?(?:0|[1-9]\d*(?:_\d+)*)(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+(?:_\d+)*)?"
    r"|\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)?)?|\d\d:\d\d:\d\d(?:\.\d+)?"
)
_ESCAPE = re.compile(r"\\(?:([btnfr\"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([ \t]*\r?\n\s*)|([\s\S]))")
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_DEEPEST = 100


class Scalar(str):
    """A value that is no string (a number, a date, true), as it is written."""

    __slots__ = ()


def read(text: str) -> dict[str, Any]:
    """The tables of a document: dict, list, `Stated` for strings, `Scalar` for the rest. Raises Malformed."""
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.closed: set[int] = set()  # ids of tables that nothing may be added to: inline ones, named headers

    def document(self) -> dict[str, Any]:
        root: dict[str, Any] = {}
        table, position = root, 1 if self.text.startswith("\ufeff") else 0
        while (position := self.after(_SKIP, position)) < len(self.text):
            if self.text[position] == "[":
                table, position = self.header(root, position)
            else:
                position = self.pair(table, position, 0)
            position = self.end_of_line(position)
        return root

    def after(self, pattern: re.Pattern[str], position: int) -> int:
        found = pattern.match(self.text, position)
        return found.end() if found else position

    def end_of_line(self, position: int) -> int:
        found = _LINE_END.match(self.text, position)
        if not found:
            raise Malformed("a line goes on after its value", position)
        return found.end()

    def header(self, root: dict[str, Any], position: int) -> tuple[dict[str, Any], int]:
        many = self.text.startswith("[[", position)
        keys, end = self.keys(position + 1 + many)
        if not self.text.startswith("]]" if many else "]", end):
            raise Malformed("a table's name does not end", position)
        parent = root
        for key in keys[:-1]:
            parent = self.step(parent, key, position)
        if many:
            tables = parent.setdefault(keys[-1], [])
            if not isinstance(tables, list) or id(tables) in self.closed:
                raise Malformed(f"{keys[-1]} is no array of tables", position)
            tables.append({})
            return tables[-1], end + 2
        table = self.step(parent, keys[-1], position)
        if id(table) in self.closed or isinstance(parent.get(keys[-1]), list):
            raise Malformed(f"the table {'.'.join(keys)} is there twice", position)
        self.closed.add(id(table))
        return table, end + 1

    def step(self, table: dict[str, Any], key: str, position: int) -> dict[str, Any]:
        found = table.setdefault(key, {})
        if isinstance(found, list) and found and id(found) not in self.closed:
            found = found[-1]
        if not isinstance(found, dict):
            raise Malformed(f"{key} is no table", position)
        return found

    def keys(self, position: int) -> tuple[list[str], int]:
        keys = []
        while True:
            position = self.after(_BLANK, position)
            if bare := _BARE.match(self.text, position):
                keys.append(bare[0])
                position = bare.end()
            elif self.text[position : position + 1] in ('"', "'") and self.text[position : position + 3] != '"""':
                key, position = self.string(position)
                keys.append(str(key))
            else:
                raise Malformed("a key is missing", position)
            position = self.after(_BLANK, position)
            if not self.text.startswith(".", position):
                return keys, position
            position += 1

    def pair(self, table: dict[str, Any], position: int, depth: int) -> int:
        keys, end = self.keys(position)
        if not self.text.startswith("=", end):
            raise Malformed("a key has no value", position)
        value, end = self.value(self.after(_BLANK, end + 1), depth)
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict) or id(table) in self.closed:
                raise Malformed(f"{key} is no table that can be added to", position)
        if keys[-1] in table:
            raise Malformed(f"{keys[-1]} is there twice", position)
        table[keys[-1]] = value
        return end

    def value(self, position: int, depth: int) -> tuple[Any, int]:
        char = self.text[position : position + 1]
        if depth > _DEEPEST:
            raise Malformed("too deep", position)
        if char in ('"', "'"):
            return self.string(position)
        if char == "[":
            return self.array(position, depth)
        if char == "{":
            return self.inline(position, depth)
        scalar = _SCALAR.match(self.text, position)
        if not scalar or not _VALID_SCALAR.fullmatch(scalar[0]):
            raise Malformed("this is no value", position)
        return Scalar(scalar[0]), scalar.end()

    def string(self, position: int) -> tuple[Stated, int]:
        for quotes, pattern in (
            ('"""', _LONG_BASIC),
            ("'''", _LONG_LITERAL),
            ('"', _BASIC),
            ("'", _LITERAL),
        ):
            if self.text.startswith(quotes, position):
                found = pattern.match(self.text, position)
                if not found:
                    raise Malformed("a string does not end", position)
                return self.stated(found, quotes), found.end()
        raise Malformed("this is no string", position)

    def stated(self, found: re.Match[str], quotes: str) -> Stated:
        raw, start = found[1], found.start(1)
        if len(quotes) == 3:
            raw += found[2][3:]
            first = 2 if raw.startswith("\r\n") else 1 if raw.startswith("\n") else 0
            raw, start = raw[first:], start + first
        if quotes[0] == "'" or "\\" not in raw:
            return Stated.at(raw.replace("\r\n", "\n"), start, start + len(raw))
        said = _ESCAPE.sub(lambda match: self.unescaped(match, start), raw).replace("\r\n", "\n")
        return Stated.escaped(said, start)

    def unescaped(self, match: re.Match[str], at: int) -> str:
        simple, short, long, folded, wrong = match.groups()
        if wrong is not None:
            raise Malformed("there is no such escape", at)
        if folded is not None:
            return ""
        if simple is not None:
            return _ESCAPED[simple]
        number = int(short or long, 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise Malformed("there is no such character", at)
        return chr(number)

    def array(self, position: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        self.closed.add(id(items))
        position = self.after(_SKIP, position + 1)
        while not self.text.startswith("]", position):
            item, position = self.value(position, depth + 1)
            items.append(item)
            position = self.after(_SKIP, position)
            if self.text.startswith(",", position):
                position = self.after(_SKIP, position + 1)
            elif not self.text.startswith("]", position):
                raise Malformed("an array does not end", position)
        return items, position + 1

    def inline(self, position: int, depth: int) -> tuple[dict[str, Any], int]:
        table: dict[str, Any] = {}
        position = self.after(_SKIP, position + 1)
        while not self.text.startswith("}", position):
            position = self.after(_SKIP, self.pair(table, position, depth + 1))
            if self.text.startswith(",", position):
                position = self.after(_SKIP, position + 1)
            elif not self.text.startswith("}", position):
                raise Malformed("an inline table does not end", position)
        self.close(table)
        return table, position + 1

    def close(self, table: dict[str, Any]) -> None:
        self.closed.add(id(table))
        for value in table.values():
            if isinstance(value, dict):
                self.close(value)
