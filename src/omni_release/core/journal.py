"""The run folder: what a run meant to do, built, and ended with. Append-only, so that a later run can resume it.

.omni-release/
  .gitignore          *
  lock, owner.json    one run at a time, and its owner
  removed/            what was moved out of dist/
  gate/               the newest gate: journal, logs, reports
  runs/RUN/
    journal.jsonl     one event per line; a release syncs each to the disk
    artifacts.json    what was built: name, size, sha256
    build-environment.json  what it was built with
    rebuilt/          the records of its rebuilds
    dist/  logs/  cache/  outcomes/  index/
    work-dir          the path of the folder with copies and environments, outside of the checkout
    report.html  report.json  report.junit.xml  report.md  report.sarif
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omni_release.core import renamed
from omni_release.core.actions import Pin, Write
from omni_release.core.documents import append_json_line, artifact_of, read_json, read_json_lines, to_json
from omni_release.core.errors import Inconclusive
from omni_release.core.model import REHEARSAL, TEMPORARY, Artifact, Outcome, SignOff, Status
from omni_release.core.own_folder import is_own
from omni_release.core.redaction import Redact, redacted, strip_userinfo
from omni_release.core.world import Files

RUN_NAME = re.compile(r"\d{8}-\d{6}-\d{3}")
"""The time of its start, to the second, and a number."""

_OWNER_MARKER = "omni-release-run"
"""The file in a work directory with the path of the run folder that it belongs to."""

_NAMES = 8
"""How many work directories of a project have names that are used again."""

_ASIDE = ".removed-"
"""What follows the name of a work directory that is being removed; then 16 hexadecimal digits."""

_AFTER_REHEARSAL = ("release", "doctor", "published")
"""The lanes whose failure says nothing about what was rehearsed."""


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, a `core.world.Journal`.

    Nothing is recorded or cached if the folder does not exist (a dry run), or if it is `read_only`. Everything that is
    recorded or cached goes through `redact`. Without `sync`, a loss of power can lose the last events.
    """

    path: Path
    files: Files
    read_only: bool = False
    redact: Redact = strip_userinfo
    sync: bool = True

    def work_dir(self) -> Path:
        """The run's folder for copies and environments; created if it does not exist.

        It is outside of the checkout, so that nothing that searches upwards (git, uv, pytest, a back end) finds that.
        """
        if (existing := self.existing_work_dir()) is not None:
            shutil.rmtree(existing / TEMPORARY, ignore_errors=True)  # what a killed program left
            (existing / TEMPORARY).mkdir(exist_ok=True)
            return existing
        self.remove_work_dir()
        created = self._created()
        (created / _OWNER_MARKER).write_bytes(os.fsencode(self.path))  # first: without it, only an empty one is ours
        (created / TEMPORARY).mkdir()
        return created

    def _created(self) -> Path:
        """A new folder. Its name is one of an earlier run's where that is free: uv knows the environments in it again.

        uv asks an interpreter about itself once for each path, which takes as long as an install.
        """
        first = self._first_work_dir()
        for end in (*range(_NAMES), secrets.token_hex(8)):
            path = first.with_name(f"{first.name}{end}")
            if os.path.lexists(path):
                continue
            # The name is written first: a run that is killed in between leaves no folder behind that no run knows of.
            self.files.write(Write(self.path / "work-dir", os.fsencode(path)))
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o700)
                return path
        raise FileExistsError(str(path))

    def _first_work_dir(self) -> Path:
        """How the path of each work directory of this project begins, for this interpreter."""
        stated = f"{self.path.parent}\0{sys.executable}\0{sys.version}".encode(errors="replace")
        return Path(tempfile.gettempdir()).resolve() / f"omni-release-{hashlib.sha256(stated).hexdigest()[:14]}-"

    def remove_work_dir(self, remove: Callable[[Path], None] = _remove) -> None:
        """Remove the work directory, if it exists and belongs to this run; or is empty, and this run named it.

        It is renamed first: `remove` can take its time while another run uses the name, and where it is cut off,
        `remove_left_over` goes on.
        """
        if (existing := self.existing_work_dir()) is not None:
            aside = existing.with_name(f"{existing.name}{_ASIDE}{secrets.token_hex(8)}")
            try:
                existing.rename(aside)
            except OSError:  # Windows, while a program has one of its files open
                _remove(existing)
            else:
                remove(aside)
        else:
            with contextlib.suppress(OSError, ValueError):
                Path(os.fsdecode((self.path / "work-dir").read_bytes())).rmdir()

    def remove_left_over(self, remove: Callable[[Path], None]) -> None:
        """Remove the work directories of this project whose removal was cut off, or whose run no longer exists."""
        first = self._first_work_dir()
        for path in first.parent.glob(f"{first.name}*"):
            if is_own(path) and (_ASIDE in path.name or self._is_of_no_run(path)):
                remove(path)

    def _is_of_no_run(self, work_dir: Path) -> bool:
        """Whether a work directory states a run that does not exist, or has another one."""
        try:
            run = Path(os.fsdecode((work_dir / _OWNER_MARKER).read_bytes()))
        except OSError:
            return False
        return RunFolder(run, self.files).existing_work_dir() != work_dir

    def existing_work_dir(self) -> Path | None:
        """The work directory; None where there is none, or it belongs to another run."""
        try:
            stated = Path(os.fsdecode((self.path / "work-dir").read_bytes()))
            ours = is_own(stated) and (stated / _OWNER_MARKER).read_bytes() == os.fsencode(self.path)
            return stated if ours else None
        except (OSError, ValueError):  # a loss of power can leave a path of zeros
            return None

    def artifacts(self) -> tuple[Artifact, ...]:
        try:
            return tuple(Artifact(**entry) for entry in self._pinned().get("artifacts", ()))
        except TypeError:  # of another version of omni-release, or changed by hand
            message = f"{self.path / 'artifacts.json'} does not list distributions as this omni-release does"
            raise Inconclusive(message, "Start a new run.") from None

    def is_readable(self) -> bool:
        """Whether it can be read what the run has built. A damaged one is passed over where runs are searched."""
        try:
            self.artifacts()
        except Inconclusive:
            return False
        return True

    def tree_hash(self) -> str | None:
        return self._pinned().get("tree")

    def commit_built(self) -> str | None:
        return self._pinned().get("commit")

    def _pinned(self) -> dict[str, Any]:
        """What `pin` has written; empty before the build. Raises Inconclusive if it cannot be read."""
        pinned = read_json(self.path / "artifacts.json")
        return pinned if isinstance(pinned, dict) else {}

    def _hashes(self) -> tuple[str, ...]:
        return tuple(artifact.sha256 for artifact in self.artifacts())

    def pin(self, action: Pin) -> None:
        built = [artifact_of(path) for path in sorted(action.dist.iterdir())]
        pinned = {
            "tree": action.tree.read_text(encoding="utf-8"),
            "commit": action.commit,
            "artifacts": [asdict(artifact) for artifact in built],
        }
        self.files.write(Write(self.path / "artifacts.json", to_json(pinned).encode()))

    def sync_built(self) -> None:
        """Wait until the disk has what was built, as a rehearsal does not: it is about to be published."""
        built = (path for path in (self.path / "dist").glob("*") if path.is_file())
        for path in (*built, self.path / "artifacts.json", self.path / "dist", self.path):
            with contextlib.suppress(OSError):  # Windows opens no folder, and no file that may not be written
                descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def rehearsal_verdict(self) -> str | None:
        verdict, hashes = None, ",".join(self._hashes())
        for event in self.events():
            if event.get("event") != "ended" or event.get("artifacts", hashes) != hashes:
                continue
            lane, ended = event.get("lane"), event.get("verdict")
            complete = lane == "rehearse" and event.get("whole") is True
            # A later failure replaces the verdict of the complete rehearsal; inconclusive and waiting do not.
            if complete or (verdict == "passed" and ended == "failed" and lane not in _AFTER_REHEARSAL):
                verdict = ended
        return None if verdict == "interrupted" else verdict

    def confirmed(self, address: str) -> bool:
        hashes = ",".join(self._hashes())
        expected = {"event": "confirmed", "address": address, "artifacts": hashes}
        return bool(hashes) and any(expected.items() <= event.items() for event in self.events())

    def sign(self, task: str, who: str, reason: str) -> SignOff:
        """Record a person's answer to a task, for the artifacts that the run has now."""
        signed = SignOff(task, who, now(), self.redact(reason), self._hashes())
        artifacts = list(signed.artifacts)
        self.record("signed", task=task, who=who, when=signed.when, reason=signed.reason, artifacts=artifacts)
        return signed

    def sign_offs(self) -> tuple[SignOff, ...]:
        folder, hashes = self.path.parent, self._hashes()
        shared: list[SignOff] = []
        if hashes and RUN_NAME.fullmatch(self.path.name) and folder.is_dir():
            for path in sorted(folder.iterdir()):
                if RUN_NAME.fullmatch(path.name) and path != self.path:
                    shared += [
                        sign_off for sign_off in RunFolder(path, self.files).signed() if sign_off.artifacts == hashes
                    ]
        return (*shared, *self.signed())

    def signed(self) -> Iterator[SignOff]:
        """The sign-offs of this run alone."""
        for e in self.events():
            if e.get("event") == "signed":
                yield SignOff(renamed.current(e["task"]), e["who"], e["when"], e["reason"], tuple(e["artifacts"]))

    def last_status(self, task: str, target: str) -> Status | None:
        for event in reversed(self._outcomes()):
            if event["task"] == task and event.get("target", REHEARSAL) in (REHEARSAL, target):
                return Status(event["status"])
        return None

    def cached_outcomes(self) -> dict[str, tuple[str, str]]:
        cached: dict[str, tuple[str, str]] = {}
        for event in self._outcomes():
            if event.get("target", REHEARSAL) != REHEARSAL or event.get("status") == Status.SKIPPED:
                continue
            cached.pop(event["task"], None)
            if "cached" in event:
                cached[event["task"]] = (event["cached"], event["cached_at"])
        return cached

    def last_target(self) -> str:
        """The index that this run was last about: the last real one, or that of the rehearsal."""
        targets = (str(event.get("target", REHEARSAL)) for event in reversed(self._outcomes()))
        return next((target for target in targets if target != REHEARSAL), REHEARSAL)

    def _outcomes(self) -> list[dict[str, Any]]:
        return [event for event in self.events() if event.get("event") == "outcome"]

    def cached(self, task: str, key: str) -> str | None:
        try:
            entry = read_json(self.path / "cache" / f"{task}.json")
        except Inconclusive:
            return None  # a file that cannot be read is not a cached outcome
        return json.dumps(entry["outcome"]) if isinstance(entry, dict) and entry.get("key") == key else None

    def cache(self, task: str, key: str, outcome: str) -> None:
        if self.read_only or not self.path.is_dir():
            return
        entry = {"key": key, "outcome": redacted(json.loads(outcome), self.redact)}
        self.files.write(Write(self.path / "cache" / f"{task}.json", to_json(entry).encode()))

    def record(self, event: str, **facts: object) -> None:
        if self.read_only or not self.path.is_dir():
            return
        entry = {"at": now(), "event": event, **redacted(facts, self.redact)}
        append_json_line(self.path / "journal.jsonl", entry, sync=self.sync)

    def events(self) -> Iterator[dict[str, Any]]:
        """The recorded events, oldest first."""
        return read_json_lines(self.path / "journal.jsonl")

    def ended(self) -> list[dict[str, Any]]:
        """The events of the lanes that have ended, oldest first, each with its `lane`, `verdict` and time (`at`)."""
        ended = (event for event in self.events() if event.get("event") == "ended" and _is_time(event.get("at")))
        return [
            event for event in ended if isinstance(event.get("lane"), str) and isinstance(event.get("verdict"), str)
        ]


