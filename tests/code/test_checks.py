"""Checks of the code (silent failures, abandoned packages, undeclared imports), each with the real program."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import cast

import pytest

from omni_release import environments, programs, project
from omni_release.adapters.index import MachineIndex
from omni_release.adapters.processes import LocalProcesses
from omni_release.code import imports
from omni_release.code.checks import abandoned_packages, bug_patterns, deprecated_apis, silent_failures
from omni_release.code.dependency_checks import dependencies_maintained, imports_declared
from omni_release.core import own_installation
from omni_release.core.errors import Inconclusive, NotApplicable, ToolUnavailable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Check
from omni_release.core.world import World
from omni_release.index import client
from tests.wheels import write_wheel

RunCheck = Callable[..., list[Finding]]
RunFiles = Callable[[Check, Mapping[str, str]], list[Finding]]
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


@pytest.fixture
def run_files(tmp_path: Path) -> Iterator[RunFiles]:
    """Run a check on a project of these files, by their paths."""
    processes = LocalProcesses(str)
    world = cast("World", SimpleNamespace(processes=processes, environment=os.environ))

    def run(check: Check, files: Mapping[str, str]) -> list[Finding]:
        root = tmp_path / "acme"
        for name, content in {"pyproject.toml": PYPROJECT.format(""), **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
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


@pytest.mark.parametrize(
    ("handlers", "lines"),
    [
        ("except KeyError:\n    raise\nexcept Exception:\n    raise", {5}),
        ("except KeyError:\n    raise\nexcept LookupError as e:\n    raise Other from e", set()),
        ("except KeyError:\n    raise", {3}),
    ],
)
def test_except_that_lets_through(handlers: str, lines: set[int], run_check: RunCheck) -> None:
    """An `except` that raises again what a later one would catch is needed; the last one is not."""
    found = run_check(silent_failures, one=f"try:\n    f()\n{handlers}\n")
    assert {f.line for f in found if f.rule == "TRY203"} == lines


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        *(("src/acme/a.py", "error"), ("src/acme/tests/a.py", None), ("tests/a.py", None), ("docs/conf.py", None)),
        *(("noxfile.py", "notice"), ("examples/a.py", "notice"), ("other/a.py", "notice")),
    ],
)
def test_silent_failure_that_does_not_ship(path: str, severity: str | None, run_files: RunFiles) -> None:
    """Only what ships is an error; tests and docs are left out."""
    code = "try:\n    f()\nexcept Exception:\n    g()\n"
    found = {f.severity.value for f in run_files(silent_failures, {"src/acme/__init__.py": "x = 1\n", path: code})}
    assert found == ({severity} if severity else set())


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


OLD = "import google.generativeai"


@pytest.mark.parametrize(
    ("path", "code", "severity"),
    [
        *(("src/acme/a.py", OLD, "error"), ("src/acme/a.py", f"def f():\n    {OLD}", "error")),
        ("src/acme/a.py", f"try:\n    {OLD}\nexcept ImportError:\n    pass", "warning"),
        ("src/acme/a.py", f"with contextlib.suppress(ImportError):\n    {OLD}", "warning"),
        ("src/acme/a.py", "if sys.version_info < (3, 12):\n    import imp", "warning"),
        ("src/acme/a.py", f"if importlib.util.find_spec('google.generativeai'):\n    {OLD}", "warning"),
        ("src/acme/a.py", f"if TYPE_CHECKING:\n    {OLD}", "warning"),
        ("src/acme/a.py", f"if flag:\n    {OLD}", "error"),
        ("src/acme/a.py", f"try:\n    {OLD}\nexcept KeyError:\n    pass", "error"),
        ("src/acme/a.py", "import setuptools\nfrom distutils import log", "warning"),
        ("src/acme/a.py", "from distutils import log", "error"),
        *(("src/acme/tests/a.py", OLD, "warning"), ("tests/a.py", OLD, "warning"), ("examples/a.py", OLD, "warning")),
        *(("noxfile.py", OLD, "warning"), ("setup.py", "import distutils", "warning"), ("other/a.py", OLD, "warning")),
        ("src/acme/_vendor/a.py", OLD, "warning"),
        ("src/acme/a.py", "import vertexai.generative_models", "warning"),
    ],
)
def test_abandoned_import_that_a_release_needs(path: str, code: str, severity: str, run_files: RunFiles) -> None:
    """What ships and does not do without the package is an error; the rest is a warning."""
    (found,) = run_files(abandoned_packages, {"src/acme/__init__.py": "x = 1\n", path: f"{code}\n"})
    assert (found.rule, found.severity.value) == ("deprecated-import", severity)


@pytest.mark.parametrize(
    ("table", "severity"),
    [
        ('[project]\nname = "acme"\ndependencies = ["oauth2client>=4"]', "error"),
        ('[project]\nname = "acme"\n[build-system]\nrequires = ["oauth2client"]', "error"),
        ('[project]\nname = "acme"\ndependencies = ["oauth2client; python_version < \'3.9\'"]', "warning"),
        ('[project]\nname = "acme"\n[project.optional-dependencies]\nold = ["oauth2client"]', "warning"),
        ('[project]\nname = "acme"\n[dependency-groups]\ntest = ["oauth2client"]', "warning"),
        ('[tool.poetry]\nname = "acme"\n[tool.poetry.dependencies]\noauth2client = "^4"', "error"),
        ('[tool.poetry]\nname = "acme"\n[tool.poetry.dependencies.oauth2client]\noptional = true', "warning"),
    ],
)
def test_abandoned_requirement_of_each_kind(table: str, severity: str, run_files: RunFiles) -> None:
    """What each install or build needs is an error; what an extra, a group or a marker limits is a warning."""
    files = {"pyproject.toml": f"{table}\n", "src/acme/__init__.py": ""}
    assert [f.severity.value for f in run_files(abandoned_packages, files)] == [severity]


def test_project_that_brings_the_module(run_files: RunFiles) -> None:
    """What a project brings itself is no import of an abandoned package, also in a folder that others share."""
    files = {"google/generativeai/__init__.py": f"{OLD}\n", "pyproject.toml": PYPROJECT.format("")}
    files["pyproject.toml"] = files["pyproject.toml"].replace("acme", "google-generativeai")
    assert not run_files(abandoned_packages, files)


def test_abandoned_package_of_an_extra(run_check: RunCheck) -> None:
    """A function that imports what only an extra declares is for those who have asked for it."""
    more = '[project.optional-dependencies]\nold = ["oauth2client"]\n'
    found = run_check(abandoned_packages, more=more, a="def f():\n    import oauth2client\n", b="import oauth2client\n")
    assert {(f.path, f.severity.value) for f in found if f.rule == "deprecated-import"} == {
        ("src/acme/a.py", "warning"),
        ("src/acme/b.py", "error"),
    }


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


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("import rich", "error"),
        ("try:\n    import rich\nexcept ImportError:\n    rich = None", "notice"),
        (
            "try:\n    import rich\nexcept ImportError as e:\n    raise E('pip install rich') from e",
            "notice",
        ),
        ("import contextlib\nwith contextlib.suppress(ImportError):\n    import rich", "notice"),
        ("import importlib.util\nif importlib.util.find_spec('rich'):\n    import rich", "notice"),
        ("import sys\nif sys.version_info < (3, 11):\n    import rich", "notice"),
        ("import sys\nif sys.platform == 'win32':\n    import rich", "notice"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import rich", None),
        ("def f():\n    import rich", "error"),
    ],
)
def test_optional_import(code: str, severity: str | None, run_check: RunCheck) -> None:
    """An undeclared import that the module does without is a notice, a hard one an error."""
    found = run_check(imports_declared, one=f"{code}\n")
    assert [f.severity.value for f in found] == ([severity] if severity else [])


def test_part_of_a_shared_namespace(run_check: RunCheck) -> None:
    """Many distributions have a part of `google`: the message says which one is imported."""
    (found,) = run_check(imports_declared, one="from google import genai\n")
    assert found.message.startswith("google.genai is imported, but ")


def test_function_for_an_extra(run_check: RunCheck) -> None:
    """An import in a function, of what a development extra declares, is a notice."""
    more = '[project.optional-dependencies]\ntest = ["rich"]\n'
    (found,) = run_check(imports_declared, more=more, one="def f():\n    import rich\n")
    assert (found.severity.value, "(DEP004)" in found.message) == ("notice", True)


@pytest.mark.parametrize("group", ["pytest11", "other.plugins"])
def test_host_of_a_plugin(group: str, run_check: RunCheck) -> None:
    """What a module imports that an entry point names is its host's, also in other modules."""
    more = f'[project.entry-points."{group}"]\nacme = "acme.plugin"\n'
    found = run_check(imports_declared, more=more, plugin="import pytest\n", other="import pytest\nimport rich\n")
    assert {(f.path, f.line, f.severity.value) for f in found} == {
        ("src/acme/plugin.py", 1, "notice"),
        ("src/acme/other.py", 1, "notice"),
        ("src/acme/other.py", 2, "error"),
    }


