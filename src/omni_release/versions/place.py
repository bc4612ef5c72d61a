"""A place where a version stands, and the file that it stands in: exact to the character, and so to the byte.

Plain tuples and slots, no dataclasses: what `version check` imports is a good part of what it costs.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Iterator

from omni_release.core.toml import LocatedString, Malformed
from omni_release.versions.pep440 import parse

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


SOURCE, MIRROR, LOCK, PIN, DOC, DERIVED, HISTORY = "source", "mirror", "lock", "pin", "doc", "derived", "history"

WRITTEN = (SOURCE, MIRROR, LOCK, PIN)
"""The roles of the places that a change writes; DOC joins them when asked."""


TAG = "tag"
"""The form of a source that is a tag: nothing of it stands in a file."""


class Place(namedtuple("Place", "path line column value role start end form note", defaults=(-1, -1, "", ""))):
    """A place where the project's version stands.

    `path` is relative to the project, with forward slashes; `line` and `column` (from 1, in characters) the value's,
    as are `start` and `end` (from 0, in characters of the decoded file). `form` says how the value is spelled there
    (see `spelling`), `note` why it cannot be written. Of a version in parts (`MAJOR = 1`) each part is a place, and its
    value is what the parts say together.
    """

    __slots__ = ()

    path: str
    line: int
    column: int
    value: str
    role: str
    start: int
    end: int
    form: str
    note: str

    @property
    def where(self) -> str:
        """`path:line:column`."""
        return f"{self.path}:{self.line}:{self.column}"


class Text:
    """A file, decoded so that encoding it again gives the same bytes. `path` is relative to the project."""

    __slots__ = ("codec", "data", "path", "text")

    def __init__(self, path: str, data: bytes, codec: str = "utf-8") -> None:
        self.path = path
        self.data = data
        self.codec = codec
        for self.codec in (codec, "utf-8", "latin-1"):
            try:
                self.text = data.decode(self.codec, "surrogateescape")
                if self.encoded(self.text) == data:
                    return
            except (LookupError, ValueError):
                continue  # an encoding that nobody knows, or that is not what the bytes are in

    def encoded(self, text: str) -> bytes:
        """The bytes of a changed text. Raises UnicodeEncodeError where the file's encoding cannot say it."""
        return text.encode(self.codec, "surrogateescape")

    def place(self, start: int, end: int, role: str, value: str = "", form: str = "", note: str = "") -> Place:
        """The place from `start` to `end`; its value is what stands there, unless said otherwise."""
        newline = "\n" if "\n" in self.text or "\r" not in self.text else "\r"
        line = self.text.count(newline, 0, start) + 1
        begin = self.text.rfind(newline, 0, start) + 1
        if line == 1 and self.text.startswith("\ufeff"):
            begin = 1  # a byte order mark is no character of the line
        column = start - begin + 1
        return Place(self.path, line, column, value or self.text[start:end], role, start, end, form, note)


_SECTION = re.compile(
    r"^\ufeff?\[(?P<section>[^\]\r\n]+)\][^\r\n]*|^(?P<key>[A-Za-z][\w. -]*?)[ \t]*[=:][ \t]*(?P<value>[^\r\n]*)", re.M
)

_COMMENT = re.compile(r"\s+[#;].*|\s+$")


def read_ini(text: str) -> dict[str, dict[str, LocatedString]]:
    """The values that stand on one line with their key, by section; comments at the end of a line are left out."""
    found: dict[str, dict[str, LocatedString]] = {}
    section = ""
    for match in _SECTION.finditer(text):
        if match["section"]:
            section = match["section"].strip()
            found.setdefault(section, {})
            continue
        value = _COMMENT.sub("", match["value"])
        keys, start = found.setdefault(section, {}), match.start("value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value, start = value[1:-1], start + 1
        keys.setdefault(match["key"].strip(), LocatedString.at(value, start, start + len(value)))
    return found


def read_yaml(text: str, key: str) -> Iterator[LocatedString]:
    """The values of a key at the top level of a YAML document, without their quotes."""
    pattern = rf"^(?:\ufeff)?{re.escape(key)}[ \t]*:[ \t]+(?:\"([^\"\r\n]*)\"|'([^'\r\n]*)'|([^\s#\"'][^\s#]*))"
    for match in re.finditer(pattern, text, re.M):
        which = match.lastindex or 0
        yield LocatedString.at(match[which], match.start(which), match.end(which))


def read_bare(text: str) -> LocatedString | None:
    """The version that is all that a file holds, but for white space, comments and `version =`."""
    match = re.fullmatch(r"\ufeff?\s*(?:#[^\n]*\n\s*)*(?:version\s*[:=]\s*)?(\S+)\s*", text, re.IGNORECASE)
    if not match or not parse(match[1]) or "." not in match[1]:
        return None
    return LocatedString.at(match[1], match.start(1), match.end(1))


_TOKEN = re.compile(r'(?:\s|\ufeff|//[^\n]*|/\*[\s\S]*?\*/)*(?:"((?:[^"\\\n]|\\.)*)"|([\[\]{}:,])|([\w.+-]+))')

_DEEPEST = 100


def read_json(text: str) -> dict[str, Any]:
    """The object that a document holds: dict, list, `LocatedString`, None for what is no string. Raises Malformed."""
    root: dict[str, Any] = {}
    for keys, value in json_leaves(text):
        table: Any = root
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise Malformed(f"{key} is there twice", 0)
        table[keys[-1]] = value
    return root


def json_leaves(text: str) -> Iterator[tuple[tuple[str, ...], LocatedString | None]]:
    """Each string or scalar with its keys, as it comes: a reader of a large file can stop early.

    An item of a list has its number (from 0) as its key.
    """
    position, depth = 0, 0
    stack: list[tuple[str, str]] = []  # the kind of what is open, and the key that is being read in it
    key: str | None = None
    count = 0
    while found := _TOKEN.match(text, position):
        string, mark, _ = found.groups()
        position = found.end()
        if mark in ("{", "["):
            stack.append((mark, "" if not stack else _key(key, position)))
            depth += 1
            if depth > _DEEPEST:
                raise Malformed("too deep", position)
            key, count = (None, 0) if mark == "{" else ("0", 0)
        elif mark in ("}", "]"):
            if not stack or stack[-1][0] != ("{" if mark == "}" else "["):
                raise Malformed("a bracket closes nothing", position)
            closed = stack.pop()
            depth -= 1
            key = closed[1]
            if not stack:
                return
            if stack[-1][0] == "[":
                count = int(key)
        elif mark == ",":
            if stack and stack[-1][0] == "[":
                count += 1
                key = str(count)
            else:
                key = None
        elif mark == ":":
            continue
        elif not stack:
            raise Malformed("this is no object", position)
        elif stack[-1][0] == "{" and key is None:
            if string is None:
                raise Malformed("a key is missing", position)
            key = string
        else:
            keys = (*(name for _, name in stack[1:]), key or "")
            yield keys, None if string is None else _stated(string, found.start(1))
    raise Malformed("the document does not end", position)


def _key(key: str | None, position: int) -> str:
    if key is None:
        raise Malformed("a key is missing", position)
    return key


def _stated(raw: str, start: int) -> LocatedString:
    return LocatedString.escaped(raw, start) if "\\" in raw else LocatedString.at(raw, start, start + len(raw))
