"""No command prints a control character of a project's files, nor a line that a pipeline's runner would obey."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omni_release.core.redaction import inert
from tests.conftest import child_environment, omni

ESCAPE = "\x1b]0;title\x07\x1b[31m"
NAME = "::error::a\x1b[2Kb.py"
COMMANDS = (
    ("version", "show"),
    ("version", "check"),
    ("version", "sync", "--dry-run"),
    ("models", "list"),
    ("contract", "show", "answer.json"),
    ("audit", "--rule", "rule.yml"),
    ("gate", "--only", "project-valid", "--only", "retired-models"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with control characters in names and values."""
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "acme"\nversion = "1.0"\nurls = {{ "{json.dumps(ESCAPE)[1:-1]}" = "not a url" }}\n', "utf-8"
    )
    (tmp_path / NAME).write_text('__version__ = "1.1"\nMODEL = "gemini-2.0-flash-exp"\nprint(1)\n', encoding="utf-8")
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").write_text('__version__ = "1.1"\n', encoding="utf-8")
    (tmp_path / "acme" / NAME).write_text('MODEL = "gemini-2.0-flash-exp"\nprint(1)\n', encoding="utf-8")
    part = {"text": "x", f"key{ESCAPE}": 1}
    answer = {"candidates": [{"content": {"parts": [part]}}], f"key{ESCAPE}": 1}
    (tmp_path / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    rule = "id: prints\nlanguage: Python\nmessage: no\nseverity: error\nrule: {pattern: print($A)}\n"
    (tmp_path / "rule.yml").write_text(rule, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_command(command: tuple[str, ...], root: Path) -> None:
    """On a terminal they could rewrite what is on the screen, and on a pipeline set variables."""
    ran = omni(*command, cwd=root, environment=child_environment(GITHUB_ACTIONS="true"))
    for output in (ran.out, ran.err):
        assert not [char for char in output if char < " " and char not in "\n\t"], output
        obeyed = [line for line in output.splitlines() if line.lstrip().startswith("::")]
        # Only the annotations of a lane, whose properties are escaped.
        assert all(line.startswith(("::error file=", "::warning file=", "::notice file=")) for line in obeyed), output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("::set-output name=a::b", ": :set-output name=a::b"),
        ("a\n  ::stop-commands::x", "a\n  : :stop-commands::x"),
        ("see ##[error]x", "see ## [error]x"),
        ("a::b, C::D", "a::b, C::D"),
    ],
)
def test_commands_of_the_runner(text: str, expected: str) -> None:
    """They are set apart on GitHub Actions, and left alone elsewhere."""
    assert inert(text, {"GITHUB_ACTIONS": "true"}) == expected
    assert inert(text, {}) == text
