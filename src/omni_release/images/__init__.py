"""The image provider: a protocol, Gemini and OpenAI behind it, retries and fallbacks around it, and its cost.

It is cheap to import: google-genai, Pillow, tenacity and structlog are imported when they are first needed. If one of
them is missing, the error names the extra to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omni_release.images.errors import (
        AnswerTooLarge,
        BudgetExceeded,
        ConfigurationError,
        ContentRefused,
        CreditsExhausted,
        DamagedAnswer,
        Disconnected,
        ImageError,
        InvalidRequest,
        ModelNotFound,
        NoImage,
        Overloaded,
        QuotaSpent,
        RateLimited,
        RequestRejected,
        RetriesExhausted,
        ServiceFault,
        TimedOut,
        Transient,
    )
    from omni_release.images.gemini import GeminiImageProvider
    from omni_release.images.model import Attempt, Availability, ImageRequest, ImageResult, ModelInfo
    from omni_release.images.openai import OpenAIImageProvider
    from omni_release.images.pricing import Budget
    from omni_release.images.provider import ImageProvider, LiveLine
    from omni_release.images.requests import Conversation
    from omni_release.images.resilience import ResilientProvider
    from omni_release.images.retry_policy import Policy
    from omni_release.images.shortcuts import SyncImages, generate_batch, provider_for

__all__ = [
    "AnswerTooLarge",
    "Attempt",
    "Availability",
    "Budget",
    "BudgetExceeded",
    "ConfigurationError",
    "ContentRefused",
    "Conversation",
    "CreditsExhausted",
    "DamagedAnswer",
    "Disconnected",
    "GeminiImageProvider",
    "ImageError",
    "ImageProvider",
    "ImageRequest",
    "ImageResult",
    "InvalidRequest",
    "LiveLine",
    "ModelInfo",
    "ModelNotFound",
    "NoImage",
    "OpenAIImageProvider",
    "Overloaded",
    "Policy",
    "QuotaSpent",
    "RateLimited",
    "RequestRejected",
    "ResilientProvider",
    "RetriesExhausted",
    "ServiceFault",
    "SyncImages",
    "TimedOut",
    "Transient",
    "generate_batch",
    "provider_for",
]


def __getattr__(name: str) -> object:
    """Import a public name from its module. Raises AttributeError for any other name."""
    module: object
    match name:
        case "GeminiImageProvider":
            from omni_release.images import gemini as module
        case "Attempt" | "Availability" | "ImageRequest" | "ImageResult" | "ModelInfo":
            from omni_release.images import model as module
        case "OpenAIImageProvider":
            from omni_release.images import openai as module
        case "Budget":
            from omni_release.images import pricing as module
        case "ImageProvider" | "LiveLine":
            from omni_release.images import provider as module
        case "Conversation":
            from omni_release.images import requests as module
        case "ResilientProvider":
            from omni_release.images import resilience as module
        case "Policy":
            from omni_release.images import retry_policy as module
        case "SyncImages" | "generate_batch" | "provider_for":
            from omni_release.images import shortcuts as module
        case _ if name in __all__:
            from omni_release.images import errors as module
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(module, name)
