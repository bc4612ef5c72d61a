"""OpenAI and the services that speak its images API: what is sent, what is read, and what each error means."""

from __future__ import annotations

import asyncio
import base64
import datetime
import email
import email.policy
import gzip
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from omni_release.core.settings import Settings
from omni_release.emulators import responses
from omni_release.images import (
    Budget,
    Conversation,
    ImageRequest,
    ImageResult,
    OpenAIImageProvider,
    errors,
    openai_answers,
    provider_for,
)
from omni_release.images.model import PRESETS
from omni_release.images.openai_requests import shape_of
from omni_release.images.provider import SystemClock
from tests.images.conftest import OPENAI, Answers, Received, run
from tests.images.test_secrets import shown

PNG = responses.sample_image(1024, 1024, "image/png", 7)
USAGE = {
    "input_tokens": 221,
    "input_tokens_details": {"image_tokens": 194, "text_tokens": 27},
    "output_tokens": 272,
    "output_tokens_details": {"image_tokens": 272, "text_tokens": 0},
    "total_tokens": 493,
}
WITH_TEXT = USAGE | {"output_tokens": 415, "output_tokens_details": {"image_tokens": 272, "text_tokens": 143}}


def planted() -> str:
    """A key of the real form, built at run time: no file contains one."""
    return "s" + "k-proj-" + "aB3_x-" * 12


def encoded(data: bytes = PNG) -> str:
    return base64.b64encode(data).decode()


def answered(**fields: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"created": 1, "data": [{"b64_json": encoded()}], "usage": USAGE} | fields


def provider(server: Answers, model: str = OPENAI, **more: Any) -> OpenAIImageProvider:
    return OpenAIImageProvider(model, planted(), f"{server.url}/v1", 20.0, **{"environment": {}} | more)


def generated(server: Answers, request: ImageRequest | None = None, **more: Any) -> ImageResult:
    async def work() -> ImageResult:
        async with provider(server, **more) as images:
            return await images.generate(request or ImageRequest("an owl"))

    return run(work)


def failed(server: Answers, **more: Any) -> errors.ImageError:
    with pytest.raises(errors.ImageError) as caught:
        generated(server, **more)
    return caught.value


# -- what is sent ----------------------------------------------------------------------------------------------------


def test_request_and_result() -> None:
    """The body, the key's header, and a result with its usage, cost and bytes."""
    with Answers((200, answered()[1], {"x-request-id": "req_1"})) as server:
        result = generated(server, ImageRequest("an owl", "quote_card"), quality="low")
    (received,) = server.received
    assert (received.method, received.path) == ("POST", "/v1/images/generations")
    assert received.headers["authorization"] == f"Bearer {planted()}"
    sent = received.json
    assert sent.pop("prompt").endswith("\n\nan owl")
    assert sent == {"model": OPENAI, "n": 1, "size": "1024x1024", "quality": "low"}
    assert (result.data, result.mime_type, result.width) == (PNG, "image/png", 1024)
    assert (result.vendor, result.response_id, result.prompt) == ("openai", "req_1", "an owl")
    assert result.warnings == ()
    assert ImageResult.from_json(result.to_json()) == result


@pytest.mark.parametrize(
    ("model", "usage", "tokens"),
    [
        (OPENAI, USAGE, 27 * 5 + 194 * 8 + 272 * 30),
        (OPENAI, WITH_TEXT, None),  # nothing states what its text costs
        ("gpt-image-1.5", WITH_TEXT, 27 * 5 + 194 * 8 + 272 * 32 + 143 * 10),
    ],
)
def test_cost_of_each_kind_of_token(model: str, usage: dict[str, Any], tokens: float | None) -> None:
    """Text and image tokens, in and out, each at its own price; the snapshot of a day costs the same."""
    with Answers(answered(usage=usage)) as server:
        result = generated(server, model=model, vendor="gateway")
        assert result.cost_usd == (tokens if tokens is None else pytest.approx(tokens / 1e6))
        dated = generated(server, model=f"openai/{model}-2026-04-21", vendor="gateway")
        assert dated.cost_usd == result.cost_usd
    assert result.cost_from == ("no known price" if tokens is None else "usage")


