"""Bodies of all vendors are shrunk where that is safe, and stay as they are where it is not."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
import yaml

from omni_release import cassettes
from omni_release.cassettes import Scrubber, multipart
from omni_release.cassettes.rewriting import rewritten
from omni_release.cassettes.shrink import shrunk, split_data_url
from omni_release.images.api_format import decode_base64
from omni_release.images.model import image_type
from tests.cassettes.test_lossless import interaction, same
from tests.cassettes.test_shrink import noise

PNG = noise("PNG", 96, 54)
CODED = base64.b64encode(PNG).decode()
URL = f"data:image/png;base64,{CODED}"
SEALED = base64.b64encode(b"\x12\xe4\x04" * 1000).decode()
SOUND = base64.b64encode(b"RIFFxxxxWAVE" + b"\x01\x80" * 3000).decode()
BOUNDARY = b"5f3c1bd0c1e94a7d"

SHRUNK: dict[str, Any] = {
    # a request or an answer with binary data in it
    "an image of OpenAI": {"data": [{"b64_json": CODED}], "usage": {"output_tokens": 1}},
    "an image as a data URL": {"data": [{"b64_json": URL}]},
    "an edit with a data URL": {"model": "m", "images": [{"image_url": URL}]},
    "an edit with a list of data URLs": {"model": "m", "image": [URL, URL]},
    "a picture in a chat": {"messages": [{"content": [{"type": "image_url", "image_url": {"url": URL}}]}]},
    "a picture in responses": {"input": [{"content": [{"type": "input_image", "image_url": URL}]}]},
    "a file in responses": {"input": [{"type": "input_file", "file_data": f"data:application/pdf;base64,{SOUND}"}]},
    "an image of responses": {"output": [{"type": "image_generation_call", "result": CODED}]},
    "a partial image": {"type": "image_generation.partial_image", "b64_json": CODED},
    "a partial image of responses": {"partial_image_b64": CODED},
    "a picture for Anthropic": {"source": {"type": "base64", "media_type": "image/png", "data": CODED}},
    "thinking": {"content": [{"type": "thinking", "thinking": "I", "signature": SEALED}]},
    "sealed thinking": {"content": [{"type": "redacted_thinking", "data": SEALED}]},
    "a piece of a signature": {"delta": {"type": "signature_delta", "signature": SEALED}},
    "sealed reasoning": {"output": [{"type": "reasoning", "encrypted_content": SEALED.replace("+", "-")}]},
    "sound for a chat": {"content": [{"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}}]},
    "sound of a chat": {"audio": {"id": "a", "data": SOUND, "expires_at": 1, "transcript": "x"}},
}
LEFT: dict[str, Any] = {
    "a signature of another kind": {"signature": SEALED},
    "a result of another kind": {"output": [{"type": "other", "result": CODED}]},
    "data of another kind": {"data": CODED},
    "base64 with a blank": {"data": [{"b64_json": f"{CODED[:300]} {CODED[300:]}"}]},
    "a text that is long": {"content": [{"type": "text", "text": "word " * 2000}]},
    "a data URL in a text": {"text": f"see {URL}"},
    "a data URL that is no base64": {"image_url": "data:image/svg+xml,%3Csvg" + "x" * 3000},
}


def form(boundary: bytes = BOUNDARY, *parts: tuple[bytes, bytes]) -> bytes:
    """A form with a prompt and these parts."""
    head = b'Content-Disposition: form-data; name="prompt"'
    return multipart.join(boundary, [(head, b"a fox"), *parts])


IMAGE_PART = (b'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png', PNG)
TEXT_PART = (b'Content-Disposition: form-data; name="file"; filename="a.jsonl"', b'{"a": 1}\n' * 400)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", SHRUNK)
def test_shrunk(name: str, streamed: bool, tmp_path: Path) -> None:
    """It is small, the same to a client, and as small a second time; a stub of an image is an image of its size."""
    document = SHRUNK[name]
    body = json.dumps(document).encode()
    if streamed:
        body = b"event: x\r\ndata:" + body + b"   \r\n\r\ndata: [DONE]\r\n\r\n"
    made = shrunk(body)
    assert len(made.body) < 3_000 < len(body) and shrunk(made.body).body == made.body
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump({"interactions": [interaction({"body": {"string": body.decode()}})]}))
    written = rewritten(path, Scrubber())
    assert written.refused == () and len(written.after) < 4_000
    if not streamed:
        same(document, json.loads(made.body))


@pytest.mark.parametrize("name", LEFT)
def test_left_as_it_is(name: str) -> None:
    """What may be anything stays to the byte."""
    body = json.dumps(LEFT[name]).encode()
    assert shrunk(body).body == body


CODERS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.compress, "br": brotli.compress}


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize("where", ["string", "base64_string", "parsed_body", "!binary", "JSON"])
def test_forms_of_recorders(where: str, coding: str, tmp_path: Path) -> None:
    """An answer of OpenAI in each form that a recorder gives it, compressed or not."""
    document = SHRUNK["an image of OpenAI"]
    data = CODERS[coding](json.dumps(document).encode())
    headers = {"content-encoding": [coding]} if coding and where != "parsed_body" else {}
    response: dict[str, Any] = {"body": {"string": data}}
    if where == "parsed_body":
        response = {"parsed_body": document}
    elif where in ("base64_string", "JSON"):
        response = {"body": {"base64_string": base64.b64encode(data).decode()}}
    path = tmp_path / f"a.{'json' if where == 'JSON' else 'yml'}"
    written: dict[str, Any] = {"interactions": [interaction(response, headers)], "version": 1}
    text = json.dumps(written, indent=2) if where == "JSON" else yaml.safe_dump(written)
    path.write_text(text.replace("!!binary", "!binary") if where == "!binary" else text)
    made = rewritten(path, Scrubber())
    assert made.refused == () and len(made.after) < 5_000 < len(made.before)
    path.write_bytes(made.after)
    (call,) = cassettes.read(path).interactions
    same(document, json.loads(call.body))
    assert rewritten(path, Scrubber()).after == made.after


def test_form_with_a_file(tmp_path: Path) -> None:
    """An image in a form becomes a stub of its size, its other parts and its boundary stay."""
    body = form(BOUNDARY, IMAGE_PART, TEXT_PART)
    call = interaction({"body": {"string": "{}"}})
    call["request"] |= {
        "body": body,
        "headers": {"content-type": [f"multipart/form-data; boundary={BOUNDARY.decode()}"]},
    }
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump({"interactions": [call]}))
    made = rewritten(path, Scrubber())
    assert made.refused == ()
    path.write_bytes(made.after)
    (found,) = cassettes.read(path).interactions
    assert len(found.sent) < len(TEXT_PART[1]) + 2_000 < len(body)
    again = multipart.split(found.sent)
    assert again is not None and again[0] == BOUNDARY
    assert [head for head, _ in again[1]] == [head for head, _ in (multipart.split(body) or (b"", []))[1]]
    assert again[1][0][1] == b"a fox" and again[1][2] == TEXT_PART
    assert image_type(again[1][1][1]) == "image/png"
    assert [stub.path for stub in found.stubs] == ["request.part.1"]


def test_boundary_of_all_recordings() -> None:
    """Two requests that differ in their boundary alone are the same in a recording."""
    types = [f"multipart/form-data; boundary={name}" for name in ("5f3c1bd0", '"0a/b_c"')]
    bodies = [form(name, IMAGE_PART) for name in (b"5f3c1bd0", b"0a/b_c")]
    one, other = (multipart.with_stable_boundary(*pair) for pair in zip(bodies, types, strict=True))
    assert one == other and "5f3c1bd0" not in one[1]
    assert multipart.with_stable_boundary(*one) == one


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--",
        b"-- a rule of dashes\r\nand text",
        form()[:-4],
        form() + b"more",
        b"--a\r\nno head\r\n--a--\r\n",
        b"--a\r\n\r\n--a--\r\n",
        json.dumps({"a": "--a\r\n"}).encode(),
    ],
)
def test_no_form(body: bytes) -> None:
    """What is no whole form is left as it is."""
    assert multipart.split(body) is None
    assert multipart.with_stable_boundary(body, "multipart/form-data; boundary=a") == (
        body,
        "multipart/form-data; boundary=a",
    )
    assert shrunk(body).body == body


def test_image_at_an_address() -> None:
    """The second GET of an answer by address: the image itself is the body."""
    made = shrunk(noise("JPEG", 320, 180))
    assert image_type(made.body) == "image/jpeg" and len(made.body) < 3_000
    assert [stub.path for stub in made.stubs] == ["$"]


def test_data_urls() -> None:
    """Only base64 is split off, and what is in front of it stays."""
    assert split_data_url(URL) == ("data:image/png;base64,", CODED)
    assert split_data_url("data:text/plain;charset=utf-8;base64,QQ==") == (
        "data:text/plain;charset=utf-8;base64,",
        "QQ==",
    )
    for text in ("data:,x", "data:text/plain,QQ==", "https://h/data:image/png;base64,QQ==", ""):
        assert split_data_url(text) == ("", text)
    made = json.loads(shrunk(json.dumps({"image": URL}).encode()).body)["image"]
    head, small = split_data_url(made)
    assert head == "data:image/png;base64," and image_type(decode_base64(small)) == "image/png"
