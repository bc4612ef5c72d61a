"""Gemini behind the protocol: one call, no retry, always a timeout, and the key in no message."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from omni_release import models as models_module
from omni_release.core import redaction
from omni_release.core.errors import Inconclusive
from omni_release.images import answer, error_mapping, pricing, requests
from omni_release.images import client as images_client
from omni_release.images.conversation import Conversation
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
from omni_release.images.pricing import Budget
from omni_release.images.provider import Clock, WallClock

if TYPE_CHECKING:
    from google import genai

    from omni_release.images.client import BoundedClient

DEFAULT_MODEL = "gemini-3-pro-image"
DEFAULT_TIMEOUT = 90.0
MOST_BYTES = 40_000_000
"""The largest answer recorded has 4.2 MB; a 4K PNG with its signature may come to 30."""
_SMALL = 250_000
"""Characters of a body that is read at once: a thread would take longer than the reading."""
T = TypeVar("T")


class GeminiImageProvider:
    """Image models of the Gemini API, through google-genai.

    `api_key` is GOOGLE_API_KEY or else GEMINI_API_KEY where it is not given, `base_url` is GOOGLE_GEMINI_BASE_URL (the
    SDK's own order). `timeout` is in seconds, for a whole call. Raises NotSetUp without the extra, or without a key.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        *,
        api_version: str = "v1beta",
        budget: Budget | None = None,
        clock: Clock | None = None,
        environment: Mapping[str, str] = os.environ,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        images_client.check_installed()
        images_client.check_timeout(timeout)
        self.model = images_client.checked_model_name(model)
        self.timeout = timeout
        self._key = images_client.Key(
            images_client.first_set(api_key, *reversed(redaction.key_variables_set(environment)))
        )
        self._base_url = images_client.checked_base_url(
            images_client.first_set(base_url, environment.get("GOOGLE_GEMINI_BASE_URL"))
        )
        self._api_version = api_version
        self._budget = budget
        self._clock = clock or WallClock()
        self._most_bytes = most_bytes
        self._opened: tuple[genai.Client, BoundedClient, asyncio.AbstractEventLoop] | None = None

    def __repr__(self) -> str:
        return f"GeminiImageProvider(model={self.model!r}, timeout={self.timeout})"

    async def __aenter__(self) -> Self:
        self._client()  # importing the SDK takes up to a second: before the first call's time begins to run
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
            raise InvalidRequest(
                f"a call makes one image, not {request.count}", "Use generate_batch(provider, request)."
            )
        return await self._image(requests.first(request), request.prompt, request.aspect_ratio, request.size, timeout)

    async def refine(
        self, conversation: Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        """The next turn: every earlier image and signature is sent back. Raises ImageError."""
        conversation.check(instruction)
        contents = requests.next_turn(conversation, instruction)
        return await self._image(contents, instruction, conversation.aspect_ratio, conversation.size, timeout)

    async def models(self) -> tuple[ModelInfo, ...]:
        """What the service lists, all pages. Raises ImageError."""

        async def listed(client: genai.Client) -> tuple[ModelInfo, ...]:
            pager = await client.aio.models.list(config={"page_size": 50})
            return tuple([_info(model) async for model in pager])

        return await self._guarded(self.model, self.timeout, listed)

    async def probe(self, model: str | None = None) -> Availability:
        """Whether the model answers a call, of a few tokens: being listed proves nothing. Never raises."""
        name = models_module.bare_name(model or self.model)
        seconds = min(self.timeout, 30.0)
        begun = self._clock.monotonic()
        available, certain, why, hint = True, True, "it answers", ""

        async def asked(client: genai.Client) -> None:
            read = answer.parsed(await self._sent(client, name, "ping", requests.probe_config(seconds)))
            if not (read.parts or read.finish_reason or read.blocked or read.usage):
                raise DamagedAnswer(f"{name}: what answers says nothing that the API says", "Mend base_url.")

        try:
            self._refuse_the_dead(images_client.checked_model_name(name))
            await self._guarded(name, seconds, asked)
        except InvalidRequest as error:
            available, why, hint = False, error.message, error.hint
        except RequestRejected as error:
            available = certain = bool(error.status)  # the API's own word: a dead name is never looked at so closely
            why = f"it answers, though not to the probe: {error.message}" if available else error.message
            hint = error.hint
        except ImageError as error:
            available, certain, why, hint = False, not isinstance(error, Inconclusive), error.message, error.hint
        told = models_module.describe(name, self._clock.now().date())
        return Availability(name, available, why, hint, told, self._clock.monotonic() - begun, certain)

    async def _image(self, contents: Any, prompt: str, ratio: str, size: str, timeout: float | None) -> ImageResult:
        if timeout is not None:
            images_client.check_timeout(timeout)
        seconds = self.timeout if timeout is None else min(timeout, self.timeout)
        self._refuse_the_dead(self.model)
        reserved = self._reserve(contents, size)

        async def made(client: genai.Client) -> ImageResult:
            begun = self._clock.monotonic()
            own = None if seconds == self.timeout else seconds
            body = await self._sent(client, self.model, contents, requests.config(ratio, size, own))
            took = self._clock.monotonic() - begun
            if len(body) < _SMALL:
                return _result(body, self.model, prompt, size, took)
            return await asyncio.to_thread(_result, body, self.model, prompt, size, took)

        cost: float | None = None  # unknown, until an answer or an error says it
        try:
            result = await self._guarded(self.model, seconds, made)
            cost = result.cost_usd
        except ImageError as error:
            cost = 0.0 if error.billed is False else None
            raise
        finally:
            if self._budget is not None:
                self._budget.settle(reserved, reserved if cost is None else cost)
        return result

    def _reserve(self, contents: Any, size: str) -> float:
        if self._budget is None:
            return 0.0
        return self._budget.reserve(self.model, pricing.estimate(self.model, size, requests.characters(contents)))

    async def _sent(self, client: genai.Client, model: str, contents: Any, config: Any) -> str:
        """The body of the answer, unread; should it repeat the key, then without it."""
        response = await client.aio.models.generate_content(model=model, contents=contents, config=config)
        body = response.sdk_http_response.body if response.sdk_http_response else None
        return self._key.redacted(body or "{}")

    def _refuse_the_dead(self, model: str) -> None:
        """No call is spent on a name that is known to be shut down."""
        today = self._clock.now().date()
        known = models_module.find(model)
        if known is not None and not known.lives(today):
            raise error_mapping.gone(model, today, f"{model} was shut down on {known.shut_down}; it was not called")

    async def _guarded(self, model: str, seconds: float, call: Callable[[genai.Client], Awaitable[T]]) -> T:
        """A call that ends in time, with an error of ours."""
        client = self._client()
        from google.genai.errors import APIError
        from httpx2 import HTTPError, InvalidURL

        try:
            async with asyncio.timeout(seconds):
                return await call(client)
        except ImageError as error:
            failure = error
        except TimeoutError:
            failure = TimedOut(f"{model}: no whole answer within {seconds:g} s")
        except (APIError, HTTPError, InvalidURL) as error:
            failure = self._translated(error, model, seconds)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            # The SDK's own: JSON that is not JSON, a shape that its types do not take.
            failure = DamagedAnswer(f"{model}: the SDK cannot read the answer: {_line(error)}")
        # Outside of the handlers: the SDK's frames hold the headers, and with them the key, and go no further.
        failure.message, failure.hint = self._key.redacted(failure.message), self._key.redacted(failure.hint)
        failure.args = (failure.message,)
        raise failure.with_traceback(None)

    def _translated(self, error: Exception, model: str, seconds: float) -> ImageError:
        import httpx2
        from google.genai.errors import APIError

        from omni_release.images.client import fault_of

        if isinstance(error, APIError):
            code, body, headers = fault_of(error)
            return error_mapping.error(
                error_mapping.Fault(code, self._key.taken_from(body), headers, model, self._clock.now())
            )
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            failure = Disconnected(
                f"{model}: no connection to {self._where}: {_line(error)}", "Is the base URL right, and the network up?"
            )
            failure.billed = False
            return failure
        if isinstance(error, httpx2.TimeoutException):
            return TimedOut(f"{model}: no whole answer within {seconds:g} s")
        if isinstance(error, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
            return ConfigurationError(f"{self._where} is no URL that can be called: {_line(error)}", "Mend base_url.")
        return Disconnected(f"{model}: the connection broke off: {_line(error)}")

    @property
    def _where(self) -> str:
        return re.sub(r"(?<=://)[^/@]*@|\?.*", "", self._base_url or "the Gemini API")

    def _client(self) -> genai.Client:
        """The client, which is kept: one that nobody holds is closed when it is collected, in the midst of a call."""
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened[2] is not loop:  # connections belong to the loop that opened them
            from omni_release.images.client import opened

            headers = requests.server_timeout(self.timeout)
            made = opened(self._key.value, self._base_url, self._api_version, headers, self._most_bytes)
            self._opened = (*made, loop)
        return self._opened[0]


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _info(model: genai.types.Model) -> ModelInfo:
    return ModelInfo(
        models_module.bare_name(model.name or ""), model.display_name or "", tuple(model.supported_actions or ())
    )


def _result(body: str, model: str, prompt: str, size: str, seconds: float) -> ImageResult:
    """Read an answer; the image is proved to decode. A large one takes its time, and so is read in a thread."""
    read = answer.parsed(body)
    image = read.image
    if image is None or image.image is None:
        raise answer.no_image(read)
    found = answer.decode_image(image.image)
    answered = models_module.bare_name(read.model) or model
    cost = pricing.cost_of(answered if models_module.find(answered) else model, read.usage, size)
    return ImageResult(
        prompt=prompt,
        data=image.image,
        mime_type=found.mime_type,
        width=found.width,
        height=found.height,
        model_requested=model,
        model_answered=answered,
        finish_reason=read.finish_reason,
        latency_seconds=seconds,
        cost_usd=cost.usd,
        cost_from=cost.reckoned_from,
        usage=read.usage,
        signature=image.signature,
        text=read.text,
        parts=read.parts,
        warnings=() if answered == model else (f"asked for {model}, and {answered} has answered",),
        response_id=read.response_id,
        retirement=read.retirement,
    )
