"""The seam: what an image provider does, whoever is behind it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TextIO

from omni_release.core.errors import install_hint
from omni_release.images.conversation import Conversation
from omni_release.images.errors import ConfigurationError
from omni_release.images.model import Availability, ImageRequest, ImageResult, ModelInfo


class ImageProvider(Protocol):
    """Makes images. Each call ends within `timeout` seconds, or within the provider's own where none is given."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def timeout(self) -> float:
        """The seconds that a call is given where nothing else is said."""

    async def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        """One image. Raises ImageError: its type says what to do next. `batch.generate_batch` makes several."""

    async def refine(
        self, conversation: Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        """The last image of the conversation, changed as the instruction says; the conversation stays as it was.

        `conversation.after(result)` is the one to go on with.
        """

    async def models(self) -> tuple[ModelInfo, ...]:
        """What the service lists, all pages."""

    async def probe(self, model: str | None = None) -> Availability:
        """Whether the model (this provider's own, where none is named) answers a call, and why not. Never raises."""

    async def close(self) -> None:
        """Close the connections."""


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> datetime.datetime:
        """The time in UTC."""

    def monotonic(self) -> float:
        """Seconds from some fixed moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class WallClock:
    """The machine's own."""

    def now(self) -> datetime.datetime:
        """The time in UTC."""
        return datetime.datetime.now(datetime.UTC)

    def monotonic(self) -> float:
        """Seconds from some fixed moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


AT_ONCE = "Generating image…"

STILL = "Still generating… high-quality images can take 15–30 seconds"  # noqa: RUF001  # the plan's wording


Progress = Callable[[str], None]


@contextlib.asynccontextmanager
async def show_progress(progress: Progress | None, clock: Clock, still_after: float) -> AsyncIterator[None]:
    """Says that it has begun at once, and that it goes on after `still_after` seconds.

    An image is not lost for it: what `progress` raises later is left to the loop's own handler.
    """
    if progress is None:
        yield
        return
    progress(AT_ONCE)

    async def later() -> None:
        await clock.sleep(still_after)
        progress(STILL)

    waiting = asyncio.create_task(later())
    try:
        yield
    finally:
        waiting.cancel()
        await asyncio.wait([waiting])


class LiveLine:
    """A progress callback that shows one line, live on a terminal and plainly elsewhere; `with` takes it away."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()

    def __enter__(self) -> LiveLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __call__(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        self._stream.flush()


class Log(Protocol):
    """Where events go; structlog's loggers are such."""

    def warning(self, event: str, **facts: object) -> object:
        """An event that somebody should know of."""

    def error(self, event: str, **facts: object) -> object:
        """An event that somebody should act on."""


def structlog_log() -> Log:
    """Structlog's logger, as the program has configured it. Raises NotSetUp without the extra."""
    try:
        import structlog  # noqa: F401
        import tenacity  # noqa: F401  # the loop needs it: missing parts are told before a call, not after
    except ImportError as error:
        raise ConfigurationError(f"{error.name} is not installed", install_hint("images")) from None
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


def never_raising() -> contextlib.suppress:
    """For a log whose stream is closed, or takes no such character: an image that was paid for is not lost for it."""
    return contextlib.suppress(OSError, ValueError)
