"""Checks of built distributions against the checkout."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.core.errors import NotApplicable
from omni_release.core.model import Package, Release
from omni_release.core.world import World
from omni_release.distributions.checks import distributions_match, wheel_complete
from omni_release.distributions.rebuild_checks import wheel_matches_checkout

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
    return replace(release, project=replace(release.project, root=root, packages=(Package(Path("acme"), "acme"),)))


def wheel(release: Release, name: str, names: Sequence[str], folder: Path | None = None, content: str = "") -> None:
    """A wheel with these files in it; in dist/, where no folder is named."""
    folder = folder or release.dist
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for inside in names:
            archive.writestr(inside, content)


WHOLE = ("acme/__init__.py", "acme/words.py", "acme/table.json", "acme/speed.cpython-311-x86_64-linux-gnu.so")


def test_incomplete_platform_wheel(compiled: Release, world: World) -> None:
    """A file that is missing in one wheel is reported for that wheel; a compiled module is not missing."""
    wheel(compiled, PLATFORM, WHOLE)
    wheel(compiled, OTHER, ("acme/__init__.py", "acme/speed.cp311-win_amd64.pyd"))
    found = {(finding.path, finding.rule, finding.message) for finding in wheel_complete(compiled, world)}
    assert found == {
        ("acme/words.py", "lost-module", f"missing from {OTHER}"),
        ("acme/table.json", "lost-data", f"missing from {OTHER}"),
    }


def test_testing_package(compiled: Release, world: World) -> None:
    """A package called `testing` is expected in the wheel; tests in it or next to it are not."""
    for name in (
        "testing/__init__.py",
        "testing/tests/test_own.py",
        "test/test_speed.py",
        "test/data.py",
        "conftest.py",
    ):
        file = compiled.project.root / "acme" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    wheel(compiled, PLATFORM, WHOLE)
    assert [finding.path for finding in wheel_complete(compiled, world)] == ["acme/testing/__init__.py"]


def test_metadata_without_a_version(release: Release, world: World, tmp_path: Path) -> None:
    """A version that is missing in the metadata is a finding."""
    path = tmp_path / "run" / "dist" / "acme-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\n\n")
    (found,) = distributions_match(release, world)
    assert (found.rule, found.message) == ("artifact-metadata", f"the metadata of {path.name} says acme no version")


def test_without_a_wheel(compiled: Release, world: World) -> None:
    """Without a wheel, or a second one of the same platform, the check is skipped."""
    with pytest.raises(NotApplicable, match="this build has no wheel"):
        list(wheel_complete(compiled, world))
    wheel(compiled, PLATFORM, WHOLE)
    for other in ((), (OTHER,)):
        for name in other:
            wheel(compiled, name, WHOLE, compiled.rebuilt / "checkout")
        with pytest.raises(NotApplicable, match="no wheel of the same platform"):
            list(wheel_matches_checkout(compiled, world))


def test_platform_wheels_are_compared(compiled: Release, world: World) -> None:
    """Files that a platform wheel lost through the sdist are reported; compiled files may differ."""
    straight = compiled.rebuilt / "checkout"
    wheel(compiled, PLATFORM, WHOLE, content="one")
    wheel(compiled, PLATFORM, WHOLE, straight, content="other")
    (found,) = wheel_matches_checkout(compiled, world)
    assert (found.rule, found.message.partition(": ")[2]) == (
        "sdist-differs",
        "acme/__init__.py, acme/words.py, acme/table.json",
    )
    wheel(compiled, PLATFORM, WHOLE[:2])
    wheel(compiled, PLATFORM, WHOLE, straight)
    (found,) = wheel_matches_checkout(compiled, world)
    assert (found.rule, WHOLE[3] in found.message) == ("lost-in-sdist", True)
