"""The folder `.omni-release/` of a project: its runs, the newest gate, and the lock that one run at a time holds."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from omni_release.core.actions import Write
from omni_release.core.documents import read_json, to_json
from omni_release.core.errors import Inconclusive, Locked, UsageError
from omni_release.core.journal import RUN_NAME, RunFolder, now
from omni_release.core.model import PUBLISHED, Project, Target
from omni_release.core.redaction import Redact, strip_userinfo
from omni_release.core.world import Files

FOLDER = ".omni-release"


@dataclass(frozen=True)
class RunStore:
    """`.omni-release/` of a project."""

    root: Path
    files: Files
    redact: Redact = strip_userinfo

    @property
    def path(self) -> Path:
        return self.root / FOLDER

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
        """The run of this name, or the one in the folder of this name. Raises UsageError where there is none."""
        if os.sep in name or "/" in name:
            path = Path(name).absolute()
            if not (RUN_NAME.fullmatch(path.name) and path.is_dir()):
                raise UsageError(f"there is no run in {name}", "Name a run's folder: …/.omni-release/runs/RUN.")
            return RunFolder(path, self.files, redact=self.redact)
        found = next((run for run in self.runs() if run.path.name == name), None)
        if found is None:
            known = ", ".join(run.path.name for run in self.runs()) or "none yet"
            raise UsageError(f"there is no run {name!r} in {self.path / 'runs'}", f"Runs there: {known}.")
        return found

    def none(self) -> RunFolder:
        """A run that is not there, and remembers nothing."""
        return RunFolder(self.path / "runs" / "none", self.files)

    def gate(self) -> RunFolder:
        """The one folder of the gate, without what an earlier one said: no run, so that none is pushed out by it."""
        self.prepare()
        folder = RunFolder(self.path / "gate", self.files, redact=self.redact)
        folder.remove_work_dir()
        folder.path.mkdir(exist_ok=True)
        (folder.path / "journal.jsonl").unlink(missing_ok=True)
        shutil.rmtree(folder.path / "logs", ignore_errors=True)
        return folder

    def new_run(self, keep: int) -> RunFolder:
        """A new, empty run. With it the last `keep` stay, the older ones without their workshops."""
        self.prepare()
        runs = self.runs()
        for old in runs:
            old.remove_work_dir()
        for old in runs[keep - 1 :]:
            if not (old.path / PUBLISHED).is_dir():  # those bytes may be needed to finish what was begun
                shutil.rmtree(old.path, ignore_errors=True)
        # The names are the order: never one before the newest, also where the clock was set back.
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
        raise UsageError("a thousand runs began in this very second", "Is the clock standing still?")

    def prepare(self) -> None:
        """Make the folder, hidden from git by a .gitignore of its own. Raises UsageError where it cannot be written."""
        if self.path.is_symlink():
            raise UsageError(f"{self.path} is a link, to {self.path.readlink()}", "Nothing behind a link is touched.")
        try:
            self.path.mkdir(exist_ok=True)
            ignore = self.path / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write to {self.path}: {error.strerror}", "A run keeps its files there: make it writable."
            ) from None

    @contextlib.contextmanager
    def lock(self, what: str, tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Hold the project's lock. Raises Locked, with its owner and its age, where another run holds it.

        The lock is the operating system's, so that a killed owner never leaves it behind; what it left is told.
        """
        import filelock

        self.prepare()
        owner = self.path / "owner.json"
        try:
            with filelock.FileLock(self.path / "lock", blocking=False):
                if owner.exists():
                    tell(f"the last run here was cut short, its lock is taken over: {_owner(owner)}")
                whose = {"pid": os.getpid(), "host": platform.node(), "since": now(), "running": what}
                self.files.write(Write(owner, to_json(whose).encode()))
                try:
                    yield
                finally:
                    owner.unlink(missing_ok=True)
        except filelock.Timeout:
            raise Locked(f"another run is at work here: {_owner(owner)}", "Wait for it to end, or end it.") from None


def _owner(path: Path) -> str:
    try:
        found = read_json(path)
    except Inconclusive:
        found = None  # cut short while it was written
    if not isinstance(found, dict):
        return "it has not said who it is"
    since = str(found.get("since", ""))
    whose = f"`{found.get('running')}`, process {found.get('pid')} on {found.get('host')}"
    return f"{whose}, since {since}{_age(since)}"


def _age(since: str) -> str:
    """How long ago that was; empty where a clock was set in between, or the moment cannot be read."""
    try:
        seconds = (datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(since)).total_seconds()
    except (ValueError, TypeError):
        return ""
    return f", {int(seconds // 60)} min ago" if seconds >= 60 else f", {int(seconds)} s ago" if seconds >= 0 else ""


_WRITES_NOTHING = ("version", "models", "cassettes", "audit", "doctor", "checklist")


@dataclass(frozen=True)
class Request:
    """What a run was asked for: `run` names one to go on with, `format` is what is printed on stdout.

    `artifacts` is a folder with distributions that were built elsewhere, `output` one that gets the report in each of
    its forms. `only` are the ids of the tasks that are asked for, with what they need; empty means all. `to` is a real
    index, as it was named, and `destination` where that is; with `yes` nobody is asked to type the version.
    """

    lane: str
    project: Project
    format: str = "text"
    dry: bool = False
    run: str | None = None
    artifacts: Path | None = None
    output: Path | None = None
    only: tuple[str, ...] = ()
    mode: str = ""
    to: str = ""
    yes: bool = False
    destination: Target | None = None

    @property
    def read_only(self) -> bool:
        """Is it a mere look, which writes nothing?"""
        return self.lane in _WRITES_NOTHING or (self.lane == "gate" and bool(self.only))