def test_what_is_not_looked_at(run_files: RunFiles) -> None:
    """Tests in the package, third-party code in it, and its other import packages are no dependencies."""
    code = {"src/acme/tests/a.py": "import rich\n", "src/acme/_vendor/a.py": "import rich\n"}
    two = {"src/acme/__init__.py": "import bcme\nimport own\n", "src/bcme/__init__.py": "import acme\n"}
    settings = '[project]\nname = "acme"\n[tool.deptry]\nknown_first_party = ["own"]\n'
    assert not run_files(imports_declared, {**code, **two, "pyproject.toml": settings})


def test_module_that_the_build_writes(run_files: RunFiles, tmp_path: Path) -> None:
    """A module in the built wheel is the project's own, also where the checkout does not have it."""
    code = {"src/acme/__init__.py": "import _acme_version\n"}
    assert len(run_files(imports_declared, code)) == 1
    (tmp_path / "none" / "dist").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "none" / "dist" / "acme-1.0-py3-none-any.whl", "w") as built:
        built.writestr("_acme_version.py", "")
    assert not run_files(imports_declared, code)


CFG = "[metadata]\nname = acme\n[options]\ninstall_requires =\n"
SETUP = "from setuptools import setup\nNEEDS = ['rich>=1']\nsetup(name='acme', install_requires={})\n"
BUILD = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
DYNAMIC = BUILD + '[project]\nname = "acme"\ndynamic = ["dependencies"]\n'
IN_FILES = '[tool.setuptools.dynamic]\ndependencies = { file = ["needs.txt"] }\n'


