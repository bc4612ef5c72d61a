"""Changes to the world, as data. Printing an action is the dry run, performing it is the run: the same object."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from omni_release.core.model import Artifact


@dataclass(frozen=True)
class Run:
    """Run a program.

    `environment` is the whole environment of the child but for its secrets: `secrets` maps a variable to the name of a
    secret, whose value is looked up at the moment the program starts. `deadline` is in seconds. All that the program
    prints goes to `log`. `network` says that a failure may be the network's, `background` that others come first.
    `otherwise` is run where this one fails.
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

    def __str__(self) -> str:
        said = f"run {shlex.join(self.argv)}"
        return f"{said}\n  or, where that fails, {self.otherwise}" if self.otherwise else said


@dataclass(frozen=True)
class Write:
    """Give the file at `path` these bytes, in one step."""

    path: Path
    data: bytes

    def __str__(self) -> str:
        return f"write {self.path} ({len(self.data)} bytes)"


@dataclass(frozen=True)
class Move:
    """Move a file or a folder away, without following a link."""

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
        return f"copy {len(self.files)} files of {self.source} to {self.target}"


@dataclass(frozen=True)
class Link:
    """Make `target` a link to the folder `source`."""

    source: Path
    target: Path

    def __str__(self) -> str:
        return f"link {self.target} to {self.source}"


@dataclass(frozen=True)
class Pin:
    """Write down what lies in `dist` (name, size, sha256): from now on the run is about exactly these bytes.

    `tree` is the file with the fingerprint of the checkout that they were built from, `commit` its commit.
    """

    dist: Path
    tree: Path
    commit: str | None

    def __str__(self) -> str:
        return f"pin the files in {self.dist} by their sha256"


@dataclass(frozen=True)
class Send:
    """Send files to an index by `run`, and ask it what it has: again, until it has them, within `deadline` seconds.

    `project` is the normalised name, `folder` is where the files lie: each must be the very bytes that were pinned when
    `run` starts. What is not ours, or cannot be told, is never sent again.
    """

    project: str
    folder: Path
    files: tuple[Artifact, ...]
    index: str
    run: Run
    deadline: float

    def __str__(self) -> str:
        named = ", ".join(f"{file.name} (sha256 {file.sha256})" for file in self.files)
        return f"send {named} to {self.index}, until it says that it has it\n  {self.run}"


@dataclass(frozen=True)
class Confirm:
    """Ask for `word` to be typed, unless it was let go beforehand, and write down who said what may go where."""

    question: str
    word: str
    address: str
    who: str

    def __str__(self) -> str:
        return f"ask for {self.word} to be typed"


Action = Run | Write | Move | Copy | Link | Pin | Send | Confirm
