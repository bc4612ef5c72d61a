"""The folder `.omni-release/` of a project is ours alone: what a clone brought along is not used.

A repository that has committed files there could say which files are to be restored, removed or trusted, and a link
there leads out of the project.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from omni_release.core.errors import UsageError, describe_os_error

FOLDER = ".omni-release"

_FOLDERS = ("", "gate", "removed", "runs")


def require_own(root: Path, tracked: Sequence[str] = ()) -> None:
    """Raise UsageError where `.omni-release/` of the project at `root` is not ours alone.

    `tracked` are the names of the files in it that git tracks.
    """
    folder = root / FOLDER
    if tracked:
        raise UsageError(
            f"git tracks {tracked[0]}, but {FOLDER}/ is only for what runs on this machine write",
            f"Nothing in it was used. Check what it is, run `git rm -r --cached {FOLDER}`, and remove the folder.",
        )
    try:
        problem = next(_problems(folder), None) if os.path.lexists(folder) else None
    except OSError as error:
        problem = f"{folder} cannot be read: {describe_os_error(error)}"
    if problem:
        raise UsageError(problem, "Nothing was read or written there. Check what it is, and remove it.")


def _problems(folder: Path) -> Iterator[str]:
    """What is a link, a device or a pipe, or a file in place of a folder, at any depth. No link is followed."""
    for name in _FOLDERS:
        path = folder / name
        if os.path.lexists(path) and not stat.S_ISDIR(path.lstat().st_mode):
            yield f"{path} is {_kind(path)}, not a folder"
    pending: list[tuple[str, ...]] = [()]
    while pending:
        parts = pending.pop()
        if _is_moved_or_built(parts):
            continue
        with os.scandir(folder.joinpath(*parts)) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append((*parts, entry.name))
                elif not entry.is_file(follow_symlinks=False):
                    yield f"{entry.path} is {_kind(Path(entry.path))}"


def _is_moved_or_built(parts: tuple[str, ...]) -> bool:
    """A folder whose entries may be links: what was moved out of dist/ stays as it was, and a wheel may be a link."""
    return (parts[:1] == ("removed",) and len(parts) == 2) or (parts[:1] == ("runs",) and parts[2:] == ("dist",))


def _kind(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"a link to {os.readlink(path)}"
    return "a file" if stat.S_ISREG(mode) else "a pipe, a socket or a device"


def is_own(folder: Path) -> bool:
    """Whether a folder is one, and only this user can write there."""
    try:
        found = folder.lstat()
    except (OSError, ValueError):  # no path has a NUL
        return False
    return stat.S_ISDIR(found.st_mode) and only_ours(found)


def only_ours(found: os.stat_result) -> bool:
    """Whether a file or folder is this user's, and no other can write to it."""
    return sys.platform == "win32" or (
        found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )
