"""A changelog gets the heading of a version in its own style; every other byte stays."""

from __future__ import annotations

import datetime

import pytest

from omni_release.core.errors import UsageError
from omni_release.preparation.changelog import has_entry, has_unreleased, released, with_entry
from omni_release.versions.pep440 import parse

TODAY = datetime.date(2026, 11, 26)

KEEP = """# Changelog

## [Unreleased]

### Added
- x

## [1.2.3] - 2025-01-02
- y

[unreleased]: https://example.invalid/a/compare/v1.2.3...HEAD
[1.2.3]: https://example.invalid/a/compare/v1.2.2...v1.2.3
"""
LINKED = """## [Unreleased](https://x.invalid/compare/25.2.0...HEAD)
- x

## [25.2.0](https://x.invalid/compare/25.1.0...25.2.0) - 2025-01-01
"""
FLASK = """Version 3.2.0
-------------

Unreleased

- a

Version 3.1.0
-------------

Released 2023-01-02
"""
RST = "Changes\n=======\n\nUnreleased\n----------\n- a\n\nv1.3 (2024-01-02)\n-----------------\n- b\n"


@pytest.mark.parametrize(
    ("text", "version", "keeps", "new"),
    [
        (
            KEEP,
            "1.3.0",
            True,
            ["## [1.3.0] - 2026-11-26", "[1.3.0]: https://example.invalid/a/compare/v1.2.3...v1.3.0"],
        ),
        (KEEP, "1.3.0", False, ["## [1.3.0] - 2026-11-26"]),
        (
            KEEP.replace("compare/v1.2.2...v1.2.3", "releases/v1.2.3"),
            "1.3.0",
            True,
            ["[1.3.0]: https://example.invalid/a/releases/v1.3.0"],
        ),
        (KEEP.partition("## [1.2.3]")[0], "0.1.0", True, ["## [0.1.0] - 2026-11-26"]),
        (RST, "1.4.10", True, ["v1.4.10 (2026-11-26)", "-" * 20]),
        (RST, "1.4", False, ["v1.4 (2026-11-26)", "-" * 17]),
        ("## Dev\n\n* x\n\n## 0.28.0 (28th November, 2024)\n", "0.28.1", False, ["## 0.28.1 (26th November, 2026)"]),
        ("## Latest Changes\n\n* x\n\n## 0.27.0\n", "0.27.1", True, ["## 0.27.1"]),
        ("## Unreleased\n\n* x\n\n## 1.0 (January 2, 2020)\n", "1.1", True, ["## 1.1 (November 26, 2026)"]),
        ("## Unreleased\n\n* x\n\n## 1.0 (2 Jan 2020)\n", "1.1", True, ["## 1.1 (26 Nov 2026)"]),
        ("## Unreleased\n\n* x\n\n## 1.0 / 2020/01/02\n", "1.1", True, ["## 1.1 / 2026/11/26"]),
        ("## Unreleased\n\n* x\n\n## 1.0 (02.01.2020)\n", "1.1", True, ["## 1.1 (26.11.2026)"]),
        ("**UNRELEASED**\n\n- x\n\n**4.14.1**\n", "4.14.2", False, ["**4.14.2**"]),
        (
            LINKED,
            "26.1.0",
            False,
            ["## [26.1.0](https://x.invalid/compare/25.2.0...26.1.0) - 2026-11-26"],
        ),
        (
            FLASK,
            "3.2.0",
            True,
            ["Released 2026-11-26"],
        ),
        (
            "1.4 (unreleased)\n================\n- a\n\n1.3 (2024-01-02)\n================\n",
            "1.4",
            True,
            ["1.4 (2026-11-26)"],
        ),
        ("## 1.4 - unreleased\n- a\n", "1.4", True, ["## 1.4 - 2026-11-26"]),
        ("## 1.4 - 2026-11-25\n- a\n", "1.4", True, []),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_styles(text: str, version: str, keeps: bool, new: list[str], end: str) -> None:
    """The new lines are in the style of the release before; only lines about unreleased changes go."""
    before = text.replace("\n", end)
    after = released(before, version, TODAY, keeps_unreleased=keeps)
    lines = after.split(end)
    assert [line for line in new if line not in lines] == []
    gone = [line for line in text.split("\n") if line not in lines]
    allowed = ("unreleased", "dev", "latest", "----", "====")
    assert all(line.lower().lstrip("#* [").startswith(allowed) or "nreleased" in line for line in gone)
    assert after.count("\r") == after.count("\n") * (end == "\r\n")
    assert len(lines) - len(text.split("\n")) <= 4


SECTIONS = {
    "markdown": (
        "# C\n\n## 1.2 - 2025-01-02\n\n* y\n",
        "# C\n\n## 1.3 - 2026-11-26\n\n* a\n* b\n\n## 1.2 - 2025-01-02",
    ),
    "label": (
        ".. _v1_2:\n\n1.2 (2025-01-02)\n----------------\n\n- y\n",
        ".. _v1_3:\n\n1.3 (2026-11-26)\n----------------\n\n- a\n- b\n\n.. _v1_2:\n\n1.2",
    ),
    "day below": (
        "## 1.2\n\n_(January 2, 2025)_\n\n - y\n",
        "## 1.3\n\n_(November 26, 2026)_\n\n - a\n - b\n\n## 1.2\n",
    ),
    "two lines between": (
        "v1.2\n====\n- y\n\n\nv1.1\n====\n- z\n",
        "v1.3\n====\n- a\n- b\n\n\nv1.2\n====\n- y\n\n\nv1.1",
    ),
}


@pytest.mark.parametrize(("text", "expected"), SECTIONS.values(), ids=SECTIONS.keys())
def test_headings_of_versions_alone(text: str, expected: str) -> None:
    """The new section is the first one, in the form of the one below it, with the commits; the rest stays."""
    after = released(text, "1.3", TODAY, entries=["a", "b"])
    assert after.startswith(expected)
    assert after.endswith(text.removeprefix("# C\n\n"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1.3 (IN DEVELOPMENT)\n====================\n\nXXXX-XX\n\n- a\n", "1.3\n===\n\n2026-11-26\n\n- a\n"),
        ("1.3\n---\n\n*UNRELEASED*\n\n- a\n", "1.3\n---\n\n*2026-11-26*\n\n- a\n"),
        (
            "UNRELEASED\n----------\n\n*UNRELEASED*\n\n- a\n\n1.2\n---\n",
            "1.3\n---\n\n*2026-11-26*\n\n- a\n\n1.2\n---\n",
        ),
        ("**UNRELEASED**\n\n- a\n\n**1.2** (2025-01-02)\n", "**1.3** (2026-11-26)\n\n- a\n\n**1.2** (2025-01-02)\n"),
        ("## 2026.08.17 (unreleased)\n- a\n", "## 2026.08.17 (2026-11-26)\n- a\n"),
    ],
)
def test_the_day_has_a_line_of_its_own(before: str, after: str) -> None:
    """The day goes where the section says that it is open; another spelling of the version is the same version."""
    version = "2026.8.17" if "2026" in before.partition("\n")[0] else "1.3"
    assert released(before, version, TODAY, keeps_unreleased=False) == after


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no heading Unreleased"),
        ("# Changelog\n\nNothing here.\n", "no heading Unreleased"),
        ("## 1.2.3\n- x\n", "no heading Unreleased"),
        ("```\n## Unreleased\n```\n## 1.2.3\n", "no heading Unreleased"),
        ("## Unreleased\n\n## 1.2.3\n- x\n", "no entry below Unreleased"),
        ("## Unreleased\n\n### Added\n\n## 1.2.3\n- x\n", "no entry below Unreleased"),
        ("We write about the next release and what is unreleased.\n", "no heading Unreleased"),
    ],
)
def test_refused(text: str, says: str) -> None:
    """A changelog of another form, and one that says nothing of the changes, is refused with the way out."""
    with pytest.raises(UsageError, match=says) as caught:
        released(text, "2.0.0", TODAY, "CHANGES.md")
    assert caught.value.hint
    assert "CHANGES.md" in caught.value.message


