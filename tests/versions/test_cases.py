"""Every tricky form, as a whole small project: its places are found, a change writes them and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omni_release import versions
from omni_release.cli import main
from omni_release.core.errors import Conflict
from omni_release.versions.pep440 import equals
from omni_release.versions.place import WRITTEN
from tests.versions.support import AT, PROJECTS, change, checkout, contents, listed

NAMES = sorted(path.name for path in PROJECTS.iterdir() if path.is_dir())
UNWRITABLE = {"computed", "computed-further"}
FINAL_ALONE = {
    "setup-joins",
    "setup-searches",
    "setup-py-literal",
    "incremental",
    "called",
    "called-by-name",
    "parts-unpacked",
}
"""Cases with a place that has no spelling for a pre-release."""


@pytest.mark.parametrize("name", NAMES)
def test_places(name: str, tmp_path: Path) -> None:
    """The places are those that the case says, and no others."""
    root = checkout(name, tmp_path / name)
    assert listed(root) == (PROJECTS / name / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_shows_them(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`version show` prints the very same, whatever kind of project it is."""
    root = checkout(name, tmp_path / name)
    code = main.main(["version", "show", "--format", "json", "--project", str(root)])
    said = json.loads(capsys.readouterr().out)
    lines = [f"{at['role']} {at['path']}:{at['line']}:{at['column']} {at['value']}\n" for at in said["places"]]
    assert "".join(lines) == (PROJECTS / name / "expected.txt").read_text(encoding="utf-8")
    assert code == (1 if said["drift"] else 0)


@pytest.mark.parametrize("version", ["2.4.6", "2.4.6rc1"])
@pytest.mark.parametrize("name", sorted({*NAMES} - UNWRITABLE))
def test_set_and_back(name: str, version: str, tmp_path: Path) -> None:
    """After set X all places say X, only their lines differ; and after set OLD the bytes are the old ones."""
    top = tmp_path / name
    root = checkout(name, top)
    places = versions.find_places(str(root)).places
    if name in FINAL_ALONE and version.endswith("rc1"):
        version = "2.4.7"
    if name == "other-spellings":
        version = "2.4.6rc1"  # of a final release nothing would show how each place spells the others
    old = versions.source_of(places)
    assert old is not None
    before = contents(top)
    if versions.drift(places):
        change(root, "sync")
        before = contents(top)
    change(root, "set", version)
    after = versions.find_places(str(root)).places
    written = [place for place in after if place.role in WRITTEN and not place.form.startswith("tag")]
    assert all(equals(place.value, version, place.form) for place in written)
    assert len(after) >= len(places) - sum(place.role in ("doc", "history") for place in places)
    untouched = {path for path in before if contents(top)[path] == before[path]}
    assert {*before} - untouched <= {
        (Path(AT.get(name, "")) / place.path).as_posix()
        if not place.path.startswith("..")
        else _inside(root, top, place.path)
        for place in places
    }
    change(root, "set", old.value)
    if name == "still-being-made":
        return  # its "beta", 0 is final by then
    assert contents(top) == before


def _inside(root: Path, top: Path, path: str) -> str:
    return (root / path).resolve().relative_to(top.resolve()).as_posix()


def test_what_is_computed_is_refused(tmp_path: Path) -> None:
    """A version in several strings is named, and nothing is changed."""
    root = checkout("computed", tmp_path / "computed")
    before = contents(root)
    with pytest.raises(Conflict, match=r"acme/__init__\.py:1:15: 1\.2\.3 cannot be changed to 2\.0 safely"):
        change(root, "set", "2.0")
    assert contents(root) == before


def test_what_is_computed_of_more_is_refused(tmp_path: Path) -> None:
    """Where another number is part of the version, the message says so, and nothing is changed."""
    root = checkout("computed-further", tmp_path / "project")
    before = contents(root)
    with pytest.raises(Conflict, match=r"acme/version\.py:1:17: .* it is computed from version_info and _dev"):
        change(root, "set", "9.0")
    assert contents(root) == before


def test_call_cannot_state_a_prerelease(tmp_path: Path) -> None:
    """The arguments of a call cannot state a pre-release."""
    root = checkout("called", tmp_path / "project")
    with pytest.raises(Conflict, match=r"acme/__init__\.py:2:33: 3\.1\.4 cannot be changed to 9\.0rc1 safely"):
        change(root, "set", "9.0rc1")


def test_sync_overwrites_any_version(tmp_path: Path) -> None:
    """A place that has drifted gets the source's version."""
    root = checkout("drifted", tmp_path / "drifted")
    assert [place.value for place in versions.drift(versions.find_places(str(root)).places)] == ["1.0.11", "1.0.9"]
    change(root, "sync")
    assert versions.drift(versions.find_places(str(root)).places) == ()
    assert '"1.1.0"' in (root / "acme" / "__init__.py").read_text(encoding="utf-8")


def test_prose_is_changed_when_asked(tmp_path: Path) -> None:
    """The README's version is left alone, but for --docs."""
    root = checkout("static-and-module", tmp_path / "project")
    readme = root / "README.md"
    change(root, "set", "1.2.4")
    assert "acme==1.2.3" in readme.read_text(encoding="utf-8")
    change(root, "set", "1.2.3")
    change(root, "set", "1.2.4", docs=True)
    assert readme.read_text(encoding="utf-8") == "# acme\n\nacme 1.2.4 needs Python 3.11. Pin it: `acme==1.2.4`.\n"


def test_a_dry_run_shows_the_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints what would change, and changes nothing."""
    root = checkout("static-and-module", tmp_path / "project")
    before = contents(root)
    change(root, "bump", "minor", dry=True)
    said = capsys.readouterr()
    assert '-version = "1.2.3"\n+version = "1.3.0"\n' in said.out
    assert contents(root) == before
