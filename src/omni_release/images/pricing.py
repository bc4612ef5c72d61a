"""A budget for a run: asked before each call, so that it stops BEFORE the call that would exceed it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from omni_release import models
from omni_release.images.errors import BudgetExceeded, InvalidRequest
from omni_release.images.model import Usage


class Budget:
    """USD that a run may spend, shared by all providers that it is handed to; used from one event loop.

    A call reserves its estimate and settles with what it cost. A call that was cut off may have been billed: its
    reservation stays spent.
    """

    def __init__(self, usd: float) -> None:
        if not 0 < usd < math.inf:
            raise InvalidRequest(f"a budget of {usd} USD", "Give it a number above 0.")
        self.usd = usd
        self.spent = 0.0
        self._reserved = 0.0

    @property
    def left(self) -> float:
        """What is neither spent nor reserved, in USD."""
        return self.usd - self.spent - self._reserved

    def reserve(self, model: str, estimate: float | None) -> float:
        """Set an estimate aside. Raises BudgetExceeded where it does not fit, or cannot be made."""
        if estimate is None:
            raise BudgetExceeded(
                f"{model}: no price is known, so the budget of ${self.usd:.2f} cannot be kept",
                "Name a model whose price stands in models.toml, or set no budget.",
            )
        if estimate > self.left + 1e-9:
            raise BudgetExceeded(
                f"{model}: the next image costs up to ${estimate:.3f}, and ${max(self.left, 0):.3f} of the budget of "
                f"${self.usd:.2f} are left; it was not asked for",
                "Raise the budget, or ask for fewer or smaller images.",
            )
        self._reserved += estimate
        return estimate

    def settle(self, reserved: float, cost: float) -> None:
        """Give a reservation back, and book what the call cost."""
        self._reserved -= reserved
        self.spent += cost


_MILLION = 1_000_000

_TEXT_ALLOWANCE = 1_000
"""Tokens of text and thinking that an estimate allows for; the recorded answers of pro have 270 to 340."""


@dataclass(frozen=True)
class Cost:
    """USD (None where no price is known), and what it was reckoned from."""

    usd: float | None
    reckoned_from: str


def cost_of(model: str, usage: Usage | None, size: str) -> Cost:
    """What a call with an image came to.

    Image tokens are billed at the image price, and all others of the answer at the text price. The details of a real
    answer leave some candidate tokens unnamed; they count as text. What has no known price counts as nothing.
    """
    known = models.find(model)
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
    known = models.find(model)
    price = known.price if known else None
    if price is None:
        return None
    image = price.per_image.get(size)
    if image is None:
        return None
    prompt = prompt_characters * (price.input or 0)  # a token has at least a character
    return image + (prompt + _TEXT_ALLOWANCE * (price.text_output or 0)) / _MILLION
