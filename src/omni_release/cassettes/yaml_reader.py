"""A recording that somebody may have edited: what stands where something else is expected, and on which line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")
Keys = tuple[str | int, ...]


class Unexpected(ValueError):
    """Something else stands at `keys` than is expected; `line` (from 1) is given where nothing could be read."""

    def __init__(self, said: str, keys: Keys = (), line: int | None = None) -> None:
        super().__init__(said)
        self.said = said
        self.keys = keys
        self.line = line


@dataclass(frozen=True)
class Part:
    """A value of a document, and the keys that lead to it. What is asked for and is not there raises Unexpected."""

    value: Any
    keys: Keys = ()

    def of(self, key: str) -> Part:
        """What stands under a key of this mapping."""
        if key not in self.mapping():
            raise Unexpected(f"{self._named} has no `{key}`", self.keys)
        return Part(self.value[key], (*self.keys, key))

    def maybe(self, key: str) -> Part:
        """What stands under a key of this mapping, or None."""
        return Part(self.mapping().get(key), (*self.keys, key))

    def mapping(self) -> Mapping[str, Any]:
        """The mapping that this is."""
        return self._as(dict, "a mapping")

    def parts(self) -> Iterator[Part]:
        """The items of the list that this is."""
        return (Part(item, (*self.keys, at)) for at, item in enumerate(self._as(list, "a list")))

    def text(self) -> str:
        """The text that this is."""
        return self._as(str, "a text")

    def number(self) -> int:
        """The whole number that this is."""
        if isinstance(self.value, bool):
            raise self.instead_of("a whole number")
        return self._as(int, "a whole number")

    def instead_of(self, wanted: str) -> Unexpected:
        """What is raised where this is not what is wanted. The value is not shown: it may hold a key."""
        return Unexpected(f"{self._named} must be {wanted}, not {_kind(self.value)}", self.keys)

    def _as(self, kind: type[_T], wanted: str) -> _T:
        if not isinstance(self.value, kind):
            raise self.instead_of(wanted)
        return self.value

    @property
    def _named(self) -> str:
        """`interactions[2].response`: the keys as one would write them."""
        if not self.keys:
            return "the whole of it"
        said = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.keys)
        return f"`{said.lstrip('.')}`"


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bytes: "binary", bool: "true or false", int: "a number"}
    return "nothing" if value is None else names.get(type(value), type(value).__name__)


def load(text: str) -> Any:
    """What stands in the YAML. Raises Unexpected, with the line."""
    import yaml

    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506 - it is the safe one, in C where there is libyaml
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = text.count("\n") + (not text.endswith("\n"))  # where the end is what is wrong, it is after the last one
        raise Unexpected(f"this is no YAML: {error.problem}", line=min(mark.line + 1, last) if mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else None
        raise Unexpected(f"this is no YAML: {error.reason}", line=line) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none, say
        raise Unexpected(f"this is no YAML: {_first_line(error)}") from None


def line_of(text: str, keys: Keys) -> int:
    """The line (from 1) on which stands what the keys lead to, or as much of it as there is."""
    import yaml

    node = yaml.compose(text, Loader=_loader())
    line = 1
    for key in keys:
        found = next((value for named, value in _below(node) if named == key), None)
        if found is None:
            break
        node, line = found, found.start_mark.line + 1
    return line


def lines(text: str, key: str) -> list[int]:
    """The line (from 1) on which each item begins of the list that stands under a key."""
    import yaml

    found = next((value for named, value in _below(yaml.compose(text, Loader=_loader())) if named == key), None)
    return [item.start_mark.line + 1 for _, item in _below(found)]


def _below(node: Any) -> Iterator[tuple[str | int, Any]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from enumerate(node.value)


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
