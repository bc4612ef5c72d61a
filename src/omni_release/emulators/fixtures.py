"""The emulator as a pytest fixture: `from omni_release.emulators.fixtures import gemini_emulator`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omni_release.emulators.server import GeminiEmulator


@pytest.fixture
def gemini_emulator() -> Iterator[GeminiEmulator]:
    """A new emulator that answers at once; `gemini_emulator.script("503; ok")` sets its next replies."""
    with GeminiEmulator() as emulator:
        yield emulator
