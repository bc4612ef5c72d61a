"""The recorded traffic is parsed as its README states: sizes, types, token counts, dates."""

from __future__ import annotations

import base64
import datetime
import functools
import gzip
import json
from typing import Any

import pytest
import yaml

from omni_release import models
from omni_release.images import answer, error_mapping, errors, pricing
from omni_release.images.api_format import decode_base64, encode_base64
from omni_release.images.model import Usage
from tests.images.conftest import EVIDENCE, needs_evidence

pytestmark = needs_evidence


@functools.cache
def bodies(name: str) -> tuple[Any, ...]:
    """The answers of a pydantic cassette."""
    text = (EVIDENCE / f"pydantic_pydantic-ai__{name}.yaml").read_text(encoding="utf-8")
    loaded = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # the fast one needs libyaml
    return tuple(one["response"]["parsed_body"] for one in loaded["interactions"])


def image_of(read: answer.Answer) -> bytes:
    """The image's bytes."""
    assert read.image is not None and read.image.image is not None
    return read.image.image


def day(response_id: str) -> datetime.date:
    """The day in a responseId."""
    seconds = int.from_bytes(base64.urlsafe_b64decode(response_id[:8])[:4], "little")
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date()


def test_text_and_image_of_pro_preview() -> None:
    """2025-11: text and a JPEG of 1408 by 768, both signed with about 825 KB; 174 tokens of thoughts."""
    read = answer.parse_document(bodies("test_google_image_generation_with_text")[0])
    assert answer.decode_image(image_of(read)) == answer.DecodedImage("image/jpeg", 1408, 768)
    assert [len(part.signature or b"") // 1000 for part in read.parts] == [825, 823]
    assert read.usage == Usage(prompt=14, candidates=1283, image=1120, thoughts=174, total=1471)
    assert (read.model, read.finish_reason) == ("gemini-3-pro-image-preview", "STOP")
    assert (day(read.response_id).year, day(read.response_id).month) == (2025, 11)
    assert read.text.startswith("A little axolotl")


def test_image_of_pro() -> None:
    """2026-07: one JPEG of 931 KB, its signature 2.2 MB."""
    read = answer.parse_document(bodies("TestImageGenerationCapability.test_image_generation_local_fallback_google")[0])
    assert len(read.parts) == 1
    assert len(image_of(read)) == 931_369
    assert len(read.parts[0].signature or b"") == 2_182_381
    assert answer.decode_image(image_of(read)).mime_type == "image/jpeg"
    assert (day(read.response_id).year, day(read.response_id).month) == (2026, 7)
    assert (
        read.usage is not None and read.usage.total == read.usage.prompt + read.usage.candidates + read.usage.thoughts
    )


def test_text_then_image_of_flash() -> None:
    """A 200 with text and no image has its own error; then a PNG of 1290 tokens."""
    text, pictured = (answer.parse_document(body) for body in bodies("test_google_image_or_text_output"))
    assert text.image is None
    assert "answered with text" in answer.no_image_error(text).message
    assert answer.decode_image(image_of(pictured)) == answer.DecodedImage("image/png", 1024, 1024)
    assert pictured.usage is not None and pictured.usage.image == 1290
    assert pricing.cost_of("gemini-2.5-flash-image", pictured.usage, "1K").usd == pytest.approx(0.0387, abs=0.0002)


def test_jpeg_of_vertex() -> None:
    """Vertex answers with the requested JPEG."""
    (body,) = bodies("test_google_vertexai_image_generation_with_output_format")
    assert answer.decode_image(image_of(answer.parse_document(body))) == answer.DecodedImage("image/jpeg", 1024, 1024)


def test_edit_of_prism() -> None:
    """The body of an edit: a PNG of 1024 by 680, 258 tokens of image among the prompt's."""
    text = (EVIDENCE / "prism-php_prism__generate-image-with-image-edit-1.json").read_text(encoding="utf-8")
    read = answer.parse(text)
    assert answer.decode_image(image_of(read)) == answer.DecodedImage("image/png", 1024, 680)
    assert read.usage == Usage(prompt=266, candidates=1355, image=1290, total=1621)


def test_stream_of_google() -> None:
    """Google's own recording of a stream: text, one complete image, an empty end."""
    (path,) = EVIDENCE.glob("googleapis_js-genai__Client_Tests_generateContentStream_*.json")
    recorded = json.loads(path.read_text(encoding="utf-8"))
    segments = [answer.parse_document(body) for body in recorded["interactions"][0]["response"]["bodySegments"]]
    pictured = [read for read in segments if read.image]
    assert len(pictured) == 1
    assert answer.decode_image(image_of(pictured[0])).mime_type == "image/png"
    assert segments[-1].finish_reason == "STOP"
    assert not segments[-1].image


def test_signatures_survive_both_alphabets() -> None:
    """A recorded signature (standard base64), dumped URL-safe and read again, is the same bytes."""
    read = answer.parse_document(bodies("test_google_image_generation_with_text")[0])
    for part in read.parts:
        assert part.signature is not None
        assert decode_base64(encode_base64(part.signature)) == part.signature
        assert decode_base64(base64.b64encode(part.signature).decode().rstrip("=")) == part.signature


def test_list_of_models() -> None:
    """2026-08-05: 50 models a page, among them some that were shut down in June."""
    text = (EVIDENCE / "simonw_llm-gemini__test_cli_gemini_models.yaml").read_text(encoding="utf-8")
    one = yaml.safe_load(text)["interactions"][0]
    listed = json.loads(gzip.decompress(one["response"]["body"]["string"]))
    names = {model["name"].removeprefix("models/") for model in listed["models"]}
    assert len(names) == 50
    assert listed["nextPageToken"]
    dead = {name for name in names if (known := models.find(name)) and not known.lives(datetime.date(2026, 8, 5))}
    assert {"gemini-3-pro-image-preview", "gemini-3.1-flash-image-preview"} <= dead


def test_signature_is_echoed_unchanged() -> None:
    """In two recorded turns, the second sends the first answer's signature back."""
    text = (EVIDENCE / "simonw_llm-gemini__test_tools_with_gemini_3_thought_signatures.yaml").read_text(
        encoding="utf-8"
    )
    first, second = yaml.safe_load(text)["interactions"]
    chunks = json.loads(gzip.decompress(first["response"]["body"]["string"]))
    (answered,) = [part.signature for chunk in chunks for part in answer.parse_document(chunk).parts if part.signature]
    sent = json.loads(second["request"]["body"])["contents"]
    (echoed,) = [part["thoughtSignature"] for turn in sent for part in turn["parts"] if "thoughtSignature" in part]
    assert decode_base64(echoed) == answered


def test_empty_parts_of_firebase() -> None:
    """A stream with a chunk that has no parts; the image is a PNG of one pixel."""
    text = (
        EVIDENCE / "FirebaseExtended_vertexai-sdk-test-data__googleai_streaming-success-empty-parts.txt"
    ).read_text()
    read = [answer.parse(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    assert any(not one.parts for one in read)
    (pictured,) = [one for one in read if one.image]
    assert answer.decode_image(image_of(pictured)) == answer.DecodedImage("image/png", 1, 1)


def test_error_with_the_content_type_of_a_stream() -> None:
    """A recorded 404 with the content type of an event stream and a plain JSON body is read by its status."""
    (path,) = EVIDENCE.glob("googleapis_js-genai__Chats_Tests_*.json")
    response = json.loads(path.read_text(encoding="utf-8"))["interactions"][0]["response"]
    now = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    headers = {name.lower(): value for name, value in response["headers"].items()}
    (body,) = response["bodySegments"]
    found = error_mapping.map_error(
        error_mapping.ErrorAnswer(response["statusCode"], body, headers, "custom-gemini-2.0-flash", now)
    )
    assert isinstance(found, errors.ModelNotFound)
