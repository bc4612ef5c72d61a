"""Files on the disk, changed whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from omni_release.core.actions import Copy, Link, Move, Write
from omni_release.core.errors import Conflict, Locked, UsageError, describe_os_error


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


NOTE = Path(".omni-release", "swap.json")

LOCK = Path(".omni-release", "swap.lock")


Moves = list[tuple[Path, Path, Path]]  # each file, where its old content is kept, and where its new one waits


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep every other change of this project out. Raises Locked where one is under way."""
    handle = _locked(root)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if sys.platform != "win32":
                (root / LOCK).unlink()  # held still, so that nobody else's is removed
        os.close(handle)
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                (root / LOCK).unlink()
        with contextlib.suppress(OSError):
            left = {entry.name for entry in os.scandir(root / LOCK.parent)}
            if left <= {".gitignore"}:
                (root / LOCK.parent / ".gitignore").unlink(missing_ok=True)
                (root / LOCK.parent).rmdir()


def swap(root: Path, changes: Mapping[Path, tuple[bytes, bytes]]) -> None:
    """Replace each file's content, `old` by `new`. Raises Conflict, with nothing changed, where one is not `old`."""
    for path, (old, _) in changes.items():
        _held_to(path, old)
    moves = [(path, _beside(path, "old"), _beside(path, "new")) for path in changes]
    swapping = False
    try:
        _note(root, moves, swapping=False)
        for path, kept, waiting in moves:
            for target, data in zip((kept, waiting), changes[path], strict=True):
                _written(target, data)
                shutil.copymode(path, target)
        swapping = True
        _note(root, moves, swapping=True)
        for path, _, waiting in moves:
            os.replace(waiting, path)
    except BaseException as error:
        if swapping:
            _back(moves)
        _forget(root, moves)
        if isinstance(error, OSError):
            raise Conflict(f"could not be written: {describe_os_error(error)}", "Every file is as it was.") from None
        raise
    _forget(root, moves)


def recover(root: Path) -> tuple[str, ...]:
    """Put back what a crash left half done; the names of those files. Nothing where there is nothing to do."""
    try:
        noted = json.loads((root / NOTE).read_text(encoding="utf-8"))
        moves = [(Path(path), Path(kept), Path(waiting)) for path, kept, waiting in noted["files"]]
        swapping = noted["swapping"] is True
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (ValueError, TypeError, KeyError):
        raise UsageError(
            f"{root / NOTE} cannot be read", "Look at the files that git says are changed; remove it."
        ) from None
    if swapping:
        _back(moves)
    _forget(root, moves)
    return tuple(str(path) for path, _, _ in moves) if swapping else ()


def pending(root: Path) -> bool:
    """Is there something that `recover` would do?"""
    return (root / NOTE).exists()


def _held_to(path: Path, old: bytes) -> None:
    if path.read_bytes() != old:
        raise Conflict(f"{path} has changed while it was looked at", "Nothing was changed. Run this again.")
    if not os.access(path, os.W_OK):
        raise Conflict(f"{path} is read-only", "Nothing was changed. Make it writable.")


def _beside(path: Path, which: str) -> Path:
    return path.with_name(f".{path.name}.omni-release-{os.getpid()}.{which}")


def _written(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _note(root: Path, moves: Moves, *, swapping: bool) -> None:
    note = root / NOTE
    _folder(root)
    partial = note.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump({"swapping": swapping, "files": [[str(path) for path in move] for move in moves]}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, note)


def _folder(root: Path) -> None:
    (root / NOTE.parent).mkdir(exist_ok=True)
    if not (root / NOTE.parent / ".gitignore").exists():
        (root / NOTE.parent / ".gitignore").write_text("*\n", encoding="utf-8")


def _back(moves: Moves) -> None:
    """Each file with its old content; one that still has it is not touched."""
    for path, kept, _ in moves:
        if kept.exists() and (not path.exists() or path.read_bytes() != kept.read_bytes()):
            os.replace(kept, path)


def _forget(root: Path, moves: Moves) -> None:
    """What lies beside the files. The note says first that nothing is to be put back any more, and goes last."""
    with contextlib.suppress(OSError):
        try:
            _note(root, moves, swapping=False)
        except OSError:  # a full disk
            (root / NOTE).unlink(missing_ok=True)
        for _, *others in moves:
            for other in others:
                other.unlink(missing_ok=True)
        (root / NOTE).unlink(missing_ok=True)


def _locked(root: Path) -> int:
    """The lock's file, locked. One that was removed while we waited for it is no lock."""
    while True:
        try:
            _folder(root)
            handle = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:
            continue  # the change before us has just swept up
        try:
            _lock(handle)
            if os.path.samestat(os.fstat(handle), os.stat(root / LOCK)):
                return handle
        except FileNotFoundError:
            pass
        except OSError:
            os.close(handle)
            raise Locked(
                f"another change of the version is under way in {root}", "Wait for it, then run this again."
            ) from None
        os.close(handle)


if sys.platform == "win32":

    def _lock(handle: int) -> None:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:

    def _lock(handle: int) -> None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
