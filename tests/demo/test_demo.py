"""The replayed release day: each failure is stopped or avoided, and the page says what is printed today."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.demo import PAGE, replayed
from tests.demo.checkout import Checkout
from tests.demo.day import SOURCE
from tests.demo.failures import FAILURES
from tests.demo.page import section


@pytest.mark.long
@pytest.mark.rehearsal
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_whole_day(tmp_path: Path) -> None:
    """The rehearsal is green after the fixes, and docs/retrospective.md is what `nox -s demo` writes."""
    assert replayed(tmp_path) == PAGE.read_text(encoding="utf-8")


def test_the_first_failure(tmp_path: Path) -> None:
    """The first of them is stopped, and its section of the page is what is printed."""
    written = "\n".join(section(1, FAILURES[0], SOURCE[FAILURES[0].key](Checkout(tmp_path))))
    assert written in PAGE.read_text(encoding="utf-8")


def test_each_failure_is_on_the_page() -> None:
    """The page has a row and a section for each failure, all stopped or avoided."""
    page = PAGE.read_text(encoding="utf-8")
    for number, failure in enumerate(FAILURES, 1):
        assert f"\n| {number} | {failure.title} | " in page
        assert f"\n## {number}. {failure.title}\n" in page
