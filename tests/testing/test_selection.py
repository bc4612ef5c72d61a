"""pytest selects the tests that the project's own tox, nox or hatch selects."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from omni_release.testing.selection import selected

HATCH = '[tool.hatch.envs.test.scripts]\ntest = "pytest {args:checks}"\n'
TOX = '[tool.tox.env_run_base]\ncommands = [["pytest", {replace = "posargs", default = ["checks"], extend = true}]]\n'


@pytest.mark.parametrize(
    ("name", "text", "arguments"),
    [
        ("tox.ini", "[testenv]\ncommands = pytest {posargs:checks}", ("checks",)),
        (
            "tox.ini",
            "[testenv]\ncommands =\n  pytest -q \\\n  -m 'not x' --cov checks {posargs}",
            ("-m", "not x"),
        ),
        ("tox.ini", "[testenv]\ncommands = coverage run -m pytest --ignore=docs -n 2 absent", ("--ignore=docs",)),
        ("tox.ini", "[testenv]\ncommands =\n  pytest checks\n  pytest docs", ()),
        ("tox.ini", "[testenv]\ncommands = mypy checks", ()),
        ("pyproject.toml", TOX, ("checks",)),
        ("pyproject.toml", HATCH, ("checks",)),
        ("pyproject.toml", "[tool.hatch.envs.hatch-test]\ndefault-args = ['absent', 'checks']\n", ("checks",)),
        ("pyproject.toml", "[tool.hatch.envs.hatch-test]\ndependencies = ['a']\n", ("tests",)),
        (
            "noxfile.py",
            "import nox\n@nox.session\ndef tests(s):\n s.run('pytest', 'checks', *s.posargs)",
            ("checks",),
        ),
    ],
)
def test_selected(name: str, text: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Marks, names and paths, as far as they are there; other options, and other programs, select nothing."""
    for folder in ("checks", "docs", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / name).write_text(text, encoding="utf-8")
    metadata = tomllib.loads(text) if name == "pyproject.toml" else {}
    assert selected(tmp_path, metadata, tmp_path) == arguments
