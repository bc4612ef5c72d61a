"""The bars of a run on one axis, and the longest chain of tasks that wait for each other."""

from __future__ import annotations

import pytest

from omni_release.core.model import Outcome, Status
from omni_release.report.timeline import Bar, clock, timeline


def ran(id: str, started: float | None, seconds: float, status: Status = Status.PASSED) -> Outcome:
    """A task that ran so long."""
    return Outcome(id, id, "check", status, seconds=seconds, started=started)


def test_bars_and_chain() -> None:
    """A bar is a share of the whole; the chain has the largest sum, not the most tasks; skipped tasks have no bar."""
    outcomes = [ran("a", 0, 1), ran("b", 1, 6), ran("c", 1, 1), ran("d", 2, 1), ran("e", 7, 3), ran("f", None, 0)]
    needs = {"b": ("a",), "c": ("a",), "d": ("c",), "e": ("b", "d")}
    found = timeline([*outcomes, ran("g", 3, 1, Status.SKIPPED)], needs, 10.0)
    assert (found.chain, found.chain_seconds) == (("a", "b", "e"), 10)
    assert found.bars["b"] == Bar(10, 60)
    assert set(found.bars) == {"a", "b", "c", "d", "e"}
    assert [tick.label for tick in found.ticks] == ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]


def test_nothing_ran() -> None:
    """Without a task there is no chain, and no division by zero."""
    assert timeline([], {}, 0.0).chain == ()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (0.0004, "1 ms"), (0.05, "50 ms"), (0.4, "0.4 s"), (2.0, "2 s"), (9.96, "10 s"), (125, "2 min 5 s")],
)
def test_times(seconds: float, shown: str) -> None:
    """A time is as exact as a person needs it."""
    assert clock(seconds) == shown
