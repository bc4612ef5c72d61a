"""A Gemini-shaped server on loopback, with scripted faults on real sockets, so that timeouts are real.

`GeminiEmulator(script="503; ok")` is a context manager with a `url`; `omni-release emulate gemini` runs it alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omni_release.emulators.server import GeminiEmulator

__all__ = ["GeminiEmulator"]


def __getattr__(name: str) -> object:
    """Import the server when it is first used: werkzeug is slow to import, and comes with an extra."""
    if name != "GeminiEmulator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from omni_release.emulators.server import GeminiEmulator

    return GeminiEmulator
