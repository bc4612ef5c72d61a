"""The report of a workspace in each form: a section for each package, and the worst verdict."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from omni_release.core.model import Finding, Outcome, Report, Severity, Status
from omni_release.report import page, workspace
from omni_release.report.text import Layout
from omni_release.report.workspace import Section, WorkspaceReport
from tests.report.sarif_model import check_document

WRONG = Finding("1 test failed <b>", "tests-fail", Severity.ERROR, "tests/test_it.py", 3)


def section(name: str, status: Status | None, reason: str = "", *, ended: str = "not run") -> Section:
    """A package whose only task ended like this; None: it did not run."""
    if status is None:
        return Section(name, f"packages/{name}", "1.0", None, reason, ended=ended)
    findings = (WRONG,) if status is Status.FAILED else ()
    outcome = Outcome("tests-pass", "Tests pass", "check", status, findings, "Correct them.")
    report = Report("rehearse", name, "1.0", "rehearsal", 1.0, (outcome,), run=f"/ws/packages/{name}/runs/1")
    return Section(name, f"packages/{name}", "1.0", report, reason)


def report(*sections: Section, interrupted: bool = False) -> WorkspaceReport:
    return WorkspaceReport("rehearse", "acme", "rehearsal", 2.0, sections, "/ws/runs/1", interrupted, step="do it")


PASSED, FAILED = section("core", Status.PASSED), section("plug", Status.FAILED)
STOPPED = section("cli", None, "needs plug, which failed")


@pytest.mark.parametrize(
    ("sections", "verdict", "code"),
    [
        ((PASSED,), "passed", 0),
        ((PASSED, FAILED, STOPPED), "failed", 1),
        ((PASSED, section("a", Status.WAITING), section("b", Status.INCONCLUSIVE)), "waiting", 4),
        ((PASSED, section("b", Status.INCONCLUSIVE), STOPPED), "inconclusive", 3),
        ((PASSED, STOPPED), "not run", 3),
        ((PASSED, section("a", None, "no such file", ended="failed")), "failed", 1),
        ((section("a", Status.PLANNED), section("b", Status.PLANNED)), "planned", 0),
    ],
)
def test_verdict(sections: tuple[Section, ...], verdict: str, code: int) -> None:
    """The worst verdict of a package is that of all; one that did not run is no success."""
    assert (report(*sections).verdict, report(*sections).exit_code) == (verdict, code)
    assert report(*sections, interrupted=True).exit_code == 130


def test_forms() -> None:
    """Each form has each package: its verdict, its findings, and why it did not run."""
    written = {name: form.document(report(PASSED, FAILED, STOPPED)) for name, form in workspace.FORMATS.items()}
    document = json.loads(written["json"])
    schemas = Path(__file__).parents[2] / "docs"
    jsonschema.validate(document, json.loads((schemas / "workspace-report.schema.json").read_text(encoding="utf-8")))
    assert (document["workspace"], document["verdict"], document["exit_code"]) == ("acme", "failed", 1)
    packages = {each["name"]: each for each in document["packages"]}
    assert [each["verdict"] for each in packages.values()] == ["passed", "failed", "not run"]
    assert packages["plug"]["report"]["outcomes"][0]["findings"][0]["message"] == WRONG.message
    assert (packages["cli"]["report"], packages["cli"]["reason"]) == (None, "needs plug, which failed")
    suites = {suite.get("name"): suite for suite in ElementTree.fromstring(written["junit"])}
    assert [name and name.rpartition(" ")[2] for name in suites] == ["core", "plug", "cli"]
    assert suites["omni-release rehearse plug"].get("failures") == "1"
    assert "## rehearse: plug 1.0: failed" in written["md"]
    assert "| cli | 1.0 | not run: needs plug, which failed |" in written["md"]
    sarif = json.loads(written["sarif"])
    check_document(sarif)
    ids = [run["automationDetails"]["id"] for run in sarif["runs"]]
    assert ids == ["omni-release/rehearse/core/", "omni-release/rehearse/plug/"]
    check_document(json.loads(workspace.FORMATS["sarif"].document(report(STOPPED))))


def test_terminal_and_page() -> None:
    """The summary has a line for each package; the page a section, and a link where there is a page of the package."""
    whole = report(PASSED, FAILED, STOPPED)
    lines = list(workspace.summary_lines(whole, Layout(100)))
    assert lines == [
        "  FAILED 3 packages in 2.0 s",
        "  ✔ core  1.0  passed",
        "  ✘ plug  1.0  failed: 1 problem",
        "  – cli   1.0  not run: needs plug, which failed",
        "  Report  /ws/runs/1",
        "  Next    do it",
    ]
    shown = page.workspace_document(whole, {"plug": "../../plug/report.html"})
    assert shown.count("<section id=") == 3
    assert '<a href="../../plug/report.html">' in shown
    assert "1 test failed &lt;b&gt;" in shown
    assert "needs plug, which failed" in shown
