"""The part of a changelog that is about one version."""

from __future__ import annotations

import pytest

from omni_release.versions import prose


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("## 1.1\n- new\n\n## 1.0\n- old\n", 1, "- new"),
        ("# 1.1\n\n## Added\n- new\n# 1.0\n", 1, "## Added\n- new"),
        ("## 1.1\n```\n# a comment\n```\nmore\n", 1, "```\n# a comment\n```\nmore"),
        ("1.1\n---\n\n- new\n\n1.0\n---\n- old\n", 1, "- new"),
        ("Title\n=====\n\n1.1\n---\n- only\n", 4, "- only"),
        ("## 1.1", 1, ""),
        ("1.1: new things\n1.0: old things\n", 1, ""),
    ],
)
def test_section(text: str, line: int, expected: str) -> None:
    """From a heading to the next one of its kind, in Markdown and reStructuredText; nothing where there is neither."""
    assert prose.section_below(text, line) == expected
