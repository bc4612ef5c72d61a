"""The cost of calls, and a budget for a run: it stops before the call that would exceed it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from omni_release import models
from omni_release.images.errors import BudgetExceeded, InvalidRequest
from omni_release.images.model import Usage

_MILLION = 1_000_000

_TEXT_ALLOWANCE = 1_000
"""Tokens of text and thinking that an estimate allows for; the recorded answers of pro have 270 to 340."""


class Budget:
    """An amount in USD that a run may spend, shared by all providers that have it; used from one event loop.

    A call reserves its estimate, and then settles with its cost. A call whose connection broke may have been billed:
    its reservation counts as spent.
    """

    def __init__(self, usd: float) -> None:
        if not 0 < usd < math.inf:
            raise InvalidRequest(f"invalid budget of {usd} USD", "Pass a number above 0.")
        self.usd = usd
        self.spent = 0.0
        self._reserved = 0.0

    @property
    def left(self) -> float:
        """The amount that is neither spent nor reserved, in USD."""
        return self.usd - self.spent - self._reserved

    def reserve(self, model: str, estimate: float | None) -> float:
        """Reserve an estimate in USD. Raises BudgetExceeded if it does not fit, or is None."""
        if estimate is None:
            raise BudgetExceeded(
                f"{model}: the price is unknown, so the budget of ${self.usd:.2f} cannot be enforced",
                "Use a model with a price in models.toml, or set no budget.",
            )
        if estimate > self.left + 1e-9:
            raise BudgetExceeded(
                f"{model}: the next image costs up to ${estimate:.3f}, and ${max(self.left, 0):.3f} of the budget of "
                f"${self.usd:.2f} are left; the call was not made",
                "Raise the budget, or request fewer or smaller images.",
            )
        self._reserved += estimate
        return estimate

    def settle(self, reserved: float, cost: float) -> None:
        """Release a reservation, and record the call's cost."""
        self._reserved -= reserved
        self.spent += cost


@dataclass(frozen=True)
class Cost:
    """A cost in USD, None if the price is unknown; `basis` is "usage", "price per image" or "no known price"."""

    usd: float | None
    basis: str


def cost_of(model: str, usage: Usage | None, size: str) -> Cost:
    """The cost of a call with an image.

    Image tokens are billed at the image price, and all other tokens of the answer at the text price. The details of a
    real answer omit some candidate tokens; they count as text. Tokens without a known price count as free.
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
    """The highest expected cost of a call in USD: one image, and an allowance for text. None if there is no price."""
    known = models.find(model)
    price = known.price if known else None
    if price is None or (image := price.per_image.get(size)) is None:
        return None
    prompt = prompt_characters * (price.input or 0)  # a token has at least one character
    return image + (prompt + _TEXT_ALLOWANCE * (price.text_output or 0)) / _MILLION
