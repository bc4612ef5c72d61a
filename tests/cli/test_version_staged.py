"""What a commit would have, whatever lies in the folder."""

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


def odd(root: Path) -> list[str]:
    """The places that differ in what is staged."""
    return [
        f"{place.path} {place.value}" for place in versions.drift(versions.find_places(str(root), staged=True).places)
    ]


def test_the_same_as_in_the_folder(root: Path) -> None:
    """Where nothing is changed, both looks see the same."""
    assert versions.find_places(str(root), staged=True) == versions.find_places(str(root))


def test_partly_staged(root: Path) -> None:
    """What is staged counts: not what was written before, nor since."""
    module = next(root.glob("*/acme/__init__.py"), root / "acme" / "__init__.py")
    text = module.read_text()
    module.write_text(text.replace("1.2.3", "1.2.2"))
    assert odd(root) == []
    git("add", "--all", cwd=root)
    module.write_text(text)
    assert odd(root) == [f"{module.relative_to(root).as_posix()} 1.2.2"]
    module.unlink()
    assert len(odd(root)) == 1
    git("rm", "--quiet", "--cached", module.relative_to(root).as_posix(), cwd=root)
    module.write_text(text.replace("1.2.3", "1.2.1"))
    assert odd(root) == []


def test_files_that_are_not_staged(root: Path) -> None:
    """An untracked file states nothing; one that is added does, under its new name, too."""
    (root / "CITATION.cff").write_text("version: 1.2.2\n")
    assert odd(root) == []
    git("add", "CITATION.cff", cwd=root)
    assert odd(root) == ["CITATION.cff 1.2.2"]
    git("mv", "CITATION.cff", "VERSION", cwd=root)
    assert odd(root) == ["VERSION 1.2.2"]
    (root / "VERSION").write_text("1.2.1\n")
    git("add", "VERSION", cwd=root)
    (root / "VERSION").unlink()
    assert odd(root) == ["VERSION 1.2.1"]


def test_a_staged_link_is_no_place(root: Path) -> None:
    """What is staged as a link to elsewhere states nothing."""
    os.symlink("pyproject.toml", root / "VERSION")
    git("add", "VERSION", cwd=root)
    (root / "VERSION").unlink()
    (root / "VERSION").write_text("1.2.1\n")
    assert odd(root) == []


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_could_not_be_looked_at(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A project of an older kind, whose version stands in a file that cannot be read: cannot tell, in either form."""
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = acme\nversion = file: VERSION\n")
    (tmp_path / "package.json").write_text('{"name": "acme", "version": ')
    assert main(["version", "check", "--project", str(tmp_path), "--format", form]) == 3
    said = capsys.readouterr()
    assert "package.json" in (said.err if form == "text" else said.out)


def test_nothing_to_look_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A project of an older kind that states no version: the document says so."""
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = acme\n")
    assert main(["version", "check", "--project", str(tmp_path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] is None


@pytest.mark.parametrize("older", [False, True])
def test_the_command(older: bool, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`version check --staged` names what is staged, also for a project without a pyproject.toml; `set` takes none."""
    if older:
        git("rm", "--quiet", "pyproject.toml", cwd=root)
        (root / "setup.py").write_text("from setuptools import setup\nsetup(name='acme', version='1.2.3')\n")
    (root / "VERSION").write_text("1.2.1\n")
    git("add", "--all", cwd=root)
    (root / "VERSION").write_text("1.2.3\n")
    assert main(["version", "check", "--staged", "--project", str(root)]) == 1
    assert "VERSION:1:1" in capsys.readouterr().out
    assert main(["version", "check", "--project", str(root)]) == 0
    assert main(["version", "set", "2.0", "--staged", "--project", str(root)]) == 2
