"""Batches of 1 to 4 images, side by side, each with its own outcome."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omni_release.images.errors import ImageError
from omni_release.images.model import Attempt, Document, ImageRequest, ImageResult

if TYPE_CHECKING:
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
