"""Images and signatures in API traffic → small valid stubs, in requests and responses alike.

A second turn sends the first turn's image and signature, so both sides are treated by the same function, and the stub
of some bytes is always the same: a recorded second turn finds its recording. A stub carries the sha256 and the size of
what it stands for, an image's stub is an image of the same type and dimensions, and a stub's stub is itself. The
alphabet of its base64 and its padding are those of the original: whoever compares shapes later can still see them.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from omni_release.images.api_format import decode_base64

LEAST = 256
"""Bytes up to which binary data is left as it is."""


_LARGEST_STUB = 400_000


_TOLD = re.compile(rb"omni-release stub of sha256 ([0-9a-f]{64}), ([0-9]+) bytes")


_ALPHABET = b"\xff\xff\xff\xff"  # at any offset one of its base64 characters tells the two alphabets apart


_DATA, _SIGNATURE = ("data", "b64_json"), ("thoughtSignature", "thought_signature")


@dataclass(frozen=True)
class Stub:
    """What stands in a body in place of the true bytes, and what those were. Dimensions are None where it is no image.

    `path` leads to it: names and positions (from 0), with dots between them.
    """

    path: str
    sha256: str
    size: int
    mime_type: str = ""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Shrunk:
    """A body with stubs in it, and what they stand for."""

    body: bytes
    stubs: tuple[Stub, ...] = ()


@functools.lru_cache(maxsize=64)
def shrunk(body: bytes) -> Shrunk:
    """The body with stubs in place of what is large: one JSON document, or a stream of them (`data: {…}` lines).

    What is neither, and a body with nothing large in it, comes back byte for byte.
    """
    if not _may_hold(body):
        return Shrunk(body)
    document = _parsed(body)
    if document is not None:
        return _document(document, body)
    stubs: list[Stub] = []
    lines: list[bytes] = []
    for number, line in enumerate(body.split(b"\n")):
        prefix, found = b"data: ", None
        if line.startswith(prefix):
            found = _parsed(line[len(prefix) :])
        if found is None:
            lines.append(line)
            continue
        part = _document(found, line[len(prefix) :], f"{number}.")
        lines.append(prefix + part.body.rstrip(b"\n").replace(b"\n", b" "))
        stubs += part.stubs
    changed = b"\n".join(lines)
    return Shrunk(changed if stubs else body, tuple(stubs))


def _may_hold(body: bytes) -> bool:
    return len(body) > LEAST and any(name.encode() in body for name in (*_DATA, *_SIGNATURE))


def _parsed(body: bytes) -> Any:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _document(document: Any, body: bytes, prefix: str = "") -> Shrunk:
    stubs: list[Stub] = []
    changed = False
    for table, name, mime_type, path in tuple(_binaries(document, prefix)):
        text = table[name]
        try:
            data = decode_base64(text)
        except ValueError:
            continue
        made, stub = stubbed(data, mime_type, path)
        if stub is not None:
            stubs.append(stub)
        if made != data:
            table[name] = _encoded(made, text)
            changed = True
    if not changed:
        return Shrunk(body, tuple(stubs))
    return Shrunk(json.dumps(document, ensure_ascii=False, indent=1).encode(), tuple(stubs))


def _binaries(value: Any, path: str) -> Iterator[tuple[dict[str, Any], str, str, str]]:
    """Each string that holds binary data: the object that it stands in, its name, its MIME type, where it is."""
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from _binaries(item, f"{path}{at}.")
    elif isinstance(value, dict):
        mime_type = value.get("mimeType") or value.get("mime_type")
        for name, item in value.items():
            if isinstance(item, str):
                binary = name in _SIGNATURE or name == "b64_json" or (name == "data" and isinstance(mime_type, str))
                if binary:
                    yield value, name, "" if name in _SIGNATURE else mime_type or "image/png", f"{path}{name}"
            else:
                yield from _binaries(item, f"{path}{name}.")


def _encoded(data: bytes, like: str) -> str:
    """Base64 in the alphabet of `like`, padded if that is."""
    text = (base64.urlsafe_b64encode if "-" in like or "_" in like else base64.b64encode)(data).decode("ascii")
    return text if like.endswith("=") else text.rstrip("=")


@functools.lru_cache(maxsize=64)
def stubbed(data: bytes, mime_type: str = "", path: str = "") -> tuple[bytes, Stub | None]:
    """What stands in for these bytes, and what they are; the bytes themselves and None where they are small."""
    if len(data) <= _LARGEST_STUB and (told := _TOLD.search(data)):
        width, height, kind = _shape(data)
        return data, Stub(path, told[1].decode(), int(told[2]), kind or mime_type, width, height)
    if len(data) <= LEAST:
        return data, None
    digest = hashlib.sha256(data).hexdigest()
    label = f"omni-release stub of sha256 {digest}, {len(data)} bytes".encode() + _ALPHABET
    width, height, kind = _shape(data) if mime_type else (None, None, "")
    for spaces in range(3):  # the same padding as the original's
        padded = label + b" " * spaces
        if kind and width and height:
            made = _picture(kind, width, height, padded)
        else:
            made = (data[:24] if mime_type else b"") + padded  # as little an image as the original
        if len(made) % 3 == len(data) % 3:
            break
    if len(made) >= len(data):
        return data, None
    return made, Stub(path, digest, len(data), kind or mime_type, width, height)


def _shape(data: bytes) -> tuple[int | None, int | None, str]:
    """Width, height and MIME type of an image that decodes to its last row."""
    from omni_release.images import answer
    from omni_release.images.errors import DamagedAnswer

    if not data.startswith((b"\xff\xd8", b"\x89PNG", b"RIFF")):
        return None, None, ""
    try:
        found = answer.decode_image(data)
    except DamagedAnswer:
        return None, None, ""
    return found.width, found.height, found.mime_type


def _picture(mime_type: str, width: int, height: int, label: bytes) -> bytes:
    """A grey image with a comment in it: one channel, as that is the least that is valid."""
    from PIL import Image, PngImagePlugin

    written = io.BytesIO()
    if mime_type == "image/jpeg":
        Image.new("L", (width, height), 128).save(written, "JPEG", quality=10, optimize=True, comment=label)
    elif mime_type == "image/png":
        told = PngImagePlugin.PngInfo()
        told.add_text("Comment", label.decode("latin-1"))
        Image.new("1", (width, height)).save(written, "PNG", optimize=True, pnginfo=told)
    else:
        Image.new("L", (width, height), 128).save(written, "WEBP", lossless=True, xmp=label)
    return written.getvalue()
