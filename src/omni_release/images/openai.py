"""OpenAI, and every service that speaks its images API, behind the provider protocol.

It calls through httpx2, which the extra `images` has, and not through the `openai` package: that package retries four
kinds of errors by itself (an empty account too), waits 600 s by default, drops the fields of other services
(`cost_in_usd_ticks`), and would be one more dependency that breaks. What is needed of the API is two paths.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import urllib.parse
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from omni_release.images import answer as answers
from omni_release.images import calls, openai_answers, openai_requests, pricing, requests
from omni_release.images import provider as base
from omni_release.images.errors import (
    ConfigurationError,
    DamagedAnswer,
    ImageError,
    InvalidRequest,
    ModelNotFound,
    NoImage,
)
from omni_release.images.model import Availability, ImageRequest, ImageResult, ModelInfo, Part
from omni_release.images.openai_endpoint import Endpoint

if TYPE_CHECKING:
    from omni_release.images.transport import BoundedClient

DEFAULT_MODEL = "gpt-image-2.6-sunburst"
DEFAULT_TIMEOUT = 120.0
LARGEST_ANSWER = 60_000_000
"""In bytes. A PNG of 3840 by 2160 pixels may have 25 million, and base64 adds a third."""


class OpenAIImageProvider:
    """Image models of OpenAI, or of a service that speaks its API: xAI, Azure, a gateway.

    `base_url` ends before `/images/generations`; it defaults to OPENAI_BASE_URL, or else to OpenAI's own. Its host
    decides the `vendor`, and with it the variable of `api_key`: OPENAI_API_KEY, XAI_API_KEY, AZURE_OPENAI_API_KEY or
    OPENROUTER_API_KEY. `key_header` is the header of the key, such as "api-key"; `headers` are sent with each call.
    `same_as` is the model that a name of your own stands for, such as that of a deployment: it decides sizes and
    prices. `timeout` is in seconds, for a whole call. Raises ConfigurationError without the extra `images` or a key.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        *,
        vendor: str = "",
        key_header: str = "Authorization",
        headers: Mapping[str, str] | None = None,
        same_as: str = "",
        quality: str = "",
        budget: pricing.Budget | None = None,
        clock: base.Clock | None = None,
        environment: Mapping[str, str] = os.environ,
        most_bytes: int = LARGEST_ANSWER,
    ) -> None:
        base.check_installed("httpx2", "PIL")
        base.check_timeout(timeout)
        if quality and quality not in openai_requests.QUALITIES:
            raise InvalidRequest(f"unknown quality {quality!r}", f"Use one of {', '.join(openai_requests.QUALITIES)}.")
        self.model = _checked_name(model)
        self.timeout = timeout
        self._clock = clock or base.SystemClock()
        self._endpoint = Endpoint(
            base_url, api_key, vendor, key_header, headers or {}, environment, self._clock, most_bytes
        )
        self.vendor = self._endpoint.vendor
        self._kind = _checked_name(same_as) if same_as else self.model
        self._quality = quality
        self._budget = budget

    def __repr__(self) -> str:
        return f"OpenAIImageProvider(model={self.model!r}, vendor={self.vendor!r}, timeout={self.timeout})"

    async def __aenter__(self) -> Self:
        self._endpoint.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        await self._endpoint.close()

    def limits(self, asked: ImageRequest | requests.Conversation) -> tuple[str, ...]:
        """The size in place of one that the model does not make, and what is not sent of a conversation."""
        notes = openai_requests.shape_of(self._kind, asked.aspect_ratio, asked.size).notes
        if isinstance(asked, requests.Conversation) and len(asked.turns) + asked.dropped > 1:
            notes = (*notes, f"{self.model} is given the last image alone, without the turns before it")
        return notes

    async def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        """One image; from the reference images, if there are any, by an edit. Raises ImageError."""
        if request.count != 1:
            hint = "Use generate_batch(provider, request)."
            raise InvalidRequest(f"a call makes one image, not {request.count}", hint)
        prompt = "\n\n".join(requests.request_texts(request))
        result = await self._image(request, prompt, request.references, timeout)
        return replace(result, prompt=request.prompt)

    async def refine(
        self, conversation: requests.Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        """An edit of the last image: the service keeps no history, and knows no signatures. Raises ImageError."""
        conversation.check(instruction)
        image = conversation.last_image
        assert image is not None  # it was checked
        return await self._image(conversation, instruction, (image[0],), timeout)

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that the service lists, with the shut-down date of each that has one. Raises ImageError."""
        document = await self._endpoint.get("/models", self.model, min(self.timeout, 30.0))
        listed = document.get("data")
        if not isinstance(listed, list):
            raise DamagedAnswer("the list of models does not have the API's shape", "Correct base_url.")
        return tuple(_model_info(item) for item in listed if isinstance(item, dict) and isinstance(item.get("id"), str))

    async def probe(self, model: str | None = None) -> Availability:
        """Whether the service lists the model for this key: a call of it would make an image. Never raises."""
        name = (model or self.model).strip()

        async def ask() -> str:
            calls.check_alive(_checked_name(name), self._clock.now().date(), self._endpoint.platform)
            path = f"/models/{urllib.parse.quote(name, safe='')}"
            try:
                info = _model_info(await self._endpoint.get(path, name, min(self.timeout, 30.0)))
            except ModelNotFound as error:
                if self.vendor in ("openai", "xai"):
                    raise
                message = f"{error.message}; {self.vendor} may serve it all the same, as a deployment or an alias"
                raise ConfigurationError(message, "Generate an image to find out.") from None
            if info.name != name:
                raise DamagedAnswer(f"{name}: the answer is not that of an OpenAI API", "Correct base_url.")
            end = f", until {info.shut_down}" if info.shut_down else ""
            return f"it is listed for this key{end}; no image was made"

        return await calls.probed(name, self._clock, ask, self._endpoint.platform)

    async def _image(
        self,
        asked: ImageRequest | requests.Conversation,
        prompt: str,
        images: tuple[bytes, ...],
        timeout: float | None,
    ) -> ImageResult:
        """Check, reserve the cost, call, read the answer, and settle the cost."""
        if timeout is not None:
            base.check_timeout(timeout)
        seconds = self.timeout if timeout is None else min(timeout, self.timeout)
        shape = openai_requests.shape_of(self._kind, asked.aspect_ratio, asked.size)
        sent = openai_requests.request_for(self.model, prompt, shape, self._quality, images, self._kind)
        calls.check_alive(self.model, self._clock.now().date(), self._endpoint.platform)

        async def generate(client: BoundedClient) -> ImageResult:
            started = self._clock.monotonic()
            answer, response_id = await self._endpoint.post(client, self.model, sent)
            sizes = (*filter(None, (shape.fields.get("size"),)), asked.size or "1K")
            cost = pricing.cost_of(self._kind, answer.usage, *sizes, quality=self._quality)
            if answer.cost_usd is not None:
                cost = pricing.Cost(answer.cost_usd, "the answer")
            try:
                data, decoded = await self._image_of(client, answer)
            except ImageError as error:
                error.cost_usd = cost.usd if answer.usage or answer.cost_usd is not None else None
                raise
            took = self._clock.monotonic() - started
            return ImageResult(
                prompt=prompt,
                data=data,
                mime_type=decoded.mime_type,
                width=decoded.width,
                height=decoded.height,
                model_requested=self.model,
                model_answered=self.model,  # the answer names none
                finish_reason="",
                latency_seconds=took,
                cost_usd=cost.usd,
                cost_from=cost.basis,
                usage=answer.usage,
                text=answer.text,
                parts=(Part(image=data, mime_type=decoded.mime_type),),
                warnings=self.limits(asked),
                response_id=response_id,
                vendor=self.vendor,
            )

        estimate = pricing.estimate_tokens(
            self._kind, openai_requests.image_tokens(shape.pixels, self._quality), len(prompt), len(images)
        )
        return await calls.paid(
            self._budget, self.model, estimate, lambda: self._endpoint.call(self.model, seconds, generate)
        )

    async def _image_of(
        self, client: BoundedClient, answer: openai_answers.ImageAnswer
    ) -> tuple[bytes, answers.DecodedImage]:
        """The bytes of the image of an answer, decoded. Raises NoImage without one."""
        if answer.data is None and not answer.url:
            raise NoImage(f"{self.model} answered without an image", "Rephrase the prompt.", reason="EMPTY")
        data = answer.data or await self._endpoint.fetch(client, self.model, answer.url)
        return data, await asyncio.to_thread(answers.decode_image, data)


def _checked_name(model: str) -> str:
    """The model's name. Raises InvalidRequest if it is none."""
    name = model.strip() if isinstance(model, str) else ""
    if not name or not name.isascii() or not name.isprintable() or " " in name or len(name) > 200:
        raise InvalidRequest(f"invalid model name {model!r}", f"Pass a name such as {DEFAULT_MODEL}.")
    return name


def _model_info(item: Mapping[str, Any]) -> ModelInfo:
    name, end = item.get("id"), item.get("shutdown_date")
    try:
        shut_down = datetime.date.fromisoformat(end) if isinstance(end, str) else None
    except ValueError:
        shut_down = None
    return ModelInfo(name if isinstance(name, str) else "", "", (), shut_down)
