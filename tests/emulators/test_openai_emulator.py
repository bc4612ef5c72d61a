"""The emulated OpenAI API: what it accepts, what it answers, and its faults through the real client."""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from omni_release.emulators import GeminiEmulator, OpenAIEmulator, openai_responses
from omni_release.emulators.fixtures import gemini_emulator, openai_emulator  # noqa: F401  # as a project takes them
from omni_release.images import (
    Budget,
    Conversation,
    GeminiImageProvider,
    ImageRequest,
    ImageResult,
    OpenAIImageProvider,
    Policy,
    ResilientProvider,
    errors,
)
from omni_release.images.answer import decode_image
from tests.images.conftest import EventLog

MODEL = "gpt-image-2"


def asked(url: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Status and document of one raw call: POST with a body, GET without."""
    sent = {"Content-Type": "application/json"} | ({"Authorization": "Bearer k"} if headers is None else headers)
    request = urllib.request.Request(url + path, None if body is None else json.dumps(body).encode(), sent)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def generated(emulator: OpenAIEmulator, **more: Any) -> tuple[int, Any]:
    return asked(emulator.url, "/v1/images/generations", {"model": MODEL, "prompt": "an owl"} | more)


@pytest.mark.parametrize("size", ["1024x1024", "1536x1024", "720x1280", "3840x2160"])
def test_image_of_the_asked_size(openai_emulator: OpenAIEmulator, size: str) -> None:  # noqa: F811
    """The size is that of the request, and the usage grows with it."""
    status, document = generated(openai_emulator, size=size, quality="low")
    assert status == 200
    image = decode_image(base64.b64decode(document["data"][0]["b64_json"]))
    width, height = map(int, size.split("x"))
    assert (image.mime_type, image.width, image.height, document["size"]) == ("image/png", width, height, size)
    usage = document["usage"]
    assert usage["output_tokens"] == pytest.approx(272 * width * height / 1024**2, abs=1)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


@pytest.mark.parametrize(
    ("more", "param", "word"),
    [
        ({"size": "1000x1000"}, "size", "invalid_value"),
        ({"size": "3840x1024"}, "size", "invalid_value"),
        ({"size": "720x1280", "model": "gpt-image-1.5"}, "size", "invalid_value"),
        ({"n": 11}, "n", "invalid_value"),
        ({"quality": "best"}, "quality", "invalid_value"),
        ({"output_format": "gif"}, "output_format", "invalid_value"),
        ({"prompt": " "}, "prompt", "missing_required_parameter"),
        ({"prompt": "x" * 33_000}, "prompt", "string_above_max_length"),
        ({"model": "gpt-image-99"}, None, "model_not_found"),
        ({"model": "dall-e-3"}, None, "model_not_found"),
    ],
)
def test_invalid_request(more: Any, param: str | None, word: str) -> None:
    """The error names the parameter, by type and code as the service does."""
    with OpenAIEmulator(now=lambda: datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)) as emulator:
        status, document = generated(emulator, **more)
    assert status == (404 if word == "model_not_found" else 400)
    assert (document["error"]["param"], document["error"]["code"]) == (param, word)
    assert document["error"]["type"] == "invalid_request_error"


def test_edits_in_json(openai_emulator: OpenAIEmulator) -> None:  # noqa: F811
    """A data URL is read; an address that is none, and an edit without an image, are rejected."""
    png = generated(openai_emulator)[1]["data"][0]["b64_json"]
    body = {"model": MODEL, "prompt": "bluer"}
    for images, status in (
        ([{"image_url": f"data:image/png;base64,{png}"}], 200),
        ([{"image_url": "https://example.com/x.svg"}], 400),
        ([], 400),
    ):
        assert asked(openai_emulator.url, "/v1/images/edits", body | {"images": images})[0] == status


def test_keys_paths_and_models() -> None:
    """Keys in either header; a deployment's path; the list with its dates; no key in a recorded call."""
    with OpenAIEmulator(now=lambda: datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)) as emulator:
        url, body = emulator.url, {"prompt": "an owl"}
        assert asked(url, "/v1/images/generations", body, {})[0] == 401
        status, document = asked(url, "/v1/images/generations", body, {"Authorization": "Bearer invalid-secret-key"})
        assert (status, document["error"]["code"]) == (401, "invalid_api_key")
        assert "invalid-secret-key" not in document["error"]["message"]
        path = "/openai/deployments/ours/images/generations?api-version=1"
        assert asked(url, path, body, {"api-key": "hidden-key"})[0] == 200
        assert emulator.calls[-1].model == "ours"
        assert "hidden-key" not in repr(emulator.calls)
        listed = {item["id"]: item["shutdown_date"] for item in asked(url, "/v1/models")[1]["data"]}
        assert listed[MODEL] is None and "dall-e-3" not in listed
        assert "2027-01-14" in listed.values()
        assert asked(url, f"/v1/models/{MODEL}")[1]["id"] == MODEL
        assert asked(url, "/v1/models/dall-e-3")[0] == 404
        assert asked(url, "/v1/chat/completions", body)[0] == 404


