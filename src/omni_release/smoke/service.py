"""The service as a smoke test calls it: the value of the `smoke` fixture."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from omni_release import models
from omni_release.core.settings import Settings
from omni_release.smoke import LIVE

if TYPE_CHECKING:
    from omni_release.emulators.server import Emulator
    from omni_release.images import SyncImages


class Service:
    """The service as a smoke test calls it, in any mode: the value of the `smoke` fixture.

    `model`, `fallback` and `economy` are names: those of the settings, and the cheapest live one of their kind.
    """

    def __init__(self, mode: str, settings: Settings, emulators: Sequence[Emulator]) -> None:
        from omni_release.images.shortcuts import with_environment

        self.mode = mode
        self.model, fallback, self._timeout = with_environment(settings, os.environ)
        self.fallback = fallback or self.model
        self.economy = _cheapest_of_kind(self.model)
        self._emulators = tuple(emulators)
        self._providers: dict[tuple[str, str], SyncImages] = {}

    def images(self, model: str = "", *, key: str = "") -> SyncImages:
        """The provider of this model (default: the one of the settings), without async; closed with the session."""
        from omni_release.images import Policy, ResilientProvider, SyncImages
        from omni_release.images.shortcuts import provider_of

        name = model or self.model
        if (name, key) not in self._providers:
            policy = Policy(retries=2) if self.mode == LIVE else Policy(backoff=0.0)
            provider = provider_of(name, key or None, self._timeout, os.environ)
            self._providers[name, key] = SyncImages(ResilientProvider(provider, None, policy))
        return self._providers[name, key]

    @contextlib.contextmanager
    def provoked(self, step: str, kind: type[Exception]) -> Iterator[pytest.ExceptionInfo[Exception]]:
        """A context in which `kind` is expected: the emulator is scripted with `step` to cause it.

        Without the exception the test fails on the emulator, and is skipped on a live service, which may not comply.
        """
        for emulator in self._emulators:
            emulator.script(step)
        caught: pytest.ExceptionInfo[Exception] = pytest.ExceptionInfo.for_later()
        try:
            yield caught
        except kind as error:
            caught.fill_unfilled((type(error), error, error.__traceback__))  # type: ignore[arg-type]  # it has one
            return
        if self._emulators:
            pytest.fail(f"the emulator was scripted with {step!r}, but no {kind.__name__} was raised", pytrace=False)
        pytest.skip(f"the service made an image, so there was no {kind.__name__} to test")

    def close(self) -> None:
        """Close all connections."""
        for images in self._providers.values():
            images.__exit__(None, None, None)
        self._providers = {}


def _cheapest_of_kind(model: str) -> str:
    """The live model of this platform and kind with the lowest known price of a 1K image, or else this one."""
    today = datetime.datetime.now(datetime.UTC).date()
    known = models.find(model)
    prices = [
        (other.price.per_image["1K"], other.name)
        for other in models.all_models().values()
        if other.price
        and "1K" in other.price.per_image
        and other.lives(today)
        and (known is None or (other.platform, other.kind) == (known.platform, known.kind))
    ]
    return min(prices)[1] if prices else model
