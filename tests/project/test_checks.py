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
