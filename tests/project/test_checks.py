"""pyproject.toml, checked against the standards and this Python."""

from __future__ import annotations

import pytest

from omni_release.project.checks import project_valid
from tests.conftest import RunCheck

PYPROJECT = '[build-system]\nrequires = ["hatchling"]\n[project]\nname = "acme"\nversion = "1.0"\n'
FILES = {"acme/__init__.py": "", "pyproject.toml": PYPROJECT}


def test_valid_project(run_check: RunCheck) -> None:
    """A project with a package, a name, a version and a build system is valid."""
    assert run_check(project_valid, FILES) == []


@pytest.mark.parametrize(
    ("line", "rule"), [('urls = "x"\n', "pyproject"), ('requires-python = "<3"\n', "requires-python")]
)
def test_wrong_key(line: str, rule: str, run_check: RunCheck) -> None:
    """A key that breaks a standard, or excludes this Python, is an error at its line."""
    (finding,) = run_check(project_valid, {**FILES, "pyproject.toml": PYPROJECT + line})
    assert (finding.where, finding.rule) == ("pyproject.toml:6", rule)


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("homepage", "unknown-key"),
        ("documentation", "unknown-key"),
        ("include", "unknown-key"),
        ("packages", "unknown-key"),
        ("dev-dependencies", "unknown-key"),
        ("long-description", "unknown-key"),
        ("licence", "pyproject"),
        ("dependancies", "pyproject"),
        ("requires_python", "pyproject"),
        ("script", "pyproject"),
        ("author", "pyproject"),
        ("classifier", "pyproject"),
    ],
)
def test_unknown_key(key: str, rule: str, run_check: RunCheck) -> None:
    """A key that the specification does not have is advice; a misspelt one loses what the release must state."""
    (finding,) = run_check(project_valid, {**FILES, "pyproject.toml": f"{PYPROJECT}{key} = []\n"})
    assert (finding.where, finding.rule) == ("pyproject.toml:6", rule)


def test_unknown_key_hides_nothing(run_check: RunCheck) -> None:
    """Beside a key that the specification does not have, a violation of it is found."""
    findings = run_check(project_valid, {**FILES, "pyproject.toml": f'{PYPROJECT}homepage = "x"\nurls = "x"\n'})
    assert [finding.rule for finding in findings] == ["unknown-key", "pyproject"]


@pytest.mark.parametrize(
    ("script", "rule"),
    [
        ('acme = "acme.main"', "script"),
        ('acme = "acme:main"', None),
        ('acme = "acme.cli:App.run"', None),
        ('acme = "acme main"', "pyproject"),
    ],
)
def test_scripts(script: str, rule: str | None, run_check: RunCheck) -> None:
    """A script names a module and a function: others are found before the build."""
    findings = run_check(project_valid, {**FILES, "pyproject.toml": f"{PYPROJECT}[project.scripts]\n{script}\n"})
    assert {finding.rule for finding in findings} >= ({rule} if rule else set())
    assert bool(findings) is (rule is not None)


@pytest.mark.parametrize(
    ("files", "rule", "where"),
    [
        ({"pyproject.toml": '[project]\nname = "acme"\nversion = "1.0"\n'}, "build-system", "pyproject.toml:1"),
        ({"setup.py": "from setuptools import setup\nsetup(name='acme')\n"}, "build-system", "setup.py"),
        ({"setup.cfg": "[metadata]\nname = acme\n"}, "not-buildable", "setup.cfg"),
    ],
)
def test_no_build_system(files: dict[str, str], rule: str, where: str, run_check: RunCheck) -> None:
    """Without a build system, the lines to add are in the message; nothing builds a setup.cfg alone."""
    (finding,) = run_check(project_valid, {"acme/__init__.py": "", **files})
    assert (finding.rule, finding.where) == (rule, where)
    assert '`requires = ["setuptools>=77"]`, `build-backend = "setuptools.build_meta"`' in finding.message


def test_no_import_package(run_check: RunCheck) -> None:
    """Where no import package is found, the folders that the back end names are in the message."""
    text = PYPROJECT + '[tool.hatch.build.targets.wheel]\npackages = ["lib/acme"]\n'
    text = text.replace('"hatchling"]\n', '"hatchling"]\nbuild-backend = "hatchling.build"\n')
    (finding,) = run_check(project_valid, {"pyproject.toml": text})
    assert finding.rule == "import-package"
    assert finding.message.startswith("no import package found in lib/acme: name it in `import-packages`")
