"""The line of a key."""

from __future__ import annotations

import pytest

from omni_release.core.settings_reader import Keys, line_of, nearest_line

TEXT = """\
title = "x"  # with a form feed \f, which ends no line
[[item]]
id = "one"
[[ item ]]
"id" = "two"
[tool."omni-release"]
waiver = [{ check = "x" }]
"""


@pytest.mark.parametrize(
    ("keys", "line", "near"),
    [
        (("title",), 1, 1),
        (("item", 0), 2, 2),
        (("item", 1, "id"), 5, 5),
        (("tool", "omni-release"), 6, 6),
        (("tool.omni-release", "waiver", 0, "check"), None, 7),
        (("tool.omni-release", "other"), None, 6),
        (("nowhere", "at all"), None, None),
    ],
)
def test_line(keys: Keys, line: int | None, near: int | None) -> None:
    """A key has its own line, or the line of its table."""
    assert line_of(TEXT, keys) == line
    assert nearest_line(TEXT, keys) == near
