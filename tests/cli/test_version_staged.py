"""`version check --staged`: the files as staged, whatever the folder holds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from omni_release import versions
from omni_release.cli.main import main
from tests.conftest import git
from tests.versions.support import checkout

MODULE = Path("lib", "acme", "__init__.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose versions agree."""
    return checkout("static-and-module", tmp_path / "project")


def drift(root: Path) -> list[str]:
    """The staged places that differ."""
    return [
        f"{place.path} {place.value}" for place in versions.drift(versions.find_places(str(root), staged=True).places)
    ]


def test_the_same_as_in_the_folder(root: Path) -> None:
    """Without changes, the index and the folder give the same."""
    assert versions.find_places(str(root), staged=True) == versions.find_places(str(root))


def test_partly_staged(root: Path) -> None:
    """Only the staged content counts, neither an earlier nor a later one."""
    module = next(root.glob("*/acme/__init__.py"), root / "acme" / "__init__.py")
    text = module.read_text()
    module.write_text(text.replace("1.2.3", "1.2.2"))
    assert drift(root) == []
    git("add", "--all", cwd=root)
    module.write_text(text)
    assert drift(root) == [f"{module.relative_to(root).as_posix()} 1.2.2"]
    module.unlink()
    assert len(drift(root)) == 1
    git("rm", "--quiet", "--cached", module.relative_to(root).as_posix(), cwd=root)
    module.write_text(text.replace("1.2.3", "1.2.1"))
    assert drift(root) == []


def test_untracked_files(root: Path) -> None:
    """An untracked file does not count; an added one does, also after a rename."""
    (root / "CITATION.cff").write_text("version: 1.2.2\n")
    assert drift(root) == []
    git("add", "CITATION.cff", cwd=root)
    assert drift(root) == ["CITATION.cff 1.2.2"]
    git("mv", "CITATION.cff", "VERSION", cwd=root)
    assert drift(root) == ["VERSION 1.2.2"]
    (root / "VERSION").write_text("1.2.1\n")
    git("add", "VERSION", cwd=root)
    (root / "VERSION").unlink()
    assert drift(root) == ["VERSION 1.2.1"]


def test_staged_link(root: Path) -> None:
    """A staged link is no place of the version."""
    os.symlink("pyproject.toml", root / "VERSION")
    git("add", "VERSION", cwd=root)
    (root / "VERSION").unlink()
    (root / "VERSION").write_text("1.2.1\n")
    assert drift(root) == []


@pytest.mark.parametrize("form", ["text", "json"])
def test_unreadable_version_file(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a pyproject.toml, an unreadable version file is inconclusive, in text and in JSON."""
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = acme\nversion = file: VERSION\n")
    (tmp_path / "package.json").write_text('{"name": "acme", "version": ')
    assert main(["version", "check", "--project", str(tmp_path), "--format", form]) == 3
    assert "package.json" in capsys.readouterr().out


def test_no_version_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a pyproject.toml and without a version, the document is a report, too."""
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = acme\n")
    assert main(["version", "check", "--project", str(tmp_path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] is None


@pytest.mark.parametrize("older", [False, True])
def test_the_command(older: bool, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`version check --staged` reports staged places, also without a pyproject.toml; `set` has no --staged."""
    if older:
        git("rm", "--quiet", "pyproject.toml", cwd=root)
        (root / "setup.py").write_text("from setuptools import setup\nsetup(name='acme', version='1.2.3')\n")
    (root / "VERSION").write_text("1.2.1\n")
    git("add", "--all", cwd=root)
    (root / "VERSION").write_text("1.2.3\n")
    assert main(["version", "check", "--staged", "--project", str(root)]) == 1
    assert "VERSION:1: " in capsys.readouterr().out
    assert main(["version", "check", "--project", str(root)]) == 0
    assert main(["version", "set", "2.0", "--staged", "--project", str(root)]) == 2
