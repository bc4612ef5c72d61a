"""What the code itself tells: silent failures, given-up packages, undeclared imports, each by the real program."""

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

Look = Callable[..., list[Finding]]
PYPROJECT = '[project]\nname = "acme"\nversion = "1.0"\ndependencies = [{}]\n'


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Look]:
    """What a check finds in a small project with these files."""
    processes = LocalProcesses(str)
    index = MachineIndex(os.environ)
    world = cast("World", SimpleNamespace(processes=processes, environment=os.environ, default_index=index))

    def looked(check: Check, *dependencies: str, more: str = "", **files: str) -> list[Finding]:
        root = tmp_path / "acme"
        (root / "src" / "acme").mkdir(parents=True, exist_ok=True)
        listed = ", ".join(f'"{dependency}"' for dependency in dependencies)
        (root / "pyproject.toml").write_text(PYPROJECT.format(listed) + more, encoding="utf-8")
        for name, content in {"__init__": "", **files}.items():
            (root / "src" / "acme" / f"{name}.py").write_text(content, encoding="utf-8")
        nowhere = tmp_path / "none"
        release = Release(project.load(root), "1.0", "rehearsal", None, nowhere, nowhere, PurePosixPath())
        return list(check(release, world))

    yield looked
    processes.close()


def rules(findings: list[Finding]) -> set[tuple[str, int | None]]:
    """Each rule that speaks up, and on which line."""
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


def test_silent_failures(look: Look) -> None:
    """ruff's rules are asked, whatever the project has chosen; a file that is no Python is said to be unseen."""
    found = look(silent_failures, more="[tool.ruff.lint]\nselect = []\n", silent="import requests\n" + SILENT)
    assert rules(found) == {
        ("BLE001", 6),
        ("S110", 6),
        ("E722", 13),
        ("S112", 13),
        ("S113", 15),
        ("TRY203", 20),
    }
    assert {finding.path for finding in found} == {"src/acme/silent.py"}


def test_no_python_that_can_be_read(look: Look) -> None:
    """What cannot be parsed was not looked at: a warning says so."""
    found = look(silent_failures, broken="def f(:\n")
    assert {(f.rule, f.severity.value) for f in found} == {("does-not-parse", "warning")}


def test_silence_that_is_meant(look: Look) -> None:
    """What says beside its line that it is meant is left alone."""
    assert not look(silent_failures, fine="try:\n    f()\nexcept Exception:  # noqa: BLE001, S110 - a hook\n    pass\n")


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
def test_imports_of_what_is_given_up(line: str, look: Look) -> None:
    """Each spelling of an import is found, also in a function, with the successor and its source."""
    (found,) = look(abandoned_packages, old=f"def f():\n    {line}\n")
    assert (found.rule, found.path, found.line) == ("deprecated-import", "src/acme/old.py", 2)
    assert "→" in found.message
    assert "read on 20" in found.message


@pytest.mark.parametrize("line", ["from google import genai", "import important", "from . import imp", "# import imp"])
def test_imports_of_what_lives(line: str, look: Look) -> None:
    """What only looks alike is left alone."""
    assert not look(abandoned_packages, "google-genai", new=f"{line}\n")


def test_declarations_of_what_is_given_up(look: Look) -> None:
    """A declaration is found by its normalised name, with its line."""
    (found,) = look(abandoned_packages, "Google_Generativeai>=0.8")
    assert (found.rule, found.path, found.line) == ("deprecated-dependency", "pyproject.toml", 4)
    assert "google-genai" in found.message


def test_the_table() -> None:
    """Each entry has a reason, a successor and a dated source; none is there twice."""
    table = imports.load_abandoned()
    assert len(table) >= 15
    assert all(entry.why and entry.successor and entry.source and (entry.name or entry.modules) for entry in table)
    modules = [module for entry in table for module in entry.modules]
    assert len(modules) == len(set(modules))


def test_undeclared(look: Look) -> None:
    """An import that is not declared is found; so is one that is declared for development alone."""
    found = look(
        imports_declared,
        "packaging",
        more='[project.optional-dependencies]\ntest = ["rich"]\n',
        one="import packaging\nimport requests\nimport rich\nimport acme\n",
    )
    assert rules(found) == {("undeclared", 2), ("undeclared", 3)}


def test_declared_and_unused(look: Look) -> None:
    """A declaration that nothing imports is a warning."""
    (found,) = look(imports_declared, "packaging", "rich", one="import packaging\n")
    assert (found.rule, found.severity.value, found.path) == ("unused", "warning", "pyproject.toml")


def test_what_is_not_installed(look: Look) -> None:
    """Where a declared package is not installed, its modules are not known: no error is made of that."""
    (found,) = look(imports_declared, "acme-of-another-name", one="import thing_that_is_nowhere\n")
    assert (found.rule, found.severity.value) == ("undeclared", "warning")
    assert "acme-of-another-name" in found.message


def test_dependencies_of_the_build(look: Look) -> None:
    """Where the build makes the dependencies, there is nothing to compare with."""
    with pytest.raises(NotApplicable):
        look(imports_declared, more='dynamic = ["dependencies"]\n')


def test_deprecated_by_its_makers(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """A use of what is marked by PEP 702 is found by mypy, in the makers' own words."""
    pytest.importorskip("mypy", reason="mypy is the developer's, and not where a rehearsal runs the tests")
    monkeypatch.setattr("omni_release.environments.python", lambda _: Path(sys.executable))
    code = 'from typing_extensions import deprecated\n\n\n@deprecated("use new")\ndef old() -> None: ...\n\n\nold()\n'
    (found,) = look(deprecated_apis, more="[tool.mypy]\nstrict = true\n", one=code)
    assert (found.rule, found.path, found.line, found.column) == ("deprecated", "src/acme/one.py", 8, 1)
    assert "use new" in found.message


def test_mypy_is_missing(look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the project uses mypy and it is not beside omni-release, nothing was found out."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setattr(sys, "executable", str(environments.python(bare)))
    with pytest.raises(Inconclusive, match="mypy is not installed"):
        look(deprecated_apis, more="[tool.mypy]\nstrict = true\n")


def test_no_mypy(look: Look) -> None:
    """A project that does not use mypy has nothing to be asked."""
    with pytest.raises(NotApplicable):
        look(deprecated_apis)


def test_what_the_index_says(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """By setting each dependency is asked for; what the index did not tell is not passed, after what it did tell."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    with pytest.raises(NotApplicable):
        look(dependencies_maintained, "rich")
    setting = "[tool.omni-release.dependencies]\nmaintained = true\n"
    with pytest.raises(Inconclusive, match=r"rich: .* does not answer"):
        look(dependencies_maintained, "rich", more=setting)
    monkeypatch.setattr(
        client, "project_status", lambda _, name: "marked as archived on the index" if name == "old" else ""
    )
    (found,) = look(dependencies_maintained, "rich", "old>=1", more=setting)
    assert found.message == "requires old>=1: marked as archived on the index"
