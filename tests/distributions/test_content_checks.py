"""Checks of the files in distributions."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import cast

import pytest

from omni_release.core.model import Project, Release
from omni_release.core.settings import Settings
from omni_release.core.world import World
from omni_release.distributions import content_checks

NO_WORLD = cast(World, None)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release whose distributions the test makes."""
    (tmp_path / "dist").mkdir()
    project = Project(tmp_path, "acme", (), Settings(), {})
    return Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path / "workshop", PurePosixPath())


def wheel(release: Release, **files: bytes) -> None:
    """A wheel with these files and its metadata."""
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        for name, data in {"acme-1.0.dist-info/METADATA": b"Name: acme\n", **files}.items():
            archive.writestr(name, data)


def sdist(release: Release, *names: str) -> None:
    """An sdist with these files."""
    with tarfile.open(release.dist / "acme-1.0.tar.gz", "w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(f"acme-1.0/{name}")
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))


def rules(release: Release) -> list[str]:
    """The rules of the findings."""
    return [finding.rule for finding in content_checks.no_stray_files(release, NO_WORLD)]


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.production",
        "a/.pypirc",
        "a/__pycache__/x.pyc",
        ".idea/x.xml",
        "x.py~",
        ".DS_Store",
        "deploy/id_rsa",
    ],
)
def test_stray(name: str, release: Release) -> None:
    """Files that are never meant for a package are named once each."""
    sdist(release, "acme/__init__.py", name)
    assert rules(release) == ["stray-file"]


def test_nothing_stray(release: Release) -> None:
    """An ordinary package has no findings."""
    sdist(release, "acme/__init__.py", ".env.example", "acme/environment.py", ".gitignore")
    wheel(release, **{"acme/__init__.py": b"KEY = None\n"})
    assert rules(release) == []


def test_key(release: Release) -> None:
    """A finding on a key has its place and kind, and not the key."""
    key = "AI" + "za" + "Sy0" * 11 + "Qx"
    wheel(release, **{"acme/settings.py": f"DEBUG = 1\nKEY = '{key}'\n".encode()})
    (finding,) = content_checks.no_stray_files(release, NO_WORLD)
    assert finding.rule == "key-inside"
    assert "acme/settings.py:2" in finding.message
    assert key not in finding.message


def test_another_version_inside(release: Release) -> None:
    """Metadata of another version in the wheel are a leftover."""
    wheel(release, **{"acme-0.9.dist-info/METADATA": b"Name: acme\n"})
    assert rules(release) == ["stray-version"]
