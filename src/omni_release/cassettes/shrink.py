"""Replace images and signatures in API traffic by small valid stubs, in requests and responses alike.

A second turn sends back the image and the signature of the first, so both sides use the same function, and the same
bytes always have the same stub: a recorded second turn finds its recording. A stub holds the sha256 and the size of its
original, and the stub of an image is an image of the same type and dimensions. The stub of a stub is the stub itself.
The alphabet and the padding of its base64 are those of the original, so schemas can still be compared.
"""

from __future__ import annotations

import base64
import copy
import functools
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omni_release.cassettes import multipart
from omni_release.images.api_format import decode_base64

MIN_SIZE = 256
"""Binary data of at most this many bytes is left as it is."""

WHOLE = "$"
"""The path of a stub that is the whole body."""

_MAX_STUB = 400_000
_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
_LABEL = re.compile(rb"omni-release stub of sha256 ([0-9a-f]{64}), ([0-9]+) bytes")
_ALPHABET = b"\xff\xff\xff\xff"  # in base64 at any offset it has a character that only one of the alphabets has
_IMAGE_NAMES = ("b64_json", "partial_image_b64")
_SIGNATURES = ("thoughtSignature", "thought_signature", "encrypted_content")
_SIGNED_TYPES = ("thinking", "signature_delta")
_SEALED_TYPE = "redacted_thinking"
_BESIDE_DATA = ("mimeType", "mime_type", "media_type", "format", "expires_at")
"""One of these names is in an object with binary `data`: of Gemini, of Anthropic, of sound in OpenAI's chat."""

_TRACES = (*_IMAGE_NAMES, *_SIGNATURES, *_SIGNED_TYPES, _SEALED_TYPE, "data", "result")
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,")
_EVENT_LINE = re.compile(rb"data: ?")


@dataclass(frozen=True)
class Stub:
    """The original of a stub: its sha256 and size in bytes, and the dimensions of an image (None for other data).

    `path` is the place of the stub in its body: names and positions (from 0), separated by dots; `$` is all of it.
    """

    path: str
    sha256: str
    size: int
    mime_type: str = ""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Shrunk:
    """A body with stubs, and the originals of these."""

    body: bytes
    stubs: tuple[Stub, ...] = ()


@functools.lru_cache(maxsize=64)
def shrunk(body: bytes) -> Shrunk:
    """The body with stubs for large binary data. It is a JSON document, or a stream of them (`data: {…}` lines).

    Or it is an image itself, or a form with files. Anything else, and a body without large data, is returned unchanged.
    """
    if body.startswith(_IMAGES):
        content, stub = make_stub(body, "image/png", WHOLE)
        return Shrunk(content, (stub,) if stub else ())
    if (form := multipart.split(body)) is not None:
        return _shrunk_form(*form, body)
    if len(body) <= MIN_SIZE or not any(name.encode() in body for name in _TRACES):
        return Shrunk(body)
    document = _parsed(body)
    if document is not None:
        return _shrunk_document(document, body)
    stubs: list[Stub] = []
    lines: list[bytes] = []
    for number, line in enumerate(body.split(b"\n")):
        match = _EVENT_LINE.match(line)
        document = _parsed(line[match.end() :]) if match else None
        if match is None or document is None:
            lines.append(line)
            continue
        event = _shrunk_document(document, line[match.end() :], f"{number}.")
        lines.append(match[0] + event.body.rstrip(b"\n").replace(b"\n", b" "))
        stubs += event.stubs
    return Shrunk(b"\n".join(lines) if stubs else body, tuple(stubs))


def _shrunk_form(boundary: bytes, parts: list[multipart.Part], body: bytes) -> Shrunk:
    """A form with stubs for its files."""
    stubs: list[Stub] = []
    made: list[multipart.Part] = []
    for number, (head, content) in enumerate(parts):
        small, stub = content, None
        if multipart.is_file((head, content)):
            small, stub = make_stub(content, "application/octet-stream", f"part.{number}")
        stubs += [stub] if stub else []
        made.append((head, small))
    return Shrunk(multipart.join(boundary, made) if made != parts else body, tuple(stubs))


