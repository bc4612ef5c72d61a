"""A released version's tests, with the packages of the day of its tag."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.core.model import Finding, Severity
from omni_release.testing.results import FailedTest
from omni_release.testing.tagged import Tagged
from tests.conftest import git, omni

NOW = datetime.datetime(2026, 6, 30, tzinfo=datetime.UTC)


def test_excuses() -> None:
    """What passed on that day is a warning, as is a deprecation that the day did not have; the rest is an error."""
    then = Tagged("v1.0", "2026-06-01", passed=frozenset({"tests/test_a.py::test_b"}))
    assert then.excuses(FailedTest("test_b", "", node="tests/test_a.py::test_b"))
    assert not then.excuses(FailedTest("test_c", "", node="tests/test_a.py::test_c"))
    of_module = FailedTest("test_a", "ImportError", node="tests/test_a.py")
    assert then.excuses(of_module)
    assert not replace(then, failures=(FailedTest("test_c", "", node="tests/test_a.py::test_c"),)).excuses(of_module)
    since, before = Finding("new", "deprecation", path="acme.py"), Finding("old", "deprecation", path="acme.py")
    failed = FailedTest("test_c", "", node="tests/test_a.py::test_c")
    then = replace(then, deprecations=frozenset({("old", "acme.py")}))
    severities = [f.severity for f in then.deprecated_since([since, before], ())]
    assert severities == [Severity.WARNING, Severity.ERROR]
    then = replace(then, failures=(failed,))
    assert [f.severity for f in then.deprecated_since([since], ())] == [Severity.ERROR]
    assert [f.severity for f in then.deprecated_since([since], [failed])] == [Severity.WARNING]
    assert not Tagged().excuses(FailedTest("test_b", "", node=""))


KINDS = {
    "test": (
        "def test_more() -> None:\n    assert version('packaging') == '23.2'\n",
        "passed",
        "test_more fails with packages that are newer than the tag v5.3.3, and passes with those of 2024-03-01: ",
    ),
    "collection": (
        "assert version('packaging') == '23.2'\ndef test_more() -> None:\n    pass\n",
        "passed",
        "fails with packages that are newer than the tag v5.3.3, and passes with those of 2024-03-01: ",
    ),
    "start": (
        "def test_more() -> None:\n    assert 'version' in open('src/acme_sound/__init__.py').read()\n",
        "passed",
        "the tests do not run with packages that are newer than the tag v5.3.3, and pass with those of 2024-03-01: ",
    ),
    "always": (
        "def test_more() -> None:\n    assert version('packaging') == '1.0'\n",
        "failed",
        "(also fails against the checkout)",
    ),
}


@pytest.mark.rehearsal
@pytest.mark.long
@pytest.mark.parametrize(("text", "status", "message"), KINDS.values(), ids=KINDS)
def test_kinds(
    text: str,
    status: str,
    message: str,
    case: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A project with the name and version of a real release, tagged on its day, has tests that newer packages break."""
    root = case("sound")
    pyproject = root / "pyproject.toml"
    stated = pyproject.read_text(encoding="utf-8").replace("acme-sound", "cachetools").replace("1.2.3", "5.3.3")
    pyproject.write_text(stated, encoding="utf-8")
    test = "from importlib.metadata import version\n\nimport acme_sound\n\n"
    (root / "tests" / "test_more.py").write_text(test + text, encoding="utf-8")
    if "src/" in text:  # a test that reads the source, in a run that does not start with newer packages
        start = "def pytest_configure():\n    assert version('packaging') == '23.2'\n"
        (root / "conftest.py").write_text(f"from importlib.metadata import version\n\n\n{start}", encoding="utf-8")
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=released", cwd=root)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2024-03-01T12:00:00+00:00")
    git("tag", "--annotate", "--message=released", "v5.3.3", cwd=root)
    outcome = omni("tests", "--format", "json", cwd=root).outcome("tests-pass")
    assert outcome["status"] == status, outcome
    assert any(message in finding["message"] for finding in outcome["findings"]), outcome["findings"]
