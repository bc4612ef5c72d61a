"""What can be imported in an environment: each module or object in turn, in a program that may end or hang."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omni_release import environments, programs, scripts
from omni_release.core.actions import Run
from omni_release.core.documents import read_json_lines
from omni_release.core.errors import ActionFailed
from omni_release.core.model import Release
from omni_release.core.world import World

START = 60.0
"""The time for the program that imports, in seconds, beside that of each import."""


@dataclass(frozen=True)
class ImportFailure:
    """Why an import failed; see `scripts/import_objects.py` for the fields.

    `slow`: it did not end in time. A `type` that is empty: the import has ended the whole process.
    """

    type: str = ""
    message: str = ""
    missing: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    places: tuple[tuple[str, int], ...] = ()
    slow: bool = False


@dataclass(frozen=True)
class Imported:
    """The result of an import: the module's file and version, whether the object can be called, or the failure."""

    file: str | None = None
    version: str | None = None
    callable: bool = False
    failure: ImportFailure | None = None


@dataclass(frozen=True)
class Environment:
    """An environment of a run by its name, and the project that is installed in it."""

    release: Release
    name: str

    @property
    def folder(self) -> Path:
        """Its root."""
        return self.release.environment(self.name)

    @property
    def site(self) -> Path:
        """The folder for packages."""
        return environments.site_packages(self.folder)

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return environments.python(self.folder)

    def import_all(
        self, world: World, objects: Sequence[str], *, label: str, each: float, total: float, background: bool = False
    ) -> dict[str, Imported]:
        """Import these objects (`module` or `module:attribute`), outside the checkout.

        `each` and `total` are in seconds: what there was no time for is not in the result. An object whose import ends
        the process is one that fails, and the others are imported in a new process. Raises ActionFailed where none can
        be started.
        """
        end = world.clock.monotonic() + total
        file = self.release.work_dir / f"{label}-{self.name}"
        command = Run(
            (str(self.interpreter), "-I", str(scripts.program("import_objects"))),
            cwd=self.release.work_dir,
            environment=programs.test_env(world.environment, self.release.folder),
            log=self.release.logs / f"{label}-{self.name}.log",
            deadline=0,
            background=background,
        )
        done: dict[str, Imported] = {}
        while remaining := [name for name in objects if name not in done]:
            left = end - world.clock.monotonic()
            if left <= 0:
                break
            deadline = min(left, each * len(remaining) + START)
            done |= _import_some(world, replace(command, deadline=deadline), file, remaining, each)
        return done


def _import_some(world: World, command: Run, file: Path, objects: Sequence[str], each: float) -> dict[str, Imported]:
    """The results of a process that imports these objects, up to the one that ends it."""
    wanted, result = file.with_suffix(".txt"), file.with_suffix(".jsonl")
    wanted.write_text("\n".join(objects), encoding="utf-8")
    result.unlink(missing_ok=True)
    completed = world.processes.run(replace(command, argv=(*command.argv, str(wanted), str(result), str(each))))
    done: dict[str, Imported] = {}
    begun, slow = None, False
    for entry in read_json_lines(result):
        slow = slow or "slow" in entry
        if "error" in entry:
            done[entry["object"]] = _imported(entry)
        else:
            begun = entry["object"]
    if begun is None:
        message = f"the import {completed.ended(command.deadline)}"
        raise ActionFailed(message, f"Full output: {command.log}", tail=completed.tail)
    if begun not in done and not completed.timed_out:
        message = completed.ended(command.deadline)
        done[begun] = Imported(failure=ImportFailure(message=message, slow=slow))
    return done


def _imported(entry: dict[str, Any]) -> Imported:
    result = Imported(entry["file"], entry["version"], entry["callable"])
    if (error := entry["error"]) is None:
        return result
    places = tuple((str(file), int(line)) for file, line in error["places"])
    missing, broken = tuple(error["missing"]), tuple(error["broken"])
    return replace(result, failure=ImportFailure(error["type"], error["message"], missing, broken, places))


def is_module(name: str) -> bool:
    """Whether a dotted name can be that of a module."""
    return re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name) is not None