def _parsed(body: bytes) -> Any:
    """The JSON object or array in a body; None where there is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict | list) else None


def shrunk_value(document: Any) -> tuple[Any, tuple[Stub, ...]]:
    """A copy of a parsed body with stubs for large binary data, and the originals of these."""
    document = copy.deepcopy(document)
    _, stubs = _put_stubs(document, "")
    return document, tuple(stubs)


def _shrunk_document(document: Any, body: bytes, prefix: str = "") -> Shrunk:
    """A parsed body with stubs; `prefix` is where it is in its stream. Changes the document."""
    changed, stubs = _put_stubs(document, prefix)
    if not changed:
        return Shrunk(body, tuple(stubs))
    return Shrunk(json.dumps(document, ensure_ascii=False, indent=1).encode(), tuple(stubs))


def _put_stubs(document: Any, prefix: str) -> tuple[bool, list[Stub]]:
    """Put stubs into a document: whether it has changed, and the originals."""
    stubs: list[Stub] = []
    changed = False
    for parent, name, mime_type, path in tuple(_binary_strings(document, prefix)):
        head, text = split_data_url(parent[name])
        try:
            data = decode_base64(text)
        except ValueError:
            continue
        content, stub = make_stub(data, mime_type, path)
        if stub is not None:
            stubs.append(stub)
        if content != data:
            encode = base64.urlsafe_b64encode if "-" in text or "_" in text else base64.b64encode
            encoded = encode(content).decode("ascii")
            parent[name] = head + (encoded if text.endswith("=") else encoded.rstrip("="))
            changed = True
    return changed, stubs


def split_data_url(text: str) -> tuple[str, str]:
    """What is before the base64 of a data URL, and the base64; nothing is before any other text."""
    match = _DATA_URL.match(text)
    return (match[0], text[match.end() :]) if match else ("", text)


def binary_type(name: str, parent: Any, text: str) -> str | None:
    """The MIME type of the base64 in a string, empty where it is unknown; None where it is no binary data.

    `name` is its name in the object `parent`. It is an image, a signature, a sound, or a data URL.
    """
    if (match := _DATA_URL.match(text)) is not None:
        return match[1] or "application/octet-stream"
    if not isinstance(parent, Mapping):
        return None
    kind = parent.get("type")
    if name in _SIGNATURES or (name == "signature" and kind in _SIGNED_TYPES):
        return ""
    if name in _IMAGE_NAMES or (name == "result" and kind == "image_generation_call"):
        return "image/png"
    if name == "data" and kind == _SEALED_TYPE:
        return ""
    stated = next((parent[beside] for beside in _BESIDE_DATA if parent.get(beside)), None) if name == "data" else None
    return None if stated is None else stated if isinstance(stated, str) else "application/octet-stream"


def label_of(data: bytes) -> tuple[str, int] | None:
    """The sha256 and the size of the original of a stub; None for other data."""
    label = _LABEL.search(data) if len(data) <= _MAX_STUB else None
    return (label[1].decode(), int(label[2])) if label else None


def _binary_strings(value: Any, path: str) -> Iterator[tuple[Any, Any, str, str]]:
    """Each string of binary data: what holds it, its name or position there, its MIME type, its path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        if not isinstance(item, str):
            yield from _binary_strings(item, f"{path}{name}.")
        elif (mime_type := binary_type(str(name), value, item)) is not None:
            yield value, name, mime_type, f"{path}{name}"


@functools.lru_cache(maxsize=64)
def make_stub(data: bytes, mime_type: str = "", path: str = "") -> tuple[bytes, Stub | None]:
    """The bytes of the stub for this data, and its original; the data itself and None where it is small."""
    if len(data) <= _MAX_STUB and (label := _LABEL.search(data)):
        width, height, kind = _dimensions(data)
        return data, Stub(path, label[1].decode(), int(label[2]), kind or mime_type, width, height)
    if len(data) <= MIN_SIZE:
        return data, None
    digest = hashlib.sha256(data).hexdigest()
    text = f"omni-release stub of sha256 {digest}, {len(data)} bytes".encode() + _ALPHABET
    width, height, kind = _dimensions(data) if mime_type else (None, None, "")
    for spaces in range(3):  # until the padding is the same as the original's
        padded = text + b" " * spaces
        if kind and width and height:
            content = _grey_image(kind, width, height, padded)
        else:
            content = (data[:24] if mime_type else b"") + padded  # no more a valid image than the original
        if len(content) % 3 == len(data) % 3:
            break
    if len(content) >= len(data):
        return data, None
    return content, Stub(path, digest, len(data), kind or mime_type, width, height)


def _dimensions(data: bytes) -> tuple[int | None, int | None, str]:
    """Width, height and MIME type of an image that decodes to its last row; None, None and "" for other data."""
    from omni_release.images import answer
    from omni_release.images.errors import DamagedAnswer

    if not data.startswith(_IMAGES):
        return None, None, ""
    try:
        image = answer.decode_image(data)
    except DamagedAnswer:
        return None, None, ""
    return image.width, image.height, image.mime_type


def _grey_image(mime_type: str, width: int, height: int, label: bytes) -> bytes:
    """An image with a comment, of one channel: the smallest valid one."""
    from PIL import Image, PngImagePlugin

    written = io.BytesIO()
    if mime_type == "image/jpeg":
        Image.new("L", (width, height), 128).save(written, "JPEG", quality=10, optimize=True, comment=label)
    elif mime_type == "image/png":
        comment = PngImagePlugin.PngInfo()
        comment.add_text("Comment", label.decode("latin-1"))
        Image.new("1", (width, height)).save(written, "PNG", optimize=True, pnginfo=comment)
    else:
        Image.new("L", (width, height), 128).save(written, "WEBP", lossless=True, xmp=label)
    return written.getvalue()
