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
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omni_release.core.actions import Pin, Write
from omni_release.core.documents import artifact_of, read_json, to_json
from omni_release.core.errors import Inconclusive
from omni_release.core.model import REHEARSAL, Artifact, Outcome, SignOff, Status
from omni_release.core.redaction import Redact, redacted, strip_userinfo
from omni_release.core.world import Files

RUN_NAME = re.compile(r"\d{8}-\d{6}-\d{3}")
"""When it began, to the second, and a number."""

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
    redact: Redact = strip_userinfo

    def work_dir(self) -> Path:
        """The run's folder outside the checkout, for copies and environments; made where it is not there (any more).

        Outside, so that nothing that looks upwards from it (git, uv, pytest, a back end) finds the checkout.
        """
        if (found := self._work_dir()) is not None:
            return found
        made = Path(tempfile.mkdtemp(prefix="omni-release-")).resolve()
        (made / _WHOSE).write_bytes(os.fsencode(self.path))
        self.files.write(Write(self.path / "workshop", os.fsencode(made)))
        return made

    def remove_work_dir(self) -> None:
        """Remove the workshop, if it is there and this run's."""
        if (found := self._work_dir()) is not None:
            shutil.rmtree(found, ignore_errors=True)

    def _work_dir(self) -> Path | None:
        try:
            stated = Path(os.fsdecode((self.path / "workshop").read_bytes()))
            return stated if (stated / _WHOSE).read_bytes() == os.fsencode(self.path) else None
        except OSError:
            return None

    def artifacts(self) -> tuple[Artifact, ...]:
        pinned = read_json(self.path / "artifacts.json")
        return tuple(Artifact(**entry) for entry in pinned["artifacts"]) if isinstance(pinned, dict) else ()

    def tree_hash(self) -> str | None:
        pinned = read_json(self.path / "artifacts.json")
        return str(pinned["tree"]) if isinstance(pinned, dict) else None

    def commit_built(self) -> str | None:
        pinned = read_json(self.path / "artifacts.json")
        return pinned.get("commit") if isinstance(pinned, dict) else None

    def rehearsal_verdict(self) -> str | None:
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
        built = [artifact_of(path) for path in sorted(action.dist.iterdir())]
        pinned = {
            "tree": action.tree.read_text(encoding="utf-8"),
            "commit": action.commit,
            "artifacts": [asdict(entry) for entry in built],
        }
        self.files.write(Write(self.path / "artifacts.json", to_json(pinned).encode()))

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
        found = sorted(folder.iterdir()) if RUN_NAME.fullmatch(self.path.name) and folder.is_dir() else []
        return [RunFolder(path, self.files) for path in found if RUN_NAME.fullmatch(path.name) and path != self.path]

    def last_status(self, task: str, target: str) -> Status | None:
        found = [e["status"] for e in self._outcomes() if e["task"] == task and _about(e) in (REHEARSAL, target)]
        return Status(found[-1]) if found else None

    def last_target(self) -> str:
        """The real index that this run was last about; the rehearsal's where there was none yet."""
        return next((about for e in reversed(self._outcomes()) if (about := _about(e)) != REHEARSAL), REHEARSAL)

    def _outcomes(self) -> list[dict[str, Any]]:
        return [event for event in self.events() if event.get("event") == "outcome"]

    def cached(self, task: str, key: str) -> str | None:
        try:
            found = read_json(self.path / "kept" / f"{task}.json")
        except Inconclusive:
            return None  # what cannot be read was not kept
        if isinstance(found, dict) and found.get("key") == key:
            return json.dumps(found["outcome"])
        return None

    def cache(self, task: str, key: str, outcome: str) -> None:
        if self.read or not self.path.is_dir():
            return
        kept = {"key": key, "outcome": redacted(json.loads(outcome), self.redact)}
        self.files.write(Write(self.path / "kept" / f"{task}.json", to_json(kept).encode()))

    def record(self, event: str, **facts: object) -> None:
        if self.read or not self.path.is_dir():
            return
        line = json.dumps({"at": now(), "event": event, **redacted(facts, self.redact)}, ensure_ascii=False)
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
        signed = SignOff(task, who, now(), self.redact(reason), hashes)
        self.record("signed", task=task, who=who, when=signed.when, reason=signed.reason, artifacts=list(hashes))
        return signed

    def events(self) -> Iterator[dict[str, Any]]:
        """What was recorded, oldest first. A line that a crash cut short is passed over."""
        with contextlib.suppress(FileNotFoundError):
            for line in (self.path / "journal.jsonl").read_bytes().split(b"\n"):
                with contextlib.suppress(ValueError):
                    if isinstance(event := json.loads(line), dict):
                        yield event


def now() -> str:
    """This moment in UTC, in ISO 8601 to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _about(outcome: Mapping[str, Any]) -> str:
    """The index that an outcome is about."""
    return str(outcome.get("target", REHEARSAL))


def outcome_dict(outcome: Outcome) -> dict[str, object]:
    """An outcome as a JSON document has it: its fields, without `actions` where there are none."""
    content = asdict(outcome)
    if not outcome.actions:
        del content["actions"]
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
