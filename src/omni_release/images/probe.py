"""Whether the service answers for a model: called, at the lowest price."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omni_release.images.model import Availability


def ask(models: Sequence[str], environment: Mapping[str, str]) -> tuple[Availability, ...]:
    """What each of the models came to, in their order: a call of a few tokens each, side by side.

    Raises NotSetUp (it is inconclusive) without a key, or without the extra `images`.
    """
    from omni_release.images.gemini import GeminiImageProvider

    async def asked() -> tuple[Availability, ...]:
        async with GeminiImageProvider(models[0], timeout=30.0, environment=environment) as provider:
            return tuple(await asyncio.gather(*(provider.probe(model) for model in models)))

    return asyncio.run(asked())
