"""The cost of calls, and a budget for a run: it stops before the call that would exceed it."""

from __future__ import annotations

import math
import re
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
                "Use a model with a known price, set it in [[tool.omni-release.models.model]], or set no budget.",
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


@dataclass(frozen=True)
class Rates:
    """Prices in USD per million tokens. None where a model has no such tokens, or the price is unknown."""

    input: float | None
    image_input: float | None
    text_output: float | None
    image_output: float | None


_PER_IMAGE = {"grok-imagine-image": 0.02}
"""USD, as its recorded answer states (2026-08-12); the registry has no price of xAI's."""

_REFERENCE_TOKENS = 1_600
"""Of an image that is sent, in an estimate."""


def _rates(model: str) -> Rates | None:
    """The prices of a model, without the date of its snapshot or the prefix of a gateway."""
    name = re.sub(r"-\d{4}-\d\d-\d\d$", "", model.rpartition("/")[2])
    price = next((known.price for known in (models.find(model), models.find(name)) if known and known.price), None)
    if price is None:
        return None
    image_input = price.input if price.image_input is None else price.image_input
    return Rates(price.input, image_input, price.text_output, price.image_output)


def cost_of(model: str, usage: Usage | None, size: str) -> Cost:
    """The cost of a call.

    Image tokens are billed at the image price, and all other tokens of the answer at the text price. The details of a
    real answer omit some candidate tokens; they count as text. Tokens without a known price count as free.
    """
    rates = _rates(model)
    if rates is None:
        return Cost(None, "no known price")
    if usage is None or not usage.image or rates.image_output is None:
        known = models.find(model)
        per_image = known.price.per_image.get(size) if known and known.price else None
        return Cost(per_image, "price per image" if per_image is not None else "no known price")
    return Cost(_token_cost(rates, usage), "usage")


def cost_without_image(model: str, usage: Usage | None) -> float | None:
    """The cost of an answer that has no image, in USD; None if it is unknown."""
    rates = _rates(model)
    return None if rates is None or usage is None else _token_cost(rates, usage)


def _token_cost(rates: Rates, usage: Usage) -> float:
    other = usage.candidates - usage.image + usage.thoughts
    usd = usage.image * (rates.image_output or 0) + other * (rates.text_output or 0)
    usd += usage.prompt_image * (rates.image_input or 0) + (usage.prompt - usage.prompt_image) * (rates.input or 0)
    return usd / _MILLION


def estimate(model: str, size: str, prompt_characters: int) -> float | None:
    """The highest expected cost of a call in USD: one image, and an allowance for text. None if there is no price."""
    known = models.find(model)
    price = known.price if known else None
    if price is None or (image := price.per_image.get(size)) is None:
        return None
    prompt = prompt_characters * (price.input or 0)  # a token has at least one character
    return image + (prompt + _TEXT_ALLOWANCE * (price.text_output or 0)) / _MILLION


def estimate_tokens(model: str, image_tokens: float, prompt_characters: int, images: int) -> float | None:
    """The same for a model that is billed by the tokens of its image. `images` is the number of those that are sent."""
    rates, name = _rates(model), model.rpartition("/")[2]
    if rates is None or rates.image_output is None:
        known = models.find(model)
        prices = known.price.per_image.values() if known and known.price else ()
        per_image = max(prices, default=_PER_IMAGE.get(name))
        return None if per_image is None else per_image * (1 + images)
    sent = prompt_characters * (rates.input or 0) + images * _REFERENCE_TOKENS * (rates.image_input or 0)
    text = _TEXT_ALLOWANCE * (rates.text_output or 0)
    return (image_tokens * rates.image_output + sent + text) / _MILLION
