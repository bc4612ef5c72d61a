"""The keys and base URLs that a smoke test sees in each mode, and the emulators that some of them lead to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from omni_release.core import vendors
from omni_release.core.errors import Inconclusive
from omni_release.core.settings import Smoke
from omni_release.smoke import EMULATED, EMULATORS, LIVE, gateway

if TYPE_CHECKING:
    from omni_release.emulators.server import Emulator

_PLACEHOLDER_KEY = "no-key-needed"


class ModeEnvironment:
    """The environment of the tests in a mode; the emulators are started when the first test needs them."""

    def __init__(self, mode: str, smoke: Smoke) -> None:
        self._mode = mode
        self._smoke = smoke
        self._emulators: dict[str, Emulator] = {}

    @property
    def emulators(self) -> tuple[Emulator, ...]:
        """Those that have been started."""
        return tuple(self._emulators.values())

    def stop(self) -> None:
        """Stop the emulators."""
        for emulator in self.emulators:
            emulator.stop()

    @contextlib.contextmanager
    def of_test(self) -> Iterator[None]:
        """Only the keys and the base URLs of the mode are set. Without a live service no test gets a real key."""
        with pytest.MonkeyPatch.context() as patch:
            if self._mode != LIVE:
                for vendor in vendors.VENDORS.values():
                    _hide(vendor, patch)
                for name in self._smoke.vendors:
                    vendor = vendors.VENDORS[name]
                    patch.setenv(vendor.keys[0], _PLACEHOLDER_KEY)
                    for variable in vendor.base_urls if vendor.address else ():
                        patch.setenv(variable, vendor.address)
                for variable, address in gateway(self._smoke).items():
                    patch.setenv(variable, address)
            if self._mode == EMULATED:
                for name in self._smoke.vendors:
                    emulator = self._emulator_of(name)
                    emulator.script("")
                    for variable in vendors.VENDORS[name].base_urls:
                        patch.setenv(variable, emulator.base_url)
            yield

    def _emulator_of(self, name: str) -> Emulator:
        if name not in self._emulators:
            self._emulators[name] = _emulator_class(name)()
        return self._emulators[name]


def _hide(vendor: vendors.Vendor, patch: pytest.MonkeyPatch) -> None:
    """Replace the keys of a vendor that are set: a program may choose a vendor by the key that is there."""
    for variable in (*vendor.keys, *vendor.base_urls):
        if variable in vendor.keys and os.environ.get(variable):
            patch.setenv(variable, _PLACEHOLDER_KEY)
        else:
            patch.delenv(variable, raising=False)


def require_emulators(names: Sequence[str]) -> None:
    """Raises Inconclusive where a vendor has no emulator."""
    missing = ", ".join(vendors.VENDORS[name].title for name in names if name not in EMULATORS)
    if missing:
        hint = "Record the service itself, or a server of your own: set the variable of its base URL."
        raise Inconclusive(f"there is no emulator of {missing}", hint)


def _emulator_class(name: str) -> Callable[[], Emulator]:
    from omni_release.emulators import AnthropicEmulator, GeminiEmulator, OpenAIEmulator

    found: dict[str, Callable[[], Emulator]] = {
        "gemini": GeminiEmulator,
        "openai": OpenAIEmulator,
        "anthropic": AnthropicEmulator,
    }
    return found[name]
