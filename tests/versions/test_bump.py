"""The table in docs/versions.md is what a bump does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from omni_release.core.errors import UsageError
from omni_release.versions.change import PARTS, bump

REFUSED = "\N{EN DASH}"
PAGE = Path(__file__).parents[2] / "docs" / "versions.md"


def rows() -> Iterator[tuple[str, str, str]]:
    """Each row: from, part, to."""
    _, _, table = PAGE.read_text(encoding="utf-8").partition("<!-- bumps -->\n")
    lines = [line.strip("| ").split(" | ") for line in table.partition("\n\n")[0].splitlines()]
    header = lines[0][1:]
    assert tuple(header) == PARTS
    for start, *ends in lines[2:]:
        yield from ((start, part, end) for part, end in zip(header, ends, strict=True))


@pytest.mark.parametrize(("start", "part", "end"), list(rows()))
def test_table(start: str, part: str, end: str) -> None:
    """Each cell: the version that follows, which is larger; a dash is refused."""
    if end == REFUSED:
        with pytest.raises(UsageError):
            bump(start, part)
    else:
        assert bump(start, part) == end
        assert Version(end) > Version(start)
