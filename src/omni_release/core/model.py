"""The data model: immutable values that all modules share. No I/O.

A check looks, a step acts, both leave an `Outcome`; a lane is an ordered list of them, and a `Report` has the outcomes
of one run.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from omni_release.core import errors
from omni_release.core.settings import Settings
from omni_release.core.tasks import Stage


class Severity(enum.StrEnum):
    """The severity of a finding. Only an error fails a check."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


class Status(enum.StrEnum):
    """The result of a task. Six statuses, never merged."""

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
    """The worst of the statuses; passed if there are none."""
    present = set(statuses)
    return next((status for status in _WORST_FIRST if status in present), Status.PASSED)


@dataclass(frozen=True)
class Finding:
    """One problem that a check reports.

    `rule` is the kind of problem; in an outcome it is `check/rule`, or the check's id for a finding of no rule.
    `path` is relative to the project, with forward slashes; `line` and `column` count from 1, in characters.
    A finding of a rule that the project itself configured is `configured`: to configure it is to ask for it.
    `distribution` is the file name of the sdist or wheel that it is about, `subjects` are the files in it, or the
    version that is wrong. They decide whether another finding is its `cause`, whose rule (`check/rule`) is set at the
    end of a run: see `core.causes`.
    """

    message: str
    rule: str = ""
    severity: Severity = Severity.ERROR
    path: str | None = None
    line: int | None = None
    column: int | None = None
    configured: bool = False
    distribution: str = ""
    subjects: tuple[str, ...] = ()
    cause: str = ""

    @property
    def where(self) -> str:
        """`path:line:column`, as far as they are known."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)


Evidence = Mapping[str, str | int | float]

BLOCKED_BY = "blocked-by"
"""The key in the evidence of a task that did not run; its value is the task that it needs, and that did not pass."""

UNREACHED = "unreached"
"""The key in the evidence of a task that an interrupted run has not finished: `not started`, or `not finished`."""

IN_BASELINE = "in-baseline"
"""The key in the evidence of a check with the number of its findings that are in the baseline."""

ALREADY_DONE = "already done"
"""The finding of a step that was done before."""


@dataclass(frozen=True)
class Cached:
    """Where an outcome that was not determined again comes from.

    `run` is the name of the run that determined it, `at` the time in UTC (ISO 8601, to the second), `age` the seconds
    from then to its reuse.
    """

    run: str
    at: str
    age: float

    def __str__(self) -> str:
        """`cached, from RUN, 2 minutes ago`."""
        return f"cached, from {self.run}, {ago(self.age)}"


def ago(seconds: float) -> str:
    """A past time for people, by its distance: `12 minutes ago`; under a minute `just now`."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (number := int(seconds // length)) > 0:
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


@dataclass(frozen=True)
class Outcome:
    """The result of one task. The findings have the reason of a status other than passed.

    `cached` is set where an earlier run has determined it, and its inputs are the same; None where this run has.
    `started` is when it began, in seconds since the start of the run; None for a task that did not begin.
    """

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
    cached: Cached | None = None
    started: float | None = None


@dataclass(frozen=True)
class Artifact:
    """A file that was built: its name, its size in bytes, and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Package:
    """An import package or module: its path relative to the project, and the dotted name of an import statement.

    The name is not always the path below a source folder: a build back end may install it elsewhere.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class Project:
    """A checkout.

    `name` is as the project spells it. `packages` are its import packages and modules, `compiled` the names of modules
    that have no Python source. `metadata` is the parsed pyproject.toml; where `stated_in` is setup.cfg or setup.py, its
    [project] is what that file states, and `dynamic`.
    """

    root: Path
    name: str
    packages: tuple[Package, ...]
    settings: Settings
    metadata: Mapping[str, object]
    compiled: tuple[str, ...] = ()
    stated_in: str = "pyproject.toml"


@dataclass(frozen=True)
class Target:
    """The package index of a release. No address has credentials in it.

    `upload` is the address for uploads, `simple` the root of the simple API, with a slash at its end. `page` is the
    address of a release's page, with `{name}` and `{version}` in it; empty if unknown.
    """

    name: str
    upload: str = ""
    simple: str = ""
    page: str = ""

    def page_of(self, name: str, version: str) -> str:
        """The address of a release's page; empty if unknown."""
        return self.page.replace("{name}", name).replace("{version}", version)


REHEARSAL = "rehearsal"
"""The name of the local index of a rehearsal."""

LOCAL_WHEEL = "local-wheel"
"""The folder in a run folder with a wheel for this machine alone, next to `dist`."""

PUBLISHED = "published"
"""The folder in a run folder with the records of its publishes, one folder for each target."""


