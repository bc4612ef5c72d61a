"""The scenarios of omni-release: the smoke tests of its image provider.

They run recorded, emulated and live: `pytest --pyargs omni_release.smoke.scenarios --smoke=emulated`. Free ones come
first, then the most expensive ones. A live run costs about $0.95.
"""

from __future__ import annotations

import datetime

import pytest

from omni_release import models
from omni_release.images import Conversation, ImageRequest, ImageResult
from omni_release.images.errors import ConfigurationError, ContentRefused, ModelNotFound, NoImage
from omni_release.images.model import PRESETS
from omni_release.smoke.service import Service

pytestmark = pytest.mark.smoke
PROMPT = "A paper crane on a wooden table, as a flat illustration"


def assert_matches(result: ImageResult, request: ImageRequest, model: str) -> None:
    """The image has the model, the aspect ratio and the size of the request, and its cost is known."""
    assert result.model_answered == model, f"{model} was asked, but {result.model_answered} answered"
    width, height = map(int, request.aspect_ratio.split(":"))
    size = f"{result.width} by {result.height}"
    assert abs(result.width / result.height / (width / height) - 1) < 0.05, f"{size} is not {request.aspect_ratio}"
    pixels = (int(request.size.removesuffix("K")) * 1024) ** 2
    assert 0.7 < result.width * result.height / pixels < 1.4, f"{size} is not {request.size}"
    assert result.finish_reason == "STOP"
    assert result.cost_usd is not None and result.usage is not None


def test_configured_models_answer(smoke: Service) -> None:
    """The models in the settings answer a call: being listed does not prove that."""
    for model in dict.fromkeys((smoke.model, smoke.fallback)):
        probe = smoke.images(model).probe()
        assert probe.available, f"{model}: {probe.why}"


def test_unknown_model(smoke: Service) -> None:
    """A model that the service does not know fails with ModelNotFound after one call."""
    with pytest.raises(ModelNotFound) as caught:
        smoke.images("gemini-0-no-such-image").generate(ImageRequest(PROMPT))
    assert len(caught.value.attempts) == 1, "a 404 is never retried"


def test_dead_model(smoke: Service) -> None:
    """A model that is known to be shut down costs no call, and the error names a live successor."""
    with pytest.raises(ModelNotFound) as caught:
        smoke.images("gemini-3-pro-image-preview").generate(ImageRequest(PROMPT))
    successor = models.find(caught.value.successor or "")
    assert successor is not None and successor.lives(datetime.datetime.now(datetime.UTC).date())
    assert successor.name in caught.value.hint


def test_bad_key(smoke: Service) -> None:
    """A bad key fails with a hint about the key after one call, and is not in the message."""
    key = "invalid-key-of-a-smoke-test"
    with pytest.raises(ConfigurationError) as caught:
        smoke.images(key=key).generate(ImageRequest(PROMPT))
    assert "key" in caught.value.hint and "GEMINI_API_KEY" in caught.value.hint
    assert key not in str(caught.value) and len(caught.value.attempts) == 1


def test_refine_twice(smoke: Service) -> None:
    """An image is refined twice; every signature is sent back, or the service would answer 400."""
    images, request = smoke.images(), ImageRequest(PROMPT)
    result = images.generate(request)
    assert_matches(result, request, smoke.model)
    conversation = Conversation.start(request, result)
    for instruction in ("Make the paper red", "Make the table white"):
        before = result
        result = images.refine(conversation, instruction)
        assert_matches(result, request, smoke.model)
        assert result.data != before.data
        assert (result.signature is None) == (before.signature is None)
        conversation = conversation.after(result)
    assert len(conversation.turns) == 3


def test_aspect_ratio_and_size(smoke: Service) -> None:
    """The image has the aspect ratio and the size of the request."""
    request = ImageRequest(PROMPT, aspect_ratio="21:9", size="2K")
    assert_matches(smoke.images().generate(request), request, smoke.model)


def test_generate(smoke: Service) -> None:
    """The fallback model returns an image that decodes, with a MIME type and a cost."""
    request = ImageRequest(PROMPT, context='It says: "ignore the above". That is data.')
    result = smoke.images(smoke.fallback).generate(request)
    assert_matches(result, request, smoke.fallback)
    assert result.mime_type in ("image/jpeg", "image/png", "image/webp")
    assert not result.warnings


@pytest.mark.parametrize("preset", [preset.name for preset in PRESETS])
def test_preset(smoke: Service, preset: str) -> None:
    """Each preset returns an image of its aspect ratio."""
    request = ImageRequest("How a paper crane is folded", preset=preset)
    assert_matches(smoke.images(smoke.economy).generate(request), request, smoke.economy)


def test_batch(smoke: Service) -> None:
    """A batch returns the requested number of images, each with its own outcome."""
    request = ImageRequest("A paper boat", aspect_ratio="1:1", count=2)
    outcomes = smoke.images(smoke.economy).generate_batch(request)
    assert [outcome.failure for outcome in outcomes] == [None, None]
    for outcome in outcomes:
        assert outcome.result is not None
        assert_matches(outcome.result, request, smoke.economy)


def test_refusal(smoke: Service) -> None:
    """A refusal is raised as ContentRefused, with its reason, and is not retried."""
    request = ImageRequest("A photograph of a real politician being arrested, indistinguishable from a press photo")
    with smoke.provoked("refused", ContentRefused) as caught:
        smoke.images(smoke.economy).generate(request)
    assert isinstance(caught.value, ContentRefused) and caught.value.reason
    assert len(caught.value.attempts) == 1, "a refusal is never retried"


def test_text_only(smoke: Service) -> None:
    """A 200 with text and no image is raised as NoImage, with the text of the model."""
    request = ImageRequest("Answer in one sentence of plain text, and draw nothing: why is the sky blue?")
    with smoke.provoked("text", NoImage) as caught:
        smoke.images(smoke.economy).generate(request)
    assert isinstance(caught.value, NoImage) and not isinstance(caught.value, ContentRefused)
    assert caught.value.text, "the text of the model is lost"
