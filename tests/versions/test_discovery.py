"""Discovery beyond the cases: tags, places in settings, names of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_release import versions
from omni_release.core.errors import SettingsError
from omni_release.versions import manifests
from omni_release.versions.place import MIRROR, Place, Search, finders, reads
from tests.conftest import git
from tests.versions.support import checkout, contents, listed

PLACE = '[project]\nname = "acme"\nversion = "1.0"\n\n[[tool.omni-release.version.place]]\n'


@pytest.mark.parametrize(
    ("value", "odd"), [("1.2.3", False), ("1.3.0", False), ("1.2.2", True)], ids=["equal", "ahead", "behind"]
)
def test_past_a_tag_a_place_may_be_ahead(value: str, odd: bool, tmp_path: Path) -> None:
    """A tag is the source; files may already state the version that is tagged next."""
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
        ('path = "nowhere.txt"', "does not exist"),
        ('path = "../outside"', "must be in the repository"),
        ('path = "notes.txt"\npattern = "("', "has an invalid pattern"),
        ('path = "notes.txt"\npattern = "1.0"', "a pattern without"),
        ('path = "notes.txt"\npattern = "v(?P<version>9)"', "has no version at this place"),
        ('path = "pyproject.toml"\nkey = "project.nothing"', "has no version at this place"),
    ],
)
def test_configured_place_that_does_not_exist(entry: str, said: str, tmp_path: Path) -> None:
    """The error names the table, and what to do."""
    (tmp_path / "pyproject.toml").write_text(PLACE + entry + "\n")
    (tmp_path / "notes.txt").write_text("v1.0\n")
    with pytest.raises(SettingsError, match=said):
        versions.find_places(str(tmp_path))


def test_ignored_files_are_not_read(tmp_path: Path) -> None:
    """Leftovers of a build, which state an old version, are not places."""
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


def test_discovery_changes_nothing(tmp_path: Path) -> None:
    """Discovery writes no file."""
    root = checkout("named", tmp_path / "project")
    before = contents(root)
    versions.find_places(str(root))
    assert contents(root) == before


def test_a_new_place_is_one_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of files come from the function that reads them, also below the repository's top."""

    @reads("CMakeLists.txt", pattern=r"\w+\.cmake")
    def cmake(search: Search) -> Iterator[Place]:
        for file in search.files:
            text = search.member.checkout.text(file) if file.endswith(("CMakeLists.txt", ".cmake")) else None
            for match in re.finditer(r"project\(\w+ VERSION ([\d.]+)\)", text.text) if text else ():
                assert text is not None
                yield text.place(*match.span(1), MIRROR)

    monkeypatch.setattr(manifests, "cmake", cmake, raising=False)
    monkeypatch.setattr(versions, "_FINDERS", finders(manifests))
    root = tmp_path / "packages" / "acme"
    (root / "native").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n')
    (root / "native" / "CMakeLists.txt").write_text("project(acme VERSION 1.0)\n")
    (root / "native" / "acme.cmake").write_text("project(acme VERSION 0.9)\n")
    git("init", "--quiet", cwd=tmp_path)
    places = versions.find_places(str(root)).places
    assert [place.where for place in places] == [
        "pyproject.toml:3:12",
        "native/CMakeLists.txt:1:22",
        "native/acme.cmake:1:22",
    ]
    assert [place.value for place in versions.drift(places)] == ["0.9"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".version", "1.2.2\n"),
        ("pixi.toml", '[workspace]\nversion = "1.2.3"\n'),
        ("requirements-dev.txt", "acme==1.2.2\n"),
        ("tbump.toml", '[version]\ncurrent = "1.2.2"\n'),
        ("CHANGELOG", "1.2.3\n=====\n"),
    ],
)
def test_places_of_a_project_below_the_top(file: str, text: str, tmp_path: Path) -> None:
    """A file is found in a folder of a repository as it is at the top."""
    root = checkout("monorepo", tmp_path / "project")
    (root / file).write_text(text)
    assert f" {file}:" in listed(root)