@pytest.mark.parametrize(
    ("files", "undeclared"),
    [
        ({"pyproject.toml": BUILD, "setup.cfg": f"{CFG}    rich\n"}, 0),
        ({"pyproject.toml": BUILD, "setup.cfg": CFG}, 1),
        ({"pyproject.toml": BUILD, "setup.cfg": "[metadata]\nname=acme\n", "setup.py": SETUP.format("NEEDS")}, 0),
        ({"pyproject.toml": BUILD, "setup.py": SETUP.format("['rich']")}, 0),
        ({"pyproject.toml": BUILD, "setup.py": SETUP.format("[]")}, 1),
        ({"pyproject.toml": DYNAMIC + IN_FILES, "needs.txt": "# what it needs\nrich>=1  # for colour\n"}, 0),
        ({"pyproject.toml": DYNAMIC + IN_FILES, "needs.txt": "-r other.txt\n"}, 1),
        ({"pyproject.toml": '[tool.poetry]\nname = "acme"\n[tool.poetry.dependencies]\nrich = "*"\n'}, 0),
        ({"pyproject.toml": '[tool.poetry]\nname = "acme"\n'}, 1),
    ],
)
def test_requirements_of_each_back_end(files: dict[str, str], undeclared: int, run_files: RunFiles) -> None:
    """The requirements are read where the back end reads them."""
    found = run_files(imports_declared, {"src/acme/__init__.py": "import rich\n", **files})
    assert len([f for f in found if f.rule == "undeclared"]) == undeclared


