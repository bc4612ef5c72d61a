"""Broken input ends in an error with a hint, in time."""

from __future__ import annotations

import datetime
import io
import socket
import time
from typing import Any

import pytest
from PIL import Image

from omni_release.emulators import GeminiEmulator
from omni_release.images import GeminiImageProvider, ImageRequest, ResilientProvider, SyncImages, calls, errors
from omni_release.images import answer as images_answer
from tests.images.conftest import NANO_BANANA, PRO, EventLog, planted_key, resilient, run, run_request


def bytes_of(kind: str) -> bytes:
    """A small image."""
    written = io.BytesIO()
    Image.effect_noise((64, 48), 50).save(written, kind)
    return written.getvalue()


@pytest.mark.parametrize(("kind", "mime_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_type_and_size_are_read_from_the_bytes(kind: str, mime_type: str) -> None:
    """Type and size are those of the bytes, whatever the service says."""
    data = bytes_of(kind)
    assert images_answer.decode_image(data) == images_answer.DecodedImage(mime_type, 64, 48)
    for cut in (len(data) // 2, len(data) * 9 // 10, 20, 1):
        with pytest.raises(errors.DamagedAnswer, match=r"does not decode \(\d+ bytes\)"):
            images_answer.decode_image(data[:cut])


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"%PDF-1.4 ..."])
def test_invalid_image(data: bytes) -> None:
    """It is a damaged answer."""
    with pytest.raises(errors.DamagedAnswer):
        images_answer.decode_image(data)


def test_decompression_bomb_is_not_decoded() -> None:
    """An image with more pixels than any model makes is refused."""
    written = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(written, "PNG")
    with pytest.raises(errors.DamagedAnswer):
        images_answer.decode_image(written.getvalue())


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "null", "[]", "3", '{"candidates": 3}', '{"candidates": [{"content": {"parts": [3]}}]}'),
        *('{"candidates": [{"content": {"parts": [{"inlineData": {"data": "é"}}]}}]}', "[" * 100_000),
    ],
)
def test_invalid_answer(body: str) -> None:
    """Invalid JSON, or JSON of another shape, is a damaged answer."""
    with pytest.raises(errors.DamagedAnswer):
        images_answer.parse(body)


def test_answer_of_50_mb(emulator: GeminiEmulator) -> None:
    """It is neither read to its end nor retried, and is an error."""
    outcome = run_request(emulator, "huge; huge", timeout=60)
    assert isinstance(outcome.error, errors.AnswerTooLarge)
    assert outcome.models == [PRO]


def test_unreachable_base_url() -> None:
    """All calls fail at once, and the error names the URL."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: nobody answers there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        async def work() -> errors.ImageError:
            async with resilient(url) as provider:
                with pytest.raises(errors.RetriesExhausted) as raised:
                    await provider.generate(ImageRequest("an owl"))
                return raised.value

        error = run(work)
    assert [attempt.came for attempt in error.attempts] == ["Disconnected"] * 4
    assert url in error.message
    assert "base URL" in error.hint


@pytest.mark.parametrize(
    "url", ["", " ", "localhost:80", "ftp://x", "http://", "http://127.0.0.1:99999", "http://[::1", "http://a b/"]
)
def test_invalid_base_url(url: str) -> None:
    """It is refused at once; an empty one counts as unset."""
    if not url.strip():
        assert GeminiImageProvider(PRO, planted_key(), url)
        return
    with pytest.raises(errors.ConfigurationError, match="base URL"):
        GeminiImageProvider(PRO, planted_key(), url)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "5"])
def test_invalid_timeout(timeout: Any) -> None:
    """Provider and calls always have a valid timeout."""
    with pytest.raises(errors.InvalidRequest, match="timeout"):
        GeminiImageProvider(PRO, planted_key(), timeout=timeout)
    for provider in (whole := GeminiImageProvider(PRO, planted_key())), ResilientProvider(whole):
        with pytest.raises(errors.InvalidRequest, match="timeout"), SyncImages(provider) as images:
            images.generate(ImageRequest("an owl"), timeout=timeout)


@pytest.mark.parametrize("model", ["", " ", "../x", "a b", "a/b", "x?key=1", "é", None])
def test_invalid_model_name(model: Any) -> None:
    """A name must fit in a URL's path; a probe reports it."""
    with pytest.raises(errors.InvalidRequest, match="invalid model name"):
        GeminiImageProvider(model, planted_key())
    if model and model.strip():
        with SyncImages(GeminiImageProvider(PRO, planted_key())) as images:
            assert "invalid model name" in images.probe(model).why


