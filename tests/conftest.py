"""What the tests share: whole small projects, and the real command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from omni_release import programs
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.checklists import sign_offs
from omni_release.core.journal import RunFolder
from omni_release.core.model import Project, Release
from omni_release.core.settings import Settings
from omni_release.core.world import World

CASES = Path(__file__).parent / "cases"

collect_ignore = ["cases"]  # whole projects, whose tests are run by rehearsals


THOROUGH = {
    *("adapters", "cassettes", "cli", "code", "emulators", "environments", "git", "images", "index"),
    *("local_index", "models", "publishing", "scripts", "smoke", "versions"),
    *(
        "test_checklists.py",
        "test_custom_commands.py",
        "test_gate.py",
        "test_hooks.py",
        "test_release.py",
        "test_sessions.py",
    ),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives real clients and servers, or a thousand examples: the project's own rehearsal leaves it out."""
    for item in items:
        if item.path.is_relative_to(CASES.parent) and item.path.relative_to(CASES.parent).parts[0] in THOROUGH:
            item.add_marker("thorough")


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command line under test leaves in the folder for temporary files goes with the test's own."""
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(tmp_path))


@dataclass(frozen=True)
class Ran:
    """How the command line ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What stands on stdout, read as one JSON document."""
        read: dict[str, Any] = json.loads(self.out)
        return read

    def outcome(self, id: str) -> dict[str, Any]:
        """The outcome of one task."""
        found: dict[str, Any] = next(o for o in self.document["outcomes"] if o["id"] == id)
        return found


def child_environment(**more: str) -> dict[str, str]:
    """The environment of a command line under test: outside any other run, and not on a CI service."""
    left_out = (programs.RUN_VARIABLE, "GITHUB_ACTIONS", "NO_COLOR", "FORCE_COLOR")
    return {key: value for key, value in os.environ.items() if key not in left_out} | more


def omni(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None, timeout: float = 300) -> Ran:
    """Run the real command line in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "omni_release", *map(str, arguments)],
        cwd=cwd,
        env=child_environment() if environment is None else environment,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    # A traceback of a program that the run started is indented, among that program's last lines.
    assert not any(line.startswith("Traceback") for line in ended.stderr.splitlines()), ended.stderr
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def git(*arguments: str, cwd: Path) -> str:
    """Run the real git, as somebody."""
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.invalid", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True, encoding="utf-8").stdout


def copy_case(name: str, target: Path) -> Path:
    """A case project in a git repository of its own, with one commit."""
    shutil.copytree(CASES / name, target, ignore=shutil.ignore_patterns("__pycache__", ".omni-release"))
    git("init", "--quiet", "--initial-branch=main", cwd=target)
    git("add", "--all", cwd=target)
    git("commit", "--quiet", "--message=start", cwd=target)
    return target


@pytest.fixture
def case(tmp_path: Path) -> Callable[[str], Path]:
    """Copies a case project into a fresh repository."""
    return lambda name: copy_case(name, tmp_path / name.replace("/", "-"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The real one, with its run folder below tmp_path."""
    files = LocalFiles()
    processes = LocalProcesses(str)
    (tmp_path / "run").mkdir()
    journal = RunFolder(tmp_path / "run", files)
    yield World(processes, files, SystemClock(), Rehearsal(tmp_path / "index", "acme"), journal, {}, answers=sign_offs)
    processes.close()


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release of a project that has nothing but a name."""
    return Release(
        Project(tmp_path, "acme", (), Settings(), {}),
        "1.0",
        "rehearsal",
        None,
        tmp_path / "run",
        tmp_path / "workshop",
        PurePosixPath(),
    )
