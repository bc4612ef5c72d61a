"""A runner for fast runs, and a rehearsed workspace that the tests of a release copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.publishing.support import Runner
from tests.workspaces.releases import Workplace, rehearsed


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """A runner that starts runs fast."""
    with Runner() as running:
        yield running


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, runner: Runner) -> Workplace:
    """A rehearsed workspace, which is never changed."""
    return rehearsed(tmp_path_factory.mktemp("whole"), runner)


@pytest.fixture
def place(whole: Workplace, tmp_path: Path) -> Workplace:
    """A copy of it."""
    return whole.copy(tmp_path / "place")
