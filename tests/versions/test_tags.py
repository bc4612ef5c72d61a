"""Whose a tag is, and of which version, by its name."""

from __future__ import annotations

import pytest

from omni_release.versions import tags


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("1.0", ("", "1.0")),
        ("v1.0rc1", ("v", "1.0rc1")),
        ("py2app-v1.0", ("py2app-v", "1.0")),
        ("packages/acme@1!2.0.post1", ("packages/acme@", "1!2.0.post1")),
        ("nightly", None),
        ("v1.0-of-old", None),
        ("", None),
    ],
)
def test_split(tag: str, expected: tuple[str, str] | None) -> None:
    """The version is all from the first digit on with which it is one, as it is spelled."""
    assert tags.split_tag(tag) == expected


@pytest.mark.parametrize(
    ("tag", "ours", "named"),
    [
        ("v1.0", True, False),
        ("release/v1.0", True, False),
        ("acme-1.0", True, True),
        ("packages/ac.me-v1.0", False, False),
        ("packages/Acme-v1.0", True, True),
        ("acme-tools-v1.0", False, False),
        ("tools/v1.0", False, False),
    ],
)
def test_ours(tag: str, ours: bool, named: bool) -> None:
    """One that names the project, alone or in a folder, or that names none."""
    found = tags.own_tags([tag, "nightly"], tags.TagOwner("acme"))
    assert [(one.name, one.named) for one in found] == ([(tag, named)] if ours else [])
