"""The gate, with the real command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from omni_release.report.files import FORMATS
from tests.conftest import child_environment, git, omni


def test_a_sound_project(case: Callable[[str], Path], tmp_path: Path) -> None:
    """The gate passes, changes no tracked file, and leaves its reports but no temporary folder."""
    root = case("sound")
    ran = omni("gate", cwd=root)
    assert ran.code == 0, ran.out + ran.err
    assert "  PASSED in " in ran.out
    assert git("status", "--porcelain", cwd=root) == ""
    left = {path.name for path in (root / ".omni-release" / "gate").iterdir()}
    assert {"report.json", "report.junit.xml", "report.md", "report.sarif", "journal.jsonl"} <= left
    assert not list(tmp_path.glob("omni-release-*"))


def test_no_run(case: Callable[[str], Path]) -> None:
    """A gate creates no run to resume, and removes none."""
    root = case("sound")
    for _ in range(2):
        assert omni("gate", cwd=root).code == 0
    assert not (root / ".omni-release" / "runs").exists()
    journal = (root / ".omni-release" / "gate" / "journal.jsonl").read_text(encoding="utf-8")
    assert journal.count('"ended"') == 1


@pytest.mark.parametrize("format", FORMATS)
def test_each_format(format: str, case: Callable[[str], Path]) -> None:
    """Stdout is the document that is also in the file; the text is on stderr; the exit code is the same."""
    root = case("drifted")
    ran = omni("gate", "--format", format, cwd=root)
    assert ran.code == 1
    assert ran.out == (root / ".omni-release" / "gate" / FORMATS[format].file).read_text(encoding="utf-8")
    assert "src/acme_drifted/__init__.py:3: version" in ran.err
    if format == "junit":
        assert ElementTree.fromstring(ran.out.encode())[0].get("failures") == "1"


def test_one_task(case: Callable[[str], Path]) -> None:
    """One task runs alone, and nothing is written."""
    root = case("drifted")
    ran = omni("gate", "--only", "versions-agree", "--format", "json", cwd=root)
    assert ran.code == 1
    assert [outcome["id"] for outcome in ran.document["outcomes"]] == ["versions-agree"]
    assert not (root / ".omni-release").exists()


def test_an_unknown_task(case: Callable[[str], Path]) -> None:
    """The error for an unknown task lists the tasks of the lane."""
    ran = omni("gate", "--only", "version-agree", cwd=case("sound"))
    assert ran.code == 2
    assert "`gate` has no task 'version-agree'" in ran.err
    assert "versions-agree" in ran.err


def test_on_github(case: Callable[[str], Path], tmp_path: Path) -> None:
    """Annotations are in the log, and the report is appended to the step summary."""
    root, summary = case("drifted"), tmp_path / "summary.md"
    summary.write_text("earlier\n", encoding="utf-8")
    github = child_environment(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    ran = omni("gate", cwd=root, environment=github)
    assert (
        "::error file=src/acme_drifted/__init__.py,line=3,col=16,title=versions-agree/version-drift::version 1.2.2"
        in ran.out
    )
    assert summary.read_text(encoding="utf-8").startswith("earlier\n## gate: acme-drifted 1.2.3: failed\n")


def test_summary_that_cannot_be_written(case: Callable[[str], Path], tmp_path: Path) -> None:
    """The failure is shown, and the verdict is the same."""
    github = child_environment(GITHUB_STEP_SUMMARY=str(tmp_path / "nowhere" / "summary.md"))
    ran = omni("gate", cwd=case("sound"), environment=github)
    assert ran.code == 0
    assert "cannot write the report: No such file or directory" in ran.out


def test_a_project_below_its_repository(tmp_path: Path) -> None:
    """Annotations have paths relative to the repository."""
    inside = tmp_path / "repository" / "packages" / "acme"
    (inside / "src" / "acme").mkdir(parents=True)
    (inside / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")
    (inside / "src" / "acme" / "__init__.py").write_text('__version__ = "1.1"\n', encoding="utf-8")
    git("init", "--quiet", cwd=tmp_path / "repository")
    git("add", "--all", cwd=inside)
    github = child_environment(GITHUB_ACTIONS="true")
    ran = omni("gate", "--only", "versions-agree", cwd=inside, environment=github)
    assert "::error file=packages/acme/src/acme/__init__.py,line=1" in ran.out
    found = json.loads(omni("gate", "--only", "versions-agree", "--format", "json", cwd=inside).out)
    assert found["outcomes"][0]["findings"][0]["path"] == "src/acme/__init__.py"
