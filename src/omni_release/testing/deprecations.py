"""Whose deprecations they are: the project's own, or a third party's internal ones."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.core.model import Finding, Severity

_IMPORT = "import"
Frame = tuple[str, int]


@dataclass(frozen=True)
class Record:
    """A warning as `children.recorder` writes it. `frames` (file, line) begin with the innermost."""

    category: str
    message: str
    file: str
    line: int
    expected: bool
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Places:
    """Where the project's own code lay when the tests ran: each folder or file, and its path in the checkout."""

    own: tuple[tuple[Path, PurePosixPath], ...]
    site_packages: Path

    def in_checkout(self, file: str) -> str | None:
        """The path in the checkout of a file of the project's own; None for any other."""
        path = Path(file)
        for place, stands_for in self.own:
            if path == place or path.is_relative_to(place):
                return (stands_for / path.relative_to(place).as_posix()).as_posix()
        return None

    def top(self, file: str) -> str:
        """What a file belongs to: the top-level package (of a namespace, the part below it) or the file itself."""
        path = Path(file)
        if not path.is_relative_to(self.site_packages):
            return file
        parts = path.relative_to(self.site_packages).parts
        namespace = len(parts) > 2 and not (self.site_packages / parts[0] / "__init__.py").exists()
        return "/".join(parts[: 2 if namespace else 1])


def read(path: Path) -> Iterator[Record]:
    """What was recorded; a line that a killed process cut short is passed over."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
            if "category" not in entry:
                continue
            frames = tuple((str(file), int(number)) for file, number, _ in entry.pop("frames"))
            yield Record(**entry, frames=frames)
        except (ValueError, TypeError, KeyError):
            continue


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Each package of the project that a process imported, and the file it came from; one pair for each process."""
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            yield from json.loads(line).get("imported", {}).items()


def pytest_failures(path: Path) -> int:
    """How many tests failed in all runs of pytest that have written down their end; at least 1 for a run gone wrong."""
    failed = 0
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("pytest", 0) not in (0, 5):
                failed += max(entry["failed"], 1)
    return failed


def findings(records: Iterable[Record], places: Places) -> Iterator[Finding]:
    """Errors, by file and line, for what the project, its tests or an import of theirs causes; notices for others."""
    seen: set[tuple[object, ...]] = set()
    for record in records:
        if record.expected:
            continue
        cause = _cause(record, places)
        where = places.in_checkout(cause[0]) if cause else places.top(record.file)
        key = (record.category, record.message, where, cause and cause[1])
        if key in seen:
            continue
        seen.add(key)
        said = f"{record.category}: {record.message.strip()}"
        if cause:
            yield Finding(said, "deprecation", path=where, line=cause[1])
        else:
            yield Finding(f"{said} (in {where}, a third party's own)", "deprecation", Severity.NOTICE)


def _cause(record: Record, places: Places) -> Frame | None:
    """The project's own line that causes a warning; None where it is a third party's internal affair."""
    if places.in_checkout(record.file):
        return record.file, record.line
    own = next((n for n, (file, _) in enumerate(record.frames) if places.in_checkout(file)), None)
    if own is None:
        return None
    between = record.frames[:own]
    if len(between) == 1 and between[0][0] != _IMPORT:
        return record.frames[own]  # called by the project itself, whatever `stacklevel` says
    if len(between) >= 2 and between[-1][0] == _IMPORT and places.top(between[-2][0]) == places.top(record.file):
        return record.frames[own]  # an `import` of the project's own, of the very package that warns
    return None
