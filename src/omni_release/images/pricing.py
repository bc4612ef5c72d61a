"""The cost of calls, and a budget for a run: it stops before the call that would exceed it."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass

from omni_release import models
from omni_release.core.text import listed
from omni_release.images.errors import BudgetExceeded, InvalidRequest
from omni_release.images.model import Usage
from omni_release.models.facts import Price

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
            missing = listed(unstated(model))
            raise BudgetExceeded(
                f"{model}: unknown price ({missing}), so the budget of ${self.usd:.2f} cannot be enforced",
                "Use a model with a known price, set it in [[tool.omni-release.models.model]], or set no budget.",
            )
        if estimate > self.left + 1e-9:
            raise BudgetExceeded(
                f"{model}: the next call costs up to ${estimate:.3f}, and ${max(self.left, 0):.3f} of the budget of "
                f"${self.usd:.2f} are left; the call was not made",
                "Raise the budget, or request less: fewer or smaller images, fewer tokens.",
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


_PER_IMAGE = {"grok-imagine-image": 0.02}
"""USD, as its recorded answer states (2026-08-12); the registry has no price of xAI's."""

REFERENCE_TOKENS = 1_600
"""Of an image that is sent, in an estimate."""


def price_of(model: str, platform: str = "") -> Price | None:
    """The prices of a model today, also without the date of its snapshot or the prefix of a gateway.

    With a `platform`, only the prices there, or those that the project states.
    """
    name = re.sub(r"-\d{4}-\d\d-\d\d$|-\d{8}$", "", model.rpartition("/")[2])
    places = (platform, models.PROJECT) if platform else ("",)
    found = (models.find(written, place) for written in dict.fromkeys((model, name)) for place in places)
    price = next((known.price for known in found if known and known.price), None)
    return None if price is None else price.on(datetime.datetime.now(datetime.UTC).date())


def unstated(model: str) -> tuple[str, ...]:
    """The prices that a budget for an image of this model needs, and that nothing states, as the settings call them."""
    price = price_of(model)
    if price is None:
        return ("no source states one",)
    if _is_per_image_alone(price):
        return ("no price for an image of this size",)
    missing = [name for name, rate in (("input", price.input), ("text-output", price.text_output)) if rate is None]
    if price.image_output is None and not price.per_image:
        missing.append("image-output or per-image")
    return (f"{', '.join(missing)} not stated",) if missing else ("no price for an image of this size",)


def _is_per_image_alone(price: Price) -> bool:
    """Whether an image has a price, and no token has: then what is sent, and any text, is a part of it."""
    return bool(price.per_image) and price.input is price.text_output is price.image_output is None


def _per_image(price: Price, sizes: tuple[str, ...], quality: str) -> float | None:
    """The price of an image, by the first of these sizes that has one ("1K", or pixels such as "1536x1024").

    Where it depends on the quality and none is stated, or `auto`, it is the highest one.
    """
    for wanted in map(_turned, sizes):
        found = []
        for key, usd in price.per_image.items():
            of, _, size = key.rpartition(" ")
            if _turned(size) == wanted and (of in ("", quality) or quality in ("", "auto")):
                found.append(usd)
        if found:
            return max(found)
    return None


def _turned(size: str) -> str:
    """A size in pixels with the shorter side first: both ways have one price. Any other size as it is."""
    return "x".join(sorted(size.split("x"), key=lambda side: (len(side), side)))


def cost_of(model: str, usage: Usage | None, *sizes: str, quality: str = "") -> Cost:
    """The cost of a call for an image of one of these sizes, the preferred one first: of its pixels, of its class.

    Image tokens are billed at the image price, and all other tokens of the answer at the text price. The details of a
    real answer omit some candidate tokens; they count as text. Tokens whose price nothing states are not free: the cost
    is unknown.
    """
    price = price_of(model)
    if price is None:
        return Cost(None, "no known price")
    if usage is None or not usage.image or price.image_output is None:
        per_image = _per_image(price, sizes, quality)
        return Cost(per_image, "price per image" if per_image is not None else "no known price")
    usd = _token_cost(price, usage)
    return Cost(usd, "usage" if usd is not None else "no known price")


