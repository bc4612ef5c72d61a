"""Changes to the world, as data: a dry run prints the actions that a run performs."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from omni_release.core.model import Artifact, Release
from omni_release.core.text import counted


@dataclass(frozen=True)
class Run:
    """Run a program.

    `environment` is the whole environment of the program, except its secrets: `secrets` maps a variable to the name of
    a secret, whose value is looked up when the program starts. `deadline` is in seconds. The output goes to `log`.
    `network`: it may fail because of the network; `background`: at a low priority. If it fails, `otherwise` is run.
    `inconclusive` is what to do if it fails, where that says nothing about the release; empty where it does.
    `reason` is a file in which the program says why it failed, with the lines of its output that show it.
    """

    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    log: Path
    deadline: float
    secrets: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    background: bool = False
    otherwise: Run | None = None
    inconclusive: str = ""
    reason: Path | None = None

    def __str__(self) -> str:
        command = f"run {shlex.join(self.argv)}"
        return f"{command}\n  or, if that fails, {self.otherwise}" if self.otherwise else command


@dataclass(frozen=True)
class Write:
    """Replace the content of the file at `path`, in one step."""

    path: Path
    data: bytes

    def __str__(self) -> str:
        return f"write {self.path} ({counted(len(self.data), 'byte')})"


@dataclass(frozen=True)
class Move:
    """Move a file or folder; a link is moved itself."""

    source: Path
    target: Path

    def __str__(self) -> str:
        return f"move {self.source} to {self.target}"


@dataclass(frozen=True)
class Copy:
    """Copy `files` (relative to `source`) into a new folder `target`."""

    source: Path
    target: Path
    files: tuple[PurePosixPath, ...]

    def __str__(self) -> str:
        return f"copy {counted(len(self.files), 'file')} of {self.source} to {self.target}"


@dataclass(frozen=True)
class Link:
    """Create a link `target` to the folder `source`."""

    source: Path
    target: Path

    def __str__(self) -> str:
        return f"link {self.target} to {self.source}"


@dataclass(frozen=True)
class Pin:
    """Record the files in `dist` (name, size, sha256): from now on the run is about exactly these bytes.

    `tree` is the file with the hash of the checkout that they were built from, `commit` is its commit.
    """

    dist: Path
    tree: Path
    commit: str | None

    def __str__(self) -> str:
        return f"pin the files in {self.dist} by their sha256"


@dataclass(frozen=True)
class Send:
    """Upload files to an index by `run`, until the index has them, within `deadline` seconds.

    `project` is the normalised name. The files in `folder` must have the bytes that were pinned when `run` starts. A
    file is not sent again if the index has other bytes under its name, or if its state is inconclusive.
    """

    project: str
    folder: Path
    files: tuple[Artifact, ...]
    index: str
    run: Run
    deadline: float

    def __str__(self) -> str:
        files = ", ".join(f"{file.name} (sha256 {file.sha256})" for file in self.files)
        return f"upload {files} to {self.index}, until the index has them\n  {self.run}"


@dataclass(frozen=True)
class Confirm:
    """Ask a person to type `word`, unless preapproved, and record that `who` lets the artifacts go to `address`."""

    question: str
    word: str
    address: str
    who: str

    def __str__(self) -> str:
        return f"ask for {self.word} to be typed"


Action = Run | Write | Move | Copy | Link | Pin | Send | Confirm


def planned(actions: Iterable[Action], release: Release) -> tuple[str, ...]:
    """The actions as a dry run shows them: the project's paths from its folder, and `RUN` for a run that is not there.

    Such a run has no work directory either: a real one makes it where temporary files are.
    """
    root = str(release.project.root)
    names = [(f"{root}{os.sep}", "")]
    if not release.folder.is_dir():
        work = str(Path(tempfile.gettempdir(), "omni-release-RUN"))
        names = [(str(release.work_dir), work), (str(release.folder), str(release.folder.with_name("RUN"))), *names]

    def shown(text: str) -> str:
        for path, name in names:
            text = text.replace(path, name)
        return re.sub(rf"{re.escape(root)}(?![\w./\\-])", ".", text)

    return tuple(shown(str(action)) for action in actions)
