"""The nouns. Frozen, typed, no I/O: every other module passes these around.

A check looks, a step acts, both leave an `Outcome`; a lane is an ordered list of them, and a `Report` is what came of
one run. What a step would do is an `Action`: printing it is the dry run, performing it is the run.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from omni_release.core import errors
from omni_release.core.settings import Settings


class Severity(enum.StrEnum):
    """How bad a finding is. Only an error fails a check."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


class Stage(enum.StrEnum):
    """The part of a release that a task belongs to, in order."""

    PREFLIGHT = "preflight"
    SOURCE = "source"
    BUILD = "build"
    INSPECT = "inspect"
    TEST = "test"
    PUBLISH = "publish"
    VERIFY = "verify"
    CODE = "code"
    SMOKE = "smoke"
    AFTER = "after"


class Status(enum.StrEnum):
    """What came of a task. Six, never merged."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"
    PLANNED = "planned"
    WAITING = "waiting"

    @property
    def exit_code(self) -> int:
        """The exit code of a run in which this is the worst status."""
        return _EXIT_CODES.get(self, errors.EXIT_PASSED)


_EXIT_CODES = {
    Status.FAILED: errors.EXIT_FAILED,
    Status.WAITING: errors.EXIT_WAITING,
    Status.INCONCLUSIVE: errors.EXIT_INCONCLUSIVE,
}

_WORST_FIRST = (Status.FAILED, Status.WAITING, Status.INCONCLUSIVE, Status.PLANNED, Status.PASSED, Status.SKIPPED)


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of them; passed where there is none."""
    found = set(statuses)
    return next((status for status in _WORST_FIRST if status in found), Status.PASSED)


@dataclass(frozen=True)
class Finding:
    """One thing that differs.

    `rule` names the kind of difference; in an outcome it is `check/rule`, or the check's id for a finding of no rule.
    `path` is relative to the project, with forward slashes; `line` and `column` count from 1, in characters.
    """

    message: str
    rule: str = ""
    severity: Severity = Severity.ERROR
    path: str | None = None
    line: int | None = None
    column: int | None = None

    @property
    def where(self) -> str:
        """`path:line:column`, as far as they are known."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)


Evidence = Mapping[str, str | int | float]

BLOCKED_BY = "blocked-by"
"""The evidence of a task that was not run: the task that it needs, and that did not pass."""

ALREADY_DONE = "already done"
"""What is found of a step for which there was nothing to do."""


@dataclass(frozen=True)
class Outcome:
    """What came of one task. `why` of a status other than passed stands among the findings."""

    id: str
    title: str
    kind: str
    status: Status
    findings: tuple[Finding, ...] = ()
    remedy: str = ""
    seconds: float = 0.0
    evidence: Evidence = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    stage: Stage = Stage.SOURCE


@dataclass(frozen=True)
class Artifact:
    """A file that was built: its name, its size in bytes and the sha256 of its bytes in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Project:
    """What stands in a checkout.

    `name` is spelled as pyproject.toml spells it, `packages` are the import packages' (or modules') paths relative to
    `root`, and `metadata` is the parsed pyproject.toml.
    """

    root: Path
    name: str
    packages: tuple[Path, ...]
    settings: Settings
    metadata: Mapping[str, object]


@dataclass(frozen=True)
class Target:
    """A package index that a release goes to. No address has credentials in it.

    `name` is what people call it; `upload` is where files are sent, `simple` the simple API's root, with a slash at its
    end. `page` is the address of a release's page, with `{name}` and `{version}` in it; empty where none is known.
    """

    name: str
    upload: str = ""
    simple: str = ""
    page: str = ""

    def page_of(self, name: str, version: str) -> str:
        """The address of a release's page; empty where none is known."""
        return self.page.replace("{name}", name).replace("{version}", version)


REHEARSAL = "rehearsal"
"""The name of the index that a rehearsal starts and ends."""

PUBLISHED = "published"
"""The folder of a run that says what was published from it, a folder for each target."""


