"""Time, as the provider sees it: handed in, so that a bench can run on a virtual one."""

from __future__ import annotations

import asyncio
import datetime
import time
from typing import Protocol


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
