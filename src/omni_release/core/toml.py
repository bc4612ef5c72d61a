"""TOML, read so that each string knows its position; and `table`, which looks a table up.

tomllib gives no positions, and takes a third of the start-up time of `omni-release version` (bench/start.py). Files of
which only the values matter are read with tomllib (`read_values`); the tests compare the two. tomlkit writes sign-offs.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
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


class LocatedString(str):
    """A string of a file that knows its position: from `start` to `end` (from 0, in characters), between its quotes.

    `start` is -1 for a string with escapes, whose text in the file is not its value; `near` is where it begins.
    """

    start: int = -1
    end: int = -1
    near: int = 0

    @classmethod
    def at(cls, value: str, start: int, end: int) -> LocatedString:
        """The string `value`, from `start` to `end`."""
        located = cls(value)
        located.start, located.end = start, end
        return located

    @classmethod
    def escaped(cls, value: str, near: int) -> LocatedString:
        """The string `value`, written with escapes at `near`."""
        located = cls(value)
        located.near = near
        return located


class Malformed(ValueError):
    """A file does not follow its format; `at` (from 0, in characters) is the first position that is wrong."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Scalar(str):
    """A value that is not a string (a number, a date, true), as it is written."""

    __slots__ = ()


def table(tables: object, *keys: str) -> dict[str, Any]:
    """The table below `keys`; an empty one where there is none."""
    for key in keys:
        tables = tables.get(key) if isinstance(tables, dict) else None
    return tables if isinstance(tables, dict) else {}


def read_values(text: str) -> dict[str, Any]:
    """The values of a document, without positions. Raises tomllib.TOMLDecodeError, also where it is nested too deep."""
    import tomllib

    try:
        return tomllib.loads(text)  # noqa: TID251 - the one place
    except RecursionError:
        raise tomllib.TOMLDecodeError("nested too deep") from None


