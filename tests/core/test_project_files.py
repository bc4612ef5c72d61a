"""A file of the project that is no ordinary file ends no command, and fills no memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import omni

pytestmark = pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there are no devices")


@pytest.mark.parametrize("kind", ["device", "pipe", "large"])
@pytest.mark.parametrize(
    ("name", "command", "message"),
    [
        ("checklists/mine.toml", "checklist", "checklists/mine.toml"),
        ("checklists/mine.toml", "gate", "checklists/mine.toml"),
        ("omni-release-baseline.json", "audit", "omni-release-baseline.json: cannot be read"),
        ("pyproject.toml", "status", "pyproject.toml"),
        ("setup.cfg", "status", ""),
    ],
)
def test_no_ordinary_file(kind: str, name: str, command: str, message: str, tmp_path: Path) -> None:
    """It is named, where it is needed."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        with path.open("wb") as file:
            file.truncate(20_000_001)
    ran = omni(command, cwd=tmp_path, timeout=60)
    said = ran.out + ran.err
    assert message in said
    assert "internal error" not in said and (ran.code != 0 or not message)
