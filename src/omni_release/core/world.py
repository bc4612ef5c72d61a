"""The interfaces to the outside world: small protocols, handed in as a `World`. `adapters/` implements them.

A file is read by its path, without an interface; it is changed through `Files`.
"""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from omni_release.core.actions import Confirm, Copy, Link, Move, Pin, Run, Send, Write
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Artifact, Outcome, Release, Report, SignOff, Status, Target

if TYPE_CHECKING:
    from omni_release.core.cache import Inputs, Kept, Used
    from omni_release.core.tasks import Task

_BY_SIGNAL = 128  # what a shell adds to the number of the signal that ended its program
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
        """Did the program, which needs the network, probably fail because of it?"""
        return self.timed_out or _NETWORK.search("\n".join(self.tail)) is not None

    def ended(self, deadline: float) -> str:
        """How the program ended, to follow its name in a sentence; `deadline` is the one that it had, in seconds."""
        if self.timed_out:
            return f"did not end within {round(deadline, 1):g} s and was stopped"
        if self.code < 0:
            return f"was ended by signal {-self.code}"
        by_signal = f" (signal {self.code - _BY_SIGNAL})" if _BY_SIGNAL < self.code <= _BY_SIGNAL + 64 else ""
        return f"ended with exit code {self.code}{by_signal}"


