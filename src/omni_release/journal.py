"""The run folder: what was meant, what was built, what came of it. Append-only, so that a later run can pick it up.

.omni-release/
  .gitignore          *
  lock, owner.json    one run at a time, and whose it is
  removed/            what was moved out of dist/
  gate/               the newest gate: journal, logs, reports
  runs/RUN/
    journal.jsonl     one event a line, each synced to the disk
    artifacts.json    what was built: name, size, sha256
    dist/  logs/  kept/  index/
    workshop          where, outside the checkout, copies and environments stand
    report.json  report.junit.xml  report.md  report.sarif
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omni_release import artifacts
from omni_release.actions import Pin, Write
from omni_release.errors import CannotTell, Locked, UsageError
from omni_release.model import PUBLISHED, REHEARSAL, Artifact, SignOff, Status
from omni_release.seams import Files
from omni_release.userinfo import Redact, left_out, redacted

HOME = ".omni-release"
_RUN = re.compile(r"\d{8}-\d{6}-\d{3}")

_WHOSE = "omni-release-run"
_AFTERWARDS = ("release", "doctor", "published")


@dataclass(frozen=True)
class RunFolder:
    """One run's folder, see `seams.Journal`.

    One that is not there (a dry run) remembers nothing, nor does one that is only `read` (a mere look).
    What is recorded or kept in it goes through `redact`.
    """

    path: Path
    files: Files
    read: bool = False
    redact: Redact = left_out

    def workshop(self) -> Path:
        """The run's folder outside the checkout, for copies and environments; made where it is not there (any more).

        Outside, so that nothing that looks upwards from it (git, uv, pytest, a back end) finds the checkout.
        """
        if (found := self._workshop()) is not None:
            return found
        made = Path(tempfile.mkdtemp(prefix="omni-release-")).resolve()
        (made / _WHOSE).write_bytes(os.fsencode(self.path))
        self.files.write(Write(self.path / "workshop", os.fsencode(made)))
        return made

    def dismantle(self) -> None:
        """Remove the workshop, if it is there and this run's."""
        if (found := self._workshop()) is not None:
            shutil.rmtree(found, ignore_errors=True)

    def _workshop(self) -> Path | None:
        try:
            stated = Path(os.fsdecode((self.path / "workshop").read_bytes()))
            return stated if (stated / _WHOSE).read_bytes() == os.fsencode(self.path) else None
        except OSError:
            return None

    def artifacts(self) -> tuple[Artifact, ...]:
        pinned = _read(self.path / "artifacts.json")
        return tuple(Artifact(**entry) for entry in pinned["artifacts"]) if isinstance(pinned, dict) else ()

    def built_from(self) -> str | None:
        pinned = _read(self.path / "artifacts.json")
        return str(pinned["tree"]) if isinstance(pinned, dict) else None

    def built_at(self) -> str | None:
        pinned = _read(self.path / "artifacts.json")
        return pinned.get("commit") if isinstance(pinned, dict) else None

    def rehearsed(self) -> str | None:
        verdict, hashes = None, self._hashes()
        for event in self.events():
            if event.get("event") != "ended" or event.get("artifacts", hashes) != hashes:
                continue
            lane, came = event.get("lane"), event.get("verdict")
            whole = lane == "rehearse" and event.get("whole") is True
            # What failed later takes the whole one's verdict away; what could not be told, or waits, says nothing.
            if whole or (verdict == "passed" and came == "failed" and lane not in _AFTERWARDS):
                verdict = came
        return None if verdict == "interrupted" else verdict

    def confirmed(self, address: str) -> bool:
        expected = {"event": "confirmed", "address": address, "artifacts": self._hashes()}
        return bool(self.artifacts()) and any(expected.items() <= event.items() for event in self.events())

    def _hashes(self) -> str:
        return ",".join(artifact.sha256 for artifact in self.artifacts())

    def pin(self, action: Pin) -> None:
        built = [artifacts.of(path) for path in sorted(action.dist.iterdir())]
        pinned = {
            "tree": action.tree.read_text(encoding="utf-8"),
            "commit": action.commit,
            "artifacts": [asdict(entry) for entry in built],
        }
        self.files.write(Write(self.path / "artifacts.json", _json(pinned)))

    def sign_offs(self) -> tuple[SignOff, ...]:
        hashes = tuple(artifact.sha256 for artifact in self.artifacts())
        others = [signed for run in self._others() for signed in run.signed() if signed.artifacts == hashes]
        return (*(others if hashes else ()), *self.signed())

    def signed(self) -> Iterator[SignOff]:
        """What was answered to this very run."""
        for e in self.events():
            if e.get("event") == "signed":
                yield SignOff(e["task"], e["who"], e["when"], e["reason"], tuple(e["artifacts"]))

    def _others(self) -> list[RunFolder]:
        """The other runs of the same project, the oldest first."""
        folder = self.path.parent
        found = sorted(folder.iterdir()) if _RUN.fullmatch(self.path.name) and folder.is_dir() else []
        return [RunFolder(path, self.files) for path in found if _RUN.fullmatch(path.name) and path != self.path]

    def came_of(self, task: str, target: str) -> Status | None:
        found = [e["status"] for e in self._outcomes() if e["task"] == task and _about(e) in (REHEARSAL, target)]
        return Status(found[-1]) if found else None

    def aimed_at(self) -> str:
        """The real index that this run was last about; the rehearsal's where there was none yet."""
        return next((about for e in reversed(self._outcomes()) if (about := _about(e)) != REHEARSAL), REHEARSAL)

    def _outcomes(self) -> list[dict[str, Any]]:
        return [event for event in self.events() if event.get("event") == "outcome"]

    def kept(self, task: str, key: str) -> str | None:
        try:
            found = _read(self.path / "kept" / f"{task}.json")
        except CannotTell:
            return None  # what cannot be read was not kept
        if isinstance(found, dict) and found.get("key") == key:
            return json.dumps(found["outcome"])
        return None

    def keep(self, task: str, key: str, outcome: str) -> None:
        if self.read or not self.path.is_dir():
            return
        kept = {"key": key, "outcome": redacted(json.loads(outcome), self.redact)}
        self.files.write(Write(self.path / "kept" / f"{task}.json", _json(kept)))

    def record(self, event: str, **facts: object) -> None:
        if self.read or not self.path.is_dir():
            return
        line = json.dumps({"at": _now(), "event": event, **redacted(facts, self.redact)}, ensure_ascii=False)
        with (self.path / "journal.jsonl").open("ab+") as file:
            # After a line that a crash cut short, begin a new one. A file name's odd bytes become JSON's own escapes.
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            start = "" if file.read(1) in (b"", b"\n") else "\n"
            file.write(f"{start}{line}\n".encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())

    def sign(self, task: str, who: str, reason: str) -> SignOff:
        """Record a person's answer, about the artifacts that the run holds now."""
        hashes = tuple(artifact.sha256 for artifact in self.artifacts())
        signed = SignOff(task, who, _now(), self.redact(reason), hashes)
        self.record("signed", task=task, who=who, when=signed.when, reason=signed.reason, artifacts=list(hashes))
        return signed

    def events(self) -> Iterator[dict[str, Any]]:
        """What was recorded, oldest first. A line that a crash cut short is passed over."""
        with contextlib.suppress(FileNotFoundError):
            for line in (self.path / "journal.jsonl").read_bytes().split(b"\n"):
                with contextlib.suppress(ValueError):
                    if isinstance(event := json.loads(line), dict):
                        yield event


