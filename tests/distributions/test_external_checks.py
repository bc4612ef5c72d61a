"""Checks by other tools: their findings are reported, and a tool without a verdict is inconclusive."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.core.errors import Inconclusive
from omni_release.core.journal import RunFolder
from omni_release.core.model import Project, Release
from omni_release.core.settings import Settings
from omni_release.core.world import World
from omni_release.distributions import content_checks


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The real one."""
    files, processes = LocalFiles(), LocalProcesses(str)
    index = Rehearsal(tmp_path / "index", "acme")
    yield World(processes, files, SystemClock(), index, RunFolder(tmp_path, files), {})
    processes.close()


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release of one empty wheel."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "dist" / "acme-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        archive.writestr("acme-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        listed = ("METADATA", "WHEEL", "RECORD")
        archive.writestr("acme-1.0.dist-info/RECORD", "".join(f"acme-1.0.dist-info/{name},,\n" for name in listed))
    return Release(
        Project(tmp_path, "acme", (), Settings(), {}), "1.0", "rehearsal", None, tmp_path, tmp_path, PurePosixPath()
    )


def test_check_wheel_contents(release: Release, world: World) -> None:
    """Each rule of check-wheel-contents is the rule of a finding."""
    rules = {finding.rule for finding in content_checks.wheel_contents(release, world)}
    assert "W008" in rules


def test_twine_check(release: Release, world: World) -> None:
    """Without a description the strict check fails with twine's message."""
    (finding,) = content_checks.twine_check(release, world)
    assert "long_description" in finding.message


@pytest.mark.parametrize("module", ["no_such_module_anywhere", "this.is.none"])
def test_tool_that_is_not_installed(module: str, release: Release, world: World) -> None:
    """A tool that cannot be started gives no verdict: the check is inconclusive."""
    with pytest.raises(Inconclusive, match="without a verdict"):
        content_checks._run(release, world, re.compile("failed"), module)
