"""What a person is told while an image is made."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TextIO

from omni_release.images.clock import Clock

AT_ONCE = "Generating image…"
STILL = "Still generating… high-quality images can take 15–30 seconds"  # noqa: RUF001  # the plan's wording

Progress = Callable[[str], None]


@contextlib.asynccontextmanager
async def told(progress: Progress | None, clock: Clock, still_after: float) -> AsyncIterator[None]:
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
