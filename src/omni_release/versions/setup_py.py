"""What setup.py and setup.cfg say about a project, read without running them."""

from __future__ import annotations

import _ast
import re
from collections.abc import Iterator

from omni_release.versions.python import walk

PROJECT_SECTIONS = frozenset(("metadata", "options", "files"))
"""The sections of a setup.cfg that describe a project; others configure tools."""


def runs_setup(source: str) -> bool:
    """Is a module called setup.py a project's, which calls `setup()` of a build tool?"""
    tools = r"\b(?:setuptools|distutils|skbuild|cx_Freeze|py2app|mypyc|numpy|jupyter_packaging)\b|import setup\b"
    return bool(re.search(r"(?<!def )\bsetup\s*\(", source) and re.search(tools, source))


def setup_arguments(tree: _ast.Module) -> Iterator[tuple[str, _ast.expr]]:
    """The keyword arguments of `setup(…)`, also those of a dictionary that the module assigns (`setup(**options)`)."""
    for call in walk(tree):
        if not isinstance(call, _ast.Call):
            continue
        function = call.func
        if (function.id if isinstance(function, _ast.Name) else getattr(function, "attr", "")) != "setup":
            continue
        for keyword in call.keywords:
            if keyword.arg:
                yield keyword.arg, keyword.value
                continue
            for node in walk(tree) if isinstance(keyword.value, _ast.Name) else ():
                if isinstance(node, _ast.Assign) and any(
                    getattr(target, "id", "") == getattr(keyword.value, "id", None) for target in node.targets
                ):
                    yield from _dictionary_items(node.value)


def _dictionary_items(value: _ast.expr) -> Iterator[tuple[str, _ast.expr]]:
    """The items of `{…}` and `dict(…)`."""
    if isinstance(value, _ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            if isinstance(key, _ast.Constant):
                yield str(key.value), item
    elif isinstance(value, _ast.Call) and getattr(value.func, "id", "") == "dict":
        yield from ((keyword.arg, keyword.value) for keyword in value.keywords if keyword.arg)


def paths_in_setup(tree: _ast.Module) -> Iterator[str]:
    """What may be paths of files in a setup.py: its short strings, and two to four adjacent ones joined.

    A name that the module assigns a string to is that string.
    """
    constants: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, _ast.Assign) and isinstance(node.value, _ast.Constant):
            constants |= {target.id: node.value.value for target in node.targets if isinstance(target, _ast.Name)}
        values = [
            item.value if isinstance(item, _ast.Constant) else constants.get(getattr(item, "id", ""))
            for item in reversed(list(walk(node)))
        ]
        strings = [string for string in values if isinstance(string, str) and len(string) < 100]
        for count in (1, 2, 3, 4):
            for first in range(len(strings) - count + 1):
                words = [word.strip("/") for word in strings[first : first + count]]
                for path in ("/".join(words), "/".join(reversed(words))):
                    if path and "\0" not in path:
                        yield path
