"""Life spans, prices, and a budget that stops before the call that would exceed it."""

from __future__ import annotations

import dataclasses
import datetime
import re
from typing import Any

import pytest

from omni_release import models
from omni_release.emulators import GeminiEmulator, responses
from omni_release.images import Budget, GeminiImageProvider, ImageRequest, errors, pricing, requests
from omni_release.images.model import Part, Usage
from omni_release.models.facts import Introductory, Price
from tests.images.conftest import FLASH, PRO, planted_key, run

TODAY = datetime.date(2026, 11, 22)


@pytest.mark.parametrize(
    ("model", "tokens", "usd"),
    [(PRO, 1120, 0.1344), (PRO, 2000, 0.24), ("gemini-2.5-flash-image", 1290, 0.0387), (FLASH, 1120, 0.0672)],
)
def test_known_answers(model: str, tokens: int, usd: float) -> None:
    """Image tokens cost the model's price."""
    cost = pricing.cost_of(model, Usage(candidates=tokens, image=tokens, total=tokens), "1K")
    assert cost.usd == pytest.approx(usd)
    assert cost.basis == "usage"


def test_text_is_billed_separately() -> None:
    """The recorded call of 2026-07: 1120 of image at $120, 96 + 179 of text at $12, a prompt of 22 at $2."""
    usage = Usage(prompt=22, candidates=1216, image=1120, thoughts=179, total=1417)
    assert pricing.cost_of(PRO, usage, "1K").usd == pytest.approx(0.1344 + 275 * 12e-6 + 22 * 2e-6)


def test_price_per_image_without_usage() -> None:
    """If the usage metadata is missing, or has no image tokens, the price per image applies."""
    assert pricing.cost_of(PRO, None, "4K") == pricing.Cost(0.24, "price per image")
    assert pricing.cost_of(FLASH, Usage(total=5), "1K") == pricing.Cost(0.067, "price per image")
    assert pricing.cost_of("gemini-9", None, "1K").usd is None


@pytest.mark.parametrize(
    ("model", "sizes", "quality", "usd"),
    [
        ("gpt-image-1-mini", ("1536x1024", "1K"), "low", 0.006),
        ("openai/gpt-image-1-mini-2026-01-01", ("1024x1024", "1K"), "medium", 0.011),
        ("gpt-image-1-mini", ("1024x1024", "1K"), "auto", 0.036),  # the highest
        ("gpt-image-1-mini", ("1024x1024", "1K"), "", 0.036),
        ("gpt-image-1-mini", ("1K",), "low", None),
        ("sd3.5-large", ("1024x1024", "1K"), "", 0.065),
        ("gemini-3-pro-image", ("huge",), "", None),
    ],
)
def test_price_per_image_by_quality_and_size(model: str, sizes: tuple[str, ...], quality: str, usd: float) -> None:
    """The prices of a page are by quality and pixels, or by a class of size; a snapshot has the price of its model."""
    assert pricing.cost_of(model, None, *sizes, quality=quality).usd == usd


def test_images_that_are_sent_count() -> None:
    """An estimate has the reference images and the images of earlier turns."""
    picture = responses.sample_image(8, 8, "image/png", 1)
    request = ImageRequest("an owl", references=(picture, picture))
    assert requests.count_images(requests.request_contents(request)) == 2
    turn = requests.Turn(("an owl",), (Part(text="here"), Part(image=picture, mime_type="image/png")), (picture,))
    assert requests.count_images(requests.Conversation((turn, turn)).contents("bluer", "gemini")) == 4
    alone, more = pricing.estimate(PRO, "1K", 10), pricing.estimate(PRO, "1K", 10, 4)
    assert alone is not None and more == pytest.approx(alone + 4 * pricing.REFERENCE_TOKENS * 2e-6)


