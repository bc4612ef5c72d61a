"""What a test marked `smoke` is handed: the models that the settings name, and a provider for each."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from omni_release.core.settings import Settings
from omni_release.models import registry
from omni_release.smoke import outcomes

if TYPE_CHECKING:
    from omni_release.emulators import GeminiEmulator
    from omni_release.images import SyncImages


class Service:
    """How a scenario reaches the service, whatever stands in its place.

    `model`, `fallback` and `economy` are names: what the settings say, and the cheapest living model of their family.
    """

    def __init__(self, mode: str, settings: Settings, emulator: GeminiEmulator | None) -> None:
        from omni_release.images.configured import with_environment

        self.mode = mode
        self.model, fallback, self._seconds = with_environment(settings, os.environ)
        self.fallback = fallback or self.model
        self.economy = _economy(self.model)
        self._emulator = emulator
        self._made: dict[tuple[str, str], SyncImages] = {}

    def images(self, model: str = "", *, key: str = "") -> SyncImages:
        """The provider of this model (default: the one of the settings), without async; closed when all has ended."""
        from omni_release.images import GeminiImageProvider, Policy, ResilientProvider, SyncImages

        wanted = (model or self.model, key)
        if wanted not in self._made:
            live = self.mode == outcomes.LIVE
            policy = Policy(retries=2) if live else Policy(backoff=0.0)
            provider = GeminiImageProvider(wanted[0], key or None, timeout=self._seconds)
            self._made[wanted] = SyncImages(ResilientProvider(provider, None, policy))
        return self._made[wanted]

    @contextlib.contextmanager
    def provoked(self, step: str, kind: type[Exception]) -> Iterator[pytest.ExceptionInfo[Exception]]:
        """What is within raises `kind`: the emulator is told so by `step`; a live service may not do us the favour."""
        if self._emulator is not None:
            self._emulator.script(step)
        caught: pytest.ExceptionInfo[Exception] = pytest.ExceptionInfo.for_later()
        try:
            yield caught
        except kind as error:
            caught.fill_unfilled((type(error), error, error.__traceback__))  # type: ignore[arg-type]  # it has one
            return
        if self._emulator is not None:
            pytest.fail(f"the emulator was told {step!r}, and no {kind.__name__} was raised", pytrace=False)
        pytest.skip(f"the service could not be provoked: it made an image, and raised no {kind.__name__}")

    def close(self) -> None:
        """End all connections."""
        for images in self._made.values():
            images.__exit__(None, None, None)
        self._made = {}


def _economy(model: str) -> str:
    """The cheapest model of the same family that lives and whose price is known."""
    today = datetime.datetime.now(datetime.UTC).date()
    known = registry.find(model)
    priced = [
        (one.price.per_image["1K"], one.name)
        for one in registry.models().values()
        if one.price
        and "1K" in one.price.per_image
        and one.lives(today)
        and (known is None or one.family == known.family)
    ]
    return min(priced)[1] if priced else model