@pytest.mark.parametrize(
    ("text", "has"),
    [
        (KEEP, True),
        (LINKED, True),  # whose heading Unreleased names the last version in its link
        (LINKED.replace("- x\n", ""), False),
    ],
)
def test_has_entry(text: str, has: bool) -> None:
    """Something is written below Unreleased, whatever its link says."""
    last = parse("25.2.0")
    assert last is not None
    assert has_entry(text, last) is has


def test_has_unreleased() -> None:
    """Only a heading counts."""
    assert has_unreleased(KEEP)
    assert not has_unreleased("# Changelog\n\nThe word unreleased.\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# C\n\n## Unreleased\n\n- A.\n\n## 1.0\n", "# C\n\n## Unreleased\n\n- NEW\n- A.\n\n## 1.0\n"),
        ("# C\n\n## Unreleased\n\n## 1.0\n\n* A\n", "# C\n\n## Unreleased\n\n* NEW\n\n## 1.0\n\n* A\n"),
        ("# C\n\n## Unreleased\n### Fixed\n- A\n", "# C\n\n## Unreleased\n\n- NEW\n\n### Fixed\n- A\n"),
        ("Version 1.1\n---\n\nUnreleased\n\n-   A\n", "Version 1.1\n---\n\nUnreleased\n\n-   NEW\n-   A\n"),
        ("# C\n\n## 1.0\n\n- A\n", "# C\n\n## 1.0\n\n- A\n"),
    ],
    ids=["items", "empty", "heading", "day on a line", "no heading"],
)
def test_with_entry(text: str, expected: str) -> None:
    """An entry is the first item below Unreleased, or below the heading of the version, in the form of the others."""
    assert with_entry(text, "1.1", "NEW") == expected
