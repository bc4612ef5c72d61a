"""Several files changed together, or none of them.

The new contents are written and synced beside the files first, and the old ones kept there; a note of it all is synced
to `.omni-release/swap.json`; then each file is renamed into place. A failure puts the old files back. After a crash in
between the note is still there, and the next call puts them back before it does anything else (`recover`). No file
system renames several files in one step: between two renames another process can see some of them new.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from omni_release.errors import Conflict, UsageError

NOTE = Path(".omni-release", "swap.json")


def swap(root: Path, changes: Mapping[Path, tuple[bytes, bytes]]) -> None:
    """Replace each file's content, `old` by `new`. Raises Conflict, with nothing changed, where one is not `old`."""
    fresh = not (root / NOTE.parent).exists()
    moves: list[tuple[Path, Path, Path]] = []
    try:
        for path, (old, new) in changes.items():
            _held_to(path, old)
            moves.append((path, _beside(path, old, ".old"), path))
            moves[-1] = (path, moves[-1][1], _beside(path, new, ".new"))
        _note(root, moves)
        for path, _, new_file in moves:
            os.replace(new_file, path)
    except BaseException as error:
        _back(moves)
        _forget(root, moves, fresh=fresh)
        if isinstance(error, OSError):
            what = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
            raise Conflict(f"could not be written: {what}", "Every file is as it was.") from None
        raise
    _forget(root, moves, fresh=fresh)


def recover(root: Path) -> tuple[str, ...]:
    """Put back what a crash left half done; the files' names. Nothing where there is nothing to do."""
    try:
        noted = json.loads((root / NOTE).read_text(encoding="utf-8"))
        moves = [(Path(path), Path(old), Path(new)) for path, old, new in noted]
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError):
        raise UsageError(
            f"{root / NOTE} cannot be read", "Look at the files that git says are changed; remove it."
        ) from None
    _back(moves)
    _forget(root, moves, fresh=False)
    return tuple(str(path) for path, _, _ in moves)


def _held_to(path: Path, old: bytes) -> None:
    if path.read_bytes() != old:
        raise Conflict(f"{path} has changed while it was looked at", "Nothing was changed. Run this again.")
    if not os.access(path, os.W_OK):
        raise Conflict(f"{path} is read-only", "Nothing was changed. Make it writable.")


def _beside(path: Path, data: bytes, suffix: str) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=suffix)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    shutil.copymode(path, name)
    return Path(name)


def _note(root: Path, moves: list[tuple[Path, Path, Path]]) -> None:
    note = root / NOTE
    note.parent.mkdir(exist_ok=True)
    if not (note.parent / ".gitignore").exists():
        (note.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    partial = note.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump([[str(path) for path in move] for move in moves], file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, note)


def _back(moves: list[tuple[Path, Path, Path]]) -> None:
    """Each file with its old content; one that still has it is not touched."""
    for path, old, _ in moves:
        if old.exists() and (not path.exists() or path.read_bytes() != old.read_bytes()):
            os.replace(old, path)


def _forget(root: Path, moves: list[tuple[Path, Path, Path]], *, fresh: bool) -> None:
    """The note first: what lies beside the files means nothing without it."""
    with contextlib.suppress(OSError):
        (root / NOTE).unlink(missing_ok=True)
        for path, *others in moves:
            for other in others:
                if other != path:
                    other.unlink(missing_ok=True)
        if fresh:
            (root / NOTE.parent / ".gitignore").unlink(missing_ok=True)
            (root / NOTE.parent).rmdir()
