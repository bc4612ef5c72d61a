"""Gemini behind the provider protocol: one call, no retry, always a timeout, and the key in no message."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from omni_release import models as registry
from omni_release.core import redaction
from omni_release.core.errors import Inconclusive
from omni_release.images import answer, error_mapping, pricing, requests
from omni_release.images import provider as base
from omni_release.images.errors import (
    ConfigurationError,
    DamagedAnswer,
    Disconnected,
    ImageError,
    InvalidRequest,
    RequestRejected,
    TimedOut,
)
from omni_release.images.model import Availability, ImageRequest, ImageResult, ModelInfo

if TYPE_CHECKING:
    from google import genai

    from omni_release.images.client import BoundedClient

DEFAULT_MODEL = "gemini-3-pro-image"
DEFAULT_TIMEOUT = 90.0
LARGEST_ANSWER = 40_000_000
"""In bytes. The largest recorded answer has 4.2 MB; a 4K PNG with its signature may have 30."""

_SMALL_BODY = 250_000
"""In characters. A smaller body is read at once: starting a thread would take longer."""

T = TypeVar("T")


class GeminiImageProvider:
    """Image models of the Gemini API, through google-genai.

    `api_key` defaults to GOOGLE_API_KEY, or else GEMINI_API_KEY, `base_url` to GOOGLE_GEMINI_BASE_URL (the SDK's own
    order). `timeout` is in seconds, for a whole call; `most_bytes` limits the size of an answer. Raises
    ConfigurationError without the extra `images` or without a key.
    """

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
        base.check_installed()
        base.check_timeout(timeout)
        self.model = base.checked_model_name(model)
        self.timeout = timeout
        self._key = base.Key(_first_set(api_key, *reversed(redaction.key_variables_set(environment))))
        self._base_url = base.checked_base_url(_first_set(base_url, environment.get("GOOGLE_GEMINI_BASE_URL")))
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
        contents = list(requests.request_texts(request))  # the SDK turns plain texts into one turn at the lowest cost
        return await self._image(contents, request.prompt, request.aspect_ratio, request.size, timeout)

    async def refine(
        self, conversation: requests.Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        """The next turn of a conversation, which sends all earlier images and signatures. Raises ImageError."""
        conversation.check(instruction)
        contents = conversation.contents(instruction)
        return await self._image(contents, instruction, conversation.aspect_ratio, conversation.size, timeout)

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
        started = self._clock.monotonic()
        available, certain, why, hint = True, True, "it responds", ""

        async def ping(client: genai.Client) -> None:
            response = answer.parse(await self._send(client, name, "ping", requests.probe_config(seconds)))
            if not (response.parts or response.finish_reason or response.blocked or response.usage):
                raise DamagedAnswer(f"{name}: the answer is not the Gemini API's", "Correct base_url.")

        try:
            self._check_alive(base.checked_model_name(name))
            await self._call(name, seconds, ping)
        except InvalidRequest as error:
            available, why, hint = False, error.message, error.hint
        except RequestRejected as error:
            available = certain = bool(error.status)  # the API's own: it validates requests to living models alone
            why = f"it responds, but rejects the probe: {error.message}" if available else error.message
            hint = error.hint
        except ImageError as error:
            available, certain, why, hint = False, not isinstance(error, Inconclusive), error.message, error.hint
        life = registry.describe(name, self._clock.now().date())
        return Availability(name, available, why, hint, life, self._clock.monotonic() - started, certain)

    async def _image(self, contents: Any, prompt: str, ratio: str, size: str, timeout: float | None) -> ImageResult:
        """Check, reserve the cost, call, read the answer, and settle the cost."""
        if timeout is not None:
            base.check_timeout(timeout)
        seconds = self.timeout if timeout is None else min(timeout, self.timeout)
        self._check_alive(self.model)
        reserved = 0.0
        if self._budget is not None:
            estimate = pricing.estimate(self.model, size, requests.count_characters(contents))
            reserved = self._budget.reserve(self.model, estimate)

        async def generate(client: genai.Client) -> ImageResult:
            started = self._clock.monotonic()
            own_timeout = None if seconds == self.timeout else seconds
            body = await self._send(client, self.model, contents, requests.image_config(ratio, size, own_timeout))
            took = self._clock.monotonic() - started
            if len(body) < _SMALL_BODY:
                return read_result(body, self.model, prompt, size, took)
            return await asyncio.to_thread(read_result, body, self.model, prompt, size, took)

        cost: float | None = None  # unknown, until the answer or an error determines it
        try:
            result = await self._call(self.model, seconds, generate)
            cost = result.cost_usd
        except ImageError as error:
            cost = 0.0 if error.billed is False else None
            raise
        finally:
            if self._budget is not None:
                self._budget.settle(reserved, reserved if cost is None else cost)
        return result

    async def _send(self, client: genai.Client, model: str, contents: Any, config: Any) -> str:
        """The unparsed body of the answer, without the key, in case the service repeats it."""
        response = await client.aio.models.generate_content(model=model, contents=contents, config=config)
        body = response.sdk_http_response.body if response.sdk_http_response else None
        return self._key.redacted(body or "{}")

    def _check_alive(self, model: str) -> None:
        """Raises ModelNotFound if the name is known to be shut down: it would cost a call."""
        today = self._clock.now().date()
        known = registry.find(model)
        if known is not None and not known.lives(today):
            message = f"{model} was shut down on {known.shut_down}; it was not called"
            raise error_mapping.model_not_found(model, today, message)

    async def _call(self, model: str, seconds: float, call: Callable[[genai.Client], Awaitable[T]]) -> T:
        """Make a call that ends in time. Raises ImageError for every error."""
        client = self._client()
        from google.genai.errors import APIError
        from httpx2 import HTTPError, InvalidURL

        try:
            async with asyncio.timeout(seconds):
                return await call(client)
        except ImageError as error:
            failure = error
        except TimeoutError:
            failure = TimedOut(f"{model}: no complete answer within {seconds:g} s")
        except (APIError, HTTPError, InvalidURL) as error:
            failure = self._translate(error, model, seconds)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            # The SDK's own: invalid JSON, or a shape that its types reject.
            failure = DamagedAnswer(f"{model}: the SDK cannot read the answer: {_first_line(error)}")
        # Raised outside of the handlers: the SDK's frames hold the headers, and with them the key.
        failure.message, failure.hint = self._key.redacted(failure.message), self._key.redacted(failure.hint)
        failure.args = (failure.message,)
        raise failure.with_traceback(None)

    def _translate(self, error: Exception, model: str, seconds: float) -> ImageError:
        """The ImageError for an error of the SDK or of httpx2."""
        import httpx2
        from google.genai.errors import APIError

        if isinstance(error, APIError):
            headers = {name.lower(): value for name, value in (getattr(error.response, "headers", None) or {}).items()}
            body = self._key.redacted_body(error.details)
            return error_mapping.map_error(
                error_mapping.ErrorAnswer(error.code, body, headers, model, self._clock.now())
            )
        url = re.sub(r"(?<=://)[^/@]*@|\?.*", "", self._base_url or "the Gemini API")
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            hint = "Check the base URL and the network."
            failure = Disconnected(f"{model}: no connection to {url}: {_first_line(error)}", hint)
            failure.billed = False
            return failure
        if isinstance(error, httpx2.TimeoutException):
            return TimedOut(f"{model}: no complete answer within {seconds:g} s")
        if isinstance(error, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
            return ConfigurationError(f"{url} is not a valid URL: {_first_line(error)}", "Correct base_url.")
        return Disconnected(f"{model}: the connection broke: {_first_line(error)}")

    def _client(self) -> genai.Client:
        """The client, which is kept: an unreferenced one is closed on collection, even in the middle of a call."""
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened[2] is not loop:  # connections belong to the loop that opened them
            from omni_release.images.client import open_client

            headers = requests.timeout_header(self.timeout)
            opened = open_client(self._key.value, self._base_url, self._api_version, headers, self._most_bytes)
            self._opened = (*opened, loop)
        return self._opened[0]


def _first_set(*values: str | None) -> str:
    """The first value that is not blank: a blank environment variable counts as unset."""
    return next((value.strip() for value in values if value and value.strip()), "")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _model_info(model: genai.types.Model) -> ModelInfo:
    name = registry.bare_name(model.name or "")
    return ModelInfo(name, model.display_name or "", tuple(model.supported_actions or ()))


def read_result(body: str, model: str, prompt: str, size: str, seconds: float) -> ImageResult:
    """The result of an answer, with its image decoded. Raises ImageError if it has none."""
    response = answer.parse(body)
    part = response.image
    if part is None or part.image is None:
        raise answer.no_image_error(response)
    decoded = answer.decode_image(part.image)
    answered = registry.bare_name(response.model) or model
    cost = pricing.cost_of(answered if registry.find(answered) else model, response.usage, size)
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
    )
