"""The seam: what an image provider does, whoever is behind it."""

from __future__ import annotations

from typing import Protocol

from omni_release.images.conversation import Conversation
from omni_release.images.model import Availability, ImageRequest, ImageResult, ModelInfo


class ImageProvider(Protocol):
    """Makes images. Each call ends within `timeout` seconds, or within the provider's own where none is given."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def timeout(self) -> float:
        """The seconds that a call is given where nothing else is said."""

    async def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        """One image. Raises ImageError: its type says what to do next. `batch.generate_batch` makes several."""

    async def refine(
        self, conversation: Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        """The last image of the conversation, changed as the instruction says; the conversation stays as it was.

        `conversation.after(result)` is the one to go on with.
        """

    async def models(self) -> tuple[ModelInfo, ...]:
        """What the service lists, all pages."""

    async def probe(self, model: str | None = None) -> Availability:
        """Whether the model (this provider's own, where none is named) answers a call, and why not. Never raises."""

    async def close(self) -> None:
        """Close the connections."""