@pytest.mark.parametrize(("until", "usd"), [(datetime.date.max, 2.0), (datetime.date.min, 4.0)])
def test_introductory_price_counts(until: datetime.date, usd: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """It applies up to its last day."""
    price = Price(input=4.0, text_output=20.0, introductory=Introductory(until, 2.0, 10.0))
    known = models.find(PRO)
    assert known is not None
    monkeypatch.setattr(models, "find", lambda name, platform="": dataclasses.replace(known, price=price))
    assert pricing.cost_without_image(PRO, Usage(prompt=1_000_000)) == usd


def test_a_chain_is_followed() -> None:
    """A recommended successor may be dead itself: imagen-3 → imagen-4 → nano-banana; the day matters."""
    assert models.successor("imagen-3.0-generate-002", TODAY) == "gemini-nano-banana-2.1"
    assert models.successor("models/gemini-3-pro-image-preview", TODAY) == PRO
    assert models.successor("nobody", TODAY) is None
    assert models.successor(PRO, TODAY) is None
    june = datetime.date(2026, 6, 25)
    preview = models.find("gemini-3-pro-image-preview")
    assert preview is not None
    assert preview.lives(june - datetime.timedelta(days=1)) and not preview.lives(june)


def test_budget_stops_before_the_call(emulator: GeminiEmulator) -> None:
    """$0.30 pays for two images of pro: the third call is not made."""
    budget = Budget(0.30)

    async def work() -> None:
        async with GeminiImageProvider(PRO, planted_key(), emulator.url, budget=budget) as provider:
            for _ in range(2):
                await provider.generate(ImageRequest("an owl"))
            with pytest.raises(errors.BudgetExceeded, match="was not made") as raised:
                await provider.generate(ImageRequest("an owl"))
            assert "Raise the budget" in raised.value.hint

    run(work)
    assert len(emulator.calls) == 2
    assert budget.spent == pytest.approx(2 * 0.137744)
    assert budget.left == pytest.approx(0.30 - budget.spent)


def test_budget_and_failures(emulator: GeminiEmulator) -> None:
    """A 503 costs nothing; a call that was cut off may have been billed, and stays reserved."""
    budget = Budget(1.0)

    async def work() -> None:
        async with GeminiImageProvider(PRO, planted_key(), emulator.url, 20.0, budget=budget) as provider:
            emulator.script("503; truncate")
            with pytest.raises(errors.Overloaded):
                await provider.generate(ImageRequest("an owl"))
            assert budget.left == 1.0
            with pytest.raises(errors.Disconnected):
                await provider.generate(ImageRequest("an owl"))
            assert budget.spent > 0.134

    run(work)


def test_budget_without_a_price(emulator: GeminiEmulator) -> None:
    """A budget cannot be enforced for a model without a price, so no call is made."""

    async def work() -> None:
        async with GeminiImageProvider("gemini-9-image", planted_key(), emulator.url, budget=Budget(9)) as provider:
            with pytest.raises(errors.BudgetExceeded, match="unknown price"):
                await provider.generate(ImageRequest("an owl"))

    run(work)
    assert emulator.calls == ()
    with pytest.raises(errors.InvalidRequest):
        Budget(0)


INPUT: dict[str, Any] = {"input": 2.0}
TEXT, IMAGE, EACH = {"text_output": 12.0}, {"image_output": 120.0}, {"per_image": {"1K": 0.1}}
FREE = dict.fromkeys(("input", "text_output", "image_output"), 0.0) | {"per_image": {"1K": 0.0}}
TOKENS = Usage(prompt=10, candidates=1120, image=1120, total=1130)


@pytest.mark.parametrize(
    ("stated", "usage", "cost", "estimated", "missing"),
    [
        ({}, TOKENS, None, None, "input, text-output, image-output or per-image not stated"),
        (INPUT | TEXT | IMAGE | EACH, TOKENS, 20e-6 + 0.1344, 0.1 + 200e-6 + 12e-3, ""),
        (INPUT | IMAGE | EACH, TOKENS, 20e-6 + 0.1344, None, "text-output not stated"),
        (INPUT | IMAGE | EACH, dataclasses.replace(TOKENS, thoughts=5), None, None, "text-output not stated"),
        (TEXT | IMAGE | EACH, TOKENS, None, None, "input not stated"),
        (TEXT | IMAGE | EACH, Usage(candidates=1120, image=1120), 0.1344, None, "input not stated"),
        (INPUT | TEXT, TOKENS, None, None, "image-output or per-image not stated"),
        (EACH, TOKENS, 0.1, 0.1, ""),  # whatever is sent is a part of it
        (EACH, None, 0.1, 0.1, ""),
        ({"per_image": {"4K": 0.2}}, None, None, None, "no price for an image of this size"),
        (FREE, TOKENS, 0.0, 0.0, ""),
    ],
)
def test_a_price_that_nothing_states_is_not_free(
    stated: dict[str, Any],
    usage: Usage | None,
    cost: float | None,
    estimated: float | None,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a price for tokens that there are, cost and estimate are unknown, and a budget refuses; 0 is a price."""
    known = models.find(PRO)
    assert known is not None
    monkeypatch.setattr(models, "find", lambda *_: dataclasses.replace(known, price=Price(**stated)))
    assert pricing.cost_of(PRO, usage, "1K").usd == (cost if cost is None else pytest.approx(cost))
    found = pricing.estimate(PRO, "1K", 100)
    assert found == (estimated if estimated is None else pytest.approx(estimated))
    budget = Budget(9)
    if missing:
        with pytest.raises(errors.BudgetExceeded, match=re.escape(f"unknown price ({missing})")):
            budget.reserve(PRO, found)
    else:
        budget.reserve(PRO, found)


def test_estimate_of_a_model_that_is_billed_by_tokens() -> None:
    """The image's tokens, the prompt and the images that are sent; a price per image where that is what is known."""
    estimate = pricing.estimate_tokens("gpt-image-2", 1056.0, 100, 1)
    assert estimate == pytest.approx((1056 * 30 + 100 * 5 + 1600 * 8) / 1e6)
    assert pricing.estimate_tokens("x-ai/grok-imagine-image", 4160.0, 100, 1) == pytest.approx(0.04)
    assert pricing.estimate_tokens("unheard-of", 4160.0, 100, 0) is None
