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

from omni_release.images.api_format import decode_base64

MIN_SIZE = 256
"""Binary data of at most this many bytes is left as it is."""

WHOLE = "$"
"""The path of a stub that is the whole body."""

_MAX_STUB = 400_000
_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
_LABEL = re.compile(rb"omni-release stub of sha256 ([0-9a-f]{64}), ([0-9]+) bytes")
_ALPHABET = b"\xff\xff\xff\xff"  # in base64 at any offset it has a character that only one of the alphabets has
_DATA, _SIGNATURE = ("data", "b64_json"), ("thoughtSignature", "thought_signature")


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

    Or it is an image itself. Anything else, and a body without large data, is returned unchanged.
    """
    if body.startswith(_IMAGES):
        content, stub = make_stub(body, "image/png", WHOLE)
        return Shrunk(content, (stub,) if stub else ())
    if len(body) <= MIN_SIZE or not any(name.encode() in body for name in (*_DATA, *_SIGNATURE)):
        return Shrunk(body)
    document = _parsed(body)
    if document is not None:
        return _shrunk_document(document, body)
    prefix = b"data: "
    stubs: list[Stub] = []
    lines: list[bytes] = []
    for number, line in enumerate(body.split(b"\n")):
        document = _parsed(line.removeprefix(prefix)) if line.startswith(prefix) else None
        if document is None:
            lines.append(line)
            continue
        event = _shrunk_document(document, line.removeprefix(prefix), f"{number}.")
        lines.append(prefix + event.body.rstrip(b"\n").replace(b"\n", b" "))
        stubs += event.stubs
    return Shrunk(b"\n".join(lines) if stubs else body, tuple(stubs))


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
        text = parent[name]
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
            parent[name] = encoded if text.endswith("=") else encoded.rstrip("=")
            changed = True
    return changed, stubs


def is_binary_place(name: str, parent: Mapping[str, Any]) -> bool:
    """Does the string of this name in this object hold an image or a signature in base64?"""
    mime_type = parent.get("mimeType") or parent.get("mime_type")
    return name in _SIGNATURE or name == "b64_json" or (name == "data" and isinstance(mime_type, str))


def label_of(data: bytes) -> tuple[str, int] | None:
    """The sha256 and the size of the original of a stub; None for other data."""
    label = _LABEL.search(data) if len(data) <= _MAX_STUB else None
    return (label[1].decode(), int(label[2])) if label else None


def _binary_strings(value: Any, path: str) -> Iterator[tuple[dict[str, Any], str, str, str]]:
    """Each string of binary data: the object that holds it, its name, its MIME type (empty: unknown), its path."""
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from _binary_strings(item, f"{path}{at}.")
    elif isinstance(value, dict):
        mime_type = value.get("mimeType") or value.get("mime_type")
        for name, item in value.items():
            if not isinstance(item, str):
                yield from _binary_strings(item, f"{path}{name}.")
            elif is_binary_place(name, value):
                kind = "" if name in _SIGNATURE else mime_type if isinstance(mime_type, str) else "image/png"
                yield value, name, kind, f"{path}{name}"


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
