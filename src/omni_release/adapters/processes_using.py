"""Which programs of this machine use the files of a folder: run from it, work in it, or have them open or mapped."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release.core.errors import Inconclusive, install_hint
from omni_release.core.world import UsingProcess, UsingProcesses

if TYPE_CHECKING:
    import psutil


def holders(folder: Path) -> UsingProcesses:
    """The programs, but for this one and those that it was started by: they are what asks.

    Of a program's arguments the first alone is looked at, and none is told: they may be secrets.
    """
    try:
        import psutil
    except ImportError:
        raise Inconclusive("psutil is not installed, which looks for programs", install_hint("release")) from None
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found, unseen = [], 0
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            with process.oneshot():
                how = _how(process, folder)
                name = process.name()
        except (psutil.ZombieProcess, psutil.NoSuchProcess):
            continue
        except psutil.AccessDenied:
            unseen += 1
            continue
        if how is not None:
            found.append(UsingProcess(process.pid, name, how))
    return UsingProcesses(tuple(found), unseen)


def _how(process: psutil.Process, folder: Path) -> str | None:
    """How a program uses the folder, None where it does not. Raises AccessDenied where nothing of it can be seen."""
    import psutil

    real = folder.resolve()
    denied = 0
    for look in (_runs, _works, _open, _mapped):
        try:
            for path, how in look(process):
                if _within(path, folder, real):
                    return how.format(Path(path).name)
        except psutil.AccessDenied:
            denied += 1
        except OSError:
            continue  # gone, or of a kind that cannot be asked
    if denied == 4:
        raise psutil.AccessDenied(process.pid)
    return None


def _runs(process: psutil.Process) -> Iterator[tuple[str, str]]:
    """Its program; and what it was started as, since a virtual environment's Python is a link to another one."""
    yield process.exe(), "runs {} from it"
    first = next(iter(process.cmdline()), "")
    if os.sep in first:
        yield os.path.join(process.cwd(), first), "runs {} from it"
    elif first:
        with contextlib.suppress(OSError):
            yield shutil.which(first, path=process.environ().get("PATH")) or "", "runs {} from it"


def _works(process: psutil.Process) -> Iterator[tuple[str, str]]:
    yield process.cwd(), "works in its folder {}"


def _open(process: psutil.Process) -> Iterator[tuple[str, str]]:
    for file in process.open_files():
        yield file.path, "has {} open"


def _mapped(process: psutil.Process) -> Iterator[tuple[str, str]]:
    maps = getattr(process, "memory_maps", None)  # not on every platform
    for file in maps() if maps else ():
        yield file.path, "has {} loaded"


def _within(path: str, folder: Path, real: Path) -> bool:
    """Whether a path lies in the folder, as it is written: what lies there may be a link to elsewhere."""
    if not path:
        return False
    written = Path(os.path.normpath(path))
    return written.is_relative_to(folder) or written.is_relative_to(real)