@pytest.mark.parametrize("preset", [preset.name for preset in PRESETS])
def test_presets_are_exact_sizes(preset: str) -> None:
    """From gpt-image-2 on, each preset has exactly its ratio, in multiples of 16."""
    request = ImageRequest("x", preset)
    shape = shape_of(OPENAI, request.aspect_ratio, request.size)
    width, height = map(int, shape.fields["size"].split("x"))
    across, down = map(int, request.aspect_ratio.split(":"))
    assert width % 16 == height % 16 == 0
    assert width * down == height * across
    assert 0.7 < width * height / 1024**2 < 1.4
    assert shape.notes == ()


@pytest.mark.parametrize(
    ("model", "ratio", "size", "fields", "noted"),
    [
        (OPENAI, "16:9", "4K", {"size": "3840x2160"}, False),
        (OPENAI, "9:16", "4K", {"size": "2160x3840"}, False),
        (OPENAI, "1:1", "2K", {"size": "2048x2048"}, False),
        (OPENAI, "1:1", "4K", {"size": "2160x2160"}, True),
        (OPENAI, "1:1", "512", {"size": "1024x1024"}, True),
        ("gpt-image-1.5", "9:16", "1K", {"size": "1024x1536"}, True),
        ("gpt-image-1.5", "3:2", "1K", {"size": "1536x1024"}, False),
        ("gpt-image-1-mini", "1:1", "2K", {"size": "1024x1024"}, True),
        ("grok-imagine-image", "16:9", "2K", {"aspect_ratio": "16:9", "resolution": "2k"}, False),
        ("grok-imagine-image", "4:5", "1K", {"aspect_ratio": "3:4", "resolution": "1k"}, True),
        ("x-ai/grok-imagine-image", "21:9", "4K", {"aspect_ratio": "20:9", "resolution": "2k"}, True),
    ],
)
def test_nearest_size(model: str, ratio: str, size: str, fields: dict[str, str], noted: bool) -> None:
    """What a model does not make is replaced by the nearest that it makes, and said."""
    shape = shape_of(model, ratio, size)
    assert shape.fields == fields
    assert bool(shape.notes) == noted
    assert all(ratio in note and size in note for note in shape.notes)


@pytest.mark.parametrize(("model", "ratio"), [(OPENAI, "1:8"), ("gpt-image-1.5", "21:9"), ("grok-2-image", "8:1")])
def test_ratio_that_cannot_be_made(model: str, ratio: str) -> None:
    """It is refused before a call."""
    with Answers(answered()) as server:
        error = failed(server, model=model, request=ImageRequest("x", aspect_ratio=ratio), vendor="gateway")
    assert isinstance(error, errors.InvalidRequest)
    assert ratio in error.message
    assert server.received == []


@pytest.mark.parametrize("model", ["gpt-image-1", "grok-imagine-image", "gpt-image-2"])
def test_note_without_a_size(model: str) -> None:
    """A size that is not stated is 1K."""
    (*notes,) = shape_of(model, "4:5", "").notes
    assert all(note.endswith("the nearest to 4:5 in 1K") for note in notes)
    assert bool(notes) is (model != "gpt-image-2")


def test_limits_are_known_before_a_call() -> None:
    """`limits` says what the result will warn of."""
    request = ImageRequest("x", aspect_ratio="9:16")
    with Answers(answered()) as server:
        expected = provider(server, "gpt-image-1.5").limits(request)
        assert generated(server, request, model="gpt-image-1.5").warnings == expected
    assert "1024x1536" in expected[0]


def parts_of(received: Received) -> list[tuple[str, str, bytes]]:
    """The name, type and content of each part of a multipart body."""
    head = f"Content-Type: {received.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + received.body, policy=email.policy.HTTP)
    found = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((str(part.get_param("name", header="content-disposition")), part.get_content_type(), content))
    return found


def test_refinement_is_an_edit() -> None:
    """The last image goes back in a multipart body, whose boundary is the same for the same content."""

    async def work() -> ImageResult:
        async with provider(server) as images:
            request = ImageRequest("an owl", "infographic")
            conversation = Conversation.start(request, await images.generate(request))
            await images.refine(conversation, "bluer")
            second = await images.refine(conversation, "bluer")
            return await images.refine(conversation.after(second), "redder")

    with Answers(answered()) as server:
        result = run(work)
    _, first, again, _ = server.received
    assert first.path == "/v1/images/edits"
    assert first.body == again.body and first.headers["content-type"] == again.headers["content-type"]
    parts = {name: (kind, content) for name, kind, content in parts_of(first)}
    assert parts["image"] == ("image/png", PNG)
    assert parts["prompt"][1] == b"bluer"
    assert parts["size"][1] == b"720x1280"
    assert result.prompt == "redder"
    assert any("last image alone" in warning for warning in result.warnings)


