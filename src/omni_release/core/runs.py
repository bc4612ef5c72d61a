"""The folder `.omni-release/` of a project: its runs, the newest gate, and the lock of the run in progress."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from omni_release.core.actions import Write
from omni_release.core.baseline import Baseline
from omni_release.core.cache import OutcomeCache, digest, prune, user_cache
from omni_release.core.documents import read_json, to_json
from omni_release.core.errors import Inconclusive, Locked, UsageError
from omni_release.core.journal import RUN_NAME, RunFolder, now
from omni_release.core.model import PUBLISHED, Project, Report, Target
from omni_release.core.own_folder import FOLDER, require_own
from omni_release.core.redaction import Redact, strip_userinfo
from omni_release.core.world import Files

WORKSPACE = "workspace"
"""The folder in `.omni-release/` with the runs of a whole workspace."""


@dataclass(frozen=True)
class RunStore:
    """`.omni-release/` of a project. `tracked` gives the names of the files in it that git tracks.

    `inside` is a folder in it, `WORKSPACE` for the runs of a whole workspace: a package at the same root has its own.
    """

    root: Path
    files: Files
    redact: Redact = strip_userinfo
    tracked: Callable[[Path], Sequence[str]] = lambda root: ()
    inside: str = ""

    @property
    def path(self) -> Path:
        return self.root / FOLDER / self.inside

    def require_own(self) -> None:
        """Raise UsageError where the folder is not ours alone: git tracks it, or it has links."""
        require_own(self.root, self.tracked(self.root))

    def runs(self) -> list[RunFolder]:
        """All runs, the newest first."""
        folder = self.path / "runs"
        names = (
            sorted((e.name for e in folder.iterdir() if RUN_NAME.fullmatch(e.name) and e.is_dir()), reverse=True)
            if folder.is_dir()
            else []
        )
        return [RunFolder(folder / name, self.files, redact=self.redact) for name in names]

    def run(self, name: str) -> RunFolder:
        """The run with this name, or in the folder with this path. Raises UsageError if there is none."""
        if os.sep in name or "/" in name:
            path = Path(name).absolute()
            if not (RUN_NAME.fullmatch(path.name) and path.is_dir()):
                raise UsageError(f"there is no run in {name}", "Give the folder of a run: …/.omni-release/runs/RUN.")
            return RunFolder(path, self.files, redact=self.redact)
        runs = self.runs()
        for run in runs:
            if run.path.name == name:
                return run
        names = ", ".join(run.path.name for run in runs) or "none yet"
        raise UsageError(f"there is no run {name!r} in {self.path / 'runs'}", f"Existing runs: {names}.")

    def none(self) -> RunFolder:
        """A run without a folder: nothing is recorded."""
        return self._without_folder("none")

    def planned(self) -> RunFolder:
        """The run that a dry run stands for: nothing is recorded."""
        return self._without_folder("new")

    def _without_folder(self, name: str) -> RunFolder:
        path = self.path / "runs" / name
        if os.path.lexists(path):
            raise UsageError(f"{path} is not the folder of a run", "Remove it.")
        return RunFolder(path, self.files, redact=self.redact)

    def gate(self) -> RunFolder:
        """The folder of the gate, emptied. It is not a run, so that no run is removed because of it."""
        self.prepare()
        folder = RunFolder(self.path / "gate", self.files, redact=self.redact)
        folder.remove_work_dir()
        folder.path.mkdir(exist_ok=True)
        for name in ("journal.jsonl", "logs"):
            path = folder.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return folder

    def new_run(self) -> RunFolder:
        """A new, empty run; the earlier ones are left to `remove_old`."""
        self.prepare()
        runs = self.runs()
        # The names are the order of the runs: a new one is the last, even if the clock was set back.
        newest = runs[0].path.name if runs else ""
        stamp = max(datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S"), newest[:-4])
        for number in range(1000):
            path = self.path / "runs" / (f"{stamp}-{number:03}")
            if path.name <= newest:
                continue
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                continue
            return RunFolder(path, self.files, redact=self.redact)
        raise UsageError("1000 runs have started in this second", "Check the clock of this machine.")

    def remove_old(self, newest: RunFolder, keep: int, discard: Callable[[Path], None]) -> None:
        """Remove what earlier runs than `newest` have left: all work directories, and all but the last `keep` runs.

        `discard` removes a folder while the run goes on: a work directory has thousands of files.
        """
        newest.remove_left_over(discard)
        for number, old in enumerate(run for run in self.runs() if run.path.name < newest.path.name):
            # The artifacts of one that was published may be needed to finish that.
            old.remove_work_dir(discard)
            if number >= keep - 1 and not (old.path / PUBLISHED).is_dir():
                shutil.rmtree(old.path, ignore_errors=True)

    def prepare(self) -> None:
        """Create the folder, which its own .gitignore hides from git. Raises UsageError if it cannot be written."""
        require_own(self.root)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            ignore = self.root / FOLDER / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write to {self.path}: {error.strerror}", "Make it writable: a run writes its files there."
            ) from None

    @contextlib.contextmanager
    def lock(self, what: str, tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Hold the project's lock; `what` names the run. Raises Locked, with owner and age, if another run holds it.

        It is a lock of the operating system, which a killed owner loses; `tell` gets a line about such an owner.
        """
        import filelock

        self.prepare()
        owner = self.path / "owner.json"
        try:
            with filelock.FileLock(self.path / "lock", blocking=False):
                if owner.exists():
                    tell(f"the last run was killed, its lock is free again: {_owner(owner)}")
                content = {"pid": os.getpid(), "host": platform.node(), "since": now(), "running": what}
                self.files.write(Write(owner, to_json(content).encode()))
                try:
                    yield
                finally:
                    with contextlib.suppress(OSError):  # on a disk that became read-only: it would hide the cause
                        owner.unlink(missing_ok=True)
        except filelock.Timeout:
            raise Locked(f"another run is in progress: {_owner(owner)}", "Wait until it ends, or stop it.") from None


