"""The nox sessions in the noxfile of another project, with the real nox."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_release import sessions
from tests.conftest import child_environment, git

NOXFILE = "import omni_release.sessions\n\nomni_release.sessions.register()\n"


def nox(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the real nox."""
    command = [sys.executable, "-m", "nox", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=child_environment(), capture_output=True, encoding="utf-8", timeout=300, check=False
    )


def test_two_lines_give_all_sessions(tmp_path: Path) -> None:
    """Two lines in a noxfile define every session, with the help of its lane; release is the default."""
    (tmp_path / "noxfile.py").write_text(NOXFILE, encoding="utf-8")
    listed = nox("--list", cwd=tmp_path).stdout
    for name in sessions.SESSIONS:
        assert re.search(rf"^[-*] {name}( \[ci\])? -> \S", listed, re.MULTILINE), name
    default = json.loads(nox("--list", "--json", cwd=tmp_path).stdout)
    assert [entry["session"] for entry in default] == ["release"]


def test_the_matrix(tmp_path: Path) -> None:
    """The tag lists the sessions that CI runs in parallel, with those of the project."""
    own = '\n\n@nox.session(tags=["ci"], python=["3.11", "3.12"])\ndef front(session):\n    """The front end."""\n'
    (tmp_path / "noxfile.py").write_text(f"import nox\n{NOXFILE}{own}", encoding="utf-8")
    listed = json.loads(nox("--list", "--json", "-t", sessions.TAG, cwd=tmp_path).stdout)
    assert [entry["session"] for entry in listed] == ["release", "gate", "front-3.11", "front-3.12"]


def test_arguments_and_exit_code(case: Callable[[str], Path]) -> None:
    """Arguments after -- reach the command, and its failure fails the session."""
    root = case("drifted")
    (root / "noxfile.py").write_text(NOXFILE, encoding="utf-8")
    shown = nox("-s", "version", "--", "show", cwd=root)
    assert "src/acme_drifted/__init__.py:3:16  ← differs" in shown.stdout
    assert nox("-s", "version", cwd=root).returncode == 1


@pytest.mark.rehearsal
def test_release_session(case: Callable[[str], Path]) -> None:
    """`nox -s release` is the whole rehearsal."""
    root = case("sound")
    (root / "noxfile.py").write_text(NOXFILE, encoding="utf-8")
    git("add", "noxfile.py", cwd=root)
    ended = nox("-s", "release", cwd=root)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "  PASSED in " in ended.stdout
