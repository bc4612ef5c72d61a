"""What the service answers, as this package keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel


class Part(BaseModel):
    """A part of an answer."""

    text: str | None = None
    thought_signature: str | None = None


@dataclass
class RefinedImage:
    """A picture that was changed."""

    data: bytes
    mime_type: str
    thought_signature: str
