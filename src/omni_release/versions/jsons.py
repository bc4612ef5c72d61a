"""JSON, read so that each string knows where it stands; comments and trailing commas are forgiven."""

from __future__ import annotations

import re

from omni_release.versions.place import Malformed, Stated

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_TOKEN = re.compile(r'(?:\s|\ufeff|//[^\n]*|/\*[\s\S]*?\*/)*(?:"((?:[^"\\\n]|\\.)*)"|([\[\]{}:,])|([\w.+-]+))')
_DEEPEST = 100


def read(text: str) -> dict[str, Any]:
    """The object that a document holds: dict, list, `Stated`, None for what is no string. Raises Malformed."""
    root: dict[str, Any] = {}
    for keys, value in leaves(text):
        table: Any = root
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise Malformed(f"{key} is there twice", 0)
        table[keys[-1]] = value
    return root


def leaves(text: str) -> Iterator[tuple[tuple[str, ...], Stated | None]]:
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


def _stated(raw: str, start: int) -> Stated:
    return Stated.escaped(raw, start) if "\\" in raw else Stated.at(raw, start, start + len(raw))
