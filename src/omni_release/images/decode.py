"""What an image is, read from its bytes: the service's own word for it is not asked."""

from __future__ import annotations

import io
from dataclasses import dataclass

from omni_release.core.errors import to_install
from omni_release.images.errors import DamagedAnswer, NotSetUp

MOST_PIXELS = 64_000_000
"""Four times what the models' largest size (4K) has."""
FORMATS = ("JPEG", "PNG", "WEBP")
"""What the models answer with, or may; no other decoder of Pillow's is let near bytes from the network."""


@dataclass(frozen=True)
class Picture:
    """A decodable image's MIME type, and its width and height in pixels."""

    mime_type: str
    width: int
    height: int


_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


def _is_whole(data: bytes, kind: str) -> None:
    """Whether it ends as its kind does; asked where somebody has told Pillow to take half an image for a whole one."""
    from PIL import ImageFile

    if not ImageFile.LOAD_TRUNCATED_IMAGES:
        return  # Pillow has looked
    end = data.rfind(_ENDS[kind]) >= 0 if kind in _ENDS else len(data) >= int.from_bytes(data[4:8], "little") + 8
    if not end:
        raise ValueError("it is cut off")


def read(data: bytes) -> Picture:
    """What the bytes are; every pixel row has been decoded. Raises DamagedAnswer where they are no whole image."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise NotSetUp("Pillow is not installed, so no image can be read", to_install("images")) from None
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise ValueError(f"{width} by {height} pixels are more than {MOST_PIXELS}")
            mime_type = Image.MIME[image.format or ""]
            # A JPEG's data is read to its end at any scale; an eighth spares most of the arithmetic.
            image.draft(None, (width // 8, height // 8))
            image.load()
            _is_whole(data, image.format or "")
    # Of broken files Pillow says OSError, SyntaxError, ValueError, ZeroDivisionError, …; it promises no list.
    except Exception as error:  # noqa: BLE001
        said = "no image that is known" if isinstance(error, UnidentifiedImageError) else str(error)
        failure = DamagedAnswer(f"the image does not decode ({len(data)} bytes): {said}")
    else:
        return Picture(mime_type, width, height)
    raise failure
