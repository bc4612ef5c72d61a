"""A release on a disk that is full, or read-only: it stops, says what is there, and is resumed."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.publishing.support import INSTALLS, Place, Runner, outside, released

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the runner forks")

POINTS = int(os.environ.get("OMNI_RELEASE_KILLS", "6"))


@pytest.mark.long
def test_nothing_can_be_written(pinned: Place, runner: Runner, tmp_path: Path) -> None:
    """From whatever moment on: exit code 3, never 1, with the command to resume; then the release ends as usual."""
    whole = pinned.copy(tmp_path / "whole")
    with outside(tmp_path / "index") as index:
        ended = runner.run(whole, "release", "--to", index.upload, "--yes", "--run", whole.run.name, without=INSTALLS)
        assert ended.code == 0, ended.said
        undisturbed = released(whole, index)
    touches = len(ended.touches)
    errors = (errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES)
    for number in range(POINTS):
        touch, error = 1 + (2 * number + 1) * touches // (2 * POINTS), errors[number % len(errors)]
        place = pinned.copy(tmp_path / f"full-{number}")
        with outside(place.folder / "index") as index:
            arguments = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
            stopped = runner.run(place, *arguments, full=touch, error=error, without=INSTALLS)
            where = (number, touch, ended.touches[touch - 1])
            assert "Traceback" not in stopped.said and "internal error" not in stopped.said, (where, stopped.said)
            assert stopped.code == 3, (where, stopped.said)
            assert os.strerror(error) in stopped.said, (where, stopped.said)
            if index.held():
                assert f"omni-release release --to {index.upload} --run {place.run.name}" in stopped.said, where
            resumed = runner.run(place, *arguments, without=INSTALLS)
            assert resumed.code == 0, (where, resumed.said)
            assert released(place, index) == undisturbed, where
        shutil.rmtree(place.folder)
