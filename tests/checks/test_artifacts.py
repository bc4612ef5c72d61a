"""What was built, held against the checkout."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.checks.artifacts import wheel_equals_checkout, wheel_is_whole
from omni_release.errors import NotApplicable
from omni_release.model import Release
from omni_release.seams import World

PLATFORM = "acme-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
OTHER = "acme-1.0-cp311-cp311-win_amd64.whl"


@pytest.fixture
def compiled(release: Release, world: World, tmp_path: Path) -> Release:
    """A project with an extension module and a data file, and no wheel yet."""
    root = tmp_path / "checkout"
    (root / "acme").mkdir(parents=True)
    for name in ("__init__.py", "speed.py", "words.py", "native.c", "table.json"):
        (root / "acme" / name).touch()
    (tmp_path / "run" / "dist").mkdir()
    return replace(release, project=replace(release.project, root=root, packages=(Path("acme"),)))


def wheel(release: Release, name: str, names: Sequence[str]) -> None:
    """A wheel with these files in it."""
    with zipfile.ZipFile(release.dist / name, "w") as archive:
        for inside in names:
            archive.writestr(inside, "")


WHOLE = ("acme/__init__.py", "acme/words.py", "acme/table.json", "acme/speed.cpython-311-x86_64-linux-gnu.so")


def test_wheel_of_a_platform_is_looked_into(compiled: Release, world: World) -> None:
    """What one of the wheels has lost is told of that one; a module that was compiled is there."""
    wheel(compiled, PLATFORM, WHOLE)
    wheel(compiled, OTHER, ("acme/__init__.py", "acme/speed.cp311-win_amd64.pyd"))
    found = {(finding.path, finding.rule, finding.message) for finding in wheel_is_whole(compiled, world)}
    assert found == {
        ("acme/words.py", "lost-module", f"is not in {OTHER}"),
        ("acme/table.json", "lost-data", f"is not in {OTHER}"),
    }


def test_without_a_wheel(compiled: Release, world: World) -> None:
    """There is nothing to look into; with a platform's alone, nothing to compare byte for byte."""
    with pytest.raises(NotApplicable, match="this build has no wheel"):
        list(wheel_is_whole(compiled, world))
    wheel(compiled, PLATFORM, WHOLE)
    with pytest.raises(NotApplicable, match="no wheel for any platform"):
        list(wheel_equals_checkout(compiled, world))
