"""Where events go: structlog's loggers, or any that look like them."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Protocol

from omni_release.core.errors import to_install
from omni_release.images.errors import NotSetUp


class Log(Protocol):
    """Where events go; structlog's loggers are such."""

    def warning(self, event: str, **facts: object) -> object:
        """An event that somebody should know of."""

    def error(self, event: str, **facts: object) -> object:
        """An event that somebody should act on."""


def structured() -> Log:
    """Structlog's logger, as the program has configured it. Raises NotSetUp without the extra."""
    try:
        import structlog  # noqa: F401
        import tenacity  # noqa: F401  # the loop needs it: missing parts are told before a call, not after
    except ImportError as error:
        raise NotSetUp(f"{error.name} is not installed", to_install("images")) from None
    return _Structured()


class _Structured:
    """Asks structlog with each event: it may be configured after the provider is made.

    Where it is not configured at all, events go to stderr: stdout is the program's own.
    """

    def warning(self, event: str, **facts: object) -> None:
        self._logger().warning(event, **facts)

    def error(self, event: str, **facts: object) -> None:
        self._logger().error(event, **facts)

    def _logger(self) -> Any:  # structlog's loggers are untyped
        import structlog

        if structlog.is_configured():
            return structlog.get_logger("omni_release.images")
        return structlog.wrap_logger(structlog.PrintLogger(sys.stderr))


def unbroken() -> contextlib.suppress:
    """For a log whose stream is closed, or takes no such character: an image that was paid for is not lost for it."""
    return contextlib.suppress(OSError, ValueError)
