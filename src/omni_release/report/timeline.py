"""When the tasks of a run ran: a bar for each on one axis, and the longest chain of tasks that wait for each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from omni_release.core.model import Outcome, Status

_LEAST = 0.3  # the length of the shortest bar that can be seen
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)


@dataclass(frozen=True)
class Bar:
    """A task on the axis: where it begins, and its length, both in percent of the axis."""

    x: float
    length: float


@dataclass(frozen=True)
class Tick:
    """A mark on the axis, in percent of it, with its time."""

    x: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """The bars by task, the marks of the axis, and the ids and seconds of the longest chain, in its order."""

    bars: Mapping[str, Bar]
    ticks: tuple[Tick, ...]
    chain: tuple[str, ...]
    chain_seconds: float
    seconds: float


def timeline(outcomes: Sequence[Outcome], needs: Mapping[str, Sequence[str]], seconds: float) -> Timeline:
    """The timeline of a run of so many seconds; `needs` are the tasks that each task waits for."""
    ran = [(o, o.started) for o in outcomes if o.started is not None and o.status is not Status.SKIPPED]
    end = max([seconds, *(started + outcome.seconds for outcome, started in ran), 0.001])
    bars = {}
    for outcome, started in ran:
        length = max(round(100 * outcome.seconds / end, 2), _LEAST)
        bars[outcome.id] = Bar(min(round(100 * started / end, 2), 100 - _LEAST), length)
    chain, longest = _longest_chain({outcome.id: outcome.seconds for outcome, _ in ran}, needs)
    return Timeline(bars, tuple(_ticks(end)), chain, longest, end)


def _longest_chain(seconds: Mapping[str, float], needs: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], float]:
    """The chain of tasks, each needed by the next, whose times have the largest sum; and that sum."""
    best: dict[str, tuple[float, str]] = {}  # by task: the time of the longest chain up to it, and the task before it

    def up_to(id: str) -> float:
        if id not in best:
            best[id] = (0.0, "")  # a circle, which no lane has, would end here
            before = max((need for need in needs.get(id, ()) if need in seconds), key=up_to, default="")
            best[id] = (seconds[id] + (up_to(before) if before else 0.0), before)
        return best[id][0]

    last = max(seconds, key=up_to, default="")
    chain: list[str] = []
    task = last
    while task:
        chain.insert(0, task)
        task = best[task][1]
    return tuple(chain), round(best[last][0], 3) if last else 0.0


def _ticks(end: float) -> Iterable[Tick]:
    """At most eight marks, at round times."""
    step = next((step for step in _STEPS if end / step <= 8), end)
    for number in range(int(end / step) + 1):
        at = number * step
        yield Tick(round(100 * at / end, 2), clock(at))


def clock(seconds: float) -> str:
    """A time for people: 3 ms, 0.4 s, 12 s, 2 min 5 s."""
    if 0 < seconds < 0.0995:
        return f"{max(round(1000 * seconds), 1)} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds % 1 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
