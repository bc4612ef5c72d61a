"""YAML that people may have edited: values checked as they are read, errors with the line and the expected type."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")
Keys = tuple[str | int, ...]


class InvalidDocument(ValueError):
    """A document, or its value at `keys`, is not as expected. `line` (from 1) is set where parsing failed."""

    def __init__(self, problem: str, keys: Keys = (), line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.keys = keys
        self.line = line


@dataclass(frozen=True)
class Node:
    """A value of a document, and the keys that lead to it. A value of another type raises InvalidDocument."""

    value: Any
    keys: Keys = ()

    def get(self, key: str) -> Node:
        """The value of a key of this mapping. Raises InvalidDocument where there is none."""
        if key not in self.mapping():
            raise InvalidDocument(f"{self._name} has no `{key}`", self.keys)
        return Node(self.value[key], (*self.keys, key))

    def get_optional(self, key: str) -> Node:
        """The value of a key of this mapping, or None."""
        return Node(self.mapping().get(key), (*self.keys, key))

    def mapping(self) -> Mapping[str, Any]:
        """The value, as a mapping."""
        return self._checked(dict, "a mapping")

    def items(self) -> Iterator[Node]:
        """The items of the value, as a list."""
        return (Node(item, (*self.keys, at)) for at, item in enumerate(self._checked(list, "a list")))

    def text(self) -> str:
        """The value, as text."""
        return self._checked(str, "text")

    def number(self) -> int:
        """The value, as a whole number."""
        if isinstance(self.value, bool):
            raise self.type_error("a whole number")
        return self._checked(int, "a whole number")

    def type_error(self, expected: str) -> InvalidDocument:
        """The error for a value of another type. It does not show the value, which may hold a key."""
        kind = "nothing" if self.value is None else _KINDS.get(type(self.value), type(self.value).__name__)
        return InvalidDocument(f"{self._name} must be {expected}, not {kind}", self.keys)

    def _checked(self, kind: type[_T], expected: str) -> _T:
        if not isinstance(self.value, kind):
            raise self.type_error(expected)
        return self.value

    @property
    def _name(self) -> str:
        """`interactions[2].response`: the keys as a path."""
        if not self.keys:
            return "the document"
        path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.keys)
        return f"`{path.lstrip('.')}`"


_KINDS = {dict: "a mapping", list: "a list", str: "text", bytes: "binary", bool: "true or false", int: "a number"}


def load(text: str) -> Any:
    """The content of a YAML document. Raises InvalidDocument, with the line where it is known."""
    import yaml

    try:
        content = yaml.load(text, Loader=_loader())  # noqa: S506 - it is the safe one, in C where there is libyaml
        if _size(content) > _LARGEST:
            raise InvalidDocument("its aliases stand for more values than can be read")
        return content
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = text.count("\n") + (not text.endswith("\n"))  # a problem at the end is reported after the last line
        raise InvalidDocument(f"not YAML: {error.problem}", line=min(mark.line + 1, last) if mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else None
        raise InvalidDocument(f"not YAML: {error.reason}", line=line) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # an invalid date, for example
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InvalidDocument(f"not YAML: {first_line}") from None


def line_of(text: str, keys: Keys) -> int:
    """The line (from 1) of the value that the keys lead to, or of the nearest parent that exists."""
    node = compose_root(text)
    line = 1
    for key in keys:
        child = next((value for name, _, value in compose_children(node) if name == key), None)
        if child is None:
            break
        node, line = child, child.start_mark.line + 1
    return line


def item_lines(text: str, key: str) -> list[int]:
    """The line (from 1) on which each item of the list under a top-level key begins."""
    children = compose_children(compose_root(text))
    return [item.start_mark.line + 1 for name, _, v in children if name == key for _, _, item in compose_children(v)]


def compose_root(text: str) -> Any:
    """The root node of a YAML document, with the places of all values."""
    import yaml

    return yaml.compose(text, Loader=_loader())


def compose_children(node: Any) -> Iterator[tuple[str | int, Any, Any]]:
    """The children of a node: the key, its node (None in a list), and the node of the value."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, key, value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((at, None, value) for at, value in enumerate(node.value))


_LARGEST = 500_000_000
"""The most characters, values counted as one, that a document may stand for when its aliases are followed."""


def _size(content: Any) -> int:
    """The characters and values of a document with its aliases followed; each container is counted once only.

    Raises InvalidDocument where a value contains itself.
    """
    sizes: dict[int, int] = {}
    pending, open_ids = [content], set()
    while pending:
        value = pending[-1]
        children = (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
        if not isinstance(value, dict | list) or id(value) in sizes:
            pending.pop()
        elif id(value) not in open_ids:
            open_ids.add(id(value))
            nested = [child for child in children if isinstance(child, dict | list)]
            if any(id(child) in open_ids and id(child) not in sizes for child in nested):
                raise InvalidDocument("one of its values contains itself")
            pending += nested
        else:
            sizes[id(value)] = 1 + sum(sizes[id(c)] if isinstance(c, dict | list) else _length(c) for c in children)
            pending.pop()
    return sizes[id(content)] if id(content) in sizes else _length(content)


def _length(scalar: Any) -> int:
    return 1 + len(scalar) if isinstance(scalar, str | bytes) else 1


@functools.cache
def _loader() -> Any:
    """The safe loader, which also knows `!binary` as Ruby's VCR writes it."""
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("Loader", (base,), {})
    loader.add_constructor("!binary", yaml.constructor.SafeConstructor.construct_yaml_binary)
    return loader
