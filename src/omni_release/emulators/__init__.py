"""Servers on loopback that answer as the vendors do, with scripted faults on real sockets, so that timeouts are real.

`GeminiEmulator(script="503; ok")`, `OpenAIEmulator(…)` and `AnthropicEmulator(…)` are context managers with a
`base_url`; `omni-release emulate gemini` (or `openai`, `anthropic`) runs one alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omni_release.emulators.anthropic import AnthropicEmulator
    from omni_release.emulators.gemini import GeminiEmulator
    from omni_release.emulators.openai import OpenAIEmulator

__all__ = ["AnthropicEmulator", "GeminiEmulator", "OpenAIEmulator"]


def __getattr__(name: str) -> object:
    """Import a server when it is first used: werkzeug is slow to import, and comes with an extra."""
    module: object
    match name:
        case "AnthropicEmulator":
            from omni_release.emulators import anthropic as module
        case "GeminiEmulator":
            from omni_release.emulators import gemini as module
        case "OpenAIEmulator":
            from omni_release.emulators import openai as module
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(module, name)
