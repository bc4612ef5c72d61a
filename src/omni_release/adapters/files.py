"""Files on the disk, changed whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from omni_release.core.actions import Copy, Link, Move, Write
from omni_release.core.errors import Conflict


class LocalFiles:
    """See `seams.Files`."""

    def write(self, action: Write) -> None:
        write(action.path, action.data)

    def move(self, action: Move) -> None:
        if action.target.exists() or action.target.is_symlink():
            raise Conflict(f"{action.target} exists already", "Move it away by hand, then run this again.")
        action.target.parent.mkdir(parents=True, exist_ok=True)
        # A link is moved as the link that it is: rename never follows one.
        os.rename(action.source, action.target)

    def copy(self, action: Copy) -> None:
        partial = action.target.with_name(action.target.name + ".partial")
        for old in (partial, action.target):
            if old.is_dir():
                shutil.rmtree(old)
        for file in action.files:
            target = partial / file
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # listed by git, deleted in the checkout
                shutil.copy2(action.source / file, target, follow_symlinks=False)
        partial.mkdir(parents=True, exist_ok=True)
        os.rename(partial, action.target)

    def link(self, action: Link) -> None:
        action.target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.symlink(action.source, action.target, target_is_directory=True)
        except OSError:
            if sys.platform == "win32":
                import _winapi  # a junction, which takes no privilege

                _winapi.CreateJunction(str(action.source), str(action.target))
            else:
                raise


def write(path: Path, data: bytes) -> None:
    """Replace the content of `path` in one step; its mode stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, name)
        else:
            os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
