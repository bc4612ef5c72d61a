"""The files of a checkout, as git sees them, and whether they have changed.

`omni-release version` starts with this module: what costs time to import (pathlib, hashlib) is imported where it is
used (see bench/start.py).
"""

from __future__ import annotations

import functools
import os
import stat
from _thread import allocate_lock  # threading costs more to import
from collections.abc import Callable, Iterable, Iterator

from omni_release import git_queries

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from omni_release.core.world import Processes

_VERSION_CONTROL = frozenset((".git", ".hg"))
_TOOLS = frozenset((".omni-release", ".nox", ".tox", ".venv", ".eggs", "__pypackages__", "node_modules"))
_CACHES = frozenset(("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".ipynb_checkpoints"))
_REPORTS_AND_EDITORS = frozenset(("htmlcov", ".idea", ".vscode"))
_LEFTOVERS = _VERSION_CONTROL | _TOOLS | _CACHES | _REPORTS_AND_EDITORS
_LEFTOVER_FILES = frozenset((".DS_Store", "Thumbs.db", "desktop.ini", ".coverage"))
_BACKUPS = (".swp", ".swo", "~")  # of editors: the ends of names
_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta/history")  # a file that each virtual environment, or one of conda, has
_BUILD_OUTPUT = frozenset(("dist", "build"))  # at the top only: below it, `build` may well be a package
_LIST_FILES = (
    *("ls-files", "-z", "--cached", "--others", "--exclude-standard"),
    # Of untracked files alone:
    *(f"--exclude={folder}/" for folder in (*sorted(_LEFTOVERS - _VERSION_CONTROL), "*.egg-info")),
    *(f"--exclude={name}" for name in (*sorted(_LEFTOVER_FILES), *map("*{}".format, _BACKUPS))),
)


def file_names(top: str) -> tuple[str, ...]:
    """The names of all files below `top`, relative to it, with forward slashes.

    Fast: a tracked file that was deleted is listed, and a submodule is one name. `files` looks at each.
    """
    return _names(top, lambda *arguments: git_queries.output(top, *arguments))


def files(root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """All files of the checkout, relative to `root`, sorted; with the files of submodules, without deleted files.

    Raises Inconclusive where git does not work in the repository.
    """
    from pathlib import PurePosixPath

    listed = _names(str(root), lambda *arguments: git_queries.checked_output(root, processes, *arguments))
    names = {name.rstrip("/") for name in listed}
    outputs = _own_outputs()
    found = {file for name in names for file in _existing(root, name, outputs, processes)}
    return tuple(PurePosixPath(name) for name in sorted(found, key=lambda name: name.split("/")))


_FIRST = allocate_lock()
"""Held while the files are listed: checks side by side wait for the first, instead of each listing all of them."""


def files_at_start(root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """The same, as they were when a run, which has `processes` of its own, first asked: the run judges that tree."""
    with _FIRST:
        return _files_once(root, processes)


@functools.lru_cache(maxsize=8)
def _files_once(root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    return files(root, processes)


def _names(top: str, ask_git: Callable[..., str | None]) -> tuple[str, ...]:
    """The files of a checkout: tracked by git, or untracked, not ignored and not left by a tool.

    Where git lists nothing (outside a repository, say), all files but those that tools and builds leave behind.
    """
    names = _split(ask_git(*_LIST_FILES))
    marked = [(name.removesuffix(mark), name) for mark in _ENVIRONMENTS for name in names if name.endswith(f"/{mark}")]
    if marked:
        folders = (f":(literal){folder}" for folder, _ in marked)
        tracked = set(_split(ask_git("ls-files", "-z", "--cached", "--", *folders)))
        untracked = tuple(folder for folder, name in marked if name not in tracked)
        names = tuple(name for name in names if name in tracked or not name.startswith(untracked))
    return names or tuple(sorted(_walk(top)))


def _split(listing: str | None) -> tuple[str, ...]:
    """The names that `git ls-files -z` has listed."""
    return tuple(filter(None, (listing or "").split("\0")))


def _walk(top: str, inside: str = "") -> Iterator[str]:
    """All files below `top` but leftovers; a link to a folder is listed as a file, as git does."""
    try:
        entries = list(os.scandir(os.path.join(top, inside)))
    except OSError:
        return
    for entry in entries:
        path = f"{inside}/{entry.name}" if inside else entry.name
        if not entry.is_dir():
            if entry.name in _LEFTOVER_FILES or entry.name.endswith(_BACKUPS):
                continue
            if entry.is_symlink() or entry.is_file():  # a pipe or a socket is no file of the project
                yield path
        elif entry.name in _LEFTOVERS or (not inside and entry.name in _BUILD_OUTPUT):
            continue
        elif entry.is_symlink():
            yield path
        elif not entry.name.endswith(".egg-info") and not _is_environment(entry.path):
            yield from _walk(top, path)


def _is_environment(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, mark)) for mark in _ENVIRONMENTS)


def _existing(root: Path, name: str, outputs: frozenset[tuple[int, int]], processes: Processes) -> Iterator[str]:
    """The file that git lists as `name`, the files of a submodule, or nothing where it was deleted.

    Nothing either for a pipe, a socket or a device, for a link to one, and for the file that our own output goes to.
    """
    path = os.path.join(root, name)
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISLNK(found.st_mode):
        if not _leads_to_device(path):
            yield name
    elif stat.S_ISREG(found.st_mode):
        if (found.st_dev, found.st_ino) not in outputs:
            yield name
    elif stat.S_ISDIR(found.st_mode) and os.path.exists(os.path.join(path, ".git")):  # a submodule is checked out
        yield from (f"{name}/{file}" for file in files(root / name, processes))


def _leads_to_device(link: str) -> bool:
    """Whether a link leads to what has no end when it is read, such as /dev/zero."""
    try:
        mode = os.stat(link).st_mode
    except OSError:  # a dangling link, or one to itself
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _own_outputs() -> frozenset[tuple[int, int]]:
    """The device and inode of the files that our own output goes to: they change while we look.

    Directly (`… > out.txt`), or by a program that reads it (`… | tee out.txt`).
    """
    found, pipes = set(), set()
    for descriptor in (1, 2):
        try:
            output = os.fstat(descriptor)
        except OSError:
            continue
        if output.st_ino:
            found.add((output.st_dev, output.st_ino))
        if stat.S_ISFIFO(output.st_mode):
            pipes.add(f"pipe:[{output.st_ino}]")
    if pipes:
        found.update(_files_of_readers(pipes))
    return frozenset(found)


def _files_of_readers(pipes: set[str]) -> set[tuple[int, int]]:
    """The device and inode of the files that the readers of these pipes write to, and those who read what they write.

    Empty where there is no /proc.
    """
    try:
        processes = {name for name in os.listdir("/proc") if name.isdecimal()} - {str(os.getpid())}
    except OSError:
        return set()
    opened = [_opened_by(f"/proc/{process}/fd") for process in processes]
    found: set[tuple[int, int]] = set()
    while readers := [entry for entry in opened if entry[0] & pipes]:
        opened = [entry for entry in opened if entry not in readers]
        pipes = set().union(*(written for _, written, _ in readers))
        found.update(*(files for _, _, files in readers))
    return found


def _opened_by(folder: str) -> tuple[set[str], set[str], set[tuple[int, int]]]:
    """What a process has open, by the folder of its descriptors: pipes to read, pipes to write, and files to write."""
    read, written, files = set(), set(), set()
    try:
        for descriptor in os.scandir(folder):
            mode = descriptor.stat(follow_symlinks=False).st_mode  # of the link: how it was opened
            opened = descriptor.stat()
            if stat.S_ISFIFO(opened.st_mode):
                pipe = os.readlink(descriptor.path)
                read |= {pipe} if mode & stat.S_IRUSR else set()
                written |= {pipe} if mode & stat.S_IWUSR else set()
            elif stat.S_ISREG(opened.st_mode) and mode & stat.S_IWUSR:
                files.add((opened.st_dev, opened.st_ino))
    except OSError:  # it has ended, or belongs to another user
        pass
    return read, written, files


def staged_files(top: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The names of the files that a commit would contain, and those of them that differ in the working tree."""
    staged = git_queries.output(top, "ls-files", "-z", "--cached")
    differing = git_queries.output(top, "diff-files", "-z", "--name-only") or ""
    return _split(staged), frozenset(differing.split("\0"))


def tracked_run_files(root: Path) -> tuple[str, ...]:
    """The files in `.omni-release/` that git tracks, in any spelling that a file system may take for it."""
    if not os.path.lexists(os.path.join(root, ".omni-release")):
        return ()
    listed = git_queries.output(str(root), "ls-files", "-z", "--cached", "--", ":(icase).omni-release")
    return _split(listed)


def tracked(root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """The files below `root` that git tracks, submodules included; none outside a repository."""
    from pathlib import PurePosixPath

    names = git_queries.checked_output(root, processes, "ls-files", "-z", "--cached", "--recurse-submodules")
    return tuple(map(PurePosixPath, _split(names)))


def build_inputs(top: Path, root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """The files that a build of the project at `root` may read, relative to the repository's `top`.

    All files of the repository, and the ignored ones of the project but leftovers: generated sources are often ignored.
    """
    from pathlib import PurePosixPath

    inside = PurePosixPath(root.resolve().relative_to(top.resolve()).as_posix())
    outputs = _own_outputs()
    statuses = ((name, os.lstat(os.path.join(root, name))) for name in _walk(str(root)))
    ignored = (inside / name for name, found in statuses if (found.st_dev, found.st_ino) not in outputs)
    return tuple(sorted({*files(top, processes), *ignored}))


def fingerprint(root: Path, processes: Processes) -> str:
    """The sha256 over the names and contents of all files: the same for the same tree, wherever it is checked out."""
    import hashlib

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


def times(root: Path, names: Iterable[PurePosixPath]) -> dict[PurePosixPath, tuple[int, int]]:
    """When each of these files was changed, in nanoseconds, and its size in bytes; without those that are gone."""
    found = {}
    for name in names:
        try:
            status = os.lstat(root / name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        found[name] = status.st_mtime_ns, status.st_size
    return found


def file_hashes(root: Path, processes: Processes) -> dict[str, str]:
    """The sha256 of each file by its name; of a link, that of its target's name."""
    import hashlib

    hashes = {}
    for file in files(root, processes):
        path = root / file
        if path.is_symlink():
            hashes[str(file)] = hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
        elif path.is_file():
            with path.open("rb") as content:
                hashes[str(file)] = hashlib.file_digest(content, "sha256").hexdigest()
    return hashes