def test_deadline_ends_a_hang(emulator: GeminiEmulator) -> None:
    """If the service hangs on every call, the request ends at its deadline."""
    emulator.script("hang times=9")

    async def work() -> float:
        async with resilient(emulator.url, timeout=0.5) as provider:
            begun = time.monotonic()
            with pytest.raises(errors.RetriesExhausted):
                await provider.generate(ImageRequest("an owl"), timeout=1.5)
            return time.monotonic() - begun

    assert run(work) < 6  # a hang of the emulator lasts an hour


def test_slow_body_is_cut_off(emulator: GeminiEmulator) -> None:
    """The timeout applies to the whole call, not to each read; the server sees the client disconnect."""
    outcome = run_request(emulator, "trickle after=60 times=9", timeout=0.6, fallback=False)
    assert isinstance(outcome.error, errors.RetriesExhausted)
    assert [attempt.came for attempt in outcome.error.attempts] == ["TimedOut", "TimedOut"]
    assert all(attempt.seconds < 20 for attempt in outcome.error.attempts)
    assert emulator.wait_for(lambda calls: [call.left for call in calls] == [True, True])


def test_dead_name_costs_no_call(emulator: GeminiEmulator) -> None:
    """A model that is shut down is not called, and the error names its successor."""

    async def work() -> None:
        for dead, heir in (
            ("gemini-3-pro-image-preview", PRO),
            ("models/gemini-2.5-flash-image-preview", NANO_BANANA),
            ("gemini-2.0-flash-preview-image-generation", NANO_BANANA),
        ):
            async with GeminiImageProvider(dead, planted_key(), emulator.url) as provider:
                with pytest.raises(errors.ModelNotFound, match=r"shut down 202.*it was not called") as raised:
                    await provider.generate(ImageRequest("an owl"))
                assert raised.value.successor == heir
                assert heir in raised.value.hint

    run(work)
    assert emulator.calls == ()
    with pytest.raises(errors.ModelNotFound, match=r"gpt-5\.1-mini: never a model; it was not called"):
        calls.check_alive("gpt-5.1-mini", datetime.date(2026, 11, 22), "openai")


def test_another_model_answers(emulator: GeminiEmulator) -> None:
    """If another model answers, the result has a warning."""
    outcome = run_request(emulator, "other-model")
    assert outcome.result is not None
    assert outcome.result.model_answered == "gemini-3.1-flash-lite-image"
    assert "has answered" in outcome.result.warnings[0]


@pytest.mark.parametrize("step", ["thought", "snake", "unpadded", "png", "jpeg", "retiring"])
def test_forms_of_an_answer(emulator: GeminiEmulator, step: str) -> None:
    """An image in a thought, snake_case, unpadded base64, JPEG and PNG are read."""
    outcome = run_request(emulator, step)
    assert outcome.result is not None
    assert (outcome.result.width, outcome.result.height) == (1376, 768)
    assert outcome.result.signature
    assert outcome.result.mime_type == ("image/png" if step == "png" else "image/jpeg")
    assert (outcome.result.retirement is not None) == (step == "retiring")


def test_structlog_is_the_default_log(emulator: GeminiEmulator) -> None:
    """Without a log argument, events go to structlog."""
    import structlog.testing

    async def work() -> None:
        async with resilient(emulator.url) as provider:
            del provider
        async with GeminiImageProvider(PRO, planted_key(), emulator.url) as primary:
            from omni_release.images import ResilientProvider
            from tests.images.conftest import AT_ONCE

            emulator.script("503; ok")
            await ResilientProvider(primary, policy=AT_ONCE).generate(ImageRequest("an owl"))

    with structlog.testing.capture_logs() as said:
        run(work)
    assert [(line["event"], line["log_level"], line["came"]) for line in said] == [
        ("image call failed", "warning", "Overloaded"),
        ("image call answered", "warning", "image"),
    ]
    assert EventLog().events == []
