"""The same without async: one event loop, kept as long as the provider's connections."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Self, TypeVar

from omni_release.images.batch import BatchOutcome, generate_batch
from omni_release.images.errors import InvalidRequest
from omni_release.images.model import Availability, ImageRequest, ImageResult, ModelInfo
from omni_release.images.resilience import ResilientProvider

if TYPE_CHECKING:
    from omni_release.images.conversation import Conversation
    from omni_release.images.provider import ImageProvider

T = TypeVar("T")


class SyncImages:
    """A provider for code that is not async: `with SyncImages(provider) as images: images.generate(request)`.

    Raises InvalidRequest inside a running event loop. Leaving the block closes the provider; closing twice is no
    fault, and a later call opens new connections. Used from one thread.
    """

    def __init__(self, provider: ImageProvider) -> None:
        self._provider = provider
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the provider, and the loop."""
        if self._runner is not None:
            self._run(self._provider.close())
            self._runner.close()
            self._runner = None

    def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        """One image."""
        return self._run(self._provider.generate(request, timeout=timeout))

    def generate_batch(self, request: ImageRequest) -> tuple[BatchOutcome, ...]:
        """As many outcomes as `request.count`."""
        return self._run(generate_batch(self._provider, request))

    def refine(self, conversation: Conversation, instruction: str, *, timeout: float | None = None) -> ImageResult:
        """The next turn of a conversation."""
        return self._run(self._provider.refine(conversation, instruction, timeout=timeout))

    def models(self) -> tuple[ModelInfo, ...]:
        """What the service lists."""
        return self._run(self._provider.models())

    def probe(self, model: str | None = None) -> Availability:
        """Whether a model answers a call."""
        return self._run(self._provider.probe(model))

    def status(self) -> tuple[Availability, ...]:
        """Whether each of the provider's models answers, and why not."""
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
        raise InvalidRequest("SyncImages inside a running event loop", "Await the provider's own methods there.")
