"""The program that imports modules, on the old Pythons that are on this machine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from omni_release import scripts

OLD = [*Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python3"), *Path("/usr/bin").glob("pypy3")]


def test_old_pythons(tmp_path: Path) -> None:
    """It runs on Python 3.6 and newer, which a release may support."""
    if not OLD:
        pytest.skip("there is no Python before 3.10")
    (tmp_path / "objects").write_text("json:dumps\nnowhere", encoding="utf-8")
    for python in OLD:
        result = tmp_path / "result"
        argv = [str(python), "-I", str(scripts.program("import_objects")), str(tmp_path / "objects"), str(result), "9"]
        ran = subprocess.run(argv, capture_output=True, encoding="utf-8", check=False)
        assert ran.returncode == 0, f"{python}: {ran.stderr}"
        answers = [json.loads(line) for line in result.read_text(encoding="utf-8").splitlines()]
        errors = [answer["error"] and answer["error"]["missing"] for answer in answers if "error" in answer]
        assert errors == [None, ["nowhere"]]