@dataclass(frozen=True)
class ToolAnswer:
    """The result of a short program: its exit code, and its output on stdout and on stderr."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class UsingProcess:
    """A process that uses files of a folder, and how. Its arguments may hold secrets, and are left out."""

    pid: int
    name: str
    how: str


@dataclass(frozen=True)
class UsingProcesses:
    """The processes that use a folder, and the number of processes that could not be inspected."""

    programs: tuple[UsingProcess, ...]
    unseen: int = 0


class Processes(Protocol):
    """Starts programs, logs their output, and can stop all of them."""

    def __hash__(self) -> int:
        """By identity: what is asked once for a run is kept for its processes."""

    def run(self, command: Run) -> Completed:
        """Run a program to its end or its deadline. A failure is no exception: it is in the result."""

    def ask(
        self,
        *argv: str,
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        deadline: float = 60.0,
        stdin: bytes = b"",
    ) -> ToolAnswer | None:
        """The result of a short program that changes nothing; None if it is not installed.

        `environment` is its whole environment; None means that of this process. It reads `stdin`. Raises Inconclusive
        if it does not end within `deadline` seconds; it is stopped then, with its child processes.
        """

    def using(self, folder: Path) -> UsingProcesses:
        """The processes of this machine that use files of the folder."""

    def stop_all(self) -> None:
        """Stop all running programs with their child processes, and start no further ones."""


class Files(Protocol):
    """Changes files. Each change happens completely or not at all, also in a crash."""

    def write(self, action: Write) -> None:
        """Replace the content of a file in one step."""

    def move(self, action: Move) -> None:
        """Move a file or folder. Raises Conflict if the target exists."""

    def copy(self, action: Copy) -> None:
        """Copy files to a folder; an existing folder is replaced."""

    def link(self, action: Link) -> None:
        """Create a link to a folder. Raises OSError if the target exists."""


class FileTransactions(Protocol):
    """Changes several files together, or none of them. `recover` undoes a change that a crash interrupted."""

    def alone(self, root: Path) -> AbstractContextManager[None]:
        """Keep other changes in the project at `root` out. Raises Locked if one is in progress."""

    def pending(self, root: Path) -> bool:
        """Is there an interrupted change for `recover` to undo?"""

    def recover(self, root: Path) -> tuple[str, ...]:
        """Undo a change that a crash interrupted; the names of the files."""

    def swap(self, root: Path, changes: Mapping[Path, tuple[bytes, bytes]]) -> None:
        """Replace the content of each file, old by new. Raises Conflict, with nothing changed, if one is not old."""


class Clock(Protocol):
    """Reads the time, and waits."""

    def now(self) -> datetime.datetime:
        """The time in UTC."""

    def monotonic(self) -> float:
        """Seconds since a fixed moment; never decreases."""

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""


@dataclass(frozen=True)
class IndexFile:
    """A file that an index lists; `sha256` and `uploaded` (UTC) are None where the index does not state them.

    `requires_python` is the specifier of its metadata, empty where the index states none.
    `yanked` is the reason of a file that was yanked (PEP 592), which may be empty; None for one that was not.
    `provenance` is the address of its provenance (PEP 740), empty where the index has none.
    """

    name: str
    sha256: str | None
    url: str
    uploaded: datetime.datetime | None = None
    yanked: str | None = None
    requires_python: str = ""
    provenance: str = ""


@dataclass(frozen=True)
class ProjectStatus:
    """The status of a project on its index, in lower case, and the reason that the index gives.

    One of those of PEP 792 (active, archived, quarantined, deprecated), or another one of the index's own.
    """

    name: str
    reason: str = ""


ACTIVE = ProjectStatus("active")
"""The status of a project whose index states none."""


class FileState(enum.StrEnum):
    """The state of one of our files on an index. Five states, never merged."""

    OURS = "ours"
    ABSENT = "absent"
    OTHER_BYTES = "other bytes"
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class FileStatus:
    """The state of the file `name` on an index, and how it was determined."""

    name: str
    state: FileState
    why: str = ""


class Credentials(enum.StrEnum):
    """The state of the credentials for an upload."""

    PRESENT = "present"
    MISSING = "missing"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Access:
    """How an upload authenticates; never the secret itself.

    `source` is where the credentials were found, `why` what is wrong with them. Twine gets the variables `environment`
    and `secrets` (variables, and the names of the secrets that they hold), and the `arguments`. With `trusted`, the CI
    service vouches for the job (trusted publishing).
    """

    credentials: Credentials
    source: str
    why: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    trusted: bool = False


class Index(Protocol):
    """A package index: where to upload to, and which files it has."""

    @property
    def target(self) -> Target:
        """The name and addresses of the index."""

    def access(self) -> Access:
        """The credentials for an upload, as they are now."""

    def reading(self, project: str) -> Mapping[str, str]:
        """What installers need to read an index that requires a login: variables, and the names of their secrets.

        Empty for an index that anyone can read.
        """

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """The files of a project that the simple index lists; empty if it does not know the project.

        Raises Inconclusive if it does not answer.
        """

    def project_status(self, project: str) -> ProjectStatus | None:
        """The status of a project; None if the index does not know it. Raises as `files`."""

    def provenance(self, file: IndexFile) -> bytes | None:
        """The provenance of a file (PEP 740), as JSON; None if there is none. Raises as `files`."""

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        """The state of each artifact, in their order: OURS is listed with our sha256, and served with our bytes."""

    def page(self, url: str) -> FileStatus:
        """The state of a web page of the index: OURS if it exists, ABSENT, REFUSED or INCONCLUSIVE."""


class DefaultIndex(Protocol):
    """The index that this machine installs dependencies from."""

    def __hash__(self) -> int:
        """By identity: what is asked once for a run is kept for its index."""

    def status(self, project: str) -> str:
        """The status of a project (PEP 792), if it should not be depended on, and why; else empty.

        Raises Inconclusive if the index does not answer, or does not know the project.
        """

    def has_version(self, project: str, version: str) -> bool:
        """Whether it lists a file of this version. Raises Inconclusive or PermanentRefusal if it does not answer."""

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """The files of a project that it lists; empty if it does not know the project. Raises as `has_version`."""

    def fetch(self, file: IndexFile, folder: Path) -> Path:
        """The file, with the sha256 that the index lists: kept in `folder`, and downloaded once.

        Raises Inconclusive if it is not served, UsageError if it is too large.
        """


class NoDefaultIndex:
    """No default index: everything about it is inconclusive."""

    def status(self, project: str) -> str:
        raise Inconclusive("there is no default index here", "Set PIP_INDEX_URL or UV_DEFAULT_INDEX.")

    def has_version(self, project: str, version: str) -> bool:
        raise Inconclusive("there is no default index here", "Set PIP_INDEX_URL or UV_DEFAULT_INDEX.")

    def files(self, project: str) -> tuple[IndexFile, ...]:
        raise Inconclusive("there is no default index here", "Set PIP_INDEX_URL or UV_DEFAULT_INDEX.")

    def fetch(self, file: IndexFile, folder: Path) -> Path:
        raise Inconclusive("there is no default index here", "Set PIP_INDEX_URL or UV_DEFAULT_INDEX.")


class Person(Protocol):
    """The person at the terminal, if there is one."""

    @property
    def preapproved(self) -> bool:
        """Was the confirmation given on the command line, so that no prompt is needed?"""

    def prompt(self, word: str, question: str) -> str | None:
        """The answer to a prompt for `word`: the word itself if preapproved, None if there is no person."""


class NoPerson:
    """No person: nothing is preapproved, and no prompt is answered."""

    preapproved = False

    def prompt(self, word: str, question: str) -> str | None:
        return None


class Journal(Protocol):
    """The record of a run: append-only, so that another process can resume it."""

    def artifacts(self) -> tuple[Artifact, ...]:
        """The artifacts that this run is about; empty before the build."""

    def pin(self, action: Pin) -> None:
        """Record the name, size and sha256 of each artifact, in one step."""

    def tree_hash(self) -> str | None:
        """The hash of the checkout that the artifacts were built from; None before the build."""

    def commit_built(self) -> str | None:
        """The commit that the artifacts were built from; None before the build, and outside of git."""

    def rehearsal_verdict(self) -> str | None:
        """The verdict of the rehearsal of these artifacts; None if no complete rehearsal has ended."""

    def confirmed(self, address: str) -> bool:
        """Did a person confirm the upload of these artifacts to this address?"""

    def sign_offs(self) -> tuple[SignOff, ...]:
        """The sign-offs of this run, and those of the project's other runs about the same artifacts.

        The oldest first, those of this run last.
        """

    def last_status(self, task: str, target: str) -> Status | None:
        """The last status of a task in this run, in its rehearsal or for the index `target`; None if it did not run.

        A task that was skipped because of another one did not run.
        """

    def cached_outcomes(self) -> Mapping[str, tuple[str, str]]:
        """The tasks of the rehearsal whose outcome an earlier run has determined: which run, and when (ISO 8601)."""

    def cached(self, task: str, key: str) -> str | None:
        """What a task has left in this run under this key, as JSON, or None."""

    def cache(self, task: str, key: str, outcome: str) -> None:
        """Leave something in this run under this key, as JSON; it replaces what is there under another key."""

    def record(self, event: str, **facts: str | int | float | None) -> None:
        """Append one event. It is on the disk when this returns, but for one of a rehearsal, which can be repeated."""


class Outcomes(Protocol):
    """Passed outcomes of earlier runs, by all that they depend on.

    It is `shared` by the runs of a project, or of one run alone.
    """

    @property
    def shared(self) -> bool:
        """Do other runs find what is kept?"""

    def find(self, task: str, inputs: Inputs) -> Kept | None:
        """The newest outcome of a task for these inputs; None where there is none."""

    def keep(
        self, outcome: Outcome, inputs: Inputs, used: Used | None = None, made: Mapping[str, Path] | None = None
    ) -> None:
        """Keep an outcome, if it passed. `used` is what it has used of its inputs; None means all of them.

        `made` are the folders with what its step made, by a name for each.
        """


class Publisher(Protocol):
    """Performs the actions that only a publish takes."""

    def send(self, action: Send, world: World) -> None:
        """Upload the files. Raises ActionFailed, Conflict, or Inconclusive where the network failed."""

    def confirm(self, action: Confirm, world: World) -> None:
        """Have a person type the version. Raises NeedsPerson without a person, or if another word is typed."""


class Answers(Protocol):
    """Finds the sign-off of a task."""

    def answer_for(self, task: str, release: Release, world: World, today: datetime.date) -> tuple[SignOff | None, str]:
        """The sign-off that is valid for a task and the artifacts of this run, or None and why others are not."""


class Accepted(Protocol):
    """Knows the findings that a project has accepted, and hears of the checks that were not run: their ids."""

    not_run: set[str]

    def apply(self, outcome: Outcome, task: Task) -> Outcome:
        """The outcome without the findings that are accepted."""


@dataclass(frozen=True)
class ReleasedTag:
    """The tag of a version that is released already, and when it was made."""

    name: str
    time: datetime.datetime

    @property
    def day(self) -> datetime.date:
        """Its day."""
        return self.time.date()


def _no_report() -> Report:
    raise Inconclusive("there is no report here", "Run the whole lane.")


@dataclass(frozen=True)
class World:
    """All interfaces together.

    `environment` are the variables of this process; `tell` shows the progress of a task; `task_ids` gives the ids of
    all tasks in all lanes. Without `outcomes`, nothing is used again. `report` gives the report of the tasks that have
    ended so far, without secrets: for a task that comes after all others. `released_tag` gives the tag on the commit
    where its version is released already: what has happened since then says nothing about that release. `approvals` are
    files with approvals of the release that were handed over.
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
    outcomes: Outcomes | None = None
    answers: Answers | None = None
    baseline: Accepted | None = None
    task_ids: Callable[[], frozenset[str]] = frozenset
    report: Callable[[], Report] = _no_report
    released_tag: Callable[[], ReleasedTag | None] = lambda: None
    approvals: tuple[Path, ...] = ()
