"""Small copies of pictures."""

from __future__ import annotations

import io


def thumbnail(data: bytes, edge: int = 256) -> bytes:
    """A PNG that is at most `edge` pixels wide and high."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        image.thumbnail((edge, edge))
        out = io.BytesIO()
        image.save(out, "PNG")
    return out.getvalue()
