"""Checks of the code (silent failures, abandoned packages, undeclared imports), each with the real program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import cast

import pytest

from omni_release import environments, project
from omni_release.adapters.index import MachineIndex
from omni_release.adapters.processes import LocalProcesses
from omni_release.code import imports
from omni_release.code.checks import abandoned_packages, deprecated_apis, silent_failures
from omni_release.code.dependency_checks import dependencies_maintained, imports_declared
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import Check
from omni_release.core.world import World
from omni_release.index import client

RunCheck = Callable[..., list[Finding]]
PYPROJECT = '[project]\nname = "acme"\nversion = "1.0"\ndependencies = [{}]\n'


@pytest.fixture
def run_check(tmp_path: Path) -> Iterator[RunCheck]:
    """Run a check on a small project with these files."""
    processes = LocalProcesses(str)
    index = MachineIndex(os.environ)
    world = cast("World", SimpleNamespace(processes=processes, environment=os.environ, default_index=index))

    def run(check: Check, *dependencies: str, more: str = "", **files: str) -> list[Finding]:
        root = tmp_path / "acme"
        (root / "src" / "acme").mkdir(parents=True, exist_ok=True)
        listed = ", ".join(f'"{dependency}"' for dependency in dependencies)
        (root / "pyproject.toml").write_text(PYPROJECT.format(listed) + more, encoding="utf-8")
        for name, content in {"__init__": "", **files}.items():
            (root / "src" / "acme" / f"{name}.py").write_text(content, encoding="utf-8")
        nowhere = tmp_path / "none"
        release = Release(project.load(root), "1.0", "rehearsal", None, nowhere, nowhere, PurePosixPath())
        return list(check(release, world))

    yield run
    processes.close()


def rules(findings: list[Finding]) -> set[tuple[str, int | None]]:
    """The rule and the line of each finding."""
    return {(finding.rule, finding.line) for finding in findings}


SILENT = """
def one():
    try:
        work()
    except Exception:
        pass

def two():
    for item in items():
        try:
            work(item)
        except:
            continue
    return requests.get(URL)

def three():
    try:
        work()
    except OSError:
        raise
"""


def test_silent_failures(run_check: RunCheck) -> None:
    """The check has its own selection of ruff's rules, whatever the project has selected."""
    found = run_check(silent_failures, more="[tool.ruff.lint]\nselect = []\n", silent="import requests\n" + SILENT)
    assert rules(found) == {
        ("BLE001", 6),
        ("S110", 6),
        ("E722", 13),
        ("S112", 13),
        ("S113", 15),
        ("TRY203", 20),
    }
    assert {finding.path for finding in found} == {"src/acme/silent.py"}


def test_invalid_python(run_check: RunCheck) -> None:
    """A file that does not parse is a warning."""
    found = run_check(silent_failures, broken="def f(:\n")
    assert {(f.rule, f.severity.value) for f in found} == {("does-not-parse", "warning")}


def test_noqa(run_check: RunCheck) -> None:
    """A `noqa` comment with a reason silences a finding."""
    assert not run_check(
        silent_failures, fine="try:\n    f()\nexcept Exception:  # noqa: BLE001, S110 - a hook\n    pass\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "import google.generativeai as genai",
        "from google import generativeai",
        "from google.generativeai.types import Model",
        "import importlib; importlib.import_module('google.generativeai')",
        "from PyPDF2 import PdfReader",
        "import pkg_resources",
        "from vertexai.preview import generative_models",
    ],
)
def test_abandoned_imports(line: str, run_check: RunCheck) -> None:
    """Every form of an import is found, also in a function, with the successor and its source."""
    (found,) = run_check(abandoned_packages, old=f"def f():\n    {line}\n")
    assert (found.rule, found.path, found.line) == ("deprecated-import", "src/acme/old.py", 2)
    assert "→" in found.message
    assert "read on 20" in found.message


@pytest.mark.parametrize("line", ["from google import genai", "import important", "from . import imp", "# import imp"])
def test_similar_imports(line: str, run_check: RunCheck) -> None:
    """Similar names are not reported."""
    assert not run_check(abandoned_packages, "google-genai", new=f"{line}\n")


