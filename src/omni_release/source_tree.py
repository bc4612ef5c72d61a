"""The checkout's own files, as git sees them: what a build may take in, and whether it has changed since."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.core.errors import Inconclusive
from omni_release.core.model import Commit
from omni_release.core.world import Processes

_NEVER = {".git", ".hg", ".omni-release", ".nox", ".tox", ".venv", "node_modules", "__pycache__"}
_CACHES = {".mypy_cache", ".pytest_cache", ".ruff_cache"}
_BUILT = {"dist", "build"}  # at the root alone: below it, `build` may well be a package


def files(root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """All files of the checkout, relative to `root`, sorted: tracked by git and there, or untracked and not ignored.

    Outside a git repository: all but the usual folders of tools and builds.
    """
    listed = _git(root, processes, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if not listed:
        return tuple(sorted(_walked(root)))
    names = {PurePosixPath(name) for name in listed.split("\0") if name}
    return tuple(sorted({file for name in names for file in _present(root, name, processes)}))


def tracked(root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """The files below `root` that git knows; none outside a repository."""
    listed = _git(root, processes, "ls-files", "-z", "--cached", "--recurse-submodules") or ""
    return tuple(PurePosixPath(name) for name in listed.split("\0") if name)


@dataclass(frozen=True)
class Repository:
    """The git repository that a project lies in: its top folder, and where git keeps its own."""

    top: Path
    git_dir: Path

    def inside(self, folder: Path) -> PurePosixPath:
        """Where a folder lies in the repository."""
        return PurePosixPath(folder.resolve().relative_to(self.top.resolve()).as_posix())


def repository(root: Path, processes: Processes) -> Repository | None:
    """The repository that `root` lies in; None where it lies in none."""
    top, git_dir = (_git(root, processes, "rev-parse", which) for which in ("--show-toplevel", "--absolute-git-dir"))
    return Repository(Path(top.rstrip("\n")), Path(git_dir.rstrip("\n"))) if top and git_dir else None


def everything(top: Path, root: Path, processes: Processes) -> tuple[PurePosixPath, ...]:
    """What a build of the project at `root` may read, relative to `top`: the repository's files, and ignored ones.

    Of what git ignores only the project's own is taken, and none of the usual leftovers of tools and earlier builds.
    """
    inside = PurePosixPath(root.resolve().relative_to(top.resolve()).as_posix())
    ignored = (inside / file for file in _walked(root))
    return tuple(sorted({*files(top, processes), *ignored}))


def commit(root: Path, processes: Processes) -> Commit | None:
    """The commit that is checked out; None outside a git repository, or before its first commit."""
    if not _git(root, processes, "rev-list", "--all", "--max-count=1"):
        return None
    said = _git(root, processes, "show", "--no-show-signature", "--no-patch", "--format=%H %ct", "HEAD") or ""
    sha, time = said.split()
    return Commit(sha, int(time))


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


def _git(root: Path, processes: Processes, *arguments: str) -> str | None:
    """What git says; None outside a repository.

    Raises CannotTell where there is a repository and no git on this machine, or one that does not work with it
    (somebody else's, say).
    """
    answer = processes.ask("git", *arguments, cwd=root)
    if answer is not None and answer.code == 0:
        return answer.out
    if not any((folder / ".git").exists() for folder in (root, *root.resolve().parents)):
        return None
    if answer is None:
        raise Inconclusive(f"git is not on this machine, and {root} is in a repository", "Install it.")
    raise Inconclusive(f"git does not work in {root}: {answer.err}", f"Run `git status` there: {_SAFE}")


_SAFE = "if it speaks of dubious ownership, `git config --global --add safe.directory DIR` is the way out."


def _present(root: Path, name: PurePosixPath, processes: Processes) -> Iterator[PurePosixPath]:
    """What stands where git has `name`: the file, all of a submodule's, or nothing where it was deleted."""
    try:
        mode = (root / name).lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(mode):
        if (root / name / ".git").exists():  # else a submodule that is not checked out
            yield from (name / file for file in files(root / name, processes))
    else:
        yield name


def _walked(root: Path) -> Iterator[PurePosixPath]:
    for folder, folders, names in os.walk(root):
        inside = Path(folder)
        never = _NEVER | _CACHES | (_BUILT if inside == root else set())
        links = [name for name in folders if name not in never and (inside / name).is_symlink()]
        folders[:] = [
            name
            for name in folders
            if name not in never | set(links)
            and not name.endswith(".egg-info")
            and not (inside / name / "pyvenv.cfg").exists()
        ]
        for name in names + links:
            yield PurePosixPath((inside / name).relative_to(root).as_posix())
