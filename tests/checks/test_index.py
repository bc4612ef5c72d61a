"""The index is asked before anything is built for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.checks.index import index_answers
from omni_release.errors import CannotTell
from omni_release.index.client import Client
from omni_release.model import Release
from omni_release.ports.index import Rehearsal
from omni_release.seams import World


def test_an_index_that_is_up(release: Release, world: World) -> None:
    """It is started, and knows nothing of the project yet."""
    assert list(index_answers(release, world)) == []
    world.index.close()  # type: ignore[attr-defined]  # the rehearsal's own


def test_an_index_that_is_down(release: Release, world: World, tmp_path: Path) -> None:
    """Nothing listens: that could not be told, and is no pass."""
    index = Rehearsal(tmp_path / "index", "acme")
    url = index.target.simple
    index.close()

    with pytest.raises(CannotTell, match=r"127\.0\.0\.1"):
        list(index_answers(release, replace(world, index=Client(url))))  # type: ignore[arg-type]  # asked for files alone