TEMPORARY = "tmp"
"""The folder in a work directory with the temporary files of what the run starts."""


@dataclass(frozen=True)
class Commit:
    """A commit: its hash, and its time in seconds since 1970."""

    sha: str
    time: int


@dataclass(frozen=True)
class Release:
    """What a run is about: a project at one version, for the index called `target`, at one commit.

    `version` is None if only the build determines it; `commit` is None outside of a git repository. `folder` is the run
    folder, with the files that tasks share; `work_dir` is outside of the checkout, with copies and environments.
    `inside` is the path of the project in its repository. `rebuilds` are files with records of rebuilds.
    """

    project: Project
    version: str | None
    target: str
    commit: Commit | None
    folder: Path
    work_dir: Path
    inside: PurePosixPath
    rebuilds: tuple[Path, ...] = ()

    @property
    def source(self) -> Path:
        """The copy of the project that is built."""
        return self.work_dir / "source" / self.inside

    @property
    def source_again(self) -> Path:
        """A second copy, for the builds that the first is compared with."""
        return self.work_dir / "again" / self.inside

    @property
    def temporary(self) -> Path:
        """The folder of the temporary files of builds and installers: one that is killed leaves them."""
        return self.work_dir / TEMPORARY

    @property
    def copied_tree(self) -> Path:
        """The file with the hash of the checkout that was copied."""
        return self.work_dir / "tree.sha256"

    @property
    def rebuilt(self) -> Path:
        """The folder of the builds that the first is compared with: `checkout` and `again`."""
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
        """The folder of this run's distributions."""
        return self.folder / "dist"

    @property
    def local_wheel(self) -> Path:
        """The folder of a wheel that no index takes, as it is for this machine alone; see `distributions.wheels`."""
        return self.folder / LOCAL_WHEEL

    @property
    def records(self) -> Path:
        """The folder of reports and logs; each target other than the rehearsal has its own."""
        return self.folder / self._target_folder

    @property
    def logs(self) -> Path:
        """The folder with the output of each program that this run started."""
        return self.records / "logs"

    def environment(self, name: str) -> Path:
        """The folder of this run's virtual environment `name`."""
        return self.work_dir / "environments" / self._target_folder / name

    @property
    def _target_folder(self) -> str:
        return "" if self.target == REHEARSAL else f"{PUBLISHED}/{re.sub(r'[^A-Za-z0-9.]+', '-', self.target)}"


@dataclass(frozen=True)
class SignOff:
    """A person's answer to the task `id`, for exactly the artifacts with these SHA-256."""

    id: str
    who: str
    when: str
    reason: str
    artifacts: tuple[str, ...]


NOTHING_TESTED = "nothing tested"
"""The verdict of a lane that is run for tests, and found none."""


@dataclass(frozen=True)
class Report:
    """The outcomes of one run. Every report format is a pure function of it.

    `inside` is the path of the project in its repository, with forward slashes; empty if it is the top. The run was
    `whole` if no task of the lane was left out. `tests` are the ids of the tasks that the lane is run for, see `Lane`.
    `build` is what the distributions were built from and with, as JSON: see `builds.record`. `options` are those of the
    command line that decide what is run: see `Options.chosen`. `uncommitted`: the checkout had uncommitted changes.
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
    whole: bool = True
    tests: tuple[str, ...] = ()
    build: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    uncommitted: bool = False

    @property
    def verdict(self) -> str:
        """The worst status of all outcomes, or `interrupted`; `skipped` if all were skipped.

        `nothing tested` if nothing is wrong, but the tasks that the lane is run for found nothing to test.
        """
        if self.interrupted:
            return "interrupted"
        status = worst(outcome.status for outcome in self.outcomes)
        run_for = [outcome.status for outcome in self.outcomes if outcome.id in self.tests]
        if run_for and status in (Status.PASSED, Status.SKIPPED) and set(run_for) == {Status.SKIPPED}:
            return NOTHING_TESTED
        return status.value

    @property
    def exit_code(self) -> int:
        """The exit code of the verdict."""
        if self.interrupted:
            return errors.EXIT_INTERRUPTED
        return errors.EXIT_INCONCLUSIVE if self.verdict == NOTHING_TESTED else Status(self.verdict).exit_code


def display_path(root: Path, path: Path) -> str:
    """A path as findings have it, with forward slashes: relative to the project, or absolute if it is elsewhere."""
    return (path.relative_to(root) if path.is_absolute() and path.is_relative_to(root) else path).as_posix()


def importable(project: Project) -> tuple[str, ...]:
    """The import names of the project's packages, without stubs (`acme-stubs`), which only type checkers read."""
    return (*(package.name for package in project.packages if "-" not in package.name), *project.compiled)
