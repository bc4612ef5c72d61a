"""The provider that the settings name; the environment goes over them."""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from omni_release import models
from omni_release.core.errors import UsageError
from omni_release.core.settings import Settings
from omni_release.images.gemini import GeminiImageProvider
from omni_release.images.policy import Policy
from omni_release.images.provider import structlog_log
from omni_release.images.resilience import ResilientProvider

if TYPE_CHECKING:
    from omni_release.images.pricing import Budget
    from omni_release.images.provider import Progress

NONE = "none"
"""What `image_fallback_model` says where there shall be no fallback."""


def with_environment(settings: Settings, environment: Mapping[str, str]) -> tuple[str, str | None, float]:
    """The model, the fallback model (None: no fallback) and the seconds for a call. Raises UsageError."""
    model = environment.get("IMAGE_MODEL", "").strip() or settings.image_model
    fallback = environment.get("IMAGE_FALLBACK_MODEL", "").strip() or settings.image_fallback_model
    seconds = _seconds(environment.get("IMAGE_TIMEOUT_SECONDS", "").strip(), settings.image_timeout_seconds)
    none = fallback.lower() == NONE or models.bare_name(fallback) == models.bare_name(model)
    return model, None if none else fallback, seconds


def _seconds(said: str, otherwise: float) -> float:
    if not said:
        return otherwise
    try:
        seconds = float(said)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"IMAGE_TIMEOUT_SECONDS is {said!r}", "Give a number of seconds above 0, as 90.")
    return seconds


def provider_for(
    settings: Settings,
    *,
    environment: Mapping[str, str] = os.environ,
    policy: Policy | None = None,
    budget: Budget | None = None,
    progress: Progress | None = None,
    base_url: str | None = None,
) -> ResilientProvider:
    """The provider that the settings (and IMAGE_MODEL, IMAGE_FALLBACK_MODEL, IMAGE_TIMEOUT_SECONDS) ask for.

    A fallback that is shut down is told in the log at once: it would be found out when it is needed. Raises UsageError
    on a setting that is none, NotSetUp without the extra or without a key.
    """
    model, fallback, seconds = with_environment(settings, environment)
    primary, second = (
        GeminiImageProvider(name, base_url=base_url, timeout=seconds, budget=budget, environment=environment)
        if name
        else None
        for name in (model, fallback)
    )
    assert primary is not None
    today = datetime.datetime.now(datetime.UTC).date()
    known = models.find(second.model) if second else None
    if known is not None and not known.lives(today):
        heir = models.successor(known.name, today)
        structlog_log().error("image fallback model is gone", model=known.name, successor=heir)
    return ResilientProvider(primary, second, policy, progress=progress)
