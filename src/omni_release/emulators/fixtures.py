"""The emulators as pytest fixtures: `from omni_release.emulators.fixtures import gemini_emulator`; for all vendors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omni_release.emulators.anthropic import AnthropicEmulator
from omni_release.emulators.gemini import GeminiEmulator
from omni_release.emulators.openai import OpenAIEmulator


@pytest.fixture
def gemini_emulator() -> Iterator[GeminiEmulator]:
    """A new emulator that answers at once; `gemini_emulator.script("503; ok")` sets its next replies."""
    with GeminiEmulator() as emulator:
        yield emulator


@pytest.fixture
def openai_emulator() -> Iterator[OpenAIEmulator]:
    """A new emulator that answers at once; clients take its `base_url`."""
    with OpenAIEmulator() as emulator:
        yield emulator


@pytest.fixture
def anthropic_emulator() -> Iterator[AnthropicEmulator]:
    """A new emulator that answers at once; clients take its `base_url`."""
    with AnthropicEmulator() as emulator:
        yield emulator