def test_abandoned_dependencies(run_check: RunCheck) -> None:
    """A declared dependency is found by its normalised name, with its line."""
    (found,) = run_check(abandoned_packages, "Google_Generativeai>=0.8")
    assert (found.rule, found.path, found.line) == ("deprecated-dependency", "pyproject.toml", 4)
    assert "google-genai" in found.message


def test_table_of_abandoned_packages() -> None:
    """Each entry has a reason, a successor and a dated source; no module is listed twice."""
    table = imports.load_abandoned()
    assert len(table) >= 15
    assert all(entry.why and entry.successor and entry.source and (entry.name or entry.modules) for entry in table)
    modules = [module for entry in table for module in entry.modules]
    assert len(modules) == len(set(modules))


def test_undeclared(run_check: RunCheck) -> None:
    """An undeclared import is found, and so is one that only a development extra declares."""
    found = run_check(
        imports_declared,
        "packaging",
        more='[project.optional-dependencies]\ntest = ["rich"]\n',
        one="import packaging\nimport requests\nimport rich\nimport acme\n",
    )
    assert rules(found) == {("undeclared", 2), ("undeclared", 3)}


def test_unused(run_check: RunCheck) -> None:
    """A declared package that is not imported is a warning."""
    (found,) = run_check(imports_declared, "packaging", "rich", one="import packaging\n")
    assert (found.rule, found.severity.value, found.path) == ("unused", "warning", "pyproject.toml")


def test_declared_package_not_installed(run_check: RunCheck) -> None:
    """The modules of a declared package that is not installed are unknown: a warning, not an error."""
    (found,) = run_check(imports_declared, "acme-of-another-name", one="import thing_that_is_nowhere\n")
    assert (found.rule, found.severity.value) == ("undeclared", "warning")
    assert "acme-of-another-name" in found.message


def test_dynamic_dependencies(run_check: RunCheck) -> None:
    """Where the build determines the dependencies, the check does not apply."""
    with pytest.raises(NotApplicable):
        run_check(imports_declared, more='dynamic = ["dependencies"]\n')


def test_deprecated_api(run_check: RunCheck, monkeypatch: pytest.MonkeyPatch) -> None:
    """mypy finds the use of an API that PEP 702 marks as deprecated, with its message."""
    pytest.importorskip("mypy", reason="mypy is a development dependency, missing in a rehearsal")
    monkeypatch.setattr("omni_release.environments.python", lambda _: Path(sys.executable))
    code = 'from typing_extensions import deprecated\n\n\n@deprecated("use new")\ndef old() -> None: ...\n\n\nold()\n'
    (found,) = run_check(deprecated_apis, more="[tool.mypy]\nstrict = true\n", one=code)
    assert (found.rule, found.path, found.line, found.column) == ("deprecated", "src/acme/one.py", 8, 1)
    assert "use new" in found.message


def test_mypy_is_missing(run_check: RunCheck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without mypy in omni-release's environment, the check is inconclusive."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setattr(sys, "executable", str(environments.python(bare)))
    with pytest.raises(Inconclusive, match="mypy is not installed"):
        run_check(deprecated_apis, more="[tool.mypy]\nstrict = true\n")


def test_no_mypy(run_check: RunCheck) -> None:
    """The check does not apply to a project that does not use mypy."""
    with pytest.raises(NotApplicable):
        run_check(deprecated_apis)


def test_maintained(run_check: RunCheck, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting, each dependency is looked up; one without an answer makes the check inconclusive."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    with pytest.raises(NotApplicable):
        run_check(dependencies_maintained, "rich")
    setting = "[tool.omni-release.dependencies]\nmaintained = true\n"
    with pytest.raises(Inconclusive, match=r"rich: .* does not answer"):
        run_check(dependencies_maintained, "rich", more=setting)
    monkeypatch.setattr(
        client, "project_status", lambda _, name: "marked as archived on the index" if name == "old" else ""
    )
    (found,) = run_check(dependencies_maintained, "rich", "old>=1", more=setting)
    assert found.message == "requires old>=1: marked as archived on the index"
