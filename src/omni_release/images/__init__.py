"""The image provider: a protocol, Gemini behind it, resilience around it, and what it costs.

Cheap to import: what needs google-genai, Pillow, tenacity or structlog is imported when it is first asked for, and says
in one line which extra to install where it is not there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omni_release.images.batch import SyncImages, generate_batch
    from omni_release.images.configured import provider_for
    from omni_release.images.conversation import Conversation
    from omni_release.images.errors import ImageError
    from omni_release.images.gemini import GeminiImageProvider
    from omni_release.images.model import Attempt, Availability, ImageRequest, ImageResult, ModelInfo
    from omni_release.images.policy import Policy
    from omni_release.images.pricing import Budget
    from omni_release.images.provider import ImageProvider
    from omni_release.images.resilience import ResilientProvider

__all__ = [
    "Attempt",
    "Availability",
    "Budget",
    "Conversation",
    "GeminiImageProvider",
    "ImageError",
    "ImageProvider",
    "ImageRequest",
    "ImageResult",
    "ModelInfo",
    "Policy",
    "ResilientProvider",
    "SyncImages",
    "generate_batch",
    "provider_for",
]

_LATER = {
    "Attempt": "model",
    "Availability": "model",
    "Budget": "pricing",
    "Conversation": "conversation",
    "GeminiImageProvider": "gemini",
    "ImageError": "errors",
    "ImageProvider": "provider",
    "ImageRequest": "model",
    "ImageResult": "model",
    "ModelInfo": "model",
    "Policy": "policy",
    "ResilientProvider": "resilience",
    "SyncImages": "batch",
    "generate_batch": "batch",
    "provider_for": "configured",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
