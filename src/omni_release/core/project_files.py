"""Reads a file of the user's project. A link that is committed can lead to a device that never ends, or to a pipe."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_LARGEST = 20_000_000  # bytes; the files that are read whole have some hundreds of lines


def read_whole(path: Path) -> bytes:
    """The content. Raises OSError where it is no ordinary file, or larger than 20 MB."""
    with open(path, "rb", opener=_open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file but a device, a pipe or a socket")
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {_LARGEST // 1_000_000} MB")
    return content


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for a writer
