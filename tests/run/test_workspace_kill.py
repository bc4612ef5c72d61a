"""A release of three packages that is killed at any moment and resumed ends like an undisturbed one.

The short form kills twice: when a file is stored, and at a random touch of the world. `nox -s kill` kills 60 times: at
random touches, and inside uploads.
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
from tests.run.releases import NAMES, UNNEEDED, Workplace, outside, position, state

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

KILLS = 60 if "OMNI_RELEASE_KILLS" in os.environ else 2


def test_killed_anywhere(whole: Workplace, runner: Runner, tmp_path: Path) -> None:
    """Nothing is sent twice, nothing is missing, the order is kept, and each package has its tag."""
    versions = dict(zip(NAMES, ("1.1.0", "0.3.0", "2.0.0"), strict=True))
    tags = {f"{name}-v{version}": whole.head() for name, version in versions.items()}
    touches = 0
    for number in range(KILLS):
        touch, watched = moment(number, touches)
        place = whole.copy(tmp_path / f"kill-{number}")
        with outside(place.folder / "index", watched) as index:
            arguments = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
            killed = runner.run(place, *arguments, kill=touch, watched=watched, without=UNNEEDED)
            where = (number, touch, killed.touches[-1:], watched.at, watched.uploads)
            assert killed.code in (-signal.SIGKILL, 0), (where, killed.said)
            resumed = runner.run(place, *arguments, without=UNNEEDED)
            assert resumed.code == 0, (where, resumed.said)
            assert state(place, index) == {"index": place.built, "tags": tags}, where
            taken = index.taken()
            assert sorted(taken) == sorted(place.built), where
            assert [position(file) for file in taken] == sorted(position(file) for file in taken), where
        touches = max(touches, len(resumed.touches))
        shutil.rmtree(place.folder)


def moment(number: int, touches: int) -> tuple[int, Watched]:
    """Where to kill: two times of three at a random touch of so many, else inside an upload, or when it is stored."""
    seeds = random.Random(number)
    if touches and number % 3:
        return seeds.randrange(1, touches + 1), Watched()
    uploads = seeds.randrange(4)
    return 0, Watched(at=seeds.randrange(3000), uploads=uploads) if number % 2 else Watched(
        stored=True, uploads=uploads
    )
