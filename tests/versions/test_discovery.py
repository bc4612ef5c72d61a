"""What is found beyond the cases: tags, and places that the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release import versions
from omni_release.core.errors import SettingsError
from tests.conftest import git
from tests.versions.support import checkout, contents, listed

PLACE = '[project]\nname = "acme"\nversion = "1.0"\n\n[[tool.omni-release.version.place]]\n'


@pytest.mark.parametrize(
    ("value", "odd"), [("1.2.3", False), ("1.3.0", False), ("1.2.2", True)], ids=["equal", "ahead", "behind"]
)
def test_past_a_tag_a_place_may_be_ahead(value: str, odd: bool, tmp_path: Path) -> None:
    """A tag is the source; what is about to be tagged may stand in the files already."""
    root = checkout("generated", tmp_path / "project")
    (root / "CITATION.cff").write_text(f"cff-version: 1.2.0\nversion: {value}\n")
    git("commit", "--quiet", "--all", "--allow-empty", "--message=next", cwd=root)
    places = versions.find_places(str(root)).places
    assert listed(root).startswith("source refs/tags/v1.2.3:1:2 1.2.3\n")
    assert bool(versions.drift(places)) == odd
    assert versions.version_of(places) is None


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('path = "nowhere.txt"', "is not there"),
        ('path = "../outside"', "must lie in the project"),
        ('path = "notes.txt"\npattern = "("', "a pattern that is none"),
        ('path = "notes.txt"\npattern = "1.0"', "a pattern without"),
        ('path = "notes.txt"\npattern = "v(?P<version>9)"', "holds no version there"),
        ('path = "pyproject.toml"\nkey = "project.nothing"', "holds no version there"),
    ],
)
def test_a_named_place_that_is_not_there(entry: str, said: str, tmp_path: Path) -> None:
    """It is an error that names the table, and what to do."""
    (tmp_path / "pyproject.toml").write_text(PLACE + entry + "\n")
    (tmp_path / "notes.txt").write_text("v1.0\n")
    with pytest.raises(SettingsError, match=said):
        versions.find_places(str(tmp_path))


def test_what_git_ignores_is_not_looked_at(tmp_path: Path) -> None:
    """Leftovers of a build state an old version, and are nobody's."""
    root = checkout("static-and-module", tmp_path / "project")
    before = listed(root)
    (root / ".gitignore").write_text("lib/\n")
    (root / "lib" / "acme").mkdir(parents=True)
    (root / "lib" / "acme" / "__init__.py").write_text('__version__ = "0.1"\n')
    assert listed(root) == before


def test_outside_of_a_repository(tmp_path: Path) -> None:
    """The same places are found without git."""
    root = checkout("front-end", tmp_path / "project")
    before = listed(root)
    (root / ".git").rename(tmp_path / "git")
    assert listed(root) == before


def test_looking_changes_nothing(tmp_path: Path) -> None:
    """No file is written by a look."""
    root = checkout("named", tmp_path / "project")
    before = contents(root)
    versions.find_places(str(root))
    assert contents(root) == before
