"""What a setup.py gives to `setup(…)`, and which files it may open."""

from __future__ import annotations

import _ast
from collections.abc import Iterator

from omni_release.versions.python import walked


def given(tree: _ast.Module) -> Iterator[tuple[str, _ast.expr]]:
    """What `setup(…)` is given by name, also through a dictionary of the module's own (`setup(**told)`)."""
    for call in calls(tree, "setup"):
        for keyword in call.keywords:
            if keyword.arg:
                yield keyword.arg, keyword.value
                continue
            for node in tree.body if isinstance(keyword.value, _ast.Name) else ():
                if isinstance(node, _ast.Assign) and any(
                    getattr(target, "id", "") == getattr(keyword.value, "id", None) for target in node.targets
                ):
                    yield from _items(node.value)


def _items(value: _ast.expr) -> Iterator[tuple[str, _ast.expr]]:
    if isinstance(value, _ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            if isinstance(key, _ast.Constant):
                yield str(key.value), item
    elif isinstance(value, _ast.Call) and getattr(value.func, "id", "") == "dict":
        yield from ((keyword.arg, keyword.value) for keyword in value.keywords if keyword.arg)


def opened(tree: _ast.Module) -> Iterator[str]:
    """What may be paths of files in a setup.py: its short strings, and two to four of them that follow each other.

    A name that the module gives to a string is that string.
    """
    named: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, _ast.Assign) and isinstance(node.value, _ast.Constant):
            named |= {target.id: node.value.value for target in node.targets if isinstance(target, _ast.Name)}
        said = [
            item.value if isinstance(item, _ast.Constant) else named.get(getattr(item, "id", ""))
            for item in reversed(list(walked(node)))
        ]
        strings = [string for string in said if isinstance(string, str) and len(string) < 100]
        for count in (1, 2, 3, 4):
            for first in range(len(strings) - count + 1):
                words = [word.strip("/") for word in strings[first : first + count]]
                for path in ("/".join(words), "/".join(reversed(words))):
                    if path and "\0" not in path:
                        yield path


def calls(tree: _ast.AST, name: str) -> Iterator[_ast.Call]:
    """All calls of a function, in whatever depth."""
    for node in walked(tree):
        if isinstance(node, _ast.Call):
            function = node.func
            called = function.id if isinstance(function, _ast.Name) else getattr(function, "attr", "")
            if called == name:
                yield node
