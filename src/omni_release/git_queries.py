"""What git says of a repository: its top folder, the commit and the branch that are checked out.

`omni-release version` starts with this module: what costs time to import (pathlib, subprocess) is imported where it is
used (see bench/start.py).
"""

from __future__ import annotations

import functools
import os
import sys
from collections import namedtuple

from omni_release.core.errors import Inconclusive
from omni_release.core.secret_variables import without_secrets

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from omni_release.core.model import Commit
    from omni_release.core.world import Processes

WITHOUT_HOOKS = ("git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.quotepath=off")
"""The start of a git command that pushes nothing: no hook or monitor that the repository configures is run."""


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
    top, git_dir = (checked_output(root, processes, "rev-parse", option) for option in options)
    return WorkingTree(Path(top.rstrip("\n")), Path(git_dir.rstrip("\n"))) if top and git_dir else None


def commit(root: Path, processes: Processes) -> Commit | None:
    """The commit that is checked out; None outside a repository, or before its first commit."""
    from omni_release.core.model import Commit

    if not checked_output(root, processes, "rev-list", "--all", "--max-count=1"):
        return None
    arguments = ("show", "--no-show-signature", "--no-patch", "--format=%H %ct", "HEAD")
    sha, time = (checked_output(root, processes, *arguments) or "").split()
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
    status = output(folder, "status", "--porcelain=v2", "--branch", "--no-renames", ".")
    if status is None:
        return None
    lines = status.splitlines()
    facts = dict(line.split(" ", 2)[1:] for line in lines if line.startswith("# branch."))
    branch, sha = facts.get("branch.head", ""), facts.get("branch.oid", "")
    unnamed = {"(detached)": "", "(initial)": ""}
    return Head(unnamed.get(branch, branch), unnamed.get(sha, sha), all(line.startswith("#") for line in lines))


def checked_output(root: Path, processes: Processes, *arguments: str) -> str | None:
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

    def output(folder: str, *arguments: str, given: str = "") -> str | None:
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

    def output(folder: str, *arguments: str, given: str = "") -> str | None:
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
