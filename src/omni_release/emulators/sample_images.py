"""Small, real images of the asked shape, and the signatures that belong to them."""

from __future__ import annotations

import functools
import hashlib
import hmac
import io

_SHAPES = {
    "": (1408, 768),  # what pro answered where no ratio was asked for (recorded 2025-11 and 2026-07)
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
"""Width and height at 1K, by aspect ratio (Gemini API, image generation, 2026-09)."""
_SCALES = {"": 1, "1K": 1, "2K": 2, "4K": 4}
_SECRET = b"the emulator's own: a signature of one emulator is known to another"


def shape(aspect_ratio: str, size: str) -> tuple[int, int] | None:
    """Width and height; None where the service takes no such ratio or size."""
    if aspect_ratio not in _SHAPES or size not in _SCALES:
        return None
    width, height = _SHAPES[aspect_ratio]
    return width * _SCALES[size], height * _SCALES[size]


@functools.lru_cache(maxsize=64)
def picture(width: int, height: int, mime_type: str, colour: int) -> bytes:
    """An image in one colour (0 to 255)."""
    from PIL import Image

    written = io.BytesIO()
    # One channel, or one palette: as valid as three channels, and a part of the work for everyone who decodes it.
    if mime_type == "image/jpeg":
        Image.new("L", (width, height), colour).save(written, "JPEG", quality=70, optimize=True)
    else:
        image = Image.new("P", (width, height))
        image.putpalette((colour, 255 - colour, 128))
        image.save(written, "PNG", bits=1)
    return written.getvalue()


def signature(about: bytes, size: int) -> bytes:
    """`size` bytes (at least 48) that tell whether they come back unharmed: always the same about the same bytes."""
    filling = hashlib.shake_256(_SECRET + about).digest(size - 32)
    return filling + _seal(filling, about)


def is_signed(signature: bytes, about: bytes) -> bool:
    """Whether `signature` is one of ours, unharmed, and about these bytes."""
    filling, seal = signature[:-32], signature[-32:]
    return hmac.compare_digest(seal, _seal(filling, about))


def _seal(filling: bytes, about: bytes) -> bytes:
    return hmac.digest(_SECRET, filling + hashlib.sha256(about).digest(), "sha256")
