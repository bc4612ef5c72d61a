"""The upload by the real twine, to an index with scripted faults."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.adapters.secrets import Secrets
from omni_release.core import engine
from omni_release.core.actions import Pin
from omni_release.core.journal import RunFolder
from omni_release.core.model import Outcome, Project, Release, Status
from omni_release.core.settings import Publish, Settings
from omni_release.core.tasks import Lane, step
from omni_release.core.world import World
from omni_release.publishing import steps as publishing_steps
from tests.index import support

Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Upload two small files to an index that plays the script."""
    folder = tmp_path / "run"
    release = Release(
        Project(tmp_path, "acme-sound", (), Settings(), {}), "1.0", "rehearsal", None, folder, folder, PurePosixPath()
    )
    release.dist.mkdir(parents=True)
    support.wheel(release.dist)
    support.sdist(release.dist)
    (folder / "tree.sha256").write_text("tree", encoding="utf-8")
    journal = RunFolder(folder, LocalFiles())
    journal.pin(Pin(release.dist, folder / "tree.sha256", None))
    secrets = Secrets()
    processes = LocalProcesses(secrets.resolve)
    opened: list[Rehearsal] = []

    def go(script: str, publish: Publish = Publish()) -> Outcome:  # noqa: B008 - it is frozen
        index = Rehearsal(folder / "index", "acme-sound", script=script)
        opened.append(index)
        secrets.offer(index.secrets)
        world = World(
            processes,
            LocalFiles(),
            SystemClock(),
            index,
            journal,
            {"PATH": str(Path(sys.executable).parent)},
            publisher=publishing_steps,
        )
        lane = Lane("upload", (step(publishing_steps.Upload()),))
        project = replace(release.project, settings=Settings(publish=publish))
        (outcome,) = engine.run(lane, replace(release, project=project), world, today=datetime.date(2026, 11, 22))
        return replace(outcome, seconds=0)

    yield go
    for index in opened:
        index.close()
    processes.close()


def test_stored_despite_a_500(run: Run) -> None:
    """A 500 for a file that the index has stored is no failure."""
    assert run("store-then-500").status is Status.PASSED
    assert run("").findings[0].message == "already done"


def test_hanging_index(run: Run) -> None:
    """An index that never answers is inconclusive after the deadline."""
    outcome = run("hang times=always", Publish(attempt_timeout=2.0, upload_timeout=3.0))
    assert outcome.status is Status.INCONCLUSIVE
    assert "twine did not end within" in outcome.findings[0].message


def test_dropped_connection(run: Run) -> None:
    """After a dropped connection the missing file is uploaded again."""
    assert run("drop at=10").status is Status.PASSED
