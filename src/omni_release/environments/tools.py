"""The programs that look: where their wheels put them, and what they say in a file."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from omni_release.core.actions import Run
from omni_release.core.errors import CannotTell, to_install
from omni_release.core.world import Completed, Processes
from omni_release.environments import env_vars

_ARGUMENTS = (
    30_000 if os.name == "nt" else 500_000
)  # what a program takes: 32,767 characters there, a megabyte on macOS
DEADLINE = 600.0
"""Of a program that looks at all of a project, in seconds."""


@dataclass(frozen=True)
class Place:
    """Where a program looks. What it says is kept in `run`, if that folder is there, else in `folder` alone."""

    root: Path
    run: Path
    folder: Path
    environment: Mapping[str, str] = field(repr=False)


def find(name: str) -> str:
    """A program, as its wheel installs it beside our own interpreter. Raises CannotTell where it is not there."""
    file = f"{name}.exe" if os.name == "nt" else name
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        if (found := Path(folder, file)).is_file():
            return str(found)
    if there := shutil.which(name):
        return there
    raise CannotTell(f"{name} is not here", to_install("audit"))


def batches(files: Sequence[PurePosixPath]) -> Iterator[tuple[str, ...]]:
    """All files at once, as far as a command line holds them."""
    batch: list[str] = []
    room = _ARGUMENTS
    for file in files:
        needed = len(os.fsencode(str(file))) + 3
        if batch and needed > room:
            yield tuple(batch)
            batch, room = [], _ARGUMENTS
        batch.append(f"./{file}")
        room -= needed
    yield tuple(batch)


def ran(
    place: Place,
    processes: Processes,
    argv: Sequence[str],
    name: str,
    more: Mapping[str, str] = MappingProxyType({}),
    *,
    deadline: float = DEADLINE,
) -> tuple[Completed, str]:
    """How a program ended, and all that it printed. `deadline` is in seconds."""
    log = (place.run / "logs" if place.run.is_dir() else place.folder) / f"{name}.log"
    log.unlink(missing_ok=True)
    command = Run(
        tuple(argv),
        cwd=place.root,
        environment=env_vars.for_tools(place.environment, place.run) | dict(more),
        log=log,
        deadline=deadline,
        background=True,
    )
    completed = processes.run(command)
    return completed, log.read_bytes().decode("utf-8", "replace")
