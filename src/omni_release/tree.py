"""The checkout's own files, as git sees them: what a build may take in, and whether it has changed since."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from omni_release.seams import Processes

_NEVER = {".git", ".hg", ".omni-release", ".nox", ".tox", ".venv", "node_modules", "__pycache__", "dist", "build"}


def files(root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """All files of the checkout, relative to `root`, sorted: tracked by git, or untracked and not ignored.

    Outside a git repository: all but the usual folders of tools and builds.
    """
    listed = processes.ask("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=root)
    if listed is None or not listed:
        return tuple(sorted(_walked(root)))
    return tuple(sorted({PurePosixPath(name) for name in listed.split("\0") if name}))


def commit(root: Path, processes: Processes) -> str | None:
    """The commit that is checked out; None outside a git repository, or before its first commit."""
    said = processes.ask("git", "rev-parse", "--verify", "HEAD", cwd=root)
    return said.strip() if said else None


def fingerprint(root: Path, processes: Processes) -> str:
    """The sha256 over all names and contents: the same for the same tree, wherever it is checked out."""
    digest = hashlib.sha256()
    for file in files(root, processes):
        path = root / file
        if path.is_symlink():
            content = os.fsencode(os.readlink(path))
        elif path.is_file():
            content = path.read_bytes()
        else:
            continue
        digest.update(f"{file}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        digest.update(content)
    return digest.hexdigest()


def _walked(root: Path) -> Iterator[PurePosixPath]:
    for folder, folders, names in os.walk(root):
        inside = Path(folder)
        folders[:] = [
            name
            for name in folders
            if name not in _NEVER and not name.endswith(".egg-info") and not (inside / name / "pyvenv.cfg").exists()
        ]
        for name in names:
            yield PurePosixPath((inside / name).relative_to(root).as_posix())
