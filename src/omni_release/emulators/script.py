"""What the emulator is told to do: `"503; 429 after=1.5; hang; truncate; blocked; ok"`.

Steps are separated by `;` and taken one a call; after the last one all calls are answered. A step is a name, and
options: `after=SECONDS` (the delay that the answer asks for), `model=NAME` (waits for a call to that model), and
`times=N`. The names are those of `bodies.NAMES`.
"""

from __future__ import annotations

import difflib
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from omni_release.core.errors import UsageError
from omni_release.emulators import responses


@dataclass(frozen=True)
class Step:
    """What one call meets. `after` is in seconds; an empty `model` means any."""

    name: str
    after: float | None = None
    model: str = ""


def parsed(text: str) -> tuple[Step, ...]:
    """The steps of a script. Raises UsageError."""
    return tuple(step for part in text.split(";") if part.strip() for step in _steps(part.split()))


def _steps(words: list[str]) -> Iterator[Step]:
    name, *options = words
    if name not in responses.NAMES:
        near = difflib.get_close_matches(name, responses.NAMES, 1, 0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(responses.NAMES)}."
        raise UsageError(f"the script has a step {name!r}, which the emulator does not know", hint)
    step, times = Step(name), 1
    for option in options:
        key, _, value = option.partition("=")
        if key == "after":
            step = replace(step, after=_number(option, value))
        elif key == "model" and value:
            step = replace(step, model=value)
        elif key == "times":
            times = round(_number(option, value))
        else:
            raise UsageError(
                f"the step {name!r} has an option {option!r}", "There are: after=1.5, model=NAME, times=2."
            )
    return iter([step] * times)


def _number(option: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 10_000:
        raise UsageError(f"the script has {option!r}", "Write a number, as after=1.5 or times=3.")
    return number


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