def test_reference_images() -> None:
    """Two images are an edit with two parts; xAI gets them as JSON, without size and quality."""
    jpeg = responses.sample_image(64, 64, "image/jpeg", 9)
    request = ImageRequest("both", references=(PNG, jpeg))
    assert ImageRequest.from_json(request.to_json()) == request
    with Answers(answered()) as server:
        generated(server, request)
        generated(server, request, model="grok-imagine-image", quality="high", vendor="xai")
    images = [(kind, content) for name, kind, content in parts_of(server.received[0]) if name == "image[]"]
    assert images == [("image/png", PNG), ("image/jpeg", jpeg)]
    sent = server.received[1].json
    assert [image["url"][:22] for image in sent["images"]] == ["data:image/png;base64,", "data:image/jpeg;base64"]
    assert not {"size", "quality"} & set(sent)


@pytest.mark.parametrize("references", [(b"text",), ("a",), b"\x89PNG", (PNG,) * 17])
def test_invalid_references(references: Any) -> None:
    """They are refused before a call."""
    with pytest.raises(errors.InvalidRequest, match="reference image"):
        ImageRequest("x", references=references)


def test_gateway() -> None:
    """A base URL with a query, another header of the key, further headers, and a name that stands for a model."""
    with Answers(answered()) as server:
        images = OpenAIImageProvider(
            "pictures", planted(), f"{server.url}/openai/deployments/pictures/?api-version=1", 20.0,
            vendor="azure", key_header="api-key", headers={"X-Team": "red"}, same_as=OPENAI, environment={},
        )  # fmt: skip
        result = run(lambda: images.generate(ImageRequest("x", "infographic")))
    (received,) = server.received
    assert received.path == "/openai/deployments/pictures/images/generations?api-version=1"
    assert (received.headers["api-key"], received.headers["x-team"]) == (planted(), "red")
    assert "authorization" not in received.headers
    assert received.json["size"] == "720x1280"
    assert result.cost_from == "usage"
    assert result.vendor == "azure"


@pytest.mark.parametrize(
    ("url", "vendor", "variable"),
    [
        ("", "openai", "OPENAI_API_KEY"),
        ("https://api.x.ai/v1", "xai", "XAI_API_KEY"),
        ("https://my-team.openai.azure.com/openai/v1", "azure", "AZURE_OPENAI_API_KEY"),
        ("https://openrouter.ai/api/v1", "openrouter", "OPENROUTER_API_KEY"),
        ("https://gateway.example/v1", "gateway.example", "OPENAI_API_KEY"),
    ],
)
def test_vendor_and_its_key(url: str, vendor: str, variable: str) -> None:
    """The host decides whose service it is; its variable alone holds the key, so that no key goes to another vendor."""
    keys = {"OPENAI_API_KEY": "o" * 20, "XAI_API_KEY": "x" * 20, "AZURE_OPENAI_API_KEY": "a" * 20}
    keys["OPENROUTER_API_KEY"] = "r" * 20
    assert OpenAIImageProvider("m", base_url=url, environment=keys).vendor == vendor
    del keys[variable]
    with pytest.raises(errors.ConfigurationError, match="no API key") as caught:
        OpenAIImageProvider("m", base_url=url, environment=keys)
    assert variable in caught.value.hint


# -- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *(encoded(), encoded().rstrip("="), base64.urlsafe_b64encode(PNG).decode()),
        *(base64.encodebytes(PNG).decode(), f"data:image/png;base64,{encoded()}", f"\n {encoded()} \n"),
    ],
    ids=["standard", "unpadded", "url-safe", "lines", "data-url", "blank"],
)
def test_forms_of_base64(text: str) -> None:
    """The bytes are the same in each form."""
    with Answers(answered(data=[{"b64_json": text}])) as server:
        assert generated(server).data == PNG


