"""Batches of 1 to 4 images, side by side, each with its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from omni_release.images.errors import ImageError, InvalidRequest
from omni_release.images.model import Attempt, Availability, Document, ImageRequest, ImageResult, ModelInfo
from omni_release.images.resilience import ResilientProvider

if TYPE_CHECKING:
    from omni_release.images.provider import ImageProvider
if TYPE_CHECKING:
    from omni_release.images.conversation import Conversation
    from omni_release.images.provider import ImageProvider


@dataclass(frozen=True)
class Failure(Document):
    """Why one image of a batch is not there: the error's type, its message, what to do, and the calls made."""

    kind: str
    message: str
    hint: str
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class BatchOutcome(Document):
    """One image of a batch, or why it is not there."""

    result: ImageResult | None
    failure: Failure | None


async def generate_batch(provider: ImageProvider, request: ImageRequest) -> tuple[BatchOutcome, ...]:
    """As many outcomes as `request.count`, in order. One that fails does not touch the others."""
    one = replace(request, count=1)
    async with asyncio.TaskGroup() as group:  # cancelling the batch cancels each of its calls
        tasks = [group.create_task(_outcome(provider, one)) for _ in range(request.count)]
    return tuple(task.result() for task in tasks)


async def _outcome(provider: ImageProvider, request: ImageRequest) -> BatchOutcome:
    try:
        return BatchOutcome(await provider.generate(request), None)
    except ImageError as error:
        return BatchOutcome(None, Failure(type(error).__name__, error.message, error.hint, error.attempts))


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
