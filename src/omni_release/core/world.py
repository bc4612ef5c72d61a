"""Where the world comes in: each seam a small protocol, handed in, never imported from inside.

Looking at a file needs no seam (a path is enough); changing one does. The real implementations are in `adapters/`.
"""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from omni_release.core.actions import Confirm, Copy, Link, Move, Pin, Run, Send, Write
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Artifact, Release, SignOff, Status, Target

_BY_SIGNAL = 128  # added to the signal by whoever hands on how a program of its own has ended
_NETWORK = re.compile(
    r"error sending request|dns error|failed to lookup|name resolution|Name or service not known|getaddrinfo"
    r"|Connection refused|Connection reset|Network is unreachable|No route to host|timed out|Temporary failure"
    r"|Failed to (?:fetch|download)|503 Service|502 Bad|ConnectionError|MaxRetryError|wasn't found in the cache"
    r"|network connectivity is disabled|Could not resolve|Couldn't connect|Failed to connect",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Completed:
    """How a program ended: `code` is its exit code (negative: the signal), `tail` the last lines that it printed."""

    code: int
    tail: tuple[str, ...]
    seconds: float
    timed_out: bool = False

    @property
    def network(self) -> bool:
        """Whether it looks like the network's doing, for a program that needs it."""
        return self.timed_out or _NETWORK.search("\n".join(self.tail)) is not None

    def ended(self, deadline: float) -> str:
        """How, in words that go behind the program's name; `deadline` is the one that it had, in seconds."""
        if self.timed_out:
            return f"did not end within {round(deadline, 1):g} s and was stopped"
        if self.code < 0:
            return f"was ended by signal {-self.code}"
        by_signal = f" (signal {self.code - _BY_SIGNAL})" if _BY_SIGNAL < self.code <= _BY_SIGNAL + 64 else ""
        return f"ended with exit code {self.code}{by_signal}"


@dataclass(frozen=True)
class ToolAnswer:
    """What a short program said: its exit code, what it printed on stdout, and on stderr."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class UsingProcess:
    """A program that uses the files of a folder, and how. Its arguments are nobody's business."""

    pid: int
    name: str
    how: str


@dataclass(frozen=True)
class UsingProcesses:
    """The programs that use a folder, and how many there are that could not be looked into."""

    programs: tuple[UsingProcess, ...]
    unseen: int = 0


class Processes(Protocol):
    """Starts programs, keeps what they print, and ends every one of them when asked."""

    def run(self, command: Run) -> Completed:
        """Run to the end or to the deadline; an end of another kind than 0 is no exception."""

    def ask(
        self, *argv: str, cwd: Path, environment: Mapping[str, str] | None = None, deadline: float = 60.0
    ) -> ToolAnswer | None:
        """What a short program says that only looks; None where it is not on this machine.

        `environment` is its whole environment; where none is named, it is our own. Raises CannotTell where it does not
        answer within `deadline` seconds; it is ended then, with all that it started.
        """

    def using(self, folder: Path) -> UsingProcesses:
        """The programs of this machine that use files of the folder, whoever started them."""

    def stop_all(self) -> None:
        """End all programs that still run, with their children; start none from now on."""


class Files(Protocol):
    """Changes files. Each change is whole or absent, also after a crash."""

    def write(self, action: Write) -> None:
        """Replace the file's content in one step."""

    def move(self, action: Move) -> None:
        """Move away what lies at the source; an existing target is an error."""

    def copy(self, action: Copy) -> None:
        """Copy the files; a target that exists already is replaced."""

    def link(self, action: Link) -> None:
        """Make a link to a folder; an existing target is an error."""


class FileTransactions(Protocol):
    """Changes several files together, or none of them; a crash in between is undone by the next call."""

    def alone(self, root: Path) -> AbstractContextManager[None]:
        """Keep every other such change in the project at `root` out. Raises Locked where one is under way."""

    def pending(self, root: Path) -> bool:
        """Is there something that `recover` would do?"""

    def recover(self, root: Path) -> tuple[str, ...]:
        """Put back what a crash left half done; the names of those files."""

    def swap(self, root: Path, changes: Mapping[Path, tuple[bytes, bytes]]) -> None:
        """Replace each file's content, old by new. Raises Conflict, with nothing changed, where that cannot be."""


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> datetime.datetime:
        """The time in UTC."""

    def monotonic(self) -> float:
        """Seconds from some fixed moment; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True)
class IndexFile:
    """A file that an index says it has; `sha256` and `uploaded` are None where it tells none."""

    name: str
    sha256: str | None
    url: str
    uploaded: datetime.datetime | None = None


class FileState(enum.StrEnum):
    """How one of our files stands on an index. Five, never merged."""

    OURS = "ours"
    ABSENT = "absent"
    OTHER_BYTES = "other bytes"
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class FileStatus:
    """What an index told of the file `name`, and how we know."""

    name: str
    state: FileState
    why: str = ""


class Credentials(enum.StrEnum):
    """What there is to prove who uploads."""

    PRESENT = "present"
    MISSING = "missing"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Access:
    """How an upload proves who it is from, and never the secret itself.

    `source` says where it was found, `why` what is wrong with it. Twine is given the variables `environment`, and
    `secrets`: variables, and the names of the secrets that they hold. `arguments` are twine's own.
    """

    credentials: Credentials
    source: str
    why: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


class Index(Protocol):
    """A package index: where it takes uploads, and what it says it has."""

    @property
    def target(self) -> Target:
        """Where it is."""

    def access(self) -> Access:
        """What there is to upload with, as it stands now."""

    def reading(self, project: str) -> Mapping[str, str]:
        """What installers need to read an index that wants a login: variables, and the names of their secrets.

        Empty where everybody may read it.
        """

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """What the simple index lists for a project; empty where it does not know it.

        Raises CannotTell when it does not answer.
        """

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        """How each artifact stands, in their order: listed with our sha256, and served with our bytes, or not."""

    def page(self, url: str) -> FileStatus:
        """Whether a web page of the index is there: ours where it is, absent, refused, or could not tell."""


class DefaultIndex(Protocol):
    """The index that this machine gets other people's projects from."""

    def status(self, project: str) -> str:
        """Why nobody should depend on a project, by the index; empty where it says nothing of the kind.

        Raises CannotTell where the index does not answer, or does not know the project.
        """


class NoDefaultIndex:
    """No index is asked."""

    def status(self, project: str) -> str:
        raise Inconclusive("no index is asked here")


class Person(Protocol):
    """Whoever sits at the terminal."""

    @property
    def preapproved(self) -> bool:
        """Whether all was said beforehand, so that nobody is asked."""

    def prompt(self, word: str, question: str) -> str | None:
        """What is typed where `word` is asked for: the word where it was given beforehand, None where nobody is."""


class NoPerson:
    """No person is there."""

    preapproved = False

    def prompt(self, word: str, question: str) -> str | None:
        return None


class Journal(Protocol):
    """What a run was about: append-only, so that another process can pick it up."""

    def artifacts(self) -> tuple[Artifact, ...]:
        """The artifacts that this run has pinned; empty before the build."""

    def pin(self, action: Pin) -> None:
        """Write down the artifacts, in one step."""

    def tree_hash(self) -> str | None:
        """The fingerprint of the checkout that the pinned artifacts were built from."""

    def commit_built(self) -> str | None:
        """The commit that was checked out then."""

    def rehearsal_verdict(self) -> str | None:
        """The verdict on the pinned artifacts; None where their whole rehearsal has not come to its end."""

    def confirmed(self, address: str) -> bool:
        """Whether somebody has let the pinned artifacts go to this very address."""

    def sign_offs(self) -> tuple[SignOff, ...]:
        """The answers that people gave to this run, or to another of the project about the very same artifacts.

        The oldest first, this run's own last.
        """

    def last_status(self, task: str, target: str) -> Status | None:
        """What last came of a task in this run, in its rehearsal or for the index `target`; None where it has not run.

        A task that another one held up has not run.
        """

    def cached(self, task: str, key: str) -> str | None:
        """The outcome (as JSON) that a costly check left under this key, or None."""

    def cache(self, task: str, key: str, outcome: str) -> None:
        """Keep a costly check's outcome."""

    def record(self, event: str, **facts: str | int | float | None) -> None:
        """Append one line, synced to the disk before this returns."""


class Publisher(Protocol):
    """Performs the actions that only a publish has."""

    def send(self, action: Send, world: World) -> None:
        """Upload the files. Raises ActionFailed, Conflict, or CannotTell where it was the network that failed."""

    def confirm(self, action: Confirm, world: World) -> None:
        """Have a person type the version. Raises NeedsPerson where there is no person, or another word is typed."""


class Answers(Protocol):
    """Finds what a person has answered."""

    def answer_for(self, task: str, release: Release, world: World, today: datetime.date) -> tuple[SignOff | None, str]:
        """The sign-off that is valid for a task and this run's very artifacts, or None and why earlier ones are not."""


@dataclass(frozen=True)
class World:
    """All interfaces at once.

    `environment` is the one this process was started in; `tell` shows how far a task is; `task_ids` are the ids of all
    tasks that there are, in all lanes.
    """

    processes: Processes
    files: Files
    clock: Clock
    index: Index
    journal: Journal
    environment: Mapping[str, str]
    tell: Callable[[str], None] = lambda line: None
    person: Person = field(default_factory=NoPerson)
    default_index: DefaultIndex = field(default_factory=NoDefaultIndex)
    publisher: Publisher | None = None
    answers: Answers | None = None
    task_ids: Callable[[], frozenset[str]] = frozenset
