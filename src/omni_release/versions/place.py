"""A place where a version stands, and the file that it stands in: exact to the character, and so to the byte.

Plain tuples and slots, no dataclasses: what `version check` imports is a good part of what it costs.
"""

from __future__ import annotations

from collections import namedtuple

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


class Stated(str):
    """A string of a file (TOML, JSON), which knows where it stands: from `start` to `end`, between its quotes.

    `start` is -1 where it is written with escapes, so that its span is not its value; `near` is where that stands.
    """

    start: int = -1
    end: int = -1
    near: int = 0

    @classmethod
    def at(cls, value: str, start: int, end: int) -> Stated:
        """The string `value`, which stands from `start` to `end`."""
        made = cls(value)
        made.start, made.end = start, end
        return made

    @classmethod
    def escaped(cls, value: str, near: int) -> Stated:
        """The string `value`, which is written with escapes at `near`."""
        made = cls(value)
        made.near = near
        return made


class Malformed(ValueError):
    """A file is not what its name says; `at` (from 0, in characters) is where it ceases to be."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at
