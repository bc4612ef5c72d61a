"""When a service fails by chance: from a seed, call by call, or in bursts."""

from __future__ import annotations

import random


class Weather:
    """Fails in a `rate` (0 to 1) of the time.

    With `burst` 0 each call is a draw of its own; else bad spells of `burst` seconds on average take turns with good
    ones, both of random length, so that in the long run the same share of the time is bad.
    """

    def __init__(self, rate: float, burst: float, draw: random.Random) -> None:
        self._rate = rate
        self._burst = burst
        self._draw = draw
        self._bad = draw.random() < rate
        self._until = self._spell()

    def _spell(self) -> float:
        if not self._burst or not 0 < self._rate < 1:
            return 0.0
        mean = self._burst if self._bad else self._burst * (1 - self._rate) / self._rate
        return self._draw.expovariate(1 / mean)

    def fails(self, now: float) -> bool:
        """Whether a call at `now` (seconds, never going back) fails."""
        if not self._burst or not 0 < self._rate < 1:
            return self._draw.random() < self._rate
        while now >= self._until:
            self._bad = not self._bad
            self._until += self._spell()
        return self._bad
