"""What the tests' report and output say: which tests failed, and what kept tests from running."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.testing import used

_NO_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_NO_NAME = re.compile(r"cannot import name '[^']+' from (?:partially initialized module )?'([\w.]+)'")
_NO_ATTRIBUTE = re.compile(r"AttributeError: module '([\w.]+)' has no attribute '\w+'")
_PLACE = re.compile(r"^(?!E )(\S.*?):\d+: (?:in |\w+)", re.MULTILINE)
_NO_FIXTURE = re.compile(r"fixture '(\w+)' not found")
_NO_MARK = re.compile(r"'(\w+)' not found in `markers` configuration option|Unknown pytest\.mark\.(\w+)")
_PLUGINS_OF_FIXTURES = {name: those[0] for name, those in used.FIXTURES.items()}
_PLUGINS_OF_FIXTURES |= {"testdir": "`pytest_plugins = ['pytester']`"}
_PLUGINS_OF_MARKS = {name: those[0] for name, those in used.MARKS.items()}
_USAGE = (
    re.compile(r"error: (unrecognized arguments: .+)"),
    re.compile(r"(Missing required plugins: .+)"),
    re.compile(r"(Unknown config option: .+)"),
    re.compile(r"(requires pytest-[\w.]+, actual pytest-[\w.]+)"),
    re.compile(r"(Error importing plugin \".+)"),
    re.compile(r"error: (argument .+: invalid choice: .+)"),
)


@dataclass(frozen=True)
class FailedTest:
    """A test that failed, or a module whose tests could not be collected.

    `text` is all that pytest says about it, `output` what the test printed, `node` the node id; all may be empty.
    The path is relative to the tree of the tests; the line counts from 1.
    """

    name: str
    reason: str
    text: str = ""
    node: str = ""
    path: str | None = None
    line: int | None = None
    output: str = ""


@dataclass(frozen=True)
class Results:
    """What a report of pytest says: how many tests it has, how many were skipped, and which failed."""

    count: int
    skipped: int
    failures: tuple[FailedTest, ...]
    passed: frozenset[str] = frozenset()


def read(report: Path) -> Results:
    """The results in pytest's report (xunit1); none where it is missing or incomplete."""
    try:
        cases = tuple(ElementTree.parse(report).iter("testcase"))  # noqa: S314 - written by the run itself
    except (OSError, ElementTree.ParseError):
        cases = ()
    failures = tuple(failure for case in cases for failure in _failures(case))
    failed = {failure.node for failure in failures}
    passed = (_node(case) for case in cases if case.find("skipped") is None)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return Results(len(cases), skipped, failures, frozenset(passed) - failed)


def _failures(case: ElementTree.Element) -> Iterator[FailedTest]:
    """The failures of one test. In the report, paths are relative to the tree, and lines count from 0."""
    name = f"{case.get('classname', '')}.{case.get('name', '')}".lstrip(".")
    path, line = (case.get("file") or "").replace("\\", "/"), case.get("line")
    output = "\n".join(printed.text or "" for kind in ("system-out", "system-err") for printed in case.iter(kind))
    for failure in (*case.iter("failure"), *case.iter("error")):
        message, text = (failure.get("message") or "").strip(), failure.text or ""
        reason = message.partition("\n")[0]
        if message == "collection failure":  # the line that names the error is in the text
            errors = [text[1:].strip() for text in text.splitlines() if text.startswith("E ")]
            reason = errors[-1] if errors else reason
            path = path or f"{name.replace('.', '/')}.py"
        place = path or None, int(line) + 1 if line else None
        yield FailedTest(name, reason, f"{message}\n{text}", _node(case), *place, output=output)


def _node(case: ElementTree.Element) -> str:
    """The node id of a test: `tests/test_a.py::TestB::test_c[1]`; of a module that was not collected, its path."""
    file, inside, name = case.get("file") or "", case.get("classname") or "", case.get("name") or ""
    if not file:
        return f"{name.replace('.', '/')}.py" if name and not inside else ""
    file = PurePosixPath(file.replace("\\", "/")).as_posix()
    module = file.removesuffix(".py").replace("/", ".")
    if not inside and name.replace("/", ".").removesuffix(".py") == module:  # it was not collected
        return file
    classes, stem = inside.removeprefix(module).lstrip(".").split("."), PurePosixPath(file).stem
    if not inside.startswith(module) and stem in classes:  # of a file outside of the tree
        classes = classes[classes.index(stem) + 1 :]
    return "::".join((file, *filter(None, classes), name))


def missing(text: str, own: frozenset[str]) -> str:
    """What a test needs that is not in its environment; empty where it failed for another reason.

    `own` are the names that the project itself must provide: its import packages, and its modules of tests. Where
    pytest marks the lines of an error, only those count: the rest is code, and what the test printed.
    """
    said = "\n".join(line for line in text.splitlines() if line.startswith("E ")) or text
    for found in _NO_MODULE.finditer(said):
        if not _is_own(found[1], own):
            return found[1].partition(".")[0]
    for found in (*_NO_NAME.finditer(said), *_NO_ATTRIBUTE.finditer(said)):
        top = found[1].partition(".")[0]
        if not _is_own(found[1], own) and top not in sys.stdlib_module_names and not _raised_by(text, own):
            return f"{top} (of another version)"
    if (found_one := _NO_FIXTURE.search(said)) and found_one[1] in _PLUGINS_OF_FIXTURES:
        return _PLUGINS_OF_FIXTURES[found_one[1]]
    if found_one := _NO_MARK.search(said):
        if plugin := _PLUGINS_OF_MARKS.get(found_one[1] or found_one[2]):
            return plugin
    if "async def functions are not natively supported" in said:
        return "a plug-in for async tests, such as pytest-asyncio"
    return ""


def not_started(output: str, own: frozenset[str]) -> str:
    """Why pytest could not start, if that is for want of a plug-in or a module; else empty."""
    usage = next((found[1] for pattern in _USAGE if (found := pattern.search(output))), "")
    return usage or missing(output, own)


def _raised_by(text: str, own: frozenset[str]) -> bool:
    """Whether the last place of a traceback is in an installed module of the project: users have that error, too."""
    places = [place[1].replace("\\", "/") for place in _PLACE.finditer(text)]
    _, installed, module = places[-1].partition("/site-packages/") if places else ("", "", "")
    return bool(installed) and _is_own(module.removesuffix(".py").replace("/", "."), own)


def _is_own(module: str, own: frozenset[str]) -> bool:
    """Whether the project must provide this module: one of its own, one below it, or a namespace of it."""
    return any(module == name or module.startswith(f"{name}.") or name.startswith(f"{module}.") for name in own)
