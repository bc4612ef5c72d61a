"""A planted key appears in no output: messages, hints, reprs, logs, tracebacks, JSON, vars."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import pytest

from omni_release.emulators import GeminiEmulator, responses
from omni_release.images import GeminiImageProvider, ImageRequest, ResilientProvider
from omni_release.images.errors import ConfigurationError, ImageError
from tests.images.conftest import AT_ONCE, FLASH, PRO, EventLog, planted_key, run


def shown(error: BaseException) -> str:
    """All text of an error that could be shown, with the locals of each frame."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    attempts = [attempt.to_json() for attempt in getattr(error, "attempts", ())]
    return "".join([*whole.format(), repr(error), str(error), repr(vars(error)), *attempts])


@pytest.mark.parametrize("name", [name for name in responses.NAMES if name not in ("hang", "slow", "huge")])
def test_key_is_nowhere(
    emulator: GeminiEmulator, name: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """It holds for each answer of the service, through both models, with all loggers at DEBUG."""
    caplog.set_level(logging.DEBUG)
    log = EventLog()
    said: list[str] = []

    async def work() -> None:
        async with (
            GeminiImageProvider(PRO, planted_key(), emulator.url, 30.0) as primary,
            GeminiImageProvider(FLASH, planted_key(), emulator.url, 30.0) as fallback,
        ):
            provider = ResilientProvider(primary, fallback, AT_ONCE, log=log)
            said.extend([repr(provider), repr(primary), repr(vars(primary)), repr(vars(provider))])
            emulator.script("; ".join([f"{name} after=0"] * 4))
            try:
                result = await provider.generate(ImageRequest("an owl"))
                said.extend([repr(result), result.to_json()])
            except ImageError as error:
                said.append(shown(error))
            said.append((await provider.probe()).to_json())

    run(work)
    captured = capfd.readouterr()
    whole = "".join([*said, repr(log.events), caplog.text, captured.out, captured.err, repr(emulator.calls)])
    assert planted_key() not in whole
    assert "Overloaded" in whole or name != "503"  # something was said at all


def echoes() -> dict[str, responses.Reply]:
    """Answers that repeat the key in fields that are kept, or where a text is shortened."""
    key = planted_key()
    quota = {"@type": "QuotaFailure", "violations": [{"quotaId": f"PerDay{key}"}]}
    info = {"@type": "ErrorInfo", "reason": "SERVICE_DISABLED"}
    link = {"@type": "Help", "links": [{"url": f"https://x.example/?key={key}"}]}
    ended = {"candidates": [{"finishReason": key, "finishMessage": "z" * 295 + key}]}
    said = {"candidates": [{"content": {"parts": [{"text": "z" * 290 + key}]}, "finishReason": "STOP"}]}
    return {
        "cut": responses.Reply(400, responses.error(400, "INVALID_ARGUMENT", "y" * 290 + key)),
        "quota": responses.Reply(429, responses.error(429, "RESOURCE_EXHAUSTED", "m", quota)),
        "link": responses.Reply(403, responses.error(403, "PERMISSION_DENIED", "m", info, link)),
        "reason": responses.Reply(200, ended),
        "text": responses.Reply(200, said),
        "blocked": responses.Reply(200, {"promptFeedback": {"blockReason": key}}),
        "page": responses.Reply(200, f"<html>{key}".encode()),
    }


@pytest.mark.parametrize("name", echoes())
def test_key_in_any_echo(emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Neither the key nor half of it is in the message, the error's other fields, or its pickle."""
    monkeypatch.setattr(responses, "scripted_reply", lambda *_: echoes()[name])

    async def work() -> ImageError:
        async with GeminiImageProvider(PRO, planted_key(), emulator.url, 20.0) as provider:
            with pytest.raises(ImageError) as raised:
                await provider.generate(ImageRequest("an owl"))
            return raised.value

    error = run(work)
    assert error.__cause__ is error.__context__ is None
    assert planted_key()[:8] not in shown(error) + repr(pickle.dumps(error)) + error.hint


def test_provider_cannot_be_pickled() -> None:
    """The pickle would contain its key."""
    with pytest.raises(TypeError, match="key"):
        pickle.dumps(GeminiImageProvider(PRO, planted_key()))


def test_key_in_an_echo(emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the service repeats the key in its message, it is redacted."""

    def echo(*_: Any) -> responses.Reply:
        return responses.invalid(f"the key {planted_key()} is wrong")

    monkeypatch.setattr(responses, "scripted_reply", echo)

    async def work() -> None:
        async with GeminiImageProvider(PRO, planted_key(), emulator.url, 20.0) as provider:
            with pytest.raises(ImageError) as raised:
                await provider.generate(ImageRequest("an owl"))
            said.append(shown(raised.value))

    said: list[str] = []
    run(work)
    assert "the key [redacted] is wrong" in said[0]
    assert planted_key() not in said[0]


@pytest.mark.parametrize("key", ["", "  ", "a b", "schlüssel", "a\nb"])
def test_no_key(key: str) -> None:
    """For a missing or invalid key, the error says what to set, and does not repeat the key."""
    with pytest.raises(ConfigurationError) as raised:
        GeminiImageProvider(PRO, environment={"GEMINI_API_KEY": key})
    assert "GEMINI_API_KEY (or GOOGLE_API_KEY)" in raised.value.hint
    assert not key.strip() or key not in str(raised.value)


def test_key_of_the_environment(emulator: GeminiEmulator) -> None:
    """GOOGLE_API_KEY overrides GEMINI_API_KEY, as in the SDK; GOOGLE_GEMINI_BASE_URL is the base URL."""
    url = {"GOOGLE_GEMINI_BASE_URL": emulator.url}
    both = {"GEMINI_API_KEY": "invalid", "GOOGLE_API_KEY": planted_key(), **url}
    blank = {"GEMINI_API_KEY": planted_key(), "GOOGLE_API_KEY": "  ", **url}  # set to nothing: as good as not set

    async def work() -> None:
        for environment in (both, blank):
            async with GeminiImageProvider(PRO, environment=environment) as provider:
                assert (await provider.probe()).available

    run(work)
    assert len(emulator.calls) == 2


def test_userinfo_of_the_base_url_is_not_shown() -> None:
    """A password in the base URL is in no message."""

    async def work() -> ImageError:
        async with GeminiImageProvider(PRO, planted_key(), "http://me:hidden@127.0.0.1:9/?x=hidden", 5.0) as provider:
            with pytest.raises(ImageError) as raised:
                await provider.generate(ImageRequest("an owl"))
            return raised.value

    assert "hidden" not in str(run(work))
