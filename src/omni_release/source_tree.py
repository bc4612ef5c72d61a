"""The files of a checkout, as git sees them, and the commit that is checked out.

`omni-release version` starts with this module: what costs time to import (pathlib, hashlib) is imported where it is
used (see bench/start.py).
"""

from __future__ import annotations

import functools
import os
import stat
import sys
from _thread import allocate_lock  # threading costs more to import
from collections import namedtuple
from collections.abc import Iterator

from omni_release.core.errors import Inconclusive
from omni_release.core.secret_variables import without_secrets

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from omni_release.core.model import Commit
    from omni_release.core.world import Processes

_VERSION_CONTROL = frozenset((".git", ".hg"))
_TOOLS = frozenset((".omni-release", ".nox", ".tox", ".venv", "node_modules"))
_CACHES = frozenset(("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"))
_LEFTOVERS = _VERSION_CONTROL | _TOOLS | _CACHES
_BUILD_OUTPUT = frozenset(("dist", "build"))  # at the top only: below it, `build` may well be a package
WITHOUT_HOOKS = ("git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.quotepath=off")
"""The start of a git command that pushes nothing: no hook or monitor that the repository configures is run."""

_LIST_FILES = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")


def file_names(top: str) -> tuple[str, ...]:
    """The names of all files below `top`, relative to it, with forward slashes.

    Fast: a tracked file that was deleted is listed, and a submodule is one name. `files` looks at each.
    """
    return _names(top, git_output(top, *_LIST_FILES))


