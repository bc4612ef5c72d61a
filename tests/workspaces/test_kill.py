"""A release of three packages that is killed at any moment and resumed ends like an undisturbed one.

The short form kills three times. `nox -s kill` kills 60 times: at random touches of the world, and inside uploads.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.publishing.support import Runner, Watched
from tests.workspaces.releases import NAMES, UNNEEDED, Workplace, outside, position, state

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

KILLS = 60 if "OMNI_RELEASE_KILLS" in os.environ else 3


def test_killed_anywhere(whole: Workplace, runner: Runner, tmp_path: Path) -> None:
    """Nothing is sent twice, nothing is missing, the order is kept, and each package has its tag."""
    undisturbed = whole.copy(tmp_path / "undisturbed")
    with outside(tmp_path / "index") as index:
        arguments = ("release", "--to", index.upload, "--yes", "--run", undisturbed.run.name)
        ended = runner.run(undisturbed, *arguments, without=UNNEEDED)
        assert ended.code == 0, ended.said
        expected = state(undisturbed, index)
    assert expected["index"] == undisturbed.built
    tags = dict(zip(NAMES, ("1.1.0", "0.3.0", "2.0.0"), strict=True))
    assert expected["tags"] == {f"{name}-v{version}": whole.head() for name, version in tags.items()}
    for number, (touch, watched) in enumerate(moments(len(ended.touches))):
        place = whole.copy(tmp_path / f"kill-{number}")
        with outside(place.folder / "index", watched) as index:
            arguments = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
            killed = runner.run(place, *arguments, kill=touch, watched=watched, without=UNNEEDED)
            where = (number, touch, killed.touches[-1:], watched.at, watched.uploads)
            assert killed.code in (-signal.SIGKILL, 0), (where, killed.said)
            resumed = runner.run(place, *arguments, without=UNNEEDED)
            assert resumed.code == 0, (where, resumed.said)
            assert state(place, index) == expected, where
            taken = index.taken()
            assert sorted(taken) == sorted(expected["index"]), where
            assert [position(file) for file in taken] == sorted(position(file) for file in taken), where
        shutil.rmtree(place.folder)


def moments(touches: int) -> list[tuple[int, Watched]]:
    """Where to kill: two in three at a random touch, the others inside an upload, or when it is stored."""
    seeds = random.Random(20261126)
    found = [(seeds.randrange(1, touches + 1), Watched()) for _ in range(KILLS - KILLS // 3)]
    for number in range(KILLS // 3):
        uploads = seeds.randrange(4)
        body = Watched(at=seeds.randrange(3000), uploads=uploads)
        found.append((0, body if number % 2 else Watched(stored=True, uploads=uploads)))
    return found
