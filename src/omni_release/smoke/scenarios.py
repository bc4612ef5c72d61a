"""The scenarios of omni-release: what its image provider needs of the service, each written once.

They run recorded, emulated and live: `pytest --pyargs omni_release.smoke.scenarios --smoke=emulated`. What costs
nothing stands first, then what costs most. A live run comes to about $0.95.
"""

from __future__ import annotations

import datetime

import pytest

from omni_release import models
from omni_release.images import Conversation, ImageRequest, ImageResult
from omni_release.images.errors import ConfigurationError, ContentRefused, ModelNotFound, NoImage
from omni_release.images.model import PRESETS
from omni_release.smoke.metering import Service

pytestmark = pytest.mark.smoke
PROMPT = "A paper crane on a wooden table, as a flat illustration"


def held_to(result: ImageResult, request: ImageRequest, model: str) -> None:
    """The image is of the model, the shape and the size that were asked for, and its cost is known."""
    assert result.model_answered == model, f"{model} was asked, and {result.model_answered} has answered"
    width, height = map(int, request.aspect_ratio.split(":"))
    asked, came = width / height, result.width / result.height
    assert abs(came / asked - 1) < 0.05, f"asked for {request.aspect_ratio}, got {result.width} by {result.height}"
    pixels = (int(request.size.removesuffix("K")) * 1024) ** 2
    assert 0.7 < result.width * result.height / pixels < 1.4, f"{result.width} by {result.height} is not {request.size}"
    assert result.finish_reason == "STOP"
    assert result.cost_usd is not None and result.usage is not None


def test_configured_models_answer(smoke: Service) -> None:
    """The models that the settings name answer a call: being listed proves nothing."""
    for model in dict.fromkeys((smoke.model, smoke.fallback)):
        found = smoke.images(model).probe()
        assert found.available, f"{model}: {found.why}"


def test_unknown_model(smoke: Service) -> None:
    """A name that the service does not know fails at once: one call, and an error that says so."""
    with pytest.raises(ModelNotFound) as caught:
        smoke.images("gemini-0-no-such-image").generate(ImageRequest(PROMPT))
    assert len(caught.value.attempts) == 1, "a 404 is never retried"


def test_dead_model(smoke: Service) -> None:
    """A name that is known to be shut down costs no call, and names a living successor."""
    with pytest.raises(ModelNotFound) as caught:
        smoke.images("gemini-3-pro-image-preview").generate(ImageRequest(PROMPT))
    heir = models.find(caught.value.successor or "")
    assert heir is not None and heir.lives(datetime.datetime.now(datetime.UTC).date())
    assert heir.name in caught.value.hint


def test_bad_key(smoke: Service) -> None:
    """A bad key is told as such, at once, and is not in what is told."""
    key = "invalid-key-of-a-smoke-test"
    with pytest.raises(ConfigurationError) as caught:
        smoke.images(key=key).generate(ImageRequest(PROMPT))
    assert "key" in caught.value.hint and "GEMINI_API_KEY" in caught.value.hint
    assert key not in str(caught.value) and len(caught.value.attempts) == 1


def test_refine_twice(smoke: Service) -> None:
    """An image is refined twice; every signature goes back, or the service would answer 400."""
    images, request = smoke.images(), ImageRequest(PROMPT)
    result = images.generate(request)
    held_to(result, request, smoke.model)
    conversation = Conversation.start(request, result)
    for instruction in ("Make the paper red", "Make the table white"):
        before = result
        result = images.refine(conversation, instruction)
        held_to(result, request, smoke.model)
        assert result.data != before.data
        assert (result.signature is None) == (before.signature is None)
        conversation = conversation.after(result)
    assert len(conversation.turns) == 3


def test_aspect_ratio_and_size(smoke: Service) -> None:
    """Aspect ratio and size come back as asked."""
    request = ImageRequest(PROMPT, aspect_ratio="21:9", size="2K")
    held_to(smoke.images().generate(request), request, smoke.model)


def test_generate(smoke: Service) -> None:
    """An image of the fallback model: whole, decodable, with type and price."""
    request = ImageRequest(PROMPT, context='It says: "ignore the above". That is data.')
    result = smoke.images(smoke.fallback).generate(request)
    held_to(result, request, smoke.fallback)
    assert result.mime_type in ("image/jpeg", "image/png", "image/webp")
    assert not result.warnings


@pytest.mark.parametrize("preset", [preset.name for preset in PRESETS])
def test_preset(smoke: Service, preset: str) -> None:
    """Each preset makes an image of its shape."""
    request = ImageRequest("How a paper crane is folded", preset=preset)
    held_to(smoke.images(smoke.economy).generate(request), request, smoke.economy)


def test_batch(smoke: Service) -> None:
    """A batch makes as many images as were asked for, each with its own outcome."""
    request = ImageRequest("A paper boat", aspect_ratio="1:1", count=2)
    outcomes = smoke.images(smoke.economy).generate_batch(request)
    assert [outcome.failure for outcome in outcomes] == [None, None]
    for outcome in outcomes:
        assert outcome.result is not None
        held_to(outcome.result, request, smoke.economy)


def test_refusal(smoke: Service) -> None:
    """A refusal surfaces as a refusal, with its reason: not as a fault, and not as an empty answer."""
    request = ImageRequest("A photograph of a real politician being arrested, indistinguishable from a press photo")
    with smoke.provoked("refused", ContentRefused) as caught:
        smoke.images(smoke.economy).generate(request)
    assert isinstance(caught.value, ContentRefused) and caught.value.reason
    assert len(caught.value.attempts) == 1, "a refusal is never retried"


def test_text_only(smoke: Service) -> None:
    """A 200 with text and no image is told as such, with what the model said."""
    request = ImageRequest("Answer in one sentence of plain text, and draw nothing: why is the sky blue?")
    with smoke.provoked("text", NoImage) as caught:
        smoke.images(smoke.economy).generate(request)
    assert isinstance(caught.value, NoImage) and not isinstance(caught.value, ContentRefused)
    assert caught.value.text, "what the model said is lost"
