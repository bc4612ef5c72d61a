"""Checks of built distributions against the checkout."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.tags import sys_tags

from omni_release import distributions
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


LEFT_OUT = [
    # files in the checkout beside those in the wheel, what a shipped module imports, the severity
    ("acme/lost.py", "", "error"),
    ("acme/new/__init__.py", "", "error"),
    ("acme/docs/conf.py", "", "warning"),
    ("acme/examples/first.py", "", "warning"),
    ("acme/setup.py", "", "warning"),
    ("acme/scripts/release.py", "", "warning"),  # no package, though acme is one
    ("acme/plugins/one.py", "from acme.plugins import one", "error"),
    ("acme/templates/project.py", "import acme.words", "warning"),
    ("acme/private/secret.py", "", ""),  # by the settings of the back end
    ("acme/tests/helper.py", "", ""),
]


@pytest.mark.parametrize(("file", "imported", "severity"), LEFT_OUT)
def test_left_out(file: str, imported: str, severity: str, compiled: Release, world: World) -> None:
    """A lost module is an error, unless it is probably left out on purpose."""
    path = compiled.project.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    wheel(compiled, PLATFORM, WHOLE, content=imported)
    metadata = {"tool": {"hatch": {"build": {"targets": {"wheel": {"exclude": ["/acme/private"]}}}}}}
    compiled = replace(compiled, project=replace(compiled.project, metadata=metadata))
    found = [(finding.path, finding.severity.value) for finding in wheel_complete(compiled, world)]
    assert found == [(file, severity)] * bool(severity)


PATTERNS = [
    ({"setuptools": {"package-data": {"acme": ["*.json", "static/*"]}}}, ["static/*"]),
    ({"setuptools": {"package-data": {"*": ["*.json"], "acme.sub": ["*.txt"], "other": ["*"]}}}, ["*.txt"]),
    ({"hatch": {"build": {"artifacts": ["*.json", "/acme/_build.py", "!*.map"]}}}, ["/acme/_build.py"]),
]


@pytest.mark.parametrize(("tool", "unmatched"), PATTERNS)
def test_patterns(tool: dict[str, object], unmatched: list[str], compiled: Release, world: World) -> None:
    """A pattern of data files that matches nothing in the copy that was built is reported."""
    shutil.copytree(compiled.project.root, compiled.source)
    wheel(compiled, PLATFORM, WHOLE)
    compiled = replace(compiled, project=replace(compiled.project, metadata={"tool": tool}))
    found = [finding.message.partition(" matches")[0] for finding in wheel_complete(compiled, world)]
    assert found == [repr(pattern) for pattern in unmatched]


ELF, MACH_O, PE = b"\x7fELF\x02", b"\xcf\xfa\xed\xfe", b"MZ\x90"


@pytest.mark.parametrize(
    ("files", "severity"),
    [
        ({"acme/fast.cpython-311-x86_64-linux-gnu.so": ELF}, "error"),
        ({"acme/fast.abi3.so": ELF}, "error"),
        ({"acme/fast.pyd": PE}, "error"),
        ({"acme/libacme.so": ELF}, "warning"),
        ({"acme/libacme.so.1": ELF}, "warning"),
        ({"acme/libacme.so": ELF, "acme/libacme.dylib": MACH_O, "acme/acme.dll": PE}, ""),  # for each platform
        ({"acme/script.so": b"text"}, ""),
        ({"acme/launcher.exe": PE}, ""),
    ],
)
def test_native_code(files: dict[str, bytes], severity: str, release: Release, world: World, tmp_path: Path) -> None:
    """A wheel that every platform installs must not hold code for one only."""
    path = tmp_path / "run" / "dist" / "acme-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n\n")
        for name, content in files.items():
            archive.writestr(name, content)
    found = [(finding.rule, finding.severity.value) for finding in distributions_match(release, world)]
    assert found == [("native-code", severity)] * bool(severity)


def test_wheel_of_this_machine(release: Release, world: World, tmp_path: Path) -> None:
    """A wheel that no index takes is advice: the sdist is uploaded, and that wheel is installed here."""
    content = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n\n"
    name = f"acme-1.0-py3-none-{next(sys_tags()).platform}.whl"
    release.dist.mkdir()
    with tarfile.open(release.dist / "acme-1.0.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("acme-1.0/PKG-INFO")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content.encode()))
    wheel(release, name, ("acme-1.0.dist-info/METADATA",), release.local_wheel, content)
    (found,) = distributions_match(release, world)
    assert (found.rule, found.severity.value) == ("platform-wheel", "warning")
    assert "only the sdist is uploaded" in found.message
    assert "--artifacts DIR" in found.message
    assert distributions.is_sdist_only(release.dist)
    assert distributions.installable(release.dist) == release.local_wheel / name
    assert [path.name for path in distributions.built(release.dist)] == ["acme-1.0.tar.gz", name]
    assert [path.name for path in distributions.in_folder(release.dist)] == ["acme-1.0.tar.gz"]


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
    assert (found.rule, found.message) == (
        "artifact-metadata",
        f"{path.name} contains the metadata of acme (no version)",
    )


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
