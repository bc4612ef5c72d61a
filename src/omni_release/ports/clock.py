"""The machine's clock."""

from __future__ import annotations

import datetime
import time


class SystemClock:
    """See `seams.Clock`."""

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
