"""The machine's clock."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

from omni_release.core.errors import ActionFailed

_SLICE = 0.2


class SystemClock:
    """See `seams.Clock`. A sleep ends with ActionFailed when the run is `stopped`."""

    def __init__(self, stopped: Callable[[], bool] = lambda: False) -> None:
        self._stopped = stopped

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._stopped():
                raise ActionFailed("the run was interrupted")
            time.sleep(min(left, _SLICE))
