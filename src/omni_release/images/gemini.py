"""Gemini behind the provider protocol: one call, no retry, always a timeout, and the key in no message."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from omni_release import models as registry
from omni_release.core import vendors
from omni_release.images import answer, calls, error_mapping, pricing, requests
from omni_release.images import provider as base
from omni_release.images.errors import DamagedAnswer, ImageError, InvalidRequest
from omni_release.images.model import RATIOS, SIZES, Availability, ImageRequest, ImageResult, ModelInfo
from omni_release.models.facts import GEMINI_API

if TYPE_CHECKING:
    from google import genai

    from omni_release.images.transport import BoundedClient

API = f"https://{vendors.VENDORS['gemini'].hosts[0]}/"
_BASE_URL = vendors.VENDORS["gemini"].base_urls[0]
DEFAULT_MODEL = "gemini-3-pro-image"
DEFAULT_TIMEOUT = 90.0
LARGEST_ANSWER = 40_000_000
"""In bytes. The largest recorded answer has 4.2 MB; a 4K PNG with its signature may have 30."""

_SQUARE_TO_WIDE = RATIOS[:10]  # without those longer than 21:9
_LIMITS = {
    "gemini-3-pro-image": (("1K", "2K", "4K"), _SQUARE_TO_WIDE),
    "gemini-3.1-flash-lite-image": (("1K",), RATIOS),
    "gemini-2.5-flash-image": (("1K",), _SQUARE_TO_WIDE),
}
"""The sizes and ratios of models that do not make all (Gemini API, image generation and pricing, 2026-10)."""

_SMALL_BODY = 250_000
"""In characters. A smaller body is read at once: starting a thread would take longer."""

T = TypeVar("T")


class GeminiImageProvider:
    """Image models of the Gemini API, through google-genai.

    `api_key` defaults to GOOGLE_API_KEY, or else GEMINI_API_KEY, `base_url` to GOOGLE_GEMINI_BASE_URL (the SDK's own
    order). `timeout` is in seconds, for a whole call; `most_bytes` limits the size of an answer. Raises
    ConfigurationError without the extra `images` or without a key.
    """

    vendor = "gemini"

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        *,
        api_version: str = "v1beta",
        budget: pricing.Budget | None = None,
        clock: base.Clock | None = None,
        environment: Mapping[str, str] = os.environ,
        most_bytes: int = LARGEST_ANSWER,
    ) -> None:
        base.check_installed("google.genai", "PIL")
        base.check_timeout(timeout)
        self.model = base.checked_model_name(model)
        self.timeout = timeout
        self._key = base.Key(calls.first_set(api_key, *reversed(vendors.keys_set(environment, ("gemini",)))))
        self._base_url = base.checked_base_url(calls.first_set(base_url, environment.get(_BASE_URL)), _BASE_URL)
        self._api_version = api_version
        self._budget = budget
        self._clock = clock or base.SystemClock()
        self._most_bytes = most_bytes
        self._opened: tuple[genai.Client, BoundedClient, asyncio.AbstractEventLoop] | None = None

    def __repr__(self) -> str:
        return f"GeminiImageProvider(model={self.model!r}, timeout={self.timeout})"

    async def __aenter__(self) -> Self:
        self._client()  # importing the SDK takes up to a second, which must not count for the first call
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None and opened[2] is asyncio.get_running_loop():
            await opened[1].aclose()
            opened[0].close()

    async def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        """One image. Raises ImageError."""
        if request.count != 1:
            hint = "Use generate_batch(provider, request)."
            raise InvalidRequest(f"a call makes one image, not {request.count}", hint)
        warnings = self.limits(request)
        contents = requests.request_contents(request)
        return await self._image(contents, request.prompt, request.aspect_ratio, request.size, timeout, warnings)

    async def refine(
        self, conversation: requests.Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        """The next turn of a conversation, which sends all earlier images and signatures. Raises ImageError."""
        conversation.check(instruction)
        warnings = self.limits(conversation)
        contents = conversation.contents(instruction, self.vendor)
        return await self._image(contents, instruction, conversation.aspect_ratio, conversation.size, timeout, warnings)

    def limits(self, asked: ImageRequest | requests.Conversation) -> tuple[str, ...]:
        """What is not sent of a conversation. Raises InvalidRequest for what the model is known not to make."""
        sizes, ratios = _LIMITS.get(self.model, (SIZES, RATIOS))
        for option, value, known in (("size", asked.size, sizes), ("aspect ratio", asked.aspect_ratio, ratios)):
            if value and value not in known:
                hint = f"Use one of {', '.join(known)}, or another model."
                raise InvalidRequest(f"{self.model} does not make the {option} {value}", hint)
        if isinstance(asked, requests.Conversation):
            foreign = any(turn.vendor not in ("", self.vendor) for turn in asked.turns)
            lost = f"{self.model} is given the last image of another vendor, without the turns before it"
            count = f"{asked.dropped} of the earliest turns are no longer sent: the model does not know their images"
            return (*((lost,) if foreign else ()), *((count,) if asked.dropped else ()))
        if len(asked.references) > requests.MOST_GEMINI_REFERENCES:
            message = f"{len(asked.references)} reference images are more than {requests.MOST_GEMINI_REFERENCES}"
            raise InvalidRequest(message, "Pass fewer images.")
        if sum(map(len, asked.references)) > requests.LARGEST_REQUEST:
            message = f"the reference images have more than {requests.LARGEST_REQUEST} bytes"
            raise InvalidRequest(message, "Pass fewer or smaller images.")
        return ()

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that the service lists, from all pages. Raises ImageError."""

        async def list_models(client: genai.Client) -> tuple[ModelInfo, ...]:
            pager = await client.aio.models.list(config={"page_size": 50})
            return tuple([_model_info(model) async for model in pager])

        return await self._call(self.model, self.timeout, list_models)

    async def probe(self, model: str | None = None) -> Availability:
        """Whether the model responds to a call of a few tokens: being listed proves nothing. Never raises."""
        name = registry.bare_name(model or self.model)
        seconds = min(self.timeout, 30.0)

        async def ping(client: genai.Client) -> None:
            response = answer.parse(await self._send(client, name, "ping", requests.probe_config(seconds)))
            if not (response.parts or response.finish_reason or response.blocked or response.usage):
                raise DamagedAnswer(f"{name}: the answer is not the Gemini API's", "Correct base_url.")

        async def ask() -> str:
            calls.check_alive(base.checked_model_name(name), self._clock.now().date(), GEMINI_API)
            await self._call(name, seconds, ping)
            return "it responds"

        return await calls.probed(name, self._clock, ask, GEMINI_API)

    async def _image(
        self,
        contents: list[str] | list[requests.Content],
        prompt: str,
        ratio: str,
        size: str,
        timeout: float | None,
        warnings: tuple[str, ...] = (),
    ) -> ImageResult:
        """Check, reserve the cost, call, read the answer, and settle the cost."""
        if timeout is not None:
            base.check_timeout(timeout)
        seconds = self.timeout if timeout is None else min(timeout, self.timeout)
        calls.check_alive(self.model, self._clock.now().date(), GEMINI_API)

        async def generate(client: genai.Client) -> ImageResult:
            started = self._clock.monotonic()
            own_timeout = None if seconds == self.timeout else seconds
            body = await self._send(client, self.model, contents, requests.image_config(ratio, size, own_timeout))
            took = self._clock.monotonic() - started
            if len(body) < _SMALL_BODY:
                return read_result(body, self.model, prompt, size, took)
            return await asyncio.to_thread(read_result, body, self.model, prompt, size, took)

        characters, images = requests.count_characters(contents), requests.count_images(contents)
        estimate = pricing.estimate(self.model, size, characters, images)
        result = await calls.paid(self._budget, self.model, estimate, lambda: self._call(self.model, seconds, generate))
        return replace(result, warnings=(*result.warnings, *warnings)) if warnings else result

    async def _send(self, client: genai.Client, model: str, contents: Any, config: Any) -> str:
        """The unparsed body of the answer, without the key, in case the service repeats it."""
        response = await client.aio.models.generate_content(model=model, contents=contents, config=config)
        body = response.sdk_http_response.body if response.sdk_http_response else None
        return self._key.redacted(body or "{}")

    async def _call(self, model: str, seconds: float, call: Callable[[genai.Client], Awaitable[T]]) -> T:
        """Make a call that ends in time. Raises ImageError for every error."""
        client = self._client()
        from google.genai.errors import APIError
        from httpx2 import HTTPError, InvalidURL

        def translate(error: Exception) -> ImageError:
            if isinstance(error, APIError):
                headers = {k.lower(): v for k, v in (getattr(error.response, "headers", None) or {}).items()}
                body = self._key.redacted_body(error.details)
                read = error_mapping.ErrorAnswer(error.code, body, headers, model, self._clock.now())
                return error_mapping.map_error(read)
            if isinstance(error, HTTPError | InvalidURL):
                return calls.transport_error(error, model, seconds, self._base_url or "the Gemini API")
            # The SDK's own: invalid JSON, or a shape that its types reject.
            return DamagedAnswer(f"{model}: the SDK cannot read the answer: {calls.first_line(error)}")

        expected = (APIError, HTTPError, InvalidURL, ValueError, TypeError, LookupError, AttributeError)
        return await calls.call_in_time(lambda: call(client), model, seconds, self._key, expected, translate)

    def _client(self) -> genai.Client:
        """The client, which is kept: an unreferenced one is closed on collection, even in the middle of a call."""
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened[2] is not loop:  # connections belong to the loop that opened them
            headers = requests.timeout_header(self.timeout)
            opened = _open_client(self._key.value, self._base_url, self._api_version, headers, self._most_bytes)
            self._opened = (*opened, loop)
        return self._opened[0]