class AtOnce(SystemClock):
    """A clock that does not wait, and counts the waits."""

    waits = 0

    async def sleep(self, seconds: float) -> None:
        self.waits += 1


def test_image_that_is_not_there_yet() -> None:
    """Its download is repeated; the image is not made and paid a second time. A refusal is final."""
    for replies, waits, last in (
        ([(404, b""), (503, b""), (200, PNG)], 2, None),
        ([(403, b"")], 0, errors.DamagedAnswer),
        ([(404, b"")], 2, errors.DamagedAnswer),
    ):
        clock = AtOnce()
        with Answers((200, {}), *replies) as server:
            server.replies[0] = (200, {"data": [{"url": f"{server.url}/picture.png"}], "usage": USAGE})
            if last is None:
                assert generated(server, clock=clock).data == PNG
            else:
                assert isinstance(failed(server, clock=clock), last)
        assert clock.waits == waits
        assert [received.method for received in server.received] == ["POST"] + ["GET"] * (waits + 1)


def test_image_by_address() -> None:
    """A second request without the key fetches it; the cost is what the answer states."""
    with Answers((200, {}), (200, PNG)) as server:
        address = f"{server.url}/picture.png?signature=abc"
        server.replies[0] = (200, {"data": [{"url": address}], "usage": {"cost_in_usd_ticks": 200_000_000}})
        result = generated(server, model="grok-imagine-image", vendor="xai")
    assert result.data == PNG
    assert (result.cost_usd, result.cost_from) == (0.02, "the answer")
    assert planted() not in repr(server.received[1])
    with Answers((200, {"data": [{"url": "http://localhost:9/picture.png?signature=abc"}]})) as server:
        error = failed(server, clock=AtOnce())
        assert isinstance(error, errors.Disconnected)
        assert "no connection to http://localhost:" in error.message and "abc" not in error.message
    with Answers((200, {"data": [{"url": "file:///etc/passwd"}]})) as server:
        assert isinstance(failed(server), errors.DamagedAnswer)
    with Answers((200, {"data": [{"url": f"data:image/png;base64,{encoded()}"}]})) as server:
        assert generated(server).data == PNG


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ((200, b""), errors.DamagedAnswer),
        ((200, {}), errors.DamagedAnswer),
        ((200, b"<html>"), errors.DamagedAnswer),
        ((200, {"data": "x"}), errors.DamagedAnswer),
        ((200, {"data": [{"b64_json": "%%%"}]}), errors.DamagedAnswer),
        ((200, {"data": [{"b64_json": encoded(PNG[:100])}]}), errors.DamagedAnswer),
        ((200, {"data": [{"b64_json": encoded(b"no image")}]}), errors.DamagedAnswer),
        ((200, {"data": []}), errors.NoImage),
        ((200, {"error": {"message": "m", "code": 502}}), errors.ServiceFault),
        ((200, {"error": {"message": "m"}}), errors.DamagedAnswer),
        ((200, {"error": {"code": "content_policy_violation"}}), errors.ContentRefused),
    ],
    ids=str,
)
def test_damaged_answers(reply: tuple[int, Any], kind: type[errors.ImageError]) -> None:
    """An answer that is none is damaged; an error under a 200 is that error."""
    with Answers(reply) as server:
        assert type(failed(server)) is kind


def own(kind: str | None, code: str | None, **more: Any) -> dict[str, Any]:
    return {"error": {"message": "what it says", "type": kind, "param": None, "code": code, **more}}


