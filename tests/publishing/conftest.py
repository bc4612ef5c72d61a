"""The finished rehearsal that all tests of publishing start from, and a runner for fast runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.publishing.support import Place, Runner, rehearsed


@pytest.fixture(scope="session")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A finished rehearsal, shared by all workers and never changed: `place` is a copy."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with FileLock(folder / "pinned.lock"):
        if not (folder / "pinned").is_dir():
            shutil.rmtree(folder / "rehearsing", ignore_errors=True)  # what another worker could not finish
            rehearsed(folder / "rehearsing")
            (folder / "rehearsing").rename(folder / "pinned")
    return Place(folder / "pinned")


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """A runner that starts runs fast."""
    with Runner() as running:
        yield running


@pytest.fixture
def place(pinned: Place, tmp_path: Path) -> Place:
    """A copy of the finished rehearsal."""
    return pinned.copy(tmp_path / "place")
