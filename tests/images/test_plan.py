"""The five tests of the plan, by their names, on real sockets."""

from __future__ import annotations

from omni_release.emulators import GeminiEmulator
from omni_release.images import errors
from tests.images.conftest import FLASH, PRO, run_request


def test_retry_succeeds_on_second_attempt(emulator: GeminiEmulator) -> None:
    """One 503, then the image: both calls are recorded, without a warning."""
    outcome = run_request(emulator, "503; ok")
    assert outcome.result is not None
    assert [(a.model, a.came, a.next) for a in outcome.result.attempts] == [
        (PRO, "Overloaded", "retry"),
        (PRO, "image", "done"),
    ]
    assert (outcome.models, outcome.result.warnings, outcome.result.model_answered) == ([PRO, PRO], (), PRO)
    told = [(level, event, facts["came"], facts["next"]) for level, event, facts in outcome.log.events]
    assert told == [
        ("warning", "image call failed", "Overloaded", "retry"),
        ("warning", "image call answered", "image", "done"),
    ]
    assert all(
        facts.keys() >= {"model", "started", "seconds", "came", "next", "why"} for _, _, facts in outcome.log.events
    )


def test_fallback_after_double_failure(emulator: GeminiEmulator) -> None:
    """Two failures, then the fallback's image, with a warning."""
    outcome = run_request(emulator, "503; 500; ok")
    assert outcome.result is not None
    assert outcome.models == [PRO, PRO, FLASH]
    assert (outcome.result.model_requested, outcome.result.model_answered) == (PRO, FLASH)
    assert outcome.result.warnings == (f"{PRO} made no image (ServiceFault); {FLASH} made this one",)


def test_timeout_triggers_retry(emulator: GeminiEmulator) -> None:
    """A call that hangs is cut off and repeated."""
    outcome = run_request(emulator, "hang; ok", timeout=0.7)
    assert outcome.result is not None
    assert [a.came for a in outcome.result.attempts] == ["TimedOut", "image"]
    assert 0.5 < outcome.result.attempts[0].seconds < 5


def test_all_attempts_fail(emulator: GeminiEmulator) -> None:
    """There are four calls, and the error lists them, with a hint."""
    outcome = run_request(emulator, "503; 503; 500; drop; ok")
    assert isinstance(outcome.error, errors.RetriesExhausted)
    assert outcome.models == [PRO, PRO, FLASH, FLASH]
    assert "no image after 4 calls" in outcome.error.message
    assert outcome.error.message.count("503 UNAVAILABLE") == 2
    assert "Try again in a few minutes" in outcome.error.hint
    assert [a.came for a in outcome.error.attempts] == ["Overloaded", "Overloaded", "ServiceFault", "Disconnected"]


def test_no_fallback_configured(emulator: GeminiEmulator) -> None:
    """Without a fallback there are two calls."""
    outcome = run_request(emulator, "503; 503; ok", fallback=False)
    assert isinstance(outcome.error, errors.RetriesExhausted)
    assert outcome.models == [PRO, PRO]
    assert "no fallback model is left" in outcome.error.message
