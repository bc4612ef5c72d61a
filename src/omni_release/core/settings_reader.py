"""Reads the tables of [tool.omni-release] into classes: a field is a key, its type is the type of the value.

Not by msgspec, which reads outcomes: it would check types only, while two spellings of a key, commands and line numbers
would remain here, and its import adds about a sixth to `omni-release version` with settings (see bench/start.py).
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import inspect
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omni_release.core import renamed
from omni_release.core.errors import SettingsError, did_you_mean

T = typing.TypeVar("T")

_NAMES = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", datetime.date: "a date"}

_COMMANDS = ("command", "commands", "run")
"""The keys whose values are command lines: a list of arguments, or a string to split as a shell would."""


def is_table(kind: type) -> bool:
    """Whether the class is a table of the settings: a named tuple, or a dataclass."""
    return dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")


def fields_of(table: type) -> Mapping[str, inspect.Parameter]:
    """The fields of a table, by name; one without a default has to be given."""
    return inspect.signature(table).parameters


@dataclass(frozen=True)
class Reader:
    """Reads the `text` of `path` into tables. Each method raises SettingsError with the line of the wrong key."""

    path: Path
    text: str

    def table(self, shape: type[T], value: object, keys: Keys) -> T:
        """A table as the class `shape`; `keys` are where it is, from the top of the file.

        Where the class raises ValueError, its arguments are the problem and the hint.
        """
        if not isinstance(value, dict):
            raise self.error(keys, f"must be a table, not {_describe(value)}")
        fields = {name.rstrip("_").replace("_", "-"): field for name, field in fields_of(shape).items()}
        types = typing.get_type_hints(shape)
        arguments: dict[str, object] = {}
        for key, item in value.items():
            field = fields.get(renamed.setting(keys, key).replace("_", "-"))
            if field is None:
                hint = did_you_mean(key, fields, f"Known keys: {', '.join(fields)}.")
                raise self.error((*keys, key), "is not a setting", hint)
            if field.name in arguments:
                raise self.error((*keys, key), "is given twice, in two spellings", "Remove one of them.")
            arguments[field.name] = self.value(types[field.name], item, (*keys, key))
        for key, field in fields.items():
            if field.default is field.empty and field.name not in arguments:
                raise self.error(keys, f"is missing the key `{key}`")
        try:
            return shape(**arguments)
        except ValueError as error:
            raise self.error(keys, *error.args) from None

    def value(self, kind: object, item: object, keys: Keys) -> object:
        """A value as the type `kind`: a table, a literal, a tuple, a mapping, a union, or one of those in `_NAMES`."""
        if isinstance(kind, type) and is_table(kind):
            short = getattr(kind, "SHORT", None)
            return self.table(kind, {short: item} if short and isinstance(item, str) else item, keys)
        origin, parameters = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Literal:
            if item not in parameters:
                choices = ", ".join(repr(choice) for choice in parameters if choice)
                raise self.error(keys, f"must be one of {choices}, not {item!r}")
            return item
        if origin is tuple:
            return self.items(parameters[0], item, keys)
        if origin is Mapping:
            if not isinstance(item, dict):
                raise self.error(keys, f"must be a table, not {_describe(item)}")
            for name in item if typing.get_origin(parameters[0]) is typing.Literal else ():
                self.value(parameters[0], name, (*keys, name))
            return {name: self.value(parameters[1], part, (*keys, name)) for name, part in item.items()}
        if origin in (types.UnionType, typing.Union):
            return self.one_of(parameters, item, keys)
        assert isinstance(kind, type)
        return self.scalar(kind, item, keys)

    def one_of(self, kinds: tuple[object, ...], item: object, keys: Keys) -> object:
        """A value of one of these types. With None, which stands for no number, it is a number: 0 is one."""
        if types.NoneType in kinds:
            assert isinstance(kinds[0], type)
            return self.scalar(kinds[0], item, keys, zero=True)
        for kind in kinds:
            shape = {tuple: list, Mapping: dict, typing.Literal: str}.get(typing.get_origin(kind), kind)
            if isinstance(shape, type) and isinstance(item, shape):
                return self.value(kind, item, keys)
        raise self.error(keys, f"must be {' or '.join(map(_kind, kinds))}, not {_describe(item)}")

    def scalar(self, kind: type, item: object, keys: Keys, *, zero: bool = False) -> object:
        """A string that is not blank, a finite number larger than 0, a boolean, or a date (also as a string).

        With `zero`, a number may be 0.
        """
        if kind is float and type(item) is int:
            item = float(item)
        if kind is datetime.date and isinstance(item, str):
            try:
                item = datetime.date.fromisoformat(item)
            except ValueError:
                raise self.error(keys, f"is not a date: {item!r}", "Write it as 2027-01-31.") from None
        if type(item) is not kind:
            raise self.error(keys, f"must be {_NAMES[kind]}, not {_describe(item)}")
        if kind in (int, float) and isinstance(item, int | float) and not (0 < item < math.inf or (zero and item == 0)):
            low = "must not be negative" if zero else "must be larger than 0"
            raise self.error(keys, low if item <= 0 else f"must be a finite number, not {item}")
        if isinstance(item, str) and not item.strip() and not _is_command(keys):
            raise self.error(keys, "must not be empty")
        return item

    def items(self, kind: object, item: object, keys: Keys) -> tuple[object, ...]:
        """A list whose items are of type `kind`; a command may be a string."""
        command = _is_command(keys) and kind is str
        if command and isinstance(item, str):
            import shlex

            try:
                item = shlex.split(item)
            except ValueError as error:
                raise self.error(keys, f"cannot be split as a shell would: {error}") from None
        if not isinstance(item, list):
            raise self.error(keys, f"must be a list, not {_describe(item)}")
        if command and not item:
            raise self.error(keys, "must not be empty")
        return tuple(self.value(kind, part, (*keys, number)) for number, part in enumerate(item))

    def error(self, keys: Keys, problem: str, hint: str = "") -> SettingsError:
        """The error for what is at `keys`, with its line: of the nearest table or list where it has none."""
        *tables, last = [key for key in keys if isinstance(key, str)]
        subject = f"`{last}` in [{'.'.join(tables)}]" if tables else f"[{last}]"
        hint = hint or "See docs/settings.md."
        return SettingsError(f"{subject} {problem}", hint, path=self.path, line=nearest_line(self.text, keys))


def _is_command(keys: Keys) -> bool:
    return next(key for key in reversed(keys) if isinstance(key, str)) in _COMMANDS


def _kind(kind: object) -> str:
    """What a value of this type is in TOML."""
    if isinstance(kind, type) and kind in _NAMES:
        return _NAMES[kind]
    origin, parameters = typing.get_origin(kind), typing.get_args(kind)
    if origin in (tuple, Mapping):
        return "a list" if origin is tuple else "a table"
    return " or ".join(f"{choice!r}" for choice in parameters)


def _describe(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else f"{_NAMES.get(type(value), type(value).__name__)} ({value!r})"


Keys = tuple[str | int, ...]
"""The names of tables, then that of a key; a number is the position (from 0) in an array of tables."""


def line_of(text: str, keys: Keys) -> int | None:
    """The line (from 1) of a key or a table header; None if it has no line of its own, as in an inline table."""
    wanted = ".".join(str(key) for key in keys)
    table = ""
    seen: collections.Counter[str] = collections.Counter()
    # Not splitlines: in TOML a form feed or U+2028 in a comment does not end the line.
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


def nearest_line(text: str, keys: Keys) -> int | None:
    """The line of the last of `keys`, or of the nearest one before it that has a line of its own."""
    return next((line for n in range(len(keys), 0, -1) if (line := line_of(text, keys[:n]))), None)


def pyproject_line(root: Path, keys: Keys) -> int | None:
    """The line of these keys in the pyproject.toml at `root`, as `nearest_line` has it; None without such a file."""
    path = root / "pyproject.toml"
    return nearest_line(path.read_text(encoding="utf-8-sig", errors="replace"), keys) if path.is_file() else None
