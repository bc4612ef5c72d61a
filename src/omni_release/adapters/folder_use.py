"""Which processes use a folder."""

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


def processes_using(folder: Path) -> UsingProcesses:
    """The processes that use the folder, without this one and its parents.

    Raises Inconclusive without psutil. Only the first argument of a process is read, and none is reported: they may be
    secret.
    """
    try:
        import psutil
    except ImportError:
        raise Inconclusive("psutil is required to detect running programs", install_hint()) from None
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    using, unseen = [], 0
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            with process.oneshot():
                usage = _usage(process, folder)
                name = process.name()
        except (psutil.ZombieProcess, psutil.NoSuchProcess):
            continue
        except psutil.AccessDenied:
            unseen += 1
            continue
        if usage is not None:
            using.append(UsingProcess(process.pid, name, usage))
    return UsingProcesses(tuple(using), unseen)


def _usage(process: psutil.Process, folder: Path) -> str | None:
    """How a process uses the folder, None where it does not. Raises AccessDenied where nothing can be inspected."""
    import psutil

    resolved = folder.resolve()
    denied, sources = 0, (_programs, _working_folder, _open_files, _mapped_files)
    for source in sources:
        try:
            for path, usage in source(process):
                # Links are not resolved: a file in the folder may be a link to another place.
                written = Path(os.path.normpath(path)) if path else Path()
                if path and (written.is_relative_to(folder) or written.is_relative_to(resolved)):
                    return usage.format(Path(path).name)
        except psutil.AccessDenied:
            denied += 1
        except OSError:
            continue  # the process has ended, or does not support the question
    if denied == len(sources):
        raise psutil.AccessDenied(process.pid)
    return None


def _programs(process: psutil.Process) -> Iterator[tuple[str, str]]:
    """Its program, and the path that it was started by: the Python of a virtual environment is a link to another."""
    yield process.exe(), "runs {} from it"
    first = next(iter(process.cmdline()), "")
    if os.sep in first:
        yield os.path.join(process.cwd(), first), "runs {} from it"
    elif first:
        with contextlib.suppress(OSError):
            yield shutil.which(first, path=process.environ().get("PATH")) or "", "runs {} from it"


def _working_folder(process: psutil.Process) -> Iterator[tuple[str, str]]:
    yield process.cwd(), "works in its folder {}"


def _open_files(process: psutil.Process) -> Iterator[tuple[str, str]]:
    for file in process.open_files():
        yield file.path, "has {} open"


def _mapped_files(process: psutil.Process) -> Iterator[tuple[str, str]]:
    maps = getattr(process, "memory_maps", None)  # not available on every platform
    for file in maps() if maps else ():
        yield file.path, "has {} loaded"