@dataclass(frozen=True)
class Commit:
    """A commit: its hash, and when it was made, in seconds since 1970."""

    sha: str
    time: int


@dataclass(frozen=True)
class Release:
    """What a run is about: a project at one version, for the index called `target`, at one commit.

    `version` is None where only the build can tell it; `commit` is None outside a git repository; `folder` is the run
    folder, through which tasks hand things on; `workshop` lies outside the checkout, and holds copies and environments.
    `inside` is the project's place in its repository.
    """

    project: Project
    version: str | None
    target: str
    commit: Commit | None
    folder: Path
    work_dir: Path
    inside: PurePosixPath

    @property
    def source(self) -> Path:
        """The copy of the project that is built."""
        return self.work_dir / "source" / self.inside

    @property
    def source_again(self) -> Path:
        """A second copy, for the builds to compare with."""
        return self.work_dir / "again" / self.inside

    @property
    def copied_tree(self) -> Path:
        """The file that holds the fingerprint of the checkout that was copied."""
        return self.work_dir / "tree.sha256"

    @property
    def rebuilt(self) -> Path:
        """Where the builds to compare with lie, in `checkout` and `again`."""
        return self.work_dir / "rebuilt"

    @property
    def tests_tree(self) -> Path:
        """The copy of the project that its tests run in."""
        return self.work_dir / "tests"

    @property
    def commands_tree(self) -> Path:
        """The copy of the project that its own commands run in."""
        return self.work_dir / "commands"

    @property
    def dist(self) -> Path:
        """Where this run's distributions lie."""
        return self.folder / "dist"

    @property
    def records(self) -> Path:
        """Where reports and logs lie: each real target has a folder of its own."""
        return self.folder / self._place

    @property
    def logs(self) -> Path:
        """Where the whole output of each program lies that this run started."""
        return self.records / "logs"

    def environment(self, name: str) -> Path:
        """The folder of the virtual environment that this run calls `name`."""
        return self.work_dir / "environments" / self._place / name

    @property
    def _place(self) -> str:
        return "" if self.target == REHEARSAL else f"{PUBLISHED}/{re.sub(r'[^A-Za-z0-9.]+', '-', self.target)}"


@dataclass(frozen=True)
class SignOff:
    """A person's answer to task `id`: about exactly the artifacts whose sha256 are listed."""

    id: str
    who: str
    when: str
    reason: str
    artifacts: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """The outcomes of one run. Every writer is a pure function of it.

    `inside` is the project's place in its repository, with forward slashes; empty where it is the repository's top.
    """

    lane: str
    project: str
    version: str | None
    target: str
    seconds: float
    outcomes: tuple[Outcome, ...]
    artifacts: tuple[Artifact, ...] = ()
    run: str | None = None
    interrupted: bool = False
    inside: str = ""

    @property
    def verdict(self) -> str:
        """The worst status of all outcomes, or `interrupted`; skipped where there was nothing but to skip."""
        if self.interrupted:
            return "interrupted"
        return worst(outcome.status for outcome in self.outcomes).value

    @property
    def exit_code(self) -> int:
        """The exit code that follows from the verdict."""
        return errors.EXIT_INTERRUPTED if self.interrupted else Status(self.verdict).exit_code


def shown(root: Path, path: Path) -> str:
    """A file as findings name it: by its path in the project, with forward slashes; one that lies elsewhere, whole."""
    return (path.relative_to(root) if path.is_absolute() and path.is_relative_to(root) else path).as_posix()


def import_name(package: Path) -> str:
    """The dotted name under which a package of the project is imported: `src/acme/tools` is `acme.tools`."""
    parts = package.with_suffix("").parts
    return ".".join(parts[1:] if parts[0] == "src" else parts)


def importable(project: Project) -> tuple[str, ...]:
    """The names under which the project's packages are imported; stubs (`acme-stubs`) are for type checkers alone."""
    return tuple(name for name in map(import_name, project.packages) if "-" not in name)