def read(text: str) -> dict[str, Any]:
    """The tables of a document: dict, list, `LocatedString`, and `Scalar` for all else. Raises Malformed."""
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.closed: set[int] = set()  # ids of tables that must not be extended: inline tables, named headers

    def document(self) -> dict[str, Any]:
        root: dict[str, Any] = {}
        table, position = root, 1 if self.text.startswith("\ufeff") else 0
        while (position := self.skip(_SKIP, position)) < len(self.text):
            if self.text[position] == "[":
                table, position = self.header(root, position)
            else:
                position = self.pair(table, position, 0)
            position = self.end_of_line(position)
        return root

    def skip(self, pattern: re.Pattern[str], position: int) -> int:
        found = pattern.match(self.text, position)
        return found.end() if found else position

    def end_of_line(self, position: int) -> int:
        found = _LINE_END.match(self.text, position)
        if not found:
            raise Malformed("text after the end of a value", position)
        return found.end()

    def header(self, root: dict[str, Any], position: int) -> tuple[dict[str, Any], int]:
        many = self.text.startswith("[[", position)
        keys, end = self.keys(position + 1 + many)
        if not self.text.startswith("]]" if many else "]", end):
            raise Malformed("unclosed table header", position)
        parent = root
        for key in keys[:-1]:
            parent = self.step(parent, key, position)
        if many:
            tables = parent.setdefault(keys[-1], [])
            if not isinstance(tables, list) or id(tables) in self.closed:
                raise Malformed(f"{keys[-1]} is not an array of tables", position)
            tables.append({})
            return tables[-1], end + 2
        table = self.step(parent, keys[-1], position)
        if id(table) in self.closed or isinstance(parent.get(keys[-1]), list):
            raise Malformed(f"duplicate table {'.'.join(keys)}", position)
        self.closed.add(id(table))
        return table, end + 1

    def step(self, table: dict[str, Any], key: str, position: int) -> dict[str, Any]:
        found = table.setdefault(key, {})
        if isinstance(found, list) and found and id(found) not in self.closed:
            found = found[-1]
        if not isinstance(found, dict):
            raise Malformed(f"{key} is not a table", position)
        return found

    def keys(self, position: int) -> tuple[list[str], int]:
        keys = []
        while True:
            position = self.skip(_BLANK, position)
            if bare := _BARE.match(self.text, position):
                keys.append(bare[0])
                position = bare.end()
            elif self.text[position : position + 1] in ('"', "'") and self.text[position : position + 3] != '"""':
                key, position = self.string(position)
                keys.append(str(key))
            else:
                raise Malformed("missing key", position)
            position = self.skip(_BLANK, position)
            if not self.text.startswith(".", position):
                return keys, position
            position += 1

    def pair(self, table: dict[str, Any], position: int, depth: int) -> int:
        keys, end = self.keys(position)
        if not self.text.startswith("=", end):
            raise Malformed("key without a value", position)
        value, end = self.value(self.skip(_BLANK, end + 1), depth)
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict) or id(table) in self.closed:
                raise Malformed(f"{key} is not a table that can be extended", position)
        if keys[-1] in table:
            raise Malformed(f"duplicate key {keys[-1]}", position)
        table[keys[-1]] = value
        return end

    def value(self, position: int, depth: int) -> tuple[Any, int]:
        char = self.text[position : position + 1]
        if depth > _DEEPEST:
            raise Malformed("nested too deeply", position)
        if char in ('"', "'"):
            return self.string(position)
        if char == "[":
            return self.array(position, depth)
        if char == "{":
            return self.inline(position, depth)
        scalar = _SCALAR.match(self.text, position)
        if not scalar or not _VALID_SCALAR.fullmatch(scalar[0]):
            raise Malformed("invalid value", position)
        return Scalar(scalar[0]), scalar.end()

    def string(self, position: int) -> tuple[LocatedString, int]:
        for quotes, pattern in (
            ('"""', _LONG_BASIC),
            ("'''", _LONG_LITERAL),
            ('"', _BASIC),
            ("'", _LITERAL),
        ):
            if self.text.startswith(quotes, position):
                found = pattern.match(self.text, position)
                if not found:
                    raise Malformed("unclosed string", position)
                return self.located(found, quotes), found.end()
        raise Malformed("not a string", position)

    def located(self, found: re.Match[str], quotes: str) -> LocatedString:
        raw, start = found[1], found.start(1)
        if len(quotes) == 3:
            raw += found[2][3:]
            first = 2 if raw.startswith("\r\n") else 1 if raw.startswith("\n") else 0
            raw, start = raw[first:], start + first
        if quotes[0] == "'" or "\\" not in raw:
            return LocatedString.at(raw.replace("\r\n", "\n"), start, start + len(raw))
        value = _ESCAPE.sub(lambda match: self.unescape(match, start), raw).replace("\r\n", "\n")
        return LocatedString.escaped(value, start)

    def unescape(self, match: re.Match[str], at: int) -> str:
        simple, short, long, folded, wrong = match.groups()
        if wrong is not None:
            raise Malformed("invalid escape", at)
        if folded is not None:
            return ""
        if simple is not None:
            return _ESCAPED[simple]
        number = int(short or long, 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise Malformed("invalid character", at)
        return chr(number)

    def array(self, position: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        self.closed.add(id(items))
        position = self.skip(_SKIP, position + 1)
        while not self.text.startswith("]", position):
            item, position = self.value(position, depth + 1)
            items.append(item)
            position = self.skip(_SKIP, position)
            if self.text.startswith(",", position):
                position = self.skip(_SKIP, position + 1)
            elif not self.text.startswith("]", position):
                raise Malformed("unclosed array", position)
        return items, position + 1

    def inline(self, position: int, depth: int) -> tuple[dict[str, Any], int]:
        table: dict[str, Any] = {}
        position = self.skip(_SKIP, position + 1)
        while not self.text.startswith("}", position):
            position = self.skip(_SKIP, self.pair(table, position, depth + 1))
            if self.text.startswith(",", position):
                position = self.skip(_SKIP, position + 1)
            elif not self.text.startswith("}", position):
                raise Malformed("unclosed inline table", position)
        self.close(table)
        return table, position + 1

    def close(self, table: dict[str, Any]) -> None:
        self.closed.add(id(table))
        for value in table.values():
            if isinstance(value, dict):
                self.close(value)
