"""The pictures of the terminal: nothing is loaded from elsewhere, and they show what a run prints today."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.pictures.__main__ import FOLDER
from tests.pictures.terminal import PROJECTS, drawn, is_current, words


@pytest.mark.parametrize("name", PROJECTS)
def test_self_contained(name: str) -> None:
    """A picture has no font, script or address; its text is its description, for a screen reader."""
    picture = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(picture)
    assert {element.tag.partition("}")[2] for element in root.iter()}.isdisjoint({"script", "image", "a", "use"})
    addresses = set(re.findall(r"(?:https?:)?//[^\s\"'<]+|@import|@font-face|url\([^#]", picture))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "omni-release rehearse" in words(picture) and "Next" in words(picture)


def test_kept_where_only_times_differ(tmp_path: Path) -> None:
    """Another time, hash or run name does not replace a picture; another word does."""
    path = tmp_path / "a.svg"
    path.write_text(
        _picture("PASSED in 1.2 s sha256:0a1b2c3d… .omni-release/runs/20261126-051149-000"), encoding="utf-8"
    )
    assert is_current(path, _picture("PASSED in 31.4 s sha256:ffffffff… .omni-release/runs/20270101-000000-001"))
    assert not is_current(path, _picture("FAILED in 1.2 s sha256:0a1b2c3d… .omni-release/runs/20261126-051149-000"))
    assert not is_current(tmp_path / "none.svg", _picture(""))


def _picture(text: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><desc>{text}</desc></svg>'


@pytest.mark.long
@pytest.mark.rehearsal
@pytest.mark.parametrize("name", PROJECTS)
def test_up_to_date(name: str, tmp_path: Path) -> None:
    """A picture has the words that a rehearsal prints today: `nox -s pictures` draws it."""
    assert is_current(FOLDER / f"{name}.svg", drawn(PROJECTS[name](tmp_path)))