@dataclass(frozen=True)
class Home:
    """`.omni-release/` of a project."""

    root: Path
    files: Files
    redact: Redact = left_out

    @property
    def path(self) -> Path:
        return self.root / HOME

    def runs(self) -> list[RunFolder]:
        """All runs, the newest first."""
        folder = self.path / "runs"
        names = (
            sorted((e.name for e in folder.iterdir() if _RUN.fullmatch(e.name) and e.is_dir()), reverse=True)
            if folder.is_dir()
            else []
        )
        return [RunFolder(folder / name, self.files, redact=self.redact) for name in names]

    def run(self, name: str) -> RunFolder:
        """The run of this name, or the one in the folder of this name. Raises UsageError where there is none."""
        if os.sep in name or "/" in name:
            path = Path(name).absolute()
            if not (_RUN.fullmatch(path.name) and path.is_dir()):
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
        folder.dismantle()
        folder.path.mkdir(exist_ok=True)
        (folder.path / "journal.jsonl").unlink(missing_ok=True)
        shutil.rmtree(folder.path / "logs", ignore_errors=True)
        return folder

    def new_run(self, keep: int) -> RunFolder:
        """A new, empty run. With it the last `keep` stay, the older ones without their workshops."""
        self.prepare()
        runs = self.runs()
        for old in runs:
            old.dismantle()
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
                whose = {"pid": os.getpid(), "host": platform.node(), "since": _now(), "running": what}
                self.files.write(Write(owner, _json(whose)))
                try:
                    yield
                finally:
                    owner.unlink(missing_ok=True)
        except filelock.Timeout:
            raise Locked(f"another run is at work here: {_owner(owner)}", "Wait for it to end, or end it.") from None


def _about(outcome: Mapping[str, Any]) -> str:
    """The index that an outcome is about."""
    return str(outcome.get("target", REHEARSAL))


def _owner(path: Path) -> str:
    try:
        found = _read(path)
    except CannotTell:
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


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CannotTell(f"{path} cannot be read: {error}", "Start a new run.") from None


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
