"""The git repository of a copy of the checkout: refs, index and settings of its own, and the objects of the user's.

Build back ends read tags, files and the state of the repository from git, and may write: whatever they change is in the
copy. Nothing of git's history is copied: `objects/info/alternates` names the folder of objects that is read as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import programs
from omni_release.core.actions import Action, Copy, Run, Write
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release
from omni_release.core.world import World

_DEADLINE = 60.0
# Settings of the user's repository that decide whether a file has changed.
_KEPT = r"^core\.(autocrlf|eol|filemode|ignorecase|precomposeunicode|symlinks)$"
# A copy has the times and sizes of the original's files, and nothing else that git notes of a file.
_SETTINGS = {
    "core": {"checkStat": "minimal", "trustctime": "false", "fsmonitor": "false", "hooksPath": os.devnull},
    "gc": {"auto": "0"},
    "maintenance": {"auto": "false"},
}
_SUBMODULE = "160000"


@dataclass(frozen=True)
class Repository:
    """A repository of the user's: the top of its working tree, and what git says about it."""

    top: Path
    world: World

    def git(self, *arguments: str) -> str:
        """What git prints. Raises Inconclusive where it fails."""
        answer = self.world.processes.ask("git", *arguments, cwd=self.top)
        if answer is None or answer.code != 0:
            reason = answer.err if answer else "git is not installed"
            message = f"git {arguments[0]} does not work in {self.top}: {reason}"
            raise Inconclusive(message, f"Run `git status` in {self.top}, and correct what it reports.")
        return answer.out

    def paths(self, *names: str) -> Iterator[Path]:
        """The paths of files of git's own, also in a worktree or a submodule."""
        options = (word for name in names for word in ("--git-path", name))
        return (self.top / line for line in self.git("rev-parse", *options).splitlines())

    @property
    def head(self) -> str:
        """The content of HEAD: a branch, which may have no commit yet, or a commit."""
        answer = self.world.processes.ask("git", "symbolic-ref", "--quiet", "HEAD", cwd=self.top)
        if answer is not None and answer.code == 0:
            return f"ref: {answer.out}"
        return self.git("rev-parse", "HEAD")

    def settings(self) -> str:
        """The content of the copy's `config`."""
        lines = [f"[{name}]\n" + "".join(f"\t{k} = {v}\n" for k, v in keys.items()) for name, keys in _SETTINGS.items()]
        kept = self.world.processes.ask("git", "config", "--local", "--get-regexp", _KEPT, cwd=self.top)
        for line in kept.out.splitlines() if kept is not None and kept.code == 0 else ():
            key, _, value = line.partition(" ")
            lines.append(f"[core]\n\t{key.removeprefix('core.')} = {value}\n")
        if (self.top / ".gitmodules").is_file():
            lines.append("[submodule]\n\tactive = .\n")
        return "".join(lines)

    def submodules(self) -> Iterator[PurePosixPath]:
        """The submodules that are checked out, relative to the top."""
        if not (self.top / ".gitmodules").is_file():
            return
        for entry in self.git("ls-files", "--stage", "-z").split("\0"):
            mode, _, path = entry.partition("\t")
            if mode.startswith(_SUBMODULE) and (self.top / path / ".git").exists():
                yield PurePosixPath(path)


def recreate(top: Path, copies: tuple[Path, ...], release: Release, world: World) -> Iterator[Action]:
    """Give copies of the working tree at `top` a repository each, and their submodules too.

    With the same branch, tags, index and ignored files, as deep or shallow as the user's; without remotes and hooks.
    """
    found = Repository(top, world)
    index, shallow, info, objects = found.paths("index", "shallow", "info", "objects")
    format, settings = found.git("rev-parse", "--show-object-format").strip(), os.fsencode(found.settings())
    named: dict[str, str] = {
        "HEAD": found.head,
        "packed-refs": found.git("for-each-ref", "--format=%(objectname) %(refname)"),
        "objects/info/alternates": f"{objects.resolve().as_posix()}\n",
    }
    if shallow.is_file():
        named["shallow"] = shallow.read_text(encoding="ascii")
    own = [index, *index.parent.glob("sharedindex.*")]
    files = tuple(PurePosixPath(file.name) for file in own if file.is_file())
    for copy in copies:
        yield Copy(index.parent, copy / ".git", files)
        yield Copy(info, copy / ".git" / "info", _files_in(info))
        yield Write(copy / ".git" / "config", settings)
        yield _create(copy, format, release, world.environment)
        for name, content in named.items():
            yield Write(copy / ".git" / name, os.fsencode(content))
    for inside in found.submodules():
        yield from recreate(top / inside, tuple(copy / inside for copy in copies), release, world)


def _files_in(folder: Path) -> tuple[PurePosixPath, ...]:
    """What the user has git ignore, or treat specially, in this repository alone."""
    names = ("exclude", "attributes", "sparse-checkout")
    return tuple(PurePosixPath(name) for name in names if (folder / name).is_file())


def _create(copy: Path, format: str, release: Release, environment: Mapping[str, str]) -> Run:
    """Create what git expects of a repository, without the files of the user's template."""
    own = {"GIT_DEFAULT_HASH": format, "GIT_DEFAULT_REF_FORMAT": "files"}
    return Run(
        ("git", "init", "--quiet", "--template=", str(copy)),
        cwd=release.work_dir,
        environment=programs.test_env(environment, release.folder) | own,
        log=release.logs / "copy-source.log",
        deadline=_DEADLINE,
    )