def files(root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """All files of the checkout, relative to `root`, sorted; with the files of submodules, without deleted files.

    Raises Inconclusive where git does not work in the repository.
    """
    from pathlib import PurePosixPath

    names = {name.rstrip("/") for name in _names(str(root), _checked_git_output(root, processes, *_LIST_FILES))}
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


def _names(top: str, listing: str | None) -> tuple[str, ...]:
    """The files of a checkout: tracked by git, or untracked and not ignored.

    Where git lists nothing (outside a repository, say), all files but those that tools and builds leave behind.
    """
    names = tuple(filter(None, (listing or "").split("\0")))
    return names or tuple(sorted(_walk(top)))


def _walk(top: str, inside: str = "") -> Iterator[str]:
    """All files below `top` but leftovers; a link to a folder is listed as a file, as git does."""
    try:
        entries = list(os.scandir(os.path.join(top, inside)))
    except OSError:
        return
    for entry in entries:
        path = f"{inside}/{entry.name}" if inside else entry.name
        if not entry.is_dir():
            if entry.is_symlink() or entry.is_file():  # a pipe or a socket is no file of the project
                yield path
        elif entry.name in _LEFTOVERS or (not inside and entry.name in _BUILD_OUTPUT):
            continue
        elif entry.is_symlink():
            yield path
        elif not entry.name.endswith(".egg-info") and not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
            yield from _walk(top, path)


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
    """The device and inode of the files that our own output goes to (`… > out.txt`): they change while we look."""
    found = set()
    for descriptor in (1, 2):
        try:
            output = os.fstat(descriptor)
        except OSError:
            continue
        if output.st_ino:
            found.add((output.st_dev, output.st_ino))
    return frozenset(found)


def staged_files(top: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The names of the files that a commit would contain, and those of them that differ in the working tree."""
    staged = git_output(top, "ls-files", "-z", "--cached") or ""
    differing = git_output(top, "diff-files", "-z", "--name-only") or ""
    return tuple(filter(None, staged.split("\0"))), frozenset(differing.split("\0"))


def tracked_run_files(root: Path) -> tuple[str, ...]:
    """The files in `.omni-release/` that git tracks, in any spelling that a file system may take for it."""
    if not os.path.lexists(os.path.join(root, ".omni-release")):
        return ()
    listed = git_output(str(root), "ls-files", "-z", "--cached", "--", ":(icase).omni-release") or ""
    return tuple(filter(None, listed.split("\0")))


def tracked(root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """The files below `root` that git tracks, submodules included; none outside a repository."""
    from pathlib import PurePosixPath

    names = _checked_git_output(root, processes, "ls-files", "-z", "--cached", "--recurse-submodules") or ""
    return tuple(PurePosixPath(name) for name in names.split("\0") if name)


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


class WorkingTree(namedtuple("WorkingTree", "top git_dir")):
    """The working tree that a project is in: its top folder, and git's own folder (`.git`, or a worktree's)."""

    __slots__ = ()

    top: Path
    git_dir: Path

    def inside(self, folder: Path) -> PurePosixPath:
        """The path of a folder, relative to the top."""
        from pathlib import PurePosixPath

        return PurePosixPath(folder.resolve().relative_to(self.top.resolve()).as_posix())


@functools.lru_cache(maxsize=8)  # asked by many checks of a run, which has `processes` of its own
def working_tree(root: Path, processes: Processes) -> WorkingTree | None:
    """The working tree that `root` is in; None outside a repository. Raises Inconclusive where git does not work."""
    from pathlib import Path

    options = ("--show-toplevel", "--absolute-git-dir")
    top, git_dir = (_checked_git_output(root, processes, "rev-parse", option) for option in options)
    return WorkingTree(Path(top.rstrip("\n")), Path(git_dir.rstrip("\n"))) if top and git_dir else None


def commit(root: Path, processes: Processes) -> Commit | None:
    """The commit that is checked out; None outside a repository, or before its first commit."""
    from omni_release.core.model import Commit

    if not _checked_git_output(root, processes, "rev-list", "--all", "--max-count=1"):
        return None
    arguments = ("show", "--no-show-signature", "--no-patch", "--format=%H %ct", "HEAD")
    sha, time = (_checked_git_output(root, processes, *arguments) or "").split()
    return Commit(sha, int(time))


class Head(namedtuple("Head", "branch sha clean")):
    """What is checked out: the branch and the commit, empty if there is none; and whether it is `clean`.

    It is clean if no file differs from the commit, or is untracked and not ignored.
    """

    __slots__ = ()

    branch: str
    sha: str
    clean: bool


def head(folder: str) -> Head | None:
    """What is checked out in a folder, without regard to the files elsewhere in its repository; None outside of one."""
    status = git_output(folder, "status", "--porcelain=v2", "--branch", "--no-renames", ".")
    if status is None:
        return None
    lines = status.splitlines()
    facts = dict(line.split(" ", 2)[1:] for line in lines if line.startswith("# branch."))
    branch, sha = facts.get("branch.head", ""), facts.get("branch.oid", "")
    unnamed = {"(detached)": "", "(initial)": ""}
    return Head(unnamed.get(branch, branch), unnamed.get(sha, sha), all(line.startswith("#") for line in lines))


def _checked_git_output(root: Path, processes: Processes, *arguments: str) -> str | None:
    """What git prints; None outside a repository. Raises Inconclusive where git is missing, or refuses a repository."""
    answer = processes.ask(*WITHOUT_HOOKS, *arguments, cwd=root)
    if answer is not None and answer.code == 0:
        return answer.out
    if not any((folder / ".git").exists() for folder in (root, *root.resolve().parents)):
        return None
    if answer is None:
        raise Inconclusive(f"git is not installed, and {root} is in a repository", "Install git.")
    raise Inconclusive(
        f"git does not work in {root}: {answer.err}",
        f"Run `git status` in {root}. If it reports dubious ownership, run: "
        f"git config --global --add safe.directory {root}",
    )


def repository_top(folder: str) -> str | None:
    """The top folder of the repository that `folder` is in; None outside a repository."""
    folder = os.path.realpath(folder)
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


if sys.platform == "win32":

    def git_output(folder: str, *arguments: str, given: str = "") -> str | None:
        """What git prints when it is given this input; None where it is not installed, or does not exit with 0."""
        import subprocess  # noqa: TID251 - reads only, and must start fast

        argv = [*WITHOUT_HOOKS, "-C", folder, *arguments]
        try:
            ended = subprocess.run(  # noqa: S603 - git
                argv,
                capture_output=True,
                input=given.encode("utf-8", "surrogateescape"),
                env=without_secrets(os.environ),
                check=False,
            )
        except OSError:
            return None
        return ended.stdout.decode("utf-8", "surrogateescape") if ended.returncode == 0 else None

else:

    def git_output(folder: str, *arguments: str, given: str = "") -> str | None:
        """What git prints when it is given this input; None where it is not installed, or does not exit with 0.

        Without subprocess, whose import takes longer than all of `version` in a small project (bench/start.py).
        """
        argv = [*WITHOUT_HOOKS, "-C", folder, *arguments]
        reading, writing = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        source = _file_with(given) if given else os.dup(null)
        actions = [(os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
        try:
            process = os.posix_spawnp(argv[0], argv, without_secrets(os.environ), file_actions=actions)
        except OSError:
            os.close(reading)
            return None
        finally:
            os.close(writing)
            os.close(null)
            os.close(source)
        with open(reading, "rb") as pipe:
            printed = pipe.read()
        _, status = os.waitpid(process, 0)
        return printed.decode("utf-8", "surrogateescape") if status == 0 else None

    def _file_with(text: str) -> int:
        """A file without a name that has this text, open at its beginning: a pipe would fill up."""
        import tempfile

        with tempfile.TemporaryFile() as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            descriptor = os.dup(file.fileno())
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor
