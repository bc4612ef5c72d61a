"""A fresh clone of a commit: nothing of the user's working tree, of its ignored files or of its hooks is in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import git_queries, programs
from omni_release.core.errors import Inconclusive, ToolUnavailable
from omni_release.core.redaction import strip_userinfo
from omni_release.core.world import Processes, ToolAnswer

_DEADLINE = 1800.0
_POINTER = "^version https://git-lfs.github.com/spec/v1$"
# A repository on this machine may be cloned, and its submodules that are on this machine too.
_ALLOWED = ("-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false")


# Files of git-lfs stay pointers: `fetch_large_files` replaces them, and says so where git-lfs is missing.
_WITHOUT_LFS = ("-c", "filter.lfs.process=", "-c", "filter.lfs.smudge=", "-c", "filter.lfs.required=false")


@dataclass(frozen=True)
class Clone:
    """A clone in `folder` of the repository at `source`: a path or an address."""

    source: str
    folder: Path
    processes: Processes
    environment: Mapping[str, str]

    @property
    def shown(self) -> str:
        """Where it comes from, without a login."""
        return strip_userinfo(self.source)

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """What git prints. Raises Inconclusive where it fails."""
        answer = self.ask(*arguments, cwd=cwd)
        if answer.code != 0:
            said = strip_userinfo(answer.err)[-1000:]
            verb = next(word for word in arguments if not word.startswith("-") and "=" not in word)
            hint = "Correct what git reports, or name another repository: --from URL|PATH"
            raise Inconclusive(f"git {verb} does not work for {self.shown}: {said}", hint)
        return answer.out

    def ask(self, *arguments: str, cwd: Path | None = None) -> ToolAnswer:
        """How git answers. Raises ToolUnavailable where it is not installed."""
        own = programs.git_env(self.environment) | {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
        argv = (*git_queries.WITHOUT_HOOKS, *_ALLOWED, *arguments)
        answer = self.processes.ask(*argv, cwd=cwd or self.folder, environment=own, deadline=_DEADLINE)
        if answer is None:
            raise ToolUnavailable("git is not installed", "Install git.")
        return answer

    def make(self, commit: str) -> None:
        """Clone the repository and check out the commit, without its submodules.

        Raises Inconclusive where the repository does not answer, or does not have the commit.
        """
        # --no-local: a copy of its own; else the files of git would be links to those of the checkout.
        options = ("--quiet", "--no-checkout", "--no-local", "--template=", "--origin=origin")
        self.git("clone", *options, "--", self.source, str(self.folder), cwd=self.folder.parent)
        if not self._has(commit):
            self.ask("fetch", "--quiet", "origin", commit)  # one that no branch and no tag leads to
        if not self._has(commit):
            shallow = " It is a shallow clone: run `git fetch --unshallow` there." if self.is_shallow else ""
            hint = f"Push it, or name a repository that has it: --from URL.{shallow}"
            raise Inconclusive(f"{self.shown} does not have the commit {commit}", hint)
        self.git(*_WITHOUT_LFS, "checkout", "--quiet", "--detach", commit)

    def has_submodules_outside(self, inside: PurePosixPath) -> bool:
        """Whether a submodule is elsewhere than below this folder of the repository."""
        return any(not PurePosixPath(path).is_relative_to(inside) for _, path in self._submodules(self.folder))

    def update_submodules(self) -> None:
        """Check out all submodules. Raises Inconclusive where one cannot be had."""
        self._update_submodules(self.folder, _git_folder(self.source))

    def _has(self, commit: str) -> bool:
        return self.ask("cat-file", "-e", f"{commit}^{{commit}}").code == 0

    @property
    def is_shallow(self) -> bool:
        """Whether it lacks a part of the history: a version from tags can differ then."""
        return self.ask("rev-parse", "--is-shallow-repository").out.strip() == "true"

    def _update_submodules(self, folder: Path, known: Path | None) -> None:
        """Check out the submodules of a working tree, and theirs; from the user's own copies of them where there are.

        `known` is the folder of git of the repository that was cloned, where that is on this machine.
        """
        for name, path in self._submodules(folder):
            own = known / "modules" / name if known else None
            self.git("submodule", "--quiet", "init", "--", path, cwd=folder)
            if own and own.is_dir():
                self.git("config", f"submodule.{name}.url", str(own), cwd=folder)
            self.git("submodule", "--quiet", "update", "--", path, cwd=folder)
            self._update_submodules(folder / path, own)

    def _submodules(self, folder: Path) -> Iterator[tuple[str, str]]:
        """The names of the submodules and their paths."""
        if not (folder / ".gitmodules").is_file():
            return
        listed = self.ask("config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$", cwd=folder)
        for entry in listed.out.split("\0") if listed.code == 0 else ():
            key, _, path = entry.partition("\n")
            if path:
                yield re.sub(r"^submodule\.|\.path$", "", key), path

    def fetch_large_files(self) -> bool:
        """Replace the pointers of git-lfs by the files; whether there was one.

        Raises Inconclusive where git-lfs is not installed, or does not get them.
        """
        if self.ask("grep", "--cached", "--quiet", "--extended-regexp", "-e", _POINTER).code != 0:
            return False
        if self.ask("lfs", "version").code != 0:
            raise ToolUnavailable(f"files of {self.shown} are in git-lfs, which is not installed", "Install git-lfs.")
        answer = self.ask("lfs", "pull")
        if answer.code != 0:
            said = strip_userinfo(answer.err)[-1000:]
            raise Inconclusive(f"git-lfs does not get files of {self.shown}: {said}", "Run `git lfs pull` yourself.")
        return True


def _git_folder(source: str) -> Path | None:
    """The folder of git of a repository on this machine, also of a worktree; None for an address."""
    if not os.path.isdir(source):
        return None
    found = git_queries.output(source, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(found.strip()) if found else None
