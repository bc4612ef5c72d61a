"""The reference of the settings says what the reader reads: the same keys, the same types, the same errors."""

from __future__ import annotations

import copy
import datetime
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from omni_release.core import settings, settings_reference
from omni_release.core.errors import SettingsError
from tests.conftest import child_environment


def valid(table: dict[str, Any]) -> bool:
    """Whether the schema accepts the table."""
    return jsonschema.Draft7Validator(settings_reference.json_schema()).is_valid(table)


def readable(table: dict[str, Any]) -> bool:
    """Whether the reader accepts the table."""
    try:
        settings.read({"tool": {"omni-release": table}}, Path("pyproject.toml"), "")
    except SettingsError:
        return False
    return True


def test_each_key_has_its_words() -> None:
    """Each key of each table is in the reference, and no other; `severity` maps names that a project chooses."""
    described = {name for name in settings_reference.KEYS if not name.startswith("severity.")}
    assert described == set(settings_reference.names())
    tables = {name.rpartition(".")[0] for name in settings_reference.KEYS} - {""}
    assert tables == set(settings_reference.TABLES)


def test_the_example_is_read() -> None:
    """The example of the docs is valid for the reader, and for the schema with and without its comments."""
    text = settings_reference.example()
    jsonschema.Draft7Validator.check_schema(settings_reference.json_schema())
    for variant in (text, text.replace("\n# ", "\n").replace("\nenvironment = ", "\n# ")):
        table = tomllib.loads(variant)["tool"]["omni-release"]
        assert readable(table)
        assert valid(table)


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"strict": True},
        {"strict": "yes"},
        {"keep-runs": 0},
        {"keep-runs": 1.5},
        {"keep_runs": 3},
        {"unknown": 1},
        {"build-timeout": 3},
        {"tests": {"command": "pytest"}},
        {"tests": {"command": ["pytest", "-q"]}},
        {"tests": {"command": 3}},
        {"tests": {"requirements": "pytest"}},
        {"verify": {"commands": ["a --b", ["c", "d"]]}},
        {"verify": {"pip": "both"}},
        {"severity": {"x": "error"}},
        {"severity": {"x": {"level": "off", "reason": "meant"}}},
        {"severity": {"x": "loud"}},
        {"severity": {"x": {"level": "error", "more": 1}}},
        {"index": {"company": {"upload": "https://packages.example.invalid/"}}},
        {"index": {"company": {"uplaod": "x"}}},
        {"command": [{"name": "a", "run": "b"}]},
        {"command": [{"name": "a"}]},
        {"waiver": [{"check": "a", "reason": "b", "until": datetime.date(2027, 1, 31)}]},
        {"waiver": [{"check": "a", "reason": "b", "until": "2027-01-31"}]},
        {"waiver": [{"check": "a", "reason": "b", "until": 2027}]},
        {"waiver": [{"check": "a", "reason": "b"}]},
        {"smoke": {"model": [{"path": "a", "class": "b:C", "calls": ["generate"]}]}},
        {"smoke": {"model": [{"path": "a", "class": "b:C", "calls": ["paint"]}]}},
    ],
)
def test_the_schema_and_the_reader_agree(table: dict[str, Any]) -> None:
    """What one accepts the other accepts."""
    assert valid(copy.deepcopy(table)) == readable(table)


@pytest.mark.parametrize(("value", "code"), [("true", 0), ('"yes"', 1)])
def test_validate_pyproject_knows_the_table(value: str, code: int, tmp_path: Path) -> None:
    """The plug-in is found by its entry point: a wrong type is named."""
    text = f'[project]\nname = "a"\nversion = "1"\n[tool.omni-release]\nstrict = {value}\n'
    until = '[[tool.omni-release.waiver]]\ncheck = "a"\nreason = "b"\nuntil = 2027-01-31\n'
    (tmp_path / "pyproject.toml").write_text(text + until, encoding="utf-8")
    command = [sys.executable, "-m", "validate_pyproject", "pyproject.toml"]
    ran = subprocess.run(command, cwd=tmp_path, env=child_environment(), capture_output=True, text=True, check=False)
    assert (ran.returncode, "tool.omni-release.strict" in ran.stdout + ran.stderr) == (code, bool(code))
