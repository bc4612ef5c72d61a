"""The API of a release against that of the last one: what breaks, and which version announces that.

griffe runs in a process of its own: `program`, with what it imports. This module starts it and reads its answer.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omni_release import programs
from omni_release.core.errors import Inconclusive
from omni_release.core.world import Processes

DEADLINE = 180.0
"""Seconds that a comparison may take: griffe reads half a million lines in that time."""


@dataclass(frozen=True)
class ApiChange:
    """One change that breaks a use of the object `name`: its kind, what changed, and what a caller sees.

    `file` is a path in the wheel, with the `line` (from 1; 0 without one): in the old one where the object is
    `removed`, else in the new one. The object was `deprecated` in the old one.
    """

    kind: str
    name: str
    message: str
    effect: str
    file: str
    line: int
    removed: bool = False
    deprecated: bool = False

    @property
    def where(self) -> str:
        """The file, and the line in it."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class ApiDifference:
    """All breaking changes between two versions, the names that were added, and the modules that were not read.

    They are of one project only if they are `alike`.
    """

    alike: bool
    changes: tuple[ApiChange, ...]
    added: tuple[str, ...]
    unread: tuple[str, ...]


def compare(
    old: Path, new: Path, work: Path, processes: Processes, environment: Mapping[str, str], run: Path | None = None
) -> ApiDifference:
    """The difference between two wheels, or between two folders with packages.

    `work` is a folder of the comparison alone, `run` the run folder for the log of the program. Raises ToolUnavailable
    where griffe is not installed, Inconclusive where there is no result.
    """
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    result = work / "api.json"
    context = programs.ToolContext(work, run or work, work, environment)
    argv = programs.module(sys.executable, "omni_release.api.program", *map(str, (old, new, work, result)))
    completed, output = programs.run_tool(context, processes, argv, "api", deadline=DEADLINE)
    if completed.code != 0 or not result.is_file():
        raise programs.unavailable("griffe", completed.ended(DEADLINE), output)
    try:
        document = json.loads(result.read_bytes())
        if "invalid" in document:
            raise Inconclusive(str(document["invalid"]), "Download the wheel again, or build it again.")
        return read(document)
    except (ValueError, KeyError, TypeError) as error:
        hint = "Report it to the project omni-release."
        raise Inconclusive(f"griffe's result cannot be read: {error}", hint) from None


def read(document: Mapping[str, list[str]] | Mapping[str, list[Mapping[str, object]]]) -> ApiDifference:
    """The difference in a document of `program`. Raises KeyError and TypeError for another one."""
    changes = tuple(ApiChange(**change) for change in document["changes"])  # type: ignore[arg-type]  # as it writes it
    added, unread = (tuple(map(str, document[key])) for key in ("added", "unread"))
    return ApiDifference(bool(document["alike"]), changes, added, unread)
