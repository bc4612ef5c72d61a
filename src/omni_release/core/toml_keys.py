"""On which line of a TOML text a key stands."""

from __future__ import annotations

import collections
import re

Keys = tuple[str | int, ...]
"""The names of tables, and a key's own; a number says which one (from 0) of an array is meant."""


def line_of(text: str, keys: Keys) -> int | None:
    """The line (from 1) on which the last of `keys` stands below the table that the others name; None if not found.

    A number among the keys says which one (from 0) of an array's tables `[[…]]` is meant.
    """
    wanted = ".".join(str(key) for key in keys)
    table = ""
    seen: collections.Counter[str] = collections.Counter()
    # Not splitlines: a form feed or U+2028 in a comment ends no line of TOML.
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line):
            name = table = re.sub(r"[\s\"']", "", header[2])
            if header[1] == "[[":
                table = f"{name}.{seen[name]}"
                seen[name] += 1
            if wanted in (name, table):
                return number
        elif key := re.match(r"""\s*["']?([\w.-]+)["']?\s*=""", line):
            if f"{table}.{key[1]}".lstrip(".") == wanted:
                return number
    return None


def nearest(text: str, keys: Keys) -> int | None:
    """The line of the last of `keys`; where it has none of its own, that of what it stands in."""
    return next((at for n in range(len(keys), 0, -1) if (at := line_of(text, keys[:n]))), None)
