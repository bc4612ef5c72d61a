"""Shared by all tests: small projects, the real command line, and a check run on a few files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Protocol

import pytest

from omni_release import programs, project
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.checklists import sign_offs
from omni_release.core.journal import RunFolder
from omni_release.core.model import Finding, Project, Release
from omni_release.core.settings import Settings
from omni_release.core.tasks import Check, check
from omni_release.core.world import World
from tests import forked

CASES = Path(__file__).parent / "cases"

# As in an activated environment: a message names a command as it is typed, and most of them expect the name alone.
os.environ["PATH"] = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", "")))

collect_ignore = ["cases"]  # whole projects, whose tests are run by rehearsals


# The rooms that drive git, programs, servers or environments, and what runs the command line again and again.
THOROUGH = {
    *("adapters", "api", "builds", "cassettes", "cli", "code", "compatibility", "demo", "emulators", "environments"),
    *(
        "git",
        "hostile",
        "images",
        "index",
        "local_index",
        "models",
        "preparation",
        "publishing",
        "run_facts",
        "scripts",
    ),
    *("checklists", "run", "smoke", "versions", "watch", "workspaces"),
    *(
        "test_custom_tasks.py",
        "test_examples.py",
        "test_first_user.py",
        "test_gate.py",
        "test_hooks.py",
        "test_language.py",
        "test_release.py",
        "test_sessions.py",
    ),
}


# What reads source code, archives and the metadata of packages, or starts Python: it can differ by its version.
PYTHON = {
    *("adapters", "api", "builds", "code", "core", "distributions", "environments", "project", "scripts", "smoke"),
    *("testing", "versions"),
    "cli/test_main.py",
}
# Of these, what is about other programs: git, an installer, an external check.
PROGRAMS = {
    *("code/test_scan.py", "distributions/test_external_checks.py", "distributions/test_sdist_tracked_files.py"),
    *("environments/test_local.py", "environments/test_own_file.py", "smoke/test_schema_checks.py"),
    *("testing/test_rerun.py", "versions/test_checks.py"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests (real clients and servers, a thousand examples): the project's own rehearsal skips them.

    And mark what can differ by the version of Python: `nox -s newest` runs nothing else.
    """
    for item in items:
        if item.path.is_relative_to(CASES.parent):
            path = item.path.relative_to(CASES.parent)
            if path.parts[0] in THOROUGH:
                item.add_marker("thorough")
            if not PYTHON.isdisjoint((path.parts[0], path.as_posix())) and path.as_posix() not in PROGRAMS:
                item.add_marker("python")


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files of a command line under test, and what it keeps for later, are removed with those of the test."""
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("OMNI_RELEASE_CACHE_DIR", str(tmp_path / ".cache"))
    monkeypatch.delenv("CI", raising=False)


@dataclass(frozen=True)
class Ran:
    """The result of a command line: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on stdout."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    def outcome(self, id: str) -> dict[str, Any]:
        """The outcome of one task."""
        outcome: dict[str, Any] = next(o for o in self.document["outcomes"] if o["id"] == id)
        return outcome


def child_environment(**variables: str) -> dict[str, str]:
    """The environment of a command line under test: outside of any other run, and not on a CI service."""
    removed = (programs.RUN_VARIABLE, "GITHUB_ACTIONS", "NO_COLOR", "FORCE_COLOR")
    return {key: value for key, value in os.environ.items() if key not in removed} | variables


def omni(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None, timeout: float = 300) -> Ran:
    """Run the real command line in its own process: see `tests.forked`."""
    argv, environment = [*map(str, arguments)], child_environment() if environment is None else environment
    if forked.can_run(environment):
        ran = Ran(*forked.run(argv, cwd, environment, timeout))
    else:
        ended = subprocess.run(
            [sys.executable, "-m", "omni_release", *argv],
            cwd=cwd,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        ran = Ran(ended.returncode, ended.stdout, ended.stderr)
    # A traceback of a program that the run started is indented, among that program's last lines.
    assert not any(line.startswith("Traceback") for line in ran.err.splitlines()), ran.err
    return ran


def git(*arguments: str, cwd: Path) -> str:
    """Run the real git, with an identity of its own."""
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.invalid", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True, encoding="utf-8"
    ).stdout


def copy_case(name: str, target: Path) -> Path:
    """A copy of a case project, in a git repository with one commit."""
    shutil.copytree(CASES / name, target, ignore=shutil.ignore_patterns("__pycache__", ".omni-release"))
    git("init", "--quiet", "--initial-branch=main", cwd=target)
    git("add", "--all", cwd=target)
    git("commit", "--quiet", "--message=start", cwd=target)
    return target


@pytest.fixture
def case(tmp_path: Path) -> Callable[[str], Path]:
    """A function that copies a case project into a new repository."""
    return lambda name: copy_case(name, tmp_path / name.replace("/", "-"))


@pytest.fixture(autouse=True, scope="session")
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The folder for temporary files of this process is one of pytest's: tests leave none elsewhere."""
    tempfile.tempdir = str(tmp_path_factory.mktemp("temporary"))
    yield
    tempfile.tempdir = None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The real world, with its run folder in tmp_path."""
    files = LocalFiles()
    processes = LocalProcesses(str)
    (tmp_path / "run").mkdir()
    journal = RunFolder(tmp_path / "run", files)
    yield World(processes, files, SystemClock(), Rehearsal(tmp_path / "index", "acme"), journal, {}, answers=sign_offs)
    processes.close()


class RunCheck(Protocol):
    """Runs a check on a project of these files, by their paths."""

    def __call__(self, body: Check, files: Mapping[str, str | bytes] = ..., settings: str = ...) -> list[Finding]:
        """The findings. `settings` are the lines of [tool.omni-release]; the check must declare each finding's rule."""


@pytest.fixture
def run_check(tmp_path: Path, world: World) -> RunCheck:
    """Run a check, as `run_check(retired_models, {"a.py": "MODEL = 'x'"})`, on a project called acme, at 1.0."""

    def run(body: Check, files: Mapping[str, str | bytes] = MappingProxyType({}), settings: str = "") -> list[Finding]:
        root = tmp_path / "project"
        pyproject = f'[project]\nname = "acme"\nversion = "1.0"\n[tool.omni-release]\n{settings}\n'
        stated = {} if any(name.startswith("setup.") for name in files) else {"pyproject.toml": pyproject}
        for name, content in {**stated, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        inside, folder = PurePosixPath(), tmp_path / "run"
        release = Release(project.load(root), "1.0", "rehearsal", None, folder, tmp_path / "workshop", inside)
        findings = list(body(release, world))
        task = check(body)
        declared = {"", task.id, *(rule.id for rule in task.rules if not rule.is_family)}
        families = [rule.id for rule in task.rules if rule.is_family]
        for finding in findings:
            known = finding.rule in declared or any(re.fullmatch(family, finding.rule) for family in families)
            assert known, f"{task.id} does not declare {finding.rule}"
        return findings

    return run


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release of a project that has only a name."""
    return Release(
        Project(tmp_path, "acme", (), Settings(), {}),
        "1.0",
        "rehearsal",
        None,
        tmp_path / "run",
        tmp_path / "workshop",
        PurePosixPath(),
    )
