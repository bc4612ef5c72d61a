"""A runner for fast runs, and a rehearsed workspace that the tests of a release copy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.publishing.support import Runner
from tests.run.releases import Workplace, rehearsed


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """A runner that starts runs fast."""
    with Runner() as running:
        yield running


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, runner: Runner) -> Workplace:
    """A rehearsed workspace, shared by all workers and never changed."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with FileLock(folder / "workspace.lock"):
        if not (folder / "workspace").is_dir():
            shutil.rmtree(folder / "workspace-of-another", ignore_errors=True)  # what another worker could not finish
            rehearsed(folder / "workspace-of-another", runner)
            (folder / "workspace-of-another").rename(folder / "workspace")
    return Workplace(folder / "workspace")


@pytest.fixture
def place(whole: Workplace, tmp_path: Path) -> Workplace:
    """A copy of it."""
    return whole.copy(tmp_path / "place")