def _owner(path: Path) -> str:
    """The owner of the lock and how long it has had it; without the age if the clock was changed in between."""
    try:
        content = read_json(path)
    except Inconclusive:
        content = None  # not completely written yet
    if not isinstance(content, dict):
        return "owner unknown"
    since, age = str(content.get("since", "")), ""
    with contextlib.suppress(ValueError, TypeError):
        seconds = (datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(since)).total_seconds()
        age = f", {int(seconds // 60)} min ago" if seconds >= 60 else f", {int(seconds)} s ago" if seconds >= 0 else ""
    owner = f"`{content.get('running')}`, process {content.get('pid')} on {content.get('host')}"
    return f"{owner}, since {since}{age}"


def outcome_cache(request: Request, run: RunFolder, environment: Mapping[str, str]) -> OutcomeCache | None:
    """The outcomes that a run may use again: of the project's earlier runs, or of the run alone; None in a dry run."""
    if request.dry or not run.path.is_dir():
        return None
    folder = outcomes_of(request, environment)
    if folder is not None:
        prune(folder.parent, time.time())
    fresh = request.fresh or (request.project.settings.evidence == "fresh" and bool(request.to))  # for a release
    own = run.path / "outcomes"
    return OutcomeCache(folder or own, run.path.name, run.files, run.redact, fresh, shared=folder is not None)


def outcomes_of(request: Request, environment: Mapping[str, str]) -> Path | None:
    """The folder with the outcomes of the project's earlier runs; None where a run does not use them.

    Where `CI` is set it does not: such a service may keep the folder, and share it.
    """
    settings, on_service = request.project.settings, environment.get("CI", "").lower() not in ("", "0", "false")
    if not (request.cache or settings.cache == "always" or (settings.cache == "local" and not on_service)):
        return None
    name = re.sub(r"[^a-z0-9]+", "-", request.project.name.lower())
    return user_cache(environment) / "outcomes" / f"{name}-{digest((str(request.project.root.resolve()),))[:16]}"


_READ_ONLY = ("version", "models", "cassettes", "audit", "doctor", "checklist")


@dataclass(frozen=True)
class WatchIssue:
    """The issue on GitHub that states the result of a watch: in which repository ([HOST/]OWNER/NAME).

    `report` is that of an earlier run; without it, that of this one counts.
    """

    repository: str
    report: Report | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a run of one package or of a workspace: `run` names one to resume.

    `format` is the form of the report on stdout. `artifacts` is a folder with distributions that were built elsewhere,
    `output` a folder for the report in each form. `only` are the ids of the tasks to run, with those that they need;
    empty means all. `to` is the name of a real index; with `yes` there is no prompt for the version. `verbosity` is -1
    for the verdict alone, 0 for the stages and the problems, 1 for every task. With `fresh` no outcome of an earlier
    run is used; with `cache` they are used whatever the settings say. `approvals` are files with approvals of the
    release, `rebuilt` files with records of rebuilds. `chosen` are the words of the command line that decide what is
    run, for the command that resumes an interrupted run.
    """

    format: str = "text"
    dry: bool = False
    run: str | None = None
    artifacts: Path | None = None
    output: Path | None = None
    only: tuple[str, ...] = ()
    to: str = ""
    yes: bool = False
    verbosity: int = 0
    fresh: bool = False
    cache: bool = False
    approvals: tuple[Path, ...] = ()
    rebuilt: tuple[Path, ...] = ()
    chosen: tuple[str, ...] = ()

    @property
    def reuse(self) -> tuple[str, ...]:
        """The option that says whether results of earlier runs are used; empty where the settings decide."""
        return ("--fresh",) if self.fresh else ("--cache",) if self.cache else ()

    def by_name(self) -> dict[str, Any]:
        """These options by their names: those of another request."""
        return {field.name: getattr(self, field.name) for field in fields(Options)}


@dataclass(frozen=True)
class Request(Options):
    """What is asked of a run of one package.

    `destination` are the addresses of the index `to`. `baseline` takes the place of the project's own. `issue` is what
    states the result of a watch. `siblings` are the folders with the distributions of other packages of the workspace
    that this one is installed with; `resume` is the command that resumes the run of a workspace of which this run is a
    part, empty for one of its own.
    """

    lane: str
    project: Project
    mode: str = ""
    destination: Target | None = None
    baseline: Baseline | None = None
    issue: WatchIssue | None = None
    siblings: tuple[Path, ...] = ()
    resume: str = ""

    @property
    def read_only(self) -> bool:
        """Does the run write nothing? A part of the gate does not, unless it runs a command of the project."""
        commands = any(id.startswith("command-") for id in self.only)
        return self.lane in _READ_ONLY or (self.lane == "gate" and bool(self.only) and not commands)