def now() -> str:
    """The current time in UTC, in ISO 8601 to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _is_time(text: object) -> bool:
    try:
        return datetime.datetime.fromisoformat(str(text)).tzinfo is not None
    except ValueError:
        return False


def outcome_dict(outcome: Outcome) -> dict[str, object]:
    """An outcome as a JSON document has it: its fields, without those that are optional and empty."""
    content = asdict(outcome)
    for key in ("actions", "cached"):
        if not content[key]:
            del content[key]
    if outcome.started is None:
        del content["started"]
    for finding in content["findings"]:
        for key in ("configured", "distribution", "subjects", "cause"):
            if not finding[key]:
                del finding[key]
    return content


def outcome_to_json(outcome: Outcome) -> str:
    """One outcome as JSON, for `outcome_from_json`."""
    return json.dumps(outcome_dict(outcome), ensure_ascii=False)


def outcome_from_json(text: str | None) -> Outcome | None:
    """The outcome that `outcome_to_json` wrote; None for anything that this version would not write like this."""
    if not text:
        return None
    import msgspec  # only a cached outcome needs it, and start-up is measured

    try:
        outcome = msgspec.convert(json.loads(text), Outcome, strict=True)
    except (ValueError, msgspec.ValidationError):
        return None
    # A dataclass ignores keys that it does not know.
    return outcome if json.loads(outcome_to_json(outcome)) == json.loads(text) else None
