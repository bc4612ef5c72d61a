"""Public results are written as JSON and read without loss, in the SDK's base64."""

from __future__ import annotations

import base64
import datetime
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_release import images
from omni_release.images import Attempt, Availability, Conversation, ImageRequest, ImageResult, ModelInfo
from omni_release.images.api_format import decode_base64, encode_base64
from omni_release.images.errors import InvalidRequest
from omni_release.images.model import Document, Part, Usage
from omni_release.images.shortcuts import BatchOutcome, Failure

WHEN = datetime.datetime(2026, 11, 22, 1, 2, 3, 456789, tzinfo=datetime.UTC)
PART = Part("t", b"\xff\xfe\xfb", "image/png", b"\xfb\xef\xbe", True)
ATTEMPT = Attempt("m", WHEN, 1.5, "Overloaded", "retry", "why", "said", 0.25)
RESULT = ImageResult(
    "päron 🍐", b"\x00\xff", "image/jpeg", 3, 4, "a", "b", "STOP", 2.5, None, "usage", Usage(1, 2, 3, 4, 5),
    b"\xfb\xef\xbe\xff", "text", (PART,), (ATTEMPT,), ("aloud",), "id", WHEN,
)  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [
        RESULT,
        ImageRequest("x", "infographic", context="c", count=3),
        Conversation.start(ImageRequest("x"), RESULT),
        ModelInfo("m", "M", ("generateContent",)),
        Availability("m", False, "why", "hint", "life", 0.5),
        BatchOutcome(RESULT, None),
        BatchOutcome(None, Failure("Refused", "no", "rephrase", (ATTEMPT,))),
    ],
    ids=lambda document: type(document).__name__,
)
def test_round_trip(document: Document) -> None:
    """Each public type is equal after a round trip."""
    assert type(document).from_json(document.to_json()) == document


@settings(deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300), st.text(max_size=50))
def test_round_trip_of_any_bytes(data: bytes, signature: bytes, text: str) -> None:
    """Any bytes survive a round trip."""
    part = Part(text, data, "image/png", signature)
    assert Part.from_json(part.to_json()) == part


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_base64_matches_the_sdk(data: bytes) -> None:
    """Base64 is written URL-safe and padded, like the SDK's; both alphabets are read, padded or not."""
    from google.genai.types import Part as SdkPart

    dumped = json.loads(SdkPart(thought_signature=data).model_dump_json())["thought_signature"]
    assert encode_base64(data) == dumped
    for text in (
        dumped,
        dumped.rstrip("="),
        base64.b64encode(data).decode(),
        base64.b64encode(data).decode().strip("="),
    ):
        assert decode_base64(text) == data


@pytest.mark.parametrize("text", ["!!!!", "ab c", "é", "a"])
def test_invalid_base64(text: str) -> None:
    """It is refused: dropping unknown characters would corrupt the bytes silently."""
    with pytest.raises(ValueError, match=r"base64|ASCII"):
        decode_base64(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "Expected `object`, got `array`"),
        ('{"prompt": 3}', r"Expected `str`, got `int` - at `\$.prompt`"),
        ('{"prompt": "x", "colour": "red"}', "unknown field 'colour'"),
        ('{"prompt": ""}', "the prompt is empty"),
        ("{}", "missing required field `prompt`"),
        (b"\xff", "not JSON"),
    ],
)
def test_invalid_document(text: str | bytes, said: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(InvalidRequest, match=said):
        ImageRequest.from_json(text)


def test_reprs_are_short() -> None:
    """No repr shows an image or a signature."""
    assert len(repr(RESULT)) < 1_500
    big = Part("", b"x" * 10_000, "image/png", b"y" * 10_000)
    assert len(repr(big)) < 200


def test_errors_are_public() -> None:
    """Each error that the page's table names is where the page imports from."""
    page = (Path(__file__).parents[2] / "docs" / "images.md").read_text(encoding="utf-8")
    table = page[page.index("| type | cause |") : page.index("`RetriesExhausted`")]
    named = {name for row in table.split("\n") if row for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert len(named) > 12
    assert all(issubclass(getattr(images, name), images.ImageError) for name in named)