def test_requirements_of_the_wheel(run_files: RunFiles, tmp_path: Path) -> None:
    """Where only the build knows them, they are read from the wheel, with those of its extras."""
    files = {"src/acme/__init__.py": "import rich\nimport packaging\nimport requests\n", "pyproject.toml": DYNAMIC}
    with pytest.raises(NotApplicable, match="omni-release rehearse"):
        run_files(imports_declared, files)
    headers = ("Requires-Dist: rich", "Requires-Dist: packaging; extra == 'more'")
    write_wheel(tmp_path / "none" / "dist", "acme", "1.0", {"acme.py": ""}, *headers)
    found = run_files(imports_declared, files)
    assert [(f.line, f.severity.value) for f in found] == [(3, "error")]


@pytest.mark.parametrize(
    ("check", "name", "package"),
    [(imports_declared, "deptry", ""), (deprecated_apis, "mypy", "mypy")],
)
def test_tool_that_is_missing(
    check: Check, name: str, package: str, run_check: RunCheck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that is not installed is named, with the command that installs it."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setattr(sys, "executable", str(environments.python(bare)))
    with pytest.raises(ToolUnavailable, match=f"{name} is not installed") as caught:
        run_check(check, more="[tool.mypy]\nstrict = true\n")
    assert caught.value.hint == own_installation.how_to_add(packages=(package,) if package else ())


def test_tool_that_crashes() -> None:
    """The end of its output is shown, and the command that upgrades it."""
    error = programs.unavailable("deptry", "ended with exit code 2", "Traceback: no\n")
    assert error.message == "deptry ended with exit code 2 without a result:\nTraceback: no"
    assert error.hint == own_installation.how_to_upgrade("deptry")
    assert "ast-grep-cli" in programs.upgrade_command("ast-grep")


def test_deprecated_api(run_check: RunCheck, monkeypatch: pytest.MonkeyPatch) -> None:
    """mypy finds the use of an API that PEP 702 marks as deprecated, with its message."""
    pytest.importorskip("mypy", reason="mypy is a development dependency, missing in a rehearsal")
    monkeypatch.setattr("omni_release.environments.python", lambda _: Path(sys.executable))
    code = 'from typing_extensions import deprecated\n\n\n@deprecated("use new")\ndef old() -> None: ...\n\n\nold()\n'
    (found,) = run_check(deprecated_apis, more="[tool.mypy]\nstrict = true\n", one=code)
    assert (found.rule, found.path, found.line, found.column) == ("deprecated", "src/acme/one.py", 8, 1)
    assert "use new" in found.message


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


@pytest.mark.parametrize(
    ("uses", "severity"),
    [
        ({}, Severity.NOTICE),
        ({"pyproject.toml": "[tool.omni-release]\n"}, Severity.ERROR),
        ({"noxfile.py": "import omni_release.sessions\n"}, Severity.ERROR),
        ({".pre-commit-config.yaml": "entry: omni-release gate\n"}, Severity.ERROR),
    ],
    ids=["none", "settings", "noxfile", "hooks"],
)
def test_published_by_hand(run_files: RunFiles, uses: Mapping[str, str], severity: Severity) -> None:
    """A project that does not use omni-release publishes in another way, which is no advice to it."""
    files = {"release.sh": "#!/bin/sh\ntwine upload dist/*\n", **uses}
    files["pyproject.toml"] = PYPROJECT.format("") + files.get("pyproject.toml", "")
    assert [(finding.rule, finding.severity) for finding in run_files(bug_patterns, files)] == [
        ("publish-by-hand", severity)
    ]
