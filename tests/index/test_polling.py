"""Asking an index again: until it tells, and for no longer than there is patience."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from omni_release.core.world import World
from omni_release.index import polling


@pytest.mark.parametrize(
    ("answers", "patience", "expected"),
    [
        (["", "", "here"], 60.0, "here"),
        (["here", "later"], 60.0, "here"),
        ([""] * 1000, 60.0, ""),
        (["", "here"], 0.0, ""),
    ],
    ids=["the third time", "at once", "never", "no patience"],
)
def test_asked(answers: list[str], patience: float, expected: str) -> None:
    """The first answer that tells, or the last one; each wait is told, and none goes past the end."""
    left = list(answers)
    told: list[str] = []
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    world = cast("World", SimpleNamespace(clock=clock, tell=told.append))
    found = polling.asked(world, lambda: left.pop(0), lambda it: "" if it else "nothing yet", patience=patience)
    assert found == expected
    assert len(told) == len(slept) == len(answers) - len(left) - 1
    assert sum(slept) <= patience
    assert all("nothing yet; asking again in " in line for line in told)
