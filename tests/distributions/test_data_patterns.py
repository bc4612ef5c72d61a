"""Patterns of data files that match nothing, in each file that can have them."""

from __future__ import annotations

import tomllib
from pathlib import Path, PurePosixPath

import pytest

from omni_release.core.model import Package, Project, Release
from omni_release.core.settings import Settings
from omni_release.distributions.expected_files import is_front_end, patterns_without_files

PACKAGES = (Package(Path("src/acme"), "acme"),)

FILES = {
    "setuptools": ("pyproject.toml", "[tool.setuptools.package-data]\nacme = ['*.txt', '{}']\n"),
    "setuptools, a package inside": ("pyproject.toml", "[tool.setuptools.package-data]\n'acme.inner' = ['{}']\n"),
    "setup.cfg": ("setup.cfg", "[options.package_data]\nacme =\n    *.txt\n    {}\n"),
    "setup.cfg, every package": ("setup.cfg", "[options.package_data]\n* = *.txt, {}\n"),
    "setup.py": ("setup.py", "from setuptools import setup\nsetup(package_data={{'acme': ['*.txt', '{}']}})\n"),
    "hatchling": ("pyproject.toml", "[tool.hatch.build]\nartifacts = ['{}']\n"),
    "pdm": ("pyproject.toml", "[tool.pdm.build]\nincludes = ['src/acme', '{}']\n"),
    "flit": ("pyproject.toml", "[tool.flit.sdist]\ninclude = ['src/acme/a.txt', '{}']\n"),
    "uv": ("pyproject.toml", "[tool.uv.build-backend]\nsource-include = ['src/**', '{}']\n"),
    "poetry": ("pyproject.toml", "[tool.poetry]\ninclude = ['src/acme/*.txt', {{ path = '{}', format = 'wheel' }}]\n"),
}


def release_of(tmp_path: Path, name: str, text: str) -> Release:
    """A release whose copy has the package acme, a data file in it, and a file with this text."""
    metadata = tomllib.loads(text) if name == "pyproject.toml" else {}
    project = Project(tmp_path, "acme", PACKAGES, Settings(), metadata)
    release = Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path / "work", PurePosixPath())
    (release.source / "src" / "acme" / "inner").mkdir(parents=True)
    (release.source / "src" / "acme" / "a.txt").write_text("a")
    (release.source / "src" / "acme" / "inner" / "a.txt").write_text("a")
    (release.source / name).write_text(text)
    return release


@pytest.mark.parametrize("kind", FILES)
def test_each_file(kind: str, tmp_path: Path) -> None:
    """A pattern that matches a file is fine, in each place; one that matches none is reported."""
    name, text = FILES[kind]
    release = release_of(tmp_path, name, text.format("*.json"))
    assert [pattern for pattern, _ in patterns_without_files(release)] == ["*.json"]
    (release.source / "src" / "acme" / "inner" / "b.json").write_text("{}")
    assert list(patterns_without_files(release)) == []


@pytest.mark.parametrize("text", ["x = (", "setup(package_data=found())", "setup(package_data={'acme': NAMES})", "\0"])
def test_computed_patterns(text: str, tmp_path: Path) -> None:
    """What cannot be read is left to the build."""
    assert list(patterns_without_files(release_of(tmp_path, "setup.py", text))) == []


@pytest.mark.parametrize(
    ("pattern", "scripts", "expected"),
    [
        ("static/dist/*", '{"scripts": {"build": "vite build"}}', True),
        ("webui/**/*.js", '{"scripts": {"build": "vite build"}}', True),
        ("static/*", '{"scripts": {"test": "vitest"}}', False),
        ("templates/*.txt", '{"scripts": {"build": "vite build"}}', False),
        ("static/*", None, False),
    ],
)
def test_front_end(pattern: str, scripts: str | None, expected: bool, tmp_path: Path) -> None:
    """The output of a front end is known by its folder, and by a package.json that builds something."""
    release = release_of(tmp_path, "setup.cfg", "")
    if scripts is not None:
        (release.source / "frontend").mkdir()
        (release.source / "frontend" / "package.json").write_text(scripts)
    assert is_front_end(release, pattern) is expected