FAULTS = [
    # the script, calls made, what is raised (None: an image)
    *(
        (name, 2, None)
        for name in ("503", "500", "504", "408", "409", "429 after=0.05", "slow-down", "drop", "truncate")
    ),
    *((name, 2, None) for name in ("damaged", "200-error", "not-json", "proxy-502", "corrupt", "cut-image")),
    *((name, 1, errors.CreditsExhausted) for name in ("429-credits", "429-limit", "402")),
    *((name, 1, errors.ConfigurationError) for name in ("bad-key", "403-unverified", "403-region", "redirect")),
    *((name, 1, errors.RequestRejected) for name in ("400", "400-image", "400-context")),
    *((name, 1, errors.ContentRefused) for name in ("blocked", "refused", "filtered")),
    *((name, 1, None) for name in ("ok", "png", "jpeg", "webp", "url", "unpadded", "data-url", "no-usage")),
    ("404", 1, errors.ModelNotFound),
    ("empty", 1, errors.NoImage),
    ("huge", 1, errors.AnswerTooLarge),
    ("slow after=0.05", 1, None),
    ("trickle after=0.05", 1, None),
]


def test_each_fault_is_in_the_table() -> None:
    """All but the one that hangs."""
    names = set(openai_responses.NAMES) - set(openai_responses.TEXT_STEPS)
    assert {script.split()[0] for script, *_ in FAULTS} | {"hang"} == names


@pytest.mark.parametrize(("script", "calls", "raised"), FAULTS, ids=[row[0] for row in FAULTS])
def test_fault(openai_emulator: OpenAIEmulator, script: str, calls: int, raised: type | None) -> None:  # noqa: F811
    """The calls made and the outcome, through the real client; the key is in no text."""
    key = "s" + "k-" + "aB3_" * 12
    openai_emulator.script(script)

    async def work() -> ImageResult | errors.ImageError:
        one = OpenAIImageProvider(MODEL, key, openai_emulator.base_url, 30.0, environment={})
        async with ResilientProvider(one, None, Policy(backoff=0), log=EventLog()) as images:
            try:
                return await images.generate(ImageRequest("an owl", "infographic"))
            except errors.ImageError as error:
                return error

    came = asyncio.run(work())
    assert len([call for call in openai_emulator.calls if call.model]) == len(came.attempts) == calls
    assert key not in repr(came) + "".join(attempt.to_json() for attempt in came.attempts) + repr(openai_emulator.calls)
    if raised is None:
        assert isinstance(came, ImageResult)
        assert (came.width, came.height) == (720, 1280)
        assert (came.cost_usd is not None) == (script != "no-usage")
    else:
        assert type(came) is raised


def test_refinement_and_xai(openai_emulator: OpenAIEmulator) -> None:  # noqa: F811
    """A refinement sends the image as a file; a model of xAI answers by address, with its cost."""

    async def work() -> ImageResult:
        async with OpenAIImageProvider(MODEL, "k" * 20, openai_emulator.base_url, environment={}) as images:
            request = ImageRequest("an owl", "quote_card")
            conversation = Conversation.start(request, await images.generate(request))
            assert (await images.refine(conversation, "bluer")).data
        xai = OpenAIImageProvider("grok-imagine-image", "k" * 20, openai_emulator.base_url, environment={})
        first = await xai.generate(ImageRequest("an owl"))
        refined = await xai.refine(Conversation.start(ImageRequest("an owl"), first), "bluer")
        await xai.close()
        return refined

    refined = asyncio.run(work())
    assert (refined.mime_type, refined.width, refined.cost_usd) == ("image/jpeg", 1280, 0.02)
    methods = [call.method for call in openai_emulator.calls]
    assert methods == ["images/generations", "images/edits", "images/generations", "file", "images/edits", "file"]


def test_same_calls_same_bytes() -> None:
    """With the same seed and time, the answers are the same."""
    moment = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)
    answers = []
    for _ in range(2):
        with OpenAIEmulator("500", seed=3, now=lambda: moment) as emulator:
            answers.append([generated(emulator) for _ in range(2)])
    assert answers[0] == answers[1]


def test_both_vendors_and_one_budget(openai_emulator: OpenAIEmulator, gemini_emulator: GeminiEmulator) -> None:  # noqa: F811
    """Two overloads at Gemini, then an image of OpenAI: real clients, real sockets, one budget; then a refinement."""
    budget = Budget(1.00)
    pro = GeminiImageProvider("gemini-3-pro-image", "k" * 20, gemini_emulator.base_url, budget=budget, environment={})
    flash = GeminiImageProvider("gemini-nano-banana-2.1", "k" * 20, gemini_emulator.base_url, environment={})
    other = OpenAIImageProvider(MODEL, "k" * 20, openai_emulator.base_url, budget=budget, environment={})

    async def work() -> list[ImageResult]:
        policy = Policy(backoff=0, images_may_leave=True)
        async with ResilientProvider(pro, [flash, other], policy, log=EventLog()) as images:
            gemini_emulator.script("503; 503")
            request = ImageRequest("an owl")
            made = await images.generate(request)
            return [made, await images.refine(Conversation.start(request, made), "bluer")]

    made, refined = asyncio.run(work())
    assert [(attempt.vendor, attempt.came, attempt.cost_usd) for attempt in made.attempts] == [
        ("gemini", "Overloaded", 0.0),
        ("gemini", "Overloaded", 0.0),
        ("openai", "image", made.cost_usd),
    ]
    assert (made.vendor, refined.vendor, refined.model_answered) == ("openai", "gemini", pro.model)
    assert budget.spent == pytest.approx((made.cost_usd or 0) + (refined.cost_usd or 0))
    sent = gemini_emulator.calls[-1].body["contents"]
    assert [sorted(part)[0] for content in sent for part in content["parts"]] == ["inlineData", "text"]
