"""A release that is killed at any interaction with the world and resumed ends like an undisturbed one.

The short form kills a few times, evenly spread. `nox -s kill` kills several hundred times: at each touch, and inside
each upload.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.publishing.support import INSTALLS, Place, Runner, Watched, outside, released

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

KILLS = int(os.environ.get("OMNI_RELEASE_KILLS", "3"))


@pytest.mark.parametrize(
    ("without", "part"),
    [pytest.param((), 5, id="whole", marks=pytest.mark.long), pytest.param(INSTALLS, 1, id="outside")],
)
def test_killed_anywhere(without: tuple[str, ...], part: int, pinned: Place, runner: Runner, tmp_path: Path) -> None:
    """Whenever it was killed, the resumed release is complete, and no other bytes are uploaded.

    The whole lane is killed a few times; what others see (the index, the tag) far more often, without the installers.
    """
    whole = pinned.copy(tmp_path / "whole")
    with outside(tmp_path / "index") as index:
        arguments = ("release", "--to", index.upload, "--yes", "--run", whole.run.name)
        ended = runner.run(whole, *arguments, without=without)
        assert ended.code == 0, ended.said
        undisturbed = released(whole, index)
    assert undisturbed == {"index": whole.dist, "tags": {"v1.2.3": whole.head()}}
    for number, (touch, watched) in enumerate(points(len(ended.touches), max(KILLS // part, 1))):
        place = pinned.copy(tmp_path / f"kill-{number}")
        with outside(place.folder / "index", watched) as index:
            arguments = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
            killed = runner.run(place, *arguments, kill=touch, watched=watched, without=without)
            where = (number, touch, killed.touches[-1:], watched)
            assert killed.code in (-signal.SIGKILL, 0), (where, killed.said)
            resumed = runner.run(place, *arguments, without=without)
            assert resumed.code == 0, (where, resumed.said)
            assert released(place, index) == undisturbed, where
            # Nothing but the work directories, which the runs know of, and the home folder of the test.
            assert [path for path in (place.folder / "tmp").iterdir() if path.name[0] != "."] == list(
                (place.folder / "tmp").glob("omni-release-*")
            ), where
            taken = [sent for sent in index.watched.sent if sent.status.startswith("200")]
            assert {(sent.name, sent.sha256) for sent in taken} <= set(place.dist.items()), where
        shutil.rmtree(place.folder)


def points(touches: int, kills: int) -> list[tuple[int, Watched]]:
    """Where to kill: three in four at a touch, evenly spread, the others inside an upload or before its answer."""
    seeds = random.Random(20261122)
    inside = max(kills // 4, min(kills - 1, 1))
    at_touch = kills - inside
    found = [(1 + (2 * n + 1) * touches // (2 * at_touch), Watched()) for n in range(at_touch)]
    for number in range(inside):
        body = Watched(at=seeds.randrange(4000), uploads=seeds.randrange(2))
        found.append((0, body if number % 2 else Watched(stored=True, uploads=seeds.randrange(2))))
    return found
