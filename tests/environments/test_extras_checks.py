"""Extras that requirements and the README name."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from typing import cast

import pytest

from omni_release import environments
from omni_release.core.model import Project, Release
from omni_release.core.settings import Settings
from omni_release.core.world import World
from omni_release.environments.extras_checks import extras_exist

MARKDOWN = "Name: acme\nVersion: 1.0\nDescription-Content-Type: text/markdown\n"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("Requires-Dist: acme[color]; extra == 'all'", ["extra-of-its-own"]),
        ("Requires-Dist: Acme[Colour]; extra == 'all'", []),
        ("Requires-Dist: other[sockz]", ["extra-unknown"]),
        ("Requires-Dist: other[so_cks]", []),
        ("Requires-Dist: not-installed[any]; extra == 'all'", []),
        ("\nInstall it: pip install acme[colur,all]", ["extra-in-prose"]),
        ("\n", []),
        ("\nInstall it: pip install 'acme[colour, all]', not acme-tools[x]", []),
    ],
)
def test_extras(stated: str, expected: list[str], tmp_path: Path) -> None:
    """An extra that is not provided is found in requirements, of the project's own and others, and in the README."""
    project = Project(tmp_path, "acme", (), Settings(), {})
    release = Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path / "work", PurePosixPath())
    release.dist.mkdir()
    site = environments.site_packages(release.environment("candidate"))
    (site / "other-1.0.dist-info").mkdir(parents=True)
    other = "Metadata-Version: 2.1\nName: other\nVersion: 1.0\nProvides-Extra: so-cks\n"
    (site / "other-1.0.dist-info" / "METADATA").write_text(other, encoding="utf-8")
    metadata = f"{MARKDOWN}Provides-Extra: colour\nProvides-Extra: all\n{stated}\n"
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", metadata)
    assert [finding.rule for finding in extras_exist(release, cast(World, None))] == expected


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise ImportError("run: pip install acme[colur]")', True),
        ("raise ImportError(f\"{x}: uv add 'Acme[colur]'\")", True),
        ('raise ImportError("run: pip install acme[colour]")', False),
        ('"""Install acme-tools[colur]."""', False),
        ('"""`acme[key]` is the value of a key."""', False),
        ("acme[colur]  # install it", False),
        ('print "install acme[colur]"', False),
    ],
)
def test_messages(source: str, found: bool, tmp_path: Path) -> None:
    """An extra that a message of a module names is found; code and other projects are no such message."""
    project = Project(tmp_path, "acme", (), Settings(), {})
    release = Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path / "work", PurePosixPath())
    release.dist.mkdir()
    environments.site_packages(release.environment("candidate")).mkdir(parents=True)
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", f"{MARKDOWN}Provides-Extra: colour\n")
        archive.writestr("acme/__init__.py", source)
    assert bool(list(extras_exist(release, cast(World, None)))) is found
