"""The files of a checkout, as git sees them: tracked, or untracked and not ignored."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

_NEVER = {
    ".git",
    ".hg",
    ".omni-release",
    ".nox",
    ".tox",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    "dist",
    "build",
}
_GIT = ("git", "-c", "core.quotepath=off")
_DEEPEST = 6


def staged(top: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The files that a commit would have, and those of them that differ in the folder (or are not there)."""
    listed = git(top, "ls-files", "-z", "--cached") or ""
    other = git(top, "diff-files", "-z", "--name-only") or ""
    return tuple(filter(None, listed.split("\0"))), frozenset(other.split("\0"))


def files(top: str) -> tuple[str, ...]:
    """All files below `top`, relative to it, with forward slashes; outside a repository no leftovers."""
    listed = git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed:
        return tuple(listed.split("\0"))
    return tuple(sorted(_walked(top, "", 0)))


def top_of(root: str) -> str | None:
    """The repository's top folder, where `root` lies in one."""
    folder = os.path.realpath(root)
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def git(folder: str, *arguments: str) -> str | None:
    """What git prints; None where it does not end with 0, or is not there."""
    return _said([*_GIT, "-C", folder, *arguments])


if sys.platform == "win32":

    def _said(argv: list[str]) -> str | None:
        import subprocess  # noqa: TID251 - only looks; elsewhere it costs too much to import

        try:
            ended = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - git
        except OSError:
            return None
        return ended.stdout.decode("utf-8", "surrogateescape") if ended.returncode == 0 else None

else:

    def _said(argv: list[str]) -> str | None:
        """As subprocess would, without importing it: that costs more than a whole look at a small project."""
        reading, writing = os.pipe()
        nowhere = os.open(os.devnull, os.O_RDWR)
        actions = [
            (os.POSIX_SPAWN_DUP2, nowhere, 0),
            (os.POSIX_SPAWN_DUP2, writing, 1),
            (os.POSIX_SPAWN_DUP2, nowhere, 2),
        ]
        try:
            process = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
        except OSError:
            os.close(reading)
            return None
        finally:
            os.close(writing)
            os.close(nowhere)
        with open(reading, "rb") as pipe:
            printed = pipe.read()
        _, status = os.waitpid(process, 0)
        return printed.decode("utf-8", "surrogateescape") if status == 0 else None


def _walked(top: str, inside: str, depth: int) -> Iterator[str]:
    try:
        entries = list(os.scandir(os.path.join(top, inside)))
    except OSError:
        return
    for entry in entries:
        path = f"{inside}/{entry.name}" if inside else entry.name
        if not entry.is_dir(follow_symlinks=False):
            yield path
        elif depth < _DEEPEST and entry.name not in _NEVER and not re.search(r"\.egg-info$", entry.name):
            if not os.path.exists(os.path.join(top, path, "pyvenv.cfg")):
                yield from _walked(top, path, depth + 1)
