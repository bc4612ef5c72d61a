"""What a call costs, from its usage metadata, or per image where that is missing. USD."""

from __future__ import annotations

from dataclasses import dataclass

from omni_release.images.model import Usage
from omni_release.models import registry

_MILLION = 1_000_000
_TEXT_ALLOWANCE = 1_000
"""Tokens of text and thinking that an estimate allows for; the recorded answers of pro have 270 to 340."""


@dataclass(frozen=True)
class Cost:
    """USD (None where no price is known), and what it was reckoned from."""

    usd: float | None
    reckoned_from: str


def of(model: str, usage: Usage | None, size: str) -> Cost:
    """What a call with an image came to.

    Image tokens are billed at the image price, and all others of the answer at the text price. The details of a real
    answer leave some candidate tokens unnamed; they count as text. What has no known price counts as nothing.
    """
    known = registry.find(model)
    price = known.price if known else None
    if price is None:
        return Cost(None, "no known price")
    if usage is None or not usage.image or price.image_output is None:
        per_image = price.per_image.get(size)
        return Cost(per_image, "price per image" if per_image is not None else "no known price")
    other = usage.candidates - usage.image + usage.thoughts
    usd = usage.image * price.image_output + other * (price.text_output or 0) + usage.prompt * (price.input or 0)
    return Cost(usd / _MILLION, "usage")


def estimate(model: str, size: str, prompt_characters: int) -> float | None:
    """The most that a call should come to: one image, with an allowance for text. None where no price is known."""
    known = registry.find(model)
    price = known.price if known else None
    if price is None:
        return None
    image = price.per_image.get(size)
    if image is None:
        return None
    prompt = prompt_characters * (price.input or 0)  # a token has at least a character
    return image + (prompt + _TEXT_ALLOWANCE * (price.text_output or 0)) / _MILLION
