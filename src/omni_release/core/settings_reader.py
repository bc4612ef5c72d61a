"""Reads tables into dataclasses: a field is a key, its type is what the value must be."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime
import math
import re
import typing
from dataclasses import dataclass
from pathlib import Path

from omni_release.core.errors import SettingsError

T = typing.TypeVar("T")


@dataclass(frozen=True)
class Reader:
    """Reads the `text` of `path` into dataclasses."""

    path: Path
    text: str

    def table(self, shape: type[T], value: object, keys: Keys) -> T:
        """A table as the dataclass `shape`. Raises SettingsError with the line of the key that is wrong."""
        if not isinstance(value, dict):
            raise self.error(keys, f"must be a table, not {_kind(value)}")
        fields = {f.name.rstrip("_").replace("_", "-"): f for f in dataclasses.fields(shape)}  # type: ignore[arg-type]  # T is a dataclass
        types = typing.get_type_hints(shape)
        read: dict[str, object] = {}
        for key, item in value.items():
            found = fields.get(key.replace("_", "-"))
            if found is None:
                import difflib

                near = difflib.get_close_matches(key, fields, 1, 0.5)
                known = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(fields)}."
                raise self.error((*keys, key), "is not a setting", known)
            if found.name in read:
                raise self.error((*keys, key), "is given twice, with `-` and with `_`", "Leave one of them out.")
            read[found.name] = self.value(types[found.name], item, (*keys, key))
        for key, f in fields.items():
            required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
            if required and f.name not in read:
                raise self.error(keys, f"needs the key `{key}`")
        return shape(**read)

    def value(self, kind: object, item: object, keys: Keys) -> object:
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return self.table(kind, item, keys)
        if typing.get_origin(kind) is typing.Literal:
            choices = typing.get_args(kind)
            if item not in choices:
                raise self.error(keys, f"must be one of {', '.join(repr(one) for one in choices if one)}, not {item!r}")
            return item
        if typing.get_origin(kind) is tuple:
            return self.items(typing.get_args(kind)[0], item, keys)
        if typing.get_origin(kind) is collections.abc.Mapping:
            if not isinstance(item, dict):
                raise self.error(keys, f"must be a table, not {_kind(item)}")
            return {name: self.value(typing.get_args(kind)[1], part, (*keys, name)) for name, part in item.items()}
        if kind is float and isinstance(item, int) and not isinstance(item, bool):
            item = float(item)
        if kind is datetime.date and isinstance(item, str):
            try:
                item = datetime.date.fromisoformat(item)
            except ValueError:
                raise self.error(keys, f"is no date: {item!r}", "Write it as 2027-01-31.") from None
        assert isinstance(kind, type)
        if type(item) is not kind:
            raise self.error(keys, f"must be {_KINDS[kind]}, not {_kind(item)}")
        if kind in (int, float) and isinstance(item, int | float) and not 0 < item < math.inf:
            raise self.error(keys, "must be larger than 0" if item <= 0 else f"must be a finite number, not {item}")
        if isinstance(item, str) and not item.strip() and not _is_command(keys):
            raise self.error(keys, "must not be empty")
        return item

    def items(self, kind: object, item: object, keys: Keys) -> tuple[object, ...]:
        if _is_command(keys) and kind is str and isinstance(item, str):
            import shlex

            try:
                item = shlex.split(item)
            except ValueError as error:
                raise self.error(keys, f"cannot be split as a shell would: {error}") from None
        if not isinstance(item, list):
            raise self.error(keys, f"must be a list, not {_kind(item)}")
        if _is_command(keys) and kind is str and not item:
            raise self.error(keys, "must not be empty")
        return tuple(self.value(kind, part, (*keys, number)) for number, part in enumerate(item))

    def error(self, keys: Keys, what: str, hint: str = "") -> SettingsError:
        *names, last = [key for key in keys if isinstance(key, str)]
        said = f"`{last}` in [{'.'.join(names)}] {what}" if names else f"[{last}] {what}"
        # What stands in an inline table or in a list has no line of its own: the line of what it stands in.
        return SettingsError(said, hint or "See docs/settings.md.", path=self.path, line=nearest(self.text, keys))


_KINDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", datetime.date: "a date"}


def _is_command(keys: Keys) -> bool:
    return next(key for key in reversed(keys) if isinstance(key, str)) in ("command", "commands", "run")


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else f"{_KINDS.get(type(value), type(value).__name__)} ({value!r})"


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


def pyproject_line(root: Path, keys: Keys) -> int | None:
    """On which line of the pyproject.toml at `root` these keys, or the nearest above them, stand; None on none."""
    path = root / "pyproject.toml"
    return nearest(path.read_text(encoding="utf-8-sig", errors="replace"), keys) if path.is_file() else None
