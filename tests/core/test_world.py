"""How the end of a program is described."""

from __future__ import annotations

import pytest

from omni_release.core.world import Completed


@pytest.mark.parametrize(
    ("code", "timed_out", "description"),
    [
        (3, False, "ended with exit code 3"),
        (-9, False, "was ended by signal 9"),
        (137, False, "ended with exit code 137 (signal 9)"),
        (255, False, "ended with exit code 255"),
        (-15, True, "did not end within 59.9 s and was stopped"),
    ],
)
def test_ended(code: int, timed_out: bool, description: str) -> None:
    """The description has the exit code, the signal (also one that a shell reports), or the timeout."""
    assert Completed(code, (), 1.0, timed_out).ended(59.94) == description