ERRORS = [
    # status, body, headers, the exception, its delay or a word of its hint
    (429, own("rate_limit_error", "rate_limit_exceeded"), {"Retry-After": "7"}, errors.RateLimited, 7.0),
    (429, own("requests", "rate_limit_exceeded"), {"x-ratelimit-reset-requests": "6m0s"}, errors.RateLimited, 360.0),
    (429, own("tokens", None), {"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "9s"},
     errors.RateLimited, None),
    (429, own("rate_limit_error", "slow_down"), {}, errors.Overloaded, None),
    (503, own("service_unavailable_error", "server_is_overloaded"), {}, errors.Overloaded, None),
    (500, own("server_error", None), {}, errors.ServiceFault, None),
    (502, "<html>", {}, errors.ServiceFault, None),
    (504, "<html>", {}, errors.TimedOut, None),
    (408, own(None, None), {}, errors.TimedOut, None),
    (409, own(None, None), {}, errors.ServiceFault, None),
    (429, own("insufficient_quota", "insufficient_quota"), {"Retry-After": "1"}, errors.CreditsExhausted, "credits"),
    (429, own("insufficient_quota", None), {}, errors.CreditsExhausted, "credits"),
    (429, own(None, "credit_balance_exhausted"), {}, errors.CreditsExhausted, "credits"),
    (429, own(None, "organization_spend_limit_exceeded"), {}, errors.CreditsExhausted, "limit"),
    (429, own(None, "project_spend_limit_exceeded"), {}, errors.CreditsExhausted, "limit"),
    (429, own(None, "organization_usage_limit_exceeded"), {}, errors.CreditsExhausted, "limit"),
    (402, {"error": "no money"}, {}, errors.CreditsExhausted, "credits"),
    (401, own("invalid_request_error", "invalid_api_key"), {}, errors.ConfigurationError, "OPENAI_API_KEY"),
    (403, own("invalid_request_error", None), {}, errors.ConfigurationError, "Verify"),
    (403, own(None, "unsupported_country_region_territory"), {}, errors.ConfigurationError, "location"),
    (404, own("invalid_request_error", "model_not_found"), {}, errors.ModelNotFound, ""),
    (400, own("invalid_request_error", "model_not_found"), {}, errors.ModelNotFound, ""),
    (404, {"error": {"code": "DeploymentNotFound", "message": "m"}}, {}, errors.ModelNotFound, ""),
    (404, {"detail": "Not Found"}, {}, errors.RequestRejected, "base_url"),
    (400, own("image_generation_user_error", "moderation_blocked"), {}, errors.ContentRefused, "Rephrase"),
    (400, {"error": {"code": "contentFilter", "message": "m"}}, {}, errors.ContentRefused, "Rephrase"),
    (400, {"error": {"code": "400", "inner_error": {"code": "ResponsibleAIPolicyViolation"}}}, {},
     errors.ContentRefused, "Rephrase"),
    (400, own("image_generation_user_error", "invalid_image_file", param="image"), {}, errors.RequestRejected, "image"),
    (400, own("invalid_request_error", "invalid_value"), {}, errors.RequestRejected, "Fix the request"),
    (400, own("invalid_request_error", "context_length_exceeded"), {}, errors.RequestRejected, "Fix the request"),
    (307, b"", {"Location": "https://elsewhere.invalid/"}, errors.ConfigurationError, "base_url"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "body", "headers", "kind", "said"), ERRORS, ids=[f"{row[0]}-{n}" for n, row in enumerate(ERRORS)]
)
def test_each_error(code: int, body: Any, headers: dict[str, str], kind: type, said: Any) -> None:
    """The type says what to do next; there is one call, and it is not billed."""
    with Answers((code, body, headers)) as server:
        error = failed(server)
    assert type(error) is kind
    assert len(server.received) == 1
    if isinstance(error, errors.Transient):
        assert error.delay == said
    else:
        assert said in error.hint
    assert OPENAI in error.message


def test_key_in_a_result() -> None:
    """A key that the service repeats beside an image is in no field of the result, also from a compressed body."""
    key = planted()
    body = answered(data=[{"b64_json": encoded(), "revised_prompt": f"an owl {key}"}])[1]
    packed = gzip.compress(json.dumps(body).encode())
    with Answers((200, packed, {"Content-Encoding": "gzip", "x-request-id": key})) as server:
        result = generated(server)
    assert result.text == "an owl [redacted]"
    assert key[:12] not in result.to_json() + repr(result)


def test_details_of_a_refusal() -> None:
    """Stage and categories are said; an image that was made and held back may have been billed."""
    details = {"moderation_stage": "output", "categories": ["violence", "self-harm"]}
    body = own("image_generation_user_error", "moderation_blocked", moderation_details=details)
    with Answers((400, body)) as server:
        error = failed(server)
    assert isinstance(error, errors.ContentRefused)
    assert "stage output; violence, self-harm" in error.message
    assert (error.reason, error.text, error.billed) == ("moderation_blocked", "what it says", None)


def test_probe_and_list() -> None:
    """A probe makes no image; the list has the dates of shut-down."""
    listed = {"object": "list", "data": [{"id": "a", "shutdown_date": "2026-12-01"}, {"id": "b"}]}

    async def work() -> None:
        async with provider(server) as images:
            first, second = await images.models()
            assert (first.name, first.shut_down, second.shut_down) == ("a", datetime.date(2026, 12, 1), None)
            found = await images.probe("a")
            assert found.available and "2026-12-01" in found.why
            unlisted = await images.probe("b/c")
            assert not unlisted.available and unlisted.certain
            assert not (await images.probe("c")).certain
        async with provider(server, vendor="azure") as images:
            server.replies = [absent]
            assert not (await images.probe("b")).certain  # a deployment is in no list

    absent = (404, own("invalid_request_error", "model_not_found"))
    with Answers((200, listed), (200, listed["data"][0]), absent, (503, b"")) as server:
        run(work)
    assert [received.path for received in server.received][:2] == ["/v1/models", "/v1/models/a"]


def test_budget() -> None:
    """A price that is unknown stops before the call; a call costs what it states, a refusal nothing."""
    budget = Budget(0.05)
    with Answers(answered()) as server:
        with pytest.raises(errors.BudgetExceeded):
            generated(server, model="unheard-of", budget=budget)
        assert server.received == []
        spent = generated(server, quality="low", budget=budget).cost_usd
        assert budget.spent == pytest.approx(spent)
        server.replies = [(400, own("image_generation_user_error", "moderation_blocked"))]
        failed(server, quality="low", budget=budget)
        assert budget.spent == pytest.approx(spent)


# -- the key ---------------------------------------------------------------------------------------------------------


def echoes() -> dict[str, Any]:
    """Answers that repeat the key: whole, in part, encoded, and where a text is shortened."""
    key = planted()
    encodings = {
        "message": key,
        "base64": base64.b64encode(f"Bearer {key}".encode()).decode(),
        "percent": key.replace("_", "%5F").replace("-", "%2D"),
        "cut": "y" * 290 + key,
    }
    found: dict[str, Any] = {name: (400, own("t", "c") | {"error": {"message": text, "code": "c"}})
                                         for name, text in encodings.items()}  # fmt: skip
    found["masked"] = (401, own(None, "invalid_api_key", message=f"Incorrect API key: {key[:12]}{'*' * 20}{key[-4:]}."))
    found["param"] = (400, own(key, None, param=key))
    found["code"] = (400, own(None, key))
    found["categories"] = (400, own(None, "moderation_blocked", moderation_details={"categories": [key]}))
    found["page"] = (500, f"<html>{key}".encode())
    found["under-200"] = (200, {"error": {"message": key}})
    found["address"] = (200, {"data": [{"url": f"https://127.0.0.1:9/{key}"}]})
    return found


@pytest.mark.parametrize("name", echoes())
def test_key_is_nowhere(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the key nor a part of it is in messages, fields, tracebacks with locals, pickles, reprs, logs."""
    caplog.set_level("DEBUG")
    with Answers(echoes()[name]) as server:
        images = provider(server, headers={"X-Other": planted()[::-1]}, clock=AtOnce())
        with pytest.raises(errors.ImageError) as caught:
            run(lambda: images.generate(ImageRequest("an owl")))
        said = shown(caught.value) + repr(pickle.dumps(caught.value)) + caught.value.hint
        said += repr(images) + repr(vars(images)) + caplog.text
    for secret in (planted(), planted()[::-1]):
        assert secret[-12:] not in said
        assert secret[:12] not in said
        assert base64.b64encode(secret.encode()).decode()[4:20] not in said
    with pytest.raises(TypeError, match="key"):
        pickle.dumps(images)


def test_nothing_heavy_is_imported() -> None:
    """The package, its providers' modules and the command line import neither an SDK nor an HTTP client."""
    modules = "omni_release, omni_release.cli.main, omni_release.models, omni_release.images, omni_release.emulators"
    names = "GeminiImageProvider, OpenAIImageProvider, Policy, ResilientProvider"
    heavy = "{'google.genai', 'openai', 'anthropic', 'httpx', 'httpx2', 'PIL', 'tenacity', 'werkzeug'}"
    program = f"import sys, {modules}; from omni_release.images import {names}; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert ran.stdout.strip() == "set()"


def test_provider_of_the_settings() -> None:
    """A model of another vendor in the settings is called with that vendor's own key."""
    settings = Settings(image_model="gpt-image-2", image_fallback_model="grok-imagine-image")
    environment = {"OPENAI_API_KEY": planted(), "XAI_API_KEY": planted()}
    images = provider_for(settings, environment=environment)
    assert "vendor='openai'" in repr(images) and "vendor='xai'" in repr(images)
    with pytest.raises(errors.ConfigurationError) as caught:
        provider_for(settings, environment={"OPENAI_API_KEY": planted()})
    assert "XAI_API_KEY" in caught.value.hint


DEAD = "gpt-image-1"  # at OpenAI, since 2026-10-23
DEAD_AT_XAI = "grok-3"


@pytest.mark.parametrize(
    ("url", "vendor", "model", "refused"),
    [
        ("", "", DEAD, True),
        ("https://api.openai.com/v1", "", DEAD, True),
        ("https://API.OpenAI.com./v1", "", DEAD, True),
        ("https://eu.api.openai.com/v1", "", DEAD, True),
        ("https://api.openai.com/v1", "azure", DEAD, True),  # the host decides
        ("https://proxy.example/openai/v1", "openai", DEAD, True),  # a proxy, as its user says
        ("https://proxy.example/openai/v1", "", DEAD, False),
        ("https://team.openai.azure.com/openai/v1", "", DEAD, False),
        ("https://team.openai.azure.com/openai/v1", "openai", DEAD, False),
        ("https://team.services.ai.azure.com/openai/v1", "", DEAD, False),
        ("https://openrouter.ai/api/v1", "", DEAD, False),
        ("https://openrouter.ai/api/v1", "", f"openai/{DEAD}", False),
        ("http://127.0.0.1:9/v1", "", DEAD, False),  # a gateway on this machine
        ("https://api.openai.com.example/v1", "", DEAD, False),
        ("https://notapi.openai.com/v1", "", DEAD, False),
        ("https://api.x.ai/v1", "", DEAD_AT_XAI, True),
        ("https://us-east-1.api.x.ai/v1", "", DEAD_AT_XAI, True),
        ("https://api.openai.com/v1", "", DEAD_AT_XAI, False),
        ("https://api.x.ai/v1", "", DEAD, False),
        ("https://openrouter.ai/api/v1", "", "acme-vision-0", True),  # a row of the project holds wherever it is served
        ("https://api.openai.com/v1", "", "acme-vision-0", True),
    ],
)
def test_whose_dates_hold(
    url: str, vendor: str, model: str, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name has the dates of the platform that serves it: a deployment or a resold name has none of OpenAI's."""
    row = '[[tool.omni-release.models.model]]\nname = "acme-vision-0"\nend = 2026-01-01\n'
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "1.0"\n{row}', encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    async def generate() -> None:
        endpoint = "omni_release.images.openai_endpoint.Endpoint.post"
        monkeypatch.setattr(endpoint, mock.AsyncMock(side_effect=errors.Overloaded("it was called")))
        keys = {"OPENAI_API_KEY": "k" * 20, "XAI_API_KEY": "k" * 20, "AZURE_OPENAI_API_KEY": "k" * 20}
        environment = keys | {"OPENROUTER_API_KEY": "k" * 20}
        async with OpenAIImageProvider(model, base_url=url or None, vendor=vendor, environment=environment) as images:
            await images.generate(ImageRequest("an owl"))

    with pytest.raises(errors.ModelNotFound if refused else errors.Overloaded):
        asyncio.run(generate())


def test_an_unknown_name_of_a_deployment() -> None:
    """What Azure answers of a deployment names no successor of OpenAI's, and no date."""
    body = {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist"}}
    now = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)
    for platform, successor in (("openai", "gpt-image-2.5-sunburst"), ("", None)):
        answer = openai_answers.OpenAIError(404, body, {}, DEAD, now, "KEY", platform)
        error = openai_answers.map_error(answer)
        assert isinstance(error, errors.ModelNotFound)
        assert (error.successor is None) is (successor is None)
        assert ("deployments" in error.hint) is (successor is None)
