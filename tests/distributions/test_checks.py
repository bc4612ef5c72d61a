"""What was built, held against the checkout."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.core.errors import NotApplicable
from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.distributions.checks import distributions_match, wheel_complete, wheel_matches_checkout

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


def wheel(release: Release, name: str, names: Sequence[str], folder: Path | None = None, content: str = "") -> None:
    """A wheel with these files in it; in dist/, where no folder is named."""
    folder = folder or release.dist
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for inside in names:
            archive.writestr(inside, content)


WHOLE = ("acme/__init__.py", "acme/words.py", "acme/table.json", "acme/speed.cpython-311-x86_64-linux-gnu.so")


def test_wheel_of_a_platform_is_looked_into(compiled: Release, world: World) -> None:
    """What one of the wheels has lost is told of that one; a module that was compiled is there."""
    wheel(compiled, PLATFORM, WHOLE)
    wheel(compiled, OTHER, ("acme/__init__.py", "acme/speed.cp311-win_amd64.pyd"))
    found = {(finding.path, finding.rule, finding.message) for finding in wheel_complete(compiled, world)}
    assert found == {
        ("acme/words.py", "lost-module", f"missing in {OTHER}"),
        ("acme/table.json", "lost-data", f"missing in {OTHER}"),
    }


def test_what_is_shipped_for_the_tests_of_users(compiled: Release, world: World) -> None:
    """A package called `testing` is one like any other; where tests lie, in it or beside it, nothing is expected."""
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
    """What a back end left out of the metadata is said, and is no trouble of ours."""
    path = tmp_path / "run" / "dist" / "acme-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\n\n")
    (found,) = distributions_match(release, world)
    assert (found.rule, found.message) == ("artifact-metadata", f"the metadata of {path.name} says acme no version")


def test_without_a_wheel(compiled: Release, world: World) -> None:
    """There is nothing to look into; without a second one of the same platform, nothing to compare."""
    with pytest.raises(NotApplicable, match="this build has no wheel"):
        list(wheel_complete(compiled, world))
    wheel(compiled, PLATFORM, WHOLE)
    for other in ((), (OTHER,)):
        for name in other:
            wheel(compiled, name, WHOLE, compiled.rebuilt / "checkout")
        with pytest.raises(NotApplicable, match="no wheel of the same platform"):
            list(wheel_matches_checkout(compiled, world))


def test_wheels_of_one_platform_are_compared(compiled: Release, world: World) -> None:
    """What a platform's wheel has lost on the way through the sdist is told; what was compiled anew may differ."""
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
