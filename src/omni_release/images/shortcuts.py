"""Shortcuts over the providers: from the settings, in batches, and without async."""

from __future__ import annotations

import asyncio
import datetime
import math
import os
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from omni_release import models
from omni_release.core.errors import UsageError
from omni_release.core.settings import Settings
from omni_release.core.vendors import VENDORS
from omni_release.images.errors import ImageError, InvalidRequest
from omni_release.images.gemini import GeminiImageProvider
from omni_release.images.model import Attempt, Availability, Document, ImageRequest, ImageResult, ModelInfo
from omni_release.images.openai import OpenAIImageProvider
from omni_release.images.provider import StructlogLog
from omni_release.images.resilience import ResilientProvider
from omni_release.images.retry_policy import Policy

if TYPE_CHECKING:
    from omni_release.images.pricing import Budget
    from omni_release.images.provider import ImageProvider, Progress
    from omni_release.images.requests import Conversation

T = TypeVar("T")

_OPENAI_URLS = {"openai": None, "xai": f"https://{VENDORS['xai'].hosts[0]}/v1"}
"""The base URLs of the platforms that speak OpenAI's API; None is that of the environment, or OpenAI's own."""

NO_FALLBACK = "none"
"""The value of `image_fallback_model` for no fallback."""


def with_environment(settings: Settings, environment: Mapping[str, str]) -> tuple[str, str | None, float]:
    """The model, the fallback model (None for no fallback) and the timeout of a call in seconds.

    IMAGE_MODEL, IMAGE_FALLBACK_MODEL and IMAGE_TIMEOUT_SECONDS override the settings. Raises UsageError if the timeout
    is not a number above 0.
    """
    model = environment.get("IMAGE_MODEL", "").strip() or settings.image_model
    fallback = environment.get("IMAGE_FALLBACK_MODEL", "").strip() or settings.image_fallback_model
    none = fallback.lower() == NO_FALLBACK or models.bare_name(fallback) == models.bare_name(model)
    seconds = settings.image_timeout_seconds
    if text := environment.get("IMAGE_TIMEOUT_SECONDS", "").strip():
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            raise UsageError(f"invalid IMAGE_TIMEOUT_SECONDS {text!r}", "Set it to a number of seconds, such as 90.")
    return model, None if none else fallback, seconds


def provider_for(
    settings: Settings,
    *,
    environment: Mapping[str, str] = os.environ,
    policy: Policy | None = None,
    budget: Budget | None = None,
    progress: Progress | None = None,
    base_url: str | None = None,
) -> ResilientProvider:
    """The provider of the settings, which the environment overrides (see `with_environment`).

    The registry decides whose models they are: those of OpenAI and xAI are called with their own keys, all others by
    the Gemini API, at `base_url` if it is given. A fallback that is shut down is logged at once, not when it is needed.
    Raises UsageError for an invalid setting, ConfigurationError without the extra `images` or without a key.
    """
    model, fallback, seconds = with_environment(settings, environment)

    def provider(name: str) -> GeminiImageProvider | OpenAIImageProvider:
        return provider_of(name, None, seconds, environment, budget=budget, base_url=base_url)

    primary, second = provider(model), provider(fallback) if fallback else None
    today = datetime.datetime.now(datetime.UTC).date()
    known = models.find(second.model) if second else None
    if known is not None and not known.lives(today):
        successor = models.successor(known.name, today)
        StructlogLog().error("image fallback model is gone", model=known.name, successor=successor)
    return ResilientProvider(primary, second, policy, progress=progress)


def provider_of(
    model: str,
    api_key: str | None,
    timeout: float,
    environment: Mapping[str, str],
    *,
    budget: Budget | None = None,
    base_url: str | None = None,
) -> GeminiImageProvider | OpenAIImageProvider:
    """The provider of a model, by the vendor whose it is in the registry; an unknown one is of the Gemini API.

    `base_url` is for the Gemini API alone.
    """
    known = models.find(model)
    if known is not None and known.platform in _OPENAI_URLS:
        url = _OPENAI_URLS[known.platform]
        return OpenAIImageProvider(model, api_key, url, timeout, budget=budget, environment=environment)
    return GeminiImageProvider(
        model, api_key, base_url=base_url, timeout=timeout, budget=budget, environment=environment
    )


@dataclass(frozen=True)
class Failure(Document):
    """The failure of one image of a batch: the error's type, message, hint, and the calls made."""

    kind: str
    message: str
    hint: str
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class BatchOutcome(Document):
    """One image of a batch, or its failure."""

    result: ImageResult | None
    failure: Failure | None


async def generate_batch(provider: ImageProvider, request: ImageRequest) -> tuple[BatchOutcome, ...]:
    """`request.count` outcomes, in order, from concurrent calls. A failure does not affect the other images."""
    single = replace(request, count=1)

    async def outcome() -> BatchOutcome:
        try:
            return BatchOutcome(await provider.generate(single), None)
        except ImageError as error:
            return BatchOutcome(None, Failure(type(error).__name__, error.message, error.hint, error.attempts))

    async with asyncio.TaskGroup() as group:  # cancelling the batch cancels each of its calls
        tasks = [group.create_task(outcome()) for _ in range(request.count)]
    return tuple(task.result() for task in tasks)


class SyncImages:
    """A provider for code that is not async: `with SyncImages(provider) as images: images.generate(request)`.

    Raises InvalidRequest inside a running event loop. Leaving the block closes the provider. It can be closed twice,
    and a later call opens new connections. Use it from one thread.
    """

    def __init__(self, provider: ImageProvider) -> None:
        self._provider = provider
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the provider, and the event loop."""
        if self._runner is not None:
            self._run(self._provider.close())
            self._runner.close()
            self._runner = None

    def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        """One image."""
        return self._run(self._provider.generate(request, timeout=timeout))

    def generate_batch(self, request: ImageRequest) -> tuple[BatchOutcome, ...]:
        """`request.count` outcomes, in order."""
        return self._run(generate_batch(self._provider, request))

    def refine(self, conversation: Conversation, instruction: str, *, timeout: float | None = None) -> ImageResult:
        """The next turn of a conversation."""
        return self._run(self._provider.refine(conversation, instruction, timeout=timeout))

    def models(self) -> tuple[ModelInfo, ...]:
        """The models that the service lists."""
        return self._run(self._provider.models())

    def probe(self, model: str | None = None) -> Availability:
        """Whether a model responds."""
        return self._run(self._provider.probe(model))

    def status(self) -> tuple[Availability, ...]:
        """Whether each of the provider's models responds, and why not."""
        if isinstance(self._provider, ResilientProvider):
            return self._run(self._provider.status())
        return (self.probe(),)

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._runner = self._runner or asyncio.Runner()
            return self._runner.run(call)
        call.close()
        raise InvalidRequest(
            "SyncImages cannot be used in a running event loop", "Await the provider's own methods there."
        )
