"""Large binary data in bodies becomes small valid stubs."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from omni_release.cassettes.shrink import MIN_SIZE, Shrunk, shrunk
from omni_release.images import answer
from omni_release.images.api_format import decode_base64

pytestmark = pytest.mark.thorough

EVIDENCE = Path(os.environ.get("OMNI_RELEASE_EVIDENCE", Path(__file__).parents[3] / "shared/evidence/gemini"))
Coder = Callable[[bytes], bytes]


def noise(kind: str, width: int = 640, height: int = 360) -> bytes:
    """An image that compresses badly."""
    written = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(written, kind)
    return written.getvalue()


def body(data: bytes, mime_type: str, coder: Coder = base64.b64encode, *, snake: bool = False) -> bytes:
    """A response with this image, and a signature of 5000 bytes."""
    inline, mime, signature = (
        ("inline_data", "mime_type", "thought_signature") if snake else ("inlineData", "mimeType", "thoughtSignature")
    )
    part = {inline: {mime: mime_type, "data": coder(data).decode()}, signature: coder(b"\xfb\xff" * 2500).decode()}
    content = {"parts": [{"text": "here"}, part], "role": "model"}
    return json.dumps({"candidates": [{"content": content, "finishReason": "STOP"}]}, indent=2).encode()


def part_of(made: Shrunk) -> dict[str, Any]:
    """The part with the image."""
    found: dict[str, Any] = json.loads(made.body)["candidates"][0]["content"]["parts"][1]
    return found


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("snake", [False, True], ids=["camel", "snake"])
@pytest.mark.parametrize("coder", [base64.b64encode, base64.urlsafe_b64encode], ids=["standard", "url-safe"])
def test_image_stub(kind: str, snake: bool, coder: Coder) -> None:
    """The stub is an image of the same type and dimensions, with the sha256 and the size of the original."""
    data, mime_type = noise(kind), f"image/{kind.lower()}"
    made = shrunk(body(data, mime_type, coder, snake=snake))
    read = answer.parse(made.body)
    assert read.image is not None and read.image.image is not None
    stub = answer.decode_image(read.image.image)
    assert (stub.mime_type, stub.width, stub.height) == (mime_type, 640, 360)
    image, signature = made.stubs
    assert (image.sha256, image.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (image.mime_type, image.width, image.height) == (mime_type, 640, 360)
    assert (signature.sha256, signature.size) == (hashlib.sha256(b"\xfb\xff" * 2500).hexdigest(), 5000)
    assert len(made.body) < 4_000 < len(data)


@pytest.mark.parametrize("snake", [False, True], ids=["camel", "snake"])
def test_alphabet_and_padding_are_kept(snake: bool) -> None:
    """The base64 of the stub has the alphabet and the padding of the original."""
    for coder, own, other in ((base64.b64encode, "+/", "-_"), (base64.urlsafe_b64encode, "-_", "+/")):
        for data in (noise("PNG"), noise("PNG") + b"1", noise("PNG") + b"12"):
            made = part_of(shrunk(body(data, "image/png", coder, snake=snake)))
            text = (made.get("inlineData") or made["inline_data"])["data"]
            assert any(c in text for c in own) and not any(c in text for c in other)
            assert text.endswith("=") == coder(data).decode().endswith("=")


def test_missing_padding_is_kept() -> None:
    """Padding that the service omits is not added."""
    data = os.urandom(5002)
    document = json.dumps({"thoughtSignature": base64.b64encode(data).decode().rstrip("=")}).encode()
    made = json.loads(shrunk(document).body)["thoughtSignature"]
    assert not made.endswith("=") and len(made) % 4


def test_shrinking_twice() -> None:
    """A stub of a stub is the stub itself, with the same original."""
    for kind in ("JPEG", "PNG", "WEBP"):
        once = shrunk(body(noise(kind), f"image/{kind.lower()}"))
        assert shrunk(once.body) == once


def test_stub_in_a_second_turn() -> None:
    """Data that is sent back in another alphabet and case has the stub of the response."""
    data = noise("JPEG")
    received = part_of(shrunk(body(data, "image/jpeg")))
    sent = part_of(shrunk(body(data, "image/jpeg", base64.urlsafe_b64encode, snake=True)))
    assert decode_base64(received["inlineData"]["data"]) == decode_base64(sent["inline_data"]["data"])
    assert decode_base64(received["thoughtSignature"]) == decode_base64(sent["thought_signature"])


def test_different_images_have_different_stubs() -> None:
    """Otherwise a changed image would still replay."""
    first, second = (part_of(shrunk(body(noise("PNG"), "image/png")))["inlineData"]["data"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("data", [noise("JPEG")[:9000], b"no image at all" * 500], ids=["truncated", "not an image"])
def test_stub_of_a_broken_image(data: bytes) -> None:
    """It does not decode either, so a replay fails as the live call did."""
    made = shrunk(body(data, "image/jpeg"))
    (image, _) = made.stubs
    assert (image.width, image.size) == (None, len(data))
    stub = decode_base64(part_of(made)["inlineData"]["data"])
    with pytest.raises(Exception, match="does not decode"):
        answer.decode_image(stub)


def test_stream() -> None:
    """The document of each event is shrunk, and keeps its line."""
    one = json.dumps(json.loads(body(noise("PNG"), "image/png")))
    stream = f"data: {one}\r\n\r\ndata: {{}}\r\n\r\n".encode()
    made = shrunk(stream)
    assert len(made.stubs) == 2 and len(made.body) < 3_000
    assert [line[:6] for line in made.body.split(b"\n") if line.strip()] == [b"data: ", b"data: "]
    assert shrunk(made.body).body == made.body


@given(st.one_of(st.binary(max_size=2_000), st.text(max_size=500).map(str.encode)))
def test_other_data_is_unchanged(data: bytes) -> None:
    """Any other body is returned byte for byte."""
    assert shrunk(data) == Shrunk(data)


def test_small_data_is_unchanged() -> None:
    """A body without large data is not even reformatted."""
    document = json.dumps({"thoughtSignature": base64.b64encode(b"x" * MIN_SIZE).decode(), "n": 1}, indent=3).encode()
    assert shrunk(document) == Shrunk(document)


@pytest.mark.skipif(not EVIDENCE.is_dir(), reason="the recorded traffic is not available")
def test_recorded_traffic() -> None:
    """Responses of the service become small, and are read as before: parts, signatures, sizes."""
    document = json.loads((EVIDENCE / "prism-php_prism__generate-image-with-image-edit-1.json").read_bytes())
    data = json.dumps(document).encode()
    made, before = shrunk(data), answer.parse_document(document)
    after = answer.parse(made.body)
    assert len(made.body) < 5_000 < len(data)
    assert [(p.text, p.mime_type, bool(p.signature)) for p in after.parts] == [
        (p.text, p.mime_type, bool(p.signature)) for p in before.parts
    ]
    assert before.image is not None and before.image.image is not None
    assert made.stubs[0].sha256 == hashlib.sha256(before.image.image).hexdigest()
