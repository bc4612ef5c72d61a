"""Files on the disk, changed completely or not at all: single files and folders, and several files together."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from omni_release import git_queries, source_tree
from omni_release.core.actions import Copy, Link, Move, Write
from omni_release.core.documents import to_json, write_file
from omni_release.core.errors import Conflict, Locked, UsageError, describe_os_error
from omni_release.core.own_folder import FOLDER, require_own


class LocalFiles:
    """See `core.world.Files`. Without `sync`, a file can be empty after a loss of power: see `documents.write_file`.

    To wait for the disk takes longer than all else about a file: for those of a rehearsal, which are made again.
    """

    def __init__(self, *, sync: bool = True) -> None:
        self._sync = sync

    def write(self, action: Write) -> None:
        # What is in the temporary folder is of no use after a loss of power.
        sync = self._sync and not action.path.is_relative_to(tempfile.gettempdir())
        write_file(action.path, action.data, sync=sync)

    def move(self, action: Move) -> None:
        if action.target.exists() or action.target.is_symlink():
            raise Conflict(f"{action.target} already exists", "Move it away, then run this again.")
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


NOTE = Path(FOLDER, "swap.json")
"""The note of a change in progress: whether files are being replaced already, and the three paths of each."""


LOCK = Path(FOLDER, "swap.lock")

_COPY = re.compile(r"\.(?P<name>.+)\.omni-release-[0-9]+\.(?P<which>old|new)", re.DOTALL)


Moves = list[tuple[Path, Path, Path]]  # each file, the copy of its old content, and the copy of its new content


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep every other change of the versions in this project out. Raises Locked if one is in progress."""
    import filelock  # not needed to read a version, and start-up is measured

    require_own(root, source_tree.tracked_run_files(root))
    path = root / LOCK
    lock = filelock.FileLock(path, blocking=False)
    for _ in range(100):
        with contextlib.suppress(FileNotFoundError):  # an earlier owner has just removed the folder
            _make_folder(root)
            try:
                lock.acquire()
            except filelock.Timeout:
                message = f"another version change is in progress in {root}"
                raise Locked(message, "Wait until it ends, then run this again.") from None
            break
    else:
        raise UsageError(f"cannot create {path}", "Check that the project's folder exists.")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for unfinished in path.parent.glob(f".{NOTE.name}.*.tmp"):  # by a process that was killed
                unfinished.unlink()
            if sys.platform != "win32":
                path.unlink()  # while it is locked: filelock refuses a lock file that was removed in the meantime
        lock.release()
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                path.unlink()
        with contextlib.suppress(OSError):
            if {entry.name for entry in os.scandir(path.parent)} <= {".gitignore"}:
                (path.parent / ".gitignore").unlink(missing_ok=True)
                path.parent.rmdir()


def swap(root: Path, changes: Mapping[Path, tuple[bytes, bytes]]) -> None:
    """Replace the content of each file, `old` by `new`, or of none. Raises Conflict where a file is not `old`."""
    for path, (old, _) in changes.items():
        if path.read_bytes() != old:
            raise Conflict(f"{path} changed while it was read", "Nothing was changed. Run this again.")
        if not os.access(path, os.W_OK):
            raise Conflict(f"{path} is read-only", "Nothing was changed. Make it writable.")

    def sibling(path: Path, suffix: str) -> Path:
        return path.with_name(f".{path.name}.omni-release-{os.getpid()}.{suffix}")

    moves = [(path, sibling(path, "old"), sibling(path, "new")) for path in changes]
    swapping = False
    try:
        _write_note(root, moves, swapping=False)
        for path, old_copy, new_copy in moves:
            for target, data in zip((old_copy, new_copy), changes[path], strict=True):
                # Under a name that the note has, so that a later process can find it.
                target.unlink(missing_ok=True)
                with target.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                shutil.copymode(path, target)
        swapping = True
        _write_note(root, moves, swapping=True)
        for path, _, new_copy in moves:
            os.replace(new_copy, path)
    except BaseException as error:
        if swapping:
            _restore(moves)
        _discard_copies(root, moves)
        if isinstance(error, OSError):
            raise Conflict(f"cannot write: {describe_os_error(error)}", "Every file has its old content.") from None
        raise
    _discard_copies(root, moves)


def recover(root: Path) -> tuple[str, ...]:
    """Undo a change that a crash interrupted; the names of the files, none if there was no such change.

    Raises UsageError where the note of that change cannot be read, or names other files than a change writes.
    """
    require_own(root, source_tree.tracked_run_files(root))
    hint = "Check the files that `git status` shows as changed, then remove it."
    try:
        note = json.loads((root / NOTE).read_text(encoding="utf-8"))
        moves = [(Path(path), Path(old_copy), Path(new_copy)) for path, old_copy, new_copy in note["files"]]
        swapping = note["swapping"] is True
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UsageError(f"{root / NOTE} cannot be read", hint) from None
    top = Path(git_queries.repository_top(str(root)) or root)
    for path, *copies in moves:
        if not _is_move_of_ours(top, path, copies):
            raise UsageError(f"{root / NOTE} names files that no version change writes: {path}", hint)
    if swapping:
        _restore(moves)
    _discard_copies(root, moves)
    return tuple(str(path) for path, _, _ in moves) if swapping else ()


def _is_move_of_ours(top: Path, path: Path, copies: list[Path]) -> bool:
    """Whether a note's entry is as `swap` makes it: a file below `top`, and copies beside it with the names of ours."""
    names = [_COPY.fullmatch(copy.name) for copy in copies]
    if not path.is_absolute() or ".." in path.parts or any(copy.parent != path.parent for copy in copies):
        return False
    if [match and (match["name"], match["which"]) for match in names] != [(path.name, "old"), (path.name, "new")]:
        return False
    try:
        inside = path.parent.resolve().relative_to(top.resolve()).parts
        plain = all(stat.S_ISREG(file.lstat().st_mode) for file in (path, *copies) if os.path.lexists(file))
    except (OSError, ValueError, RuntimeError):  # outside, or no path at all
        return False
    return plain and ".git" not in map(str.lower, inside)


def pending(root: Path) -> bool:
    """Is there an interrupted change for `recover` to undo?"""
    require_own(root, source_tree.tracked_run_files(root))
    return (root / NOTE).exists()


def _write_note(root: Path, moves: Moves, *, swapping: bool) -> None:
    _make_folder(root)
    note = {"swapping": swapping, "files": [[str(path) for path in move] for move in moves]}
    write_file(root / NOTE, to_json(note).encode())


def _make_folder(root: Path) -> None:
    folder = root / NOTE.parent
    folder.mkdir(exist_ok=True)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")


def _restore(moves: Moves) -> None:
    """Give each file its old content; a file that still has it is not touched."""
    for path, old_copy, _ in moves:
        if old_copy.exists() and (not path.exists() or path.read_bytes() != old_copy.read_bytes()):
            os.replace(old_copy, path)


def _discard_copies(root: Path, moves: Moves) -> None:
    """Remove the copies, then the note. Before that the note says that nothing is to be restored any more."""
    with contextlib.suppress(OSError):
        try:
            _write_note(root, moves, swapping=False)
        except OSError:  # a full disk
            (root / NOTE).unlink(missing_ok=True)
        for _, *copies in moves:
            for copy in copies:
                copy.unlink(missing_ok=True)
        (root / NOTE).unlink(missing_ok=True)
