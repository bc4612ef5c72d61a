"""A place that states a version, the file it is in, and how functions that find places are declared.

Exact to the character, and so to the byte. Named tuples and slots instead of dataclasses, whose import would take a
good part of the time of `omni-release version` (bench/start.py).
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Iterator

from omni_release.core.toml import LocatedString, Malformed
from omni_release.versions.pep440 import parse

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from omni_release.versions.member import Member


SOURCE, MIRROR, LOCK, PIN, DOC, DERIVED, HISTORY = "source", "mirror", "lock", "pin", "doc", "derived", "history"

WRITTEN = (SOURCE, MIRROR, LOCK, PIN)
"""The roles of the places that a change writes; with `--docs` also DOC."""


TAG = "tag"
"""The form of a source that is a git tag: no file states it."""


class Place(namedtuple("Place", "path line column value role start end form note", defaults=(-1, -1, "", ""))):
    """A place that states the project's version.

    `path` is relative to the project, with forward slashes. `line` and `column` (from 1, in characters) are the
    value's, and so are `start` and `end` (from 0, in characters of the decoded file). `form` is how the value is
    spelled (see `pep440`), `note` why it cannot be written. Of a version in parts (`MAJOR = 1`) each part is a place,
    whose value is the whole version.
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


class Search(namedtuple("Search", "member files version stated siblings")):
    """What a finder gets: a project, its files, the source's version, and the repository's other projects.

    `files` are relative to the repository's top, without those of nested projects and of tests. `version` is
    normalised, None where it is not known; `stated` is the version as the source spells it.
    """

    __slots__ = ()

    member: Member
    files: tuple[str, ...]
    version: str | None
    stated: str
    siblings: tuple[Member, ...]


class Finder(namedtuple("Finder", "find names pattern")):
    """A function that finds places, with the names of the files it reads and a regular expression for more names."""

    __slots__ = ()

    find: Callable[[Search], Iterator[Place]]
    names: frozenset[str]
    pattern: str


def reads(*names: str, pattern: str = "") -> Callable[[Callable[[Search], Iterator[Place]]], Finder]:
    """Declare a function that finds places, and the files it reads: by name, or by a pattern for the whole name,
    in lower case.

    That is all a new place needs, in a module of finders (see `versions`), and a folder in tests/cases/versions. Files
    of other names are not listed (see `Checkout`).
    """
    return lambda find: Finder(find, frozenset(names), pattern)


def finders(*modules: ModuleType) -> tuple[Finder, ...]:
    """The finders of these modules, in the order of their declaration."""
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Finder))


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
                continue  # an unknown encoding, or not the encoding of these bytes

    def encoded(self, text: str) -> bytes:
        """The bytes of a changed text. Raises UnicodeEncodeError where the file's encoding has no such character."""
        return text.encode(self.codec, "surrogateescape")

    def place(self, start: int, end: int, role: str, value: str = "", form: str = "", note: str = "") -> Place:
        """The place from `start` to `end`; its value is the text there, unless given."""
        newline = "\n" if "\n" in self.text or "\r" not in self.text else "\r"
        line = self.text.count(newline, 0, start) + 1
        begin = self.text.rfind(newline, 0, start) + 1
        if line == 1 and self.text.startswith("\ufeff"):
            begin = 1  # a byte order mark is not a character of the line
        return Place(self.path, line, start - begin + 1, value or self.text[start:end], role, start, end, form, note)


_SECTION = re.compile(
    r"^\ufeff?\[(?P<section>[^\]\r\n]+)\][^\r\n]*|^(?P<key>[A-Za-z][\w. -]*?)[ \t]*[=:][ \t]*(?P<value>[^\r\n]*)", re.M
)

_COMMENT = re.compile(r"\s+[#;].*|\s+$")


def read_ini(text: str) -> dict[str, dict[str, LocatedString]]:
    """The values on the line of their key, by section, without comments."""
    sections: dict[str, dict[str, LocatedString]] = {}
    section = ""
    for match in _SECTION.finditer(text):
        if match["section"]:
            section = match["section"].strip()
            sections.setdefault(section, {})
            continue
        value = _COMMENT.sub("", match["value"])
        keys, start = sections.setdefault(section, {}), match.start("value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value, start = value[1:-1], start + 1
        keys.setdefault(match["key"].strip(), LocatedString.at(value, start, start + len(value)))
    return sections


def read_yaml(text: str, key: str) -> Iterator[LocatedString]:
    """The values of a key at the top level of a YAML document, without their quotes."""
    pattern = rf"^(?:\ufeff)?{re.escape(key)}[ \t]*:[ \t]+(?:\"([^\"\r\n]*)\"|'([^'\r\n]*)'|([^\s#\"'][^\s#]*))"
    for match in re.finditer(pattern, text, re.M):
        which = match.lastindex or 0
        yield LocatedString.at(match[which], match.start(which), match.end(which))


def read_bare(text: str) -> LocatedString | None:
    """The version of a file that contains nothing else but white space, comments and `version =`."""
    match = re.fullmatch(r"\ufeff?\s*(?:#[^\n]*\n\s*)*(?:version\s*[:=]\s*)?(\S+)\s*", text, re.IGNORECASE)
    if not match or not parse(match[1]) or "." not in match[1]:
        return None
    return LocatedString.at(match[1], match.start(1), match.end(1))


_TOKEN = re.compile(r'(?:\s|\ufeff|//[^\n]*|/\*[\s\S]*?\*/)*(?:"((?:[^"\\\n]|\\.)*)"|([\[\]{}:,])|([\w.+-]+))')

_DEEPEST = 100


def read_json(text: str) -> dict[str, Any]:
    """The object of a document: dict, `LocatedString`, and None for other scalars. Raises Malformed."""
    root: dict[str, Any] = {}
    for keys, value in json_leaves(text):
        table: Any = root
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise Malformed(f"duplicate key {key}", 0)
        table[keys[-1]] = value
    return root


def json_leaves(text: str) -> Iterator[tuple[tuple[str, ...], LocatedString | None]]:
    """Each string or scalar with its keys, in order, so that a reader of a large file can stop early.

    The key of a list's item is its number (from 0). Raises Malformed.
    """
    position, depth = 0, 0
    stack: list[tuple[str, str]] = []  # for each open bracket: which one, and the key of its value
    key: str | None = None
    count = 0
    while found := _TOKEN.match(text, position):
        string, mark, _ = found.groups()
        position = found.end()
        if mark in ("{", "["):
            if stack and key is None:
                raise Malformed("missing key", position)
            stack.append((mark, key if stack and key else ""))
            depth += 1
            if depth > _DEEPEST:
                raise Malformed("nested too deeply", position)
            key, count = (None, 0) if mark == "{" else ("0", 0)
        elif mark in ("}", "]"):
            if not stack or stack[-1][0] != ("{" if mark == "}" else "["):
                raise Malformed("unmatched bracket", position)
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
            raise Malformed("not an object", position)
        elif stack[-1][0] == "{" and key is None:
            if string is None:
                raise Malformed("missing key", position)
            key = string
        else:
            keys = (*(name for _, name in stack[1:]), key or "")
            if string is None:
                yield keys, None
            elif "\\" in string:
                yield keys, LocatedString.escaped(string, found.start(1))
            else:
                yield keys, LocatedString.at(string, *found.span(1))
    raise Malformed("unexpected end", position)