def _open_client(
    key: str, base_url: str | None, api_version: str, headers: dict[str, str], limit: int
) -> tuple[genai.Client, BoundedClient]:
    """A client for the Gemini API (never Vertex, whatever the environment says), and its transport.

    It does not retry. `headers` are sent with each call, `limit` is the size of the largest answer in bytes. With this
    transport the SDK does not use aiohttp, even if it is installed.
    """
    import httpx2
    from google import genai

    from omni_release.images.transport import open_transport, ssl_context

    transport = open_transport(limit)
    options = genai.types.HttpOptions(
        base_url=base_url or API,  # given explicitly, or the SDK would read it from the environment
        api_version=api_version,
        headers=headers,
        httpx_async_client=transport,
        httpx_client=httpx2.Client(verify=ssl_context(), follow_redirects=False),
        async_client_args={"ssl": ssl_context()},  # or it reads all certificates again, for websockets never opened
    )
    return genai.Client(vertexai=False, api_key=key, http_options=options), transport


def _model_info(model: genai.types.Model) -> ModelInfo:
    name = registry.bare_name(model.name or "")
    return ModelInfo(name, model.display_name or "", tuple(model.supported_actions or ()))


def read_result(body: str, model: str, prompt: str, size: str, seconds: float) -> ImageResult:
    """The result of an answer, with its image decoded. Raises ImageError if it has none."""
    response = answer.parse(body)
    answered = registry.bare_name(response.model) or model
    priced = answered if registry.find(answered) else model
    part = response.image
    if part is None or part.image is None:
        error = answer.no_image_error(response)
        error.cost_usd = pricing.cost_without_image(priced, response.usage)
        if response.usage is not None and error.cost_usd is None:
            error.billed = None  # by tokens whose price is unknown
        raise error
    cost = pricing.cost_of(priced, response.usage, size)
    try:
        decoded = answer.decode_image(part.image)
    except DamagedAnswer as error:
        error.cost_usd = cost.usd if response.usage else None
        raise
    return ImageResult(
        prompt=prompt,
        data=part.image,
        mime_type=decoded.mime_type,
        width=decoded.width,
        height=decoded.height,
        model_requested=model,
        model_answered=answered,
        finish_reason=response.finish_reason,
        latency_seconds=seconds,
        cost_usd=cost.usd,
        cost_from=cost.basis,
        usage=response.usage,
        signature=part.signature,
        text=response.text,
        parts=response.parts,
        warnings=() if answered == model else (f"requested {model}, but {answered} has answered",),
        response_id=response.response_id,
        retirement=response.retirement,
        vendor=GeminiImageProvider.vendor,
    )
