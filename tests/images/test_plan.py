"""The plan's five tests, by their names, over real sockets."""

from __future__ import annotations

from omni_release.emulators import GeminiEmulator
from omni_release.images import errors
from tests.images.conftest import FLASH, PRO, made


def test_retry_succeeds_on_second_attempt(emulator: GeminiEmulator) -> None:
    """One 503, then the image; both calls on record, nothing to warn of."""
    got = made(emulator, "503; ok")
    assert got.result is not None
    assert [(a.model, a.came, a.next) for a in got.result.attempts] == [
        (PRO, "Overloaded", "retry"),
        (PRO, "image", "done"),
    ]
    assert (got.models, got.result.warnings, got.result.model_answered) == ([PRO, PRO], (), PRO)
    told = [(level, event, facts["came"], facts["next"]) for level, event, facts in got.log.said]
    assert told == [
        ("warning", "image call failed", "Overloaded", "retry"),
        ("warning", "image call answered", "image", "done"),
    ]
    assert all(facts.keys() >= {"model", "started", "seconds", "came", "next", "why"} for _, _, facts in got.log.said)


def test_fallback_after_double_failure(emulator: GeminiEmulator) -> None:
    """Two failures, then the fallback's image, which says so."""
    got = made(emulator, "503; 500; ok")
    assert got.result is not None
    assert got.models == [PRO, PRO, FLASH]
    assert (got.result.model_requested, got.result.model_answered) == (PRO, FLASH)
    assert got.result.warnings == (f"{PRO} made no image (ServiceFault); {FLASH} made this one",)


def test_timeout_triggers_retry(emulator: GeminiEmulator) -> None:
    """A call that hangs is cut off and made again."""
    got = made(emulator, "hang; ok", timeout=0.7)
    assert got.result is not None
    assert [a.came for a in got.result.attempts] == ["TimedOut", "image"]
    assert 0.5 < got.result.attempts[0].seconds < 5


def test_all_attempts_fail(emulator: GeminiEmulator) -> None:
    """Four calls, no more; the error tells each of them, and what to do."""
    got = made(emulator, "503; 503; 500; drop; ok")
    assert isinstance(got.error, errors.RetriesExhausted)
    assert got.models == [PRO, PRO, FLASH, FLASH]
    assert "no image after 4 calls" in got.error.message
    assert got.error.message.count("503 UNAVAILABLE") == 2
    assert "Try again in a few minutes" in got.error.hint
    assert [a.came for a in got.error.attempts] == ["Overloaded", "Overloaded", "ServiceFault", "Disconnected"]


def test_no_fallback_configured(emulator: GeminiEmulator) -> None:
    """Without a fallback two calls are all there are."""
    got = made(emulator, "503; 503; ok", fallback=False)
    assert isinstance(got.error, errors.RetriesExhausted)
    assert got.models == [PRO, PRO]
    assert "there is no further model" in got.error.message
