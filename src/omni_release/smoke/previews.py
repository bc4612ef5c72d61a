"""Small previews of images, for the page of a run. The originals come from a service, and may be anything."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

MOST = 110_000
"""Bytes of a preview: 150 kB on a page, in base64."""

_SIDE = 480  # pixels
_SMALL = 30_000  # bytes of an image that is its own preview
_QUALITIES = (82, 65, 45)


@dataclass(frozen=True)
class Preview:
    """A small image and its type; empty if the original is too large. `width` and `height` are the original's."""

    content: bytes
    mime_type: str
    width: int
    height: int


def preview_of(path: Path) -> Preview:
    """A small JPEG, or the image itself if it is small.

    Raises ModuleNotFoundError without Pillow, and what Pillow raises for a broken image, of which it has no list.
    """
    from PIL import Image

    from omni_release.images.answer import IMAGE_FORMATS, MOST_PIXELS

    with Image.open(path, formats=IMAGE_FORMATS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            return Preview(b"", "", width, height)
        image.draft("RGB", (_SIDE, _SIDE))  # a JPEG is decoded at a fraction of its size
        if path.stat().st_size < _SMALL:
            image.load()
            return Preview(path.read_bytes(), Image.MIME[image.format or ""], width, height)
        image.thumbnail((_SIDE, _SIDE), reducing_gap=1.0)
        small = _on_white(image)
    for quality in _QUALITIES:
        written = io.BytesIO()
        small.save(written, "JPEG", quality=quality)
        if len(written.getvalue()) <= MOST:
            return Preview(written.getvalue(), "image/jpeg", width, height)
    return Preview(b"", "", width, height)


def _on_white(image: Image) -> Image:
    """The image without transparency, which a JPEG does not have."""
    from PIL.Image import new

    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white
