"""The deprecation warnings, imports and results that `scripts/warnings_recorder.py` has recorded."""

from __future__ import annotations

import ast
import contextlib
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import environments, testing
from omni_release.core.documents import read_json_lines
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass
from omni_release.environments.code_places import CodePlaces

DEPRECATION = Rule("deprecation", RuleClass.RELEASE, "Tests cause a deprecation warning")
"""Code that the tests run uses what is deprecated."""

RECORD_VARIABLE = "OMNI_RELEASE_RECORD"
"""The variable with another file to record to."""

NETWORK_VARIABLE = "OMNI_RELEASE_RECORD_NETWORK"
"""The variable that has the hosts recorded that tests connect to."""

INSTALLED_VARIABLE = "OMNI_RELEASE_INSTALLED"
"""The variable that has the project imported from the environment, also where its source folder is on the path."""

_NOTHING_FAILED = (0, 5)  # exit codes of pytest: passed, and no tests collected
_IMPORT = "import"
_SENTENCE = 25  # characters

Frame = tuple[str, int]


def code_places(release: Release, environment: str = "candidate") -> CodePlaces:
    """The places of the project's code in an environment and in the copy of the tests."""
    installed = environments.site_packages(release.environment(environment))
    return CodePlaces.installed(release.project, installed, (release.tests_tree, PurePosixPath()))


@dataclass(frozen=True)
class DeprecationRecord:
    """A recorded warning. `frames` (file, line) begin with the innermost; `import` is the import system's own code.

    `expected` is True for a warning that a test catches on purpose. `raiser` is the file of the code that gives it,
    empty for C code. `ignored_by` is the file of the code that ignores it where it is caused, within `catch_warnings`.
    """

    category: str
    message: str
    file: str
    line: int
    expected: bool
    frames: tuple[Frame, ...]
    raiser: str = ""
    ignored_by: str = ""


def read_deprecations(path: Path) -> Iterator[DeprecationRecord]:
    """The recorded warnings. Skips entries of another form: the tests themselves can write to this file."""
    for entry in read_json_lines(path):
        with contextlib.suppress(KeyError, TypeError, ValueError):
            frames = tuple((str(file), int(number)) for file, number, _ in entry.pop("frames"))
            yield DeprecationRecord(**entry, frames=frames)


def read_imports(path: Path) -> Iterator[tuple[str, str]]:
    """Each package of the project that a process imported, and its file; one pair for each process."""
    for entry in read_json_lines(path):
        yield from entry.get("imported", {}).items()


def read_hosts(path: Path) -> dict[str, str]:
    """The host that each test, by its node id, asked for; of those that asked for another machine."""
    return {
        str(entry["test"]): str(entry["host"]) for entry in read_json_lines(path) if {"test", "host"} <= entry.keys()
    }


def pytest_failures(path: Path) -> int:
    """The number of failed tests in all recorded runs of pytest, at least 1 for each run that failed."""
    runs = [entry for entry in read_json_lines(path) if entry.get("pytest", 0) not in _NOTHING_FAILED]
    return sum(max(run["failed"], 1) for run in runs)


def findings(release: Release, environment: str = "candidate", record: Path | None = None) -> Iterator[Finding]:
    """The findings for what the tests recorded in an environment: by default, those of the wheel."""
    records = read_deprecations(record or testing.warnings_file(release))
    yield from deprecation_findings(records, code_places(release, environment))


def deprecation_findings(records: Iterable[DeprecationRecord], places: CodePlaces) -> Iterator[Finding]:
    """Findings by file and line: errors where the project's code causes a warning, warnings where its tests do.

    Notices for what third-party code causes, and for the project's own deprecations, which its tests use.
    """
    seen: set[tuple[object, ...]] = set()
    for record in records:
        if record.expected:
            continue
        cause = _cause(record, places)
        where = places.in_checkout(cause[0]) if cause else places.package_of(record.file)
        own = places.in_checkout(record.raiser) is not None or (cause is not None and _worded_in(cause[0], record))
        key = (record.category, record.message, own or (where, cause and cause[1]))
        if key in seen:
            continue
        seen.add(key)
        message = f"{record.category}: {record.message.strip()}"
        if own:
            message += " (a deprecation of the project itself)"
            yield Finding(message, DEPRECATION.id, Severity.NOTICE, where, cause[1] if cause else None)
        elif cause and places.ships(cause[0]) and _ships_own(places, record.ignored_by):
            message += " (ignored on purpose, by `catch_warnings` in the project's code)"
            yield Finding(message, DEPRECATION.id, Severity.WARNING, where, cause[1])
        elif cause and places.ships(cause[0]):
            message += "\n→ Use what replaces it, or waive the warning until a day."
            yield Finding(message, DEPRECATION.id, path=where, line=cause[1])
        elif cause:
            yield Finding(f"{message} (in the tests)", DEPRECATION.id, Severity.WARNING, where, cause[1])
        else:
            yield Finding(f"{message} (within {where}, third-party code)", DEPRECATION.id, Severity.NOTICE)


def _ships_own(places: CodePlaces, file: str) -> bool:
    return places.in_checkout(file) is not None and places.ships(file)


def _worded_in(file: str, record: DeprecationRecord) -> bool:
    """Whether the code in a file has the text of a warning: it gives it itself, through another package's function."""
    return any(text in record.message for text in _texts(file))


@functools.lru_cache(maxsize=64)
def _texts(file: str) -> frozenset[str]:
    """The literal texts in a module, or in the parts of its f-strings, that are long enough to be of one message."""
    try:
        module = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    constants = (node.value for node in ast.walk(module) if isinstance(node, ast.Constant))
    return frozenset(text for text in constants if isinstance(text, str) and len(text) >= _SENTENCE)


def _cause(record: DeprecationRecord, places: CodePlaces) -> Frame | None:
    """The project's own line that causes a warning; None where third-party code causes it."""
    if places.in_checkout(record.file):
        return record.file, record.line
    own = next((n for n, (file, _) in enumerate(record.frames) if places.in_checkout(file)), None)
    if own is None:
        return None
    between = record.frames[:own]
    if len(between) == 1 and between[0][0] != _IMPORT:
        return record.frames[own]  # called by the project itself, whatever `stacklevel` says
    if len(between) < 2 or between[-1][0] != _IMPORT:
        return None
    if record.ignored_by and not places.in_checkout(record.ignored_by):
        return None  # the package that warns does not want it to be seen: it is about its own code
    # An import by the project, of the very package that warns.
    return record.frames[own] if places.package_of(between[-2][0]) == places.package_of(record.file) else None