def cost_without_image(model: str, usage: Usage | None) -> float | None:
    """The cost of an answer that has no image, in USD; None if it is unknown."""
    price = price_of(model)
    return None if price is None or usage is None else _token_cost(price, usage)


def _token_cost(price: Price, usage: Usage) -> float | None:
    return _sum(
        (usage.image, price.image_output),
        (usage.candidates - usage.image + usage.thoughts, price.text_output),
        (usage.prompt_image, _image_input(price)),
        (usage.prompt - usage.prompt_image, price.input),
    )


def _sum(*parts: tuple[float, float | None]) -> float | None:
    """The cost of these tokens, each with the price of a million; None where there are some whose price is unknown."""
    if any(rate is None for tokens, rate in parts if tokens):
        return None
    return sum(tokens * (rate or 0) for tokens, rate in parts) / _MILLION


def _image_input(price: Price) -> float | None:
    """The price of a million tokens of images that are sent; that of text where none is stated."""
    return price.input if price.image_input is None else price.image_input


def estimate(model: str, size: str, prompt_characters: int, images: int = 0) -> float | None:
    """The highest expected cost of a call in USD: one image, an allowance for text, and what is sent.

    `images` is the number of those that are sent: references, and those of earlier turns. None if a price is unknown.
    """
    price = price_of(model)
    if price is None or (image := _per_image(price, (size,), "")) is None:
        return None
    if _is_per_image_alone(price):
        return image
    rest = _sum(*_sent(price, prompt_characters, images), (_TEXT_ALLOWANCE, price.text_output))
    return None if rest is None else image + rest


def _sent(price: Price, prompt_characters: int, images: int) -> tuple[tuple[float, float | None], ...]:
    """The tokens of what is sent, with their prices: a token has at least one character."""
    return (prompt_characters, price.input), (images * REFERENCE_TOKENS, _image_input(price))


def estimate_tokens(model: str, image_tokens: float, prompt_characters: int, images: int) -> float | None:
    """The same for a model that is billed by the tokens of its image. `images` is the number of those that are sent.

    Where no price of text is stated, the model writes none.
    """
    price = price_of(model)
    if price is None or price.image_output is None:
        prices = price.per_image.values() if price else ()
        per_image = max(prices, default=_PER_IMAGE.get(model.rpartition("/")[2]))
        return None if per_image is None else per_image * (1 + images)
    text = _TEXT_ALLOWANCE if price.text_output is not None else 0
    made = ((image_tokens, price.image_output), (text, price.text_output))
    return _sum(*made, *_sent(price, prompt_characters, images))


@dataclass(frozen=True)
class TokenCounts:
    """The tokens of a call. Of those that were sent, `cached` were read from a cache, at `cached_at` of the price.

    `surcharge` is what writing to a cache costs beyond them, as a number of tokens.
    """

    sent: int
    answered: int
    cached: int = 0
    cached_at: float = 1.0
    surcharge: float = 0.0


def cost_of_tokens(model: str, counts: TokenCounts, platform: str = "") -> float | None:
    """The cost of a call for text in USD; None without a price of what it used: unknown is not free."""
    price = price_of(model, platform)
    if price is None or price.input is None or (counts.answered and price.text_output is None):
        return None
    cached = price.input * counts.cached_at if price.cached_input is None else price.cached_input
    full = counts.sent - counts.cached + counts.surcharge
    usd = full * price.input + counts.cached * cached + counts.answered * (price.text_output or 0)
    return usd / _MILLION


def estimate_text(model: str, characters: int, images: int, answered: int, platform: str = "") -> float:
    """The highest expected cost of a call for text in USD: a token has at least one character.

    A model without a known price counts as the most expensive one.
    """
    counts = TokenCounts(characters + images * REFERENCE_TOKENS, answered)
    if (usd := cost_of_tokens(model, counts, platform)) is not None:
        return usd
    found = [known.price for known in models.all_models().values() if known.price]
    highest = max(price.input or 0 for price in found), max(price.text_output or 0 for price in found)
    return (counts.sent * highest[0] + answered * highest[1]) / _MILLION
