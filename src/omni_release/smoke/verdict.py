"""What came of one test marked `smoke`: passed, failed, or could not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from vcr.errors import CannotOverwriteExistingCassetteException as NotInRecording

from omni_release.core.errors import OmniReleaseError
from omni_release.smoke import outcomes

if TYPE_CHECKING:
    from omni_release.smoke.metering import Call
    from omni_release.smoke.traffic import Recording, Tape

UNRECORDED = "not recorded yet: `nox -s record` does, with a key; `nox -s record -- --emulated` without one"
_CHANGED = "it asks for what its recording does not have: mend it, or record it anew: `nox -s record`"


class Running:
    """The test that runs now."""

    def __init__(self, item: pytest.Item) -> None:
        self.item = item
        self.outcome = ""
        self.why = ""
        self.error: BaseException | None = None
        self.seconds = 0.0
        self.calls: tuple[Call, ...] = ()
        self.recording: Recording | None = None
        self.tape: Tape | None = None
        self.wrote = False

    @property
    def unused(self) -> tuple[int, ...]:
        """Positions of recorded answers that nobody asked for."""
        if self.tape is None or self.recording is None or not self.recording.replay:
            return ()
        return tuple(at for at in range(len(self.tape.data)) if not self.tape.play_counts[at])


def judge(running: Running, mode: str, exceeded: str) -> None:
    """A failure that says nothing about the release is inconclusive, and so is a pass that nothing answered to."""
    calls, recording = running.calls, running.recording
    if mode == outcomes.RECORDED:
        if running.outcome == outcomes.FAILED and calls and recording and not recording.there:
            running.why = UNRECORDED
        elif running.outcome == outcomes.FAILED and isinstance(running.error, NotInRecording):
            running.why = _CHANGED
        return
    if running.outcome == outcomes.FAILED:
        told = outcomes.cannot_tell(running.error)
        if exceeded:
            running.outcome, running.why = outcomes.INCONCLUSIVE, exceeded
        elif told is not None:
            running.outcome, running.why = outcomes.INCONCLUSIVE, told.message
        elif calls and calls[-1].unanswered:
            running.outcome, running.why = outcomes.INCONCLUSIVE, f"{_came(calls[-1])}; {running.why}"
    elif running.outcome == outcomes.PASSED and calls and all(call.unanswered for call in calls):
        running.outcome = outcomes.INCONCLUSIVE
        running.why = f"it passed, and yet no call was answered: {_came(calls[-1])}"


def why(report: pytest.TestReport, call: pytest.CallInfo[None]) -> str:
    """Why a test did not pass, in a line."""
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, OmniReleaseError):
        return f"{type(error).__name__}: {error.message}"
    said = call.excinfo.exconly(tryshort=True) if call.excinfo else ""
    return next((line.strip() for line in said.splitlines() if line.strip()), "")[:500]


def _came(call: Call) -> str:
    return f"{call.model or 'the service'}: {'no answer' if call.code is None else call.code}"
