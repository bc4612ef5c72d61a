"""What a page shows besides the report: the content of the run folder, as data. All times are in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Log:
    """The end of a program's output: the path of the whole, relative to the page, and the last lines, as one text."""

    path: str
    end: str


@dataclass(frozen=True)
class TaskFacts:
    """A task of the lane: what it checks, what it needs, its rules (`id`, title), and the output of its programs."""

    id: str
    title: str
    stage: str
    summary: str = ""
    needs: tuple[str, ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    logs: tuple[Log, ...] = ()


@dataclass(frozen=True)
class PackedFile:
    """A file in a distribution, with its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class Contents:
    """The files of a distribution: at most as many as a page can show, and the number of the others.

    `problem` says why they cannot be read.
    """

    name: str
    files: tuple[PackedFile, ...] = ()
    more: int = 0
    problem: str = ""


@dataclass(frozen=True)
class FileState:
    """A file that is not the same everywhere: what the checkout, the sdist and the wheel have, empty for nothing."""

    path: str
    checkout: str
    sdist: str
    wheel: str


@dataclass(frozen=True)
class Difference:
    """A kind of difference between the checkout and the distributions, with its files and the number of others."""

    title: str
    files: tuple[FileState, ...]
    more: int = 0
    expected: bool = False


@dataclass(frozen=True)
class Picture:
    """An image that a service returned: the path of the original, relative to the page, and a small preview.

    `preview` is an image of the type `mime_type`, empty where there is none; `note` says why. `width` and `height` are
    the original's, in pixels.
    """

    path: str
    size: int
    preview: bytes = b""
    mime_type: str = ""
    width: int = 0
    height: int = 0
    note: str = ""


@dataclass(frozen=True)
class Attempt:
    """A call of a service: what was asked of which model, what came back. `usd` is None where the cost is unknown."""

    asked: str
    answered: str
    result: str
    seconds: float
    usd: float | None
    prompt: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """A smoke test: its mode (`recorded`, `emulated` or `live`), its outcome and why, and its calls."""

    name: str
    mode: str
    outcome: str
    why: str
    place: str
    seconds: float
    attempts: tuple[Attempt, ...] = ()

    @property
    def usd(self) -> float:
        """The sum of the known costs."""
        return sum(attempt.usd or 0.0 for attempt in self.attempts)


@dataclass(frozen=True)
class ContractChange:
    """A change of a service's responses: of a field that is `gone`, `new` or `changed`; what it was, and what it is."""

    response: str
    kind: str
    path: str
    was: str
    now: str
    severity: str


@dataclass(frozen=True)
class Answer:
    """A question of a checklist, or a task that a person answered: who, when, why, and for which artifacts' sha256."""

    checklist: str
    id: str
    says: str
    status: str
    who: str = ""
    when: str = ""
    reason: str = ""
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparedFinding:
    """A problem or a warning of this run, or of the one before it."""

    rule: str
    severity: str
    where: str
    message: str


@dataclass(frozen=True)
class EarlierRun:
    """This run beside the one before it: findings that are new and gone, the number of the same, and changed tasks.

    `tasks` are ids with the status before and now; `same_bytes` is None where one of the runs has built nothing.
    """

    run: str
    verdict: str
    ended: str
    seconds: float
    new: tuple[ComparedFinding, ...] = ()
    gone: tuple[ComparedFinding, ...] = ()
    same: int = 0
    tasks: tuple[tuple[str, str, str], ...] = ()
    same_bytes: bool | None = None


@dataclass(frozen=True)
class PageFacts:
    """All that a page shows besides its report. `ended` is in UTC, in ISO 8601.

    `branch` is empty where none is checked out; `uncommitted` is True where files differ from the commit.
    `files` are others beside the page; `with_logs` is False for a copy of the page, which has no logs beside it.
    """

    ended: str = ""
    commit: str = ""
    branch: str = ""
    uncommitted: bool = False
    subject: str = ""
    machine: str = ""
    tasks: Mapping[str, TaskFacts] = field(default_factory=dict)
    contents: tuple[Contents, ...] = ()
    differences: tuple[Difference, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    contract: tuple[ContractChange, ...] = ()
    answers: tuple[Answer, ...] = ()
    earlier: EarlierRun | None = None
    files: tuple[str, ...] = ()
    with_logs: bool = True
