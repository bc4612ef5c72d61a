"""Polling an index within a time limit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from omni_release.core.world import World
from omni_release.index import polling


@pytest.mark.parametrize(
    ("answers", "timeout", "expected"),
    [
        (["", "", "here"], 60.0, "here"),
        (["here", "later"], 60.0, "here"),
        ([""] * 1000, 60.0, ""),
        (["", "here"], 0.0, ""),
    ],
    ids=["third answer", "first answer", "never", "no time"],
)
def test_poll(answers: list[str], timeout: float, expected: str) -> None:
    """The first final answer is returned, or the last one; each pause is shown, and none exceeds the limit."""
    left = list(answers)
    shown: list[str] = []
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    world = cast("World", SimpleNamespace(clock=clock, tell=shown.append))
    answer = polling.poll(world, lambda: left.pop(0), lambda answer: "" if answer else "nothing yet", timeout=timeout)
    assert answer == expected
    assert len(shown) == len(slept) == len(answers) - len(left) - 1
    assert sum(slept) <= timeout
    assert all("nothing yet; retrying in " in line for line in shown)
