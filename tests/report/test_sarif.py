"""Report → SARIF, checked against the object model of the standard, and read by another tool."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sarif.loader

from omni_release.core.model import Finding, Outcome, Report, Severity, Status
from omni_release.report import sarif as report_sarif
from tests.conftest import omni
from tests.report.sarif_model import check_document

DRIFT = Finding("says 1.1.0, but größe", "version-drift", path="src/a b.py", line=3, column=7)
NOWHERE = Finding("the wheel is empty", severity=Severity.WARNING)
NOTICE = Finding("by the way", "rule", Severity.NOTICE)
FAILED = Outcome("versions-agree", "They agree", "check", Status.FAILED, (DRIFT, NOTICE), "Run sync.")
WARNED = Outcome("wheel-complete", "It is whole", "check", Status.PASSED, (NOWHERE,))
UNSURE = Outcome(
    "upload-rules", "It would", "check", Status.INCONCLUSIVE, (Finding("no network", "x", Severity.WARNING),)
)


def written(*outcomes: Outcome, inside: str = "") -> dict[str, Any]:
    """The document of a gate with these outcomes, checked against the standard."""
    report = Report("gate", "acme", "1.0", "rehearsal", 1.0, outcomes, inside=inside)
    document: dict[str, Any] = json.loads(report_sarif.document(report))
    check_document(document)
    return document


def test_results() -> None:
    """Each error and warning is a result of its rule, which has a title, a remedy and the stage as a tag."""
    (run,) = written(FAILED, WARNED)["runs"]
    drift, empty = run["results"]
    assert (drift["ruleId"], drift["level"], drift["message"]["text"]) == ("version-drift", "error", DRIFT.message)
    assert drift["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "src/a%20b.py"},
        "region": {"startLine": 3, "startColumn": 7},
    }
    assert (empty["ruleId"], empty["level"]) == ("wheel-complete", "warning")
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["version-drift", "wheel-complete"]
    assert rules[0]["help"]["text"] == "Run sync."


def test_a_finding_without_a_place() -> None:
    """A finding without a place is at pyproject.toml: code scanning requires a place."""
    (run,) = written(WARNED)["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "pyproject.toml"}, "region": {"startLine": 1}}


def test_a_project_below_its_repository() -> None:
    """Paths are relative to the repository."""
    (run,) = written(FAILED, WARNED, inside="packages/acme")["runs"]
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]]
    assert uris == ["packages/acme/src/a%20b.py", "packages/acme/pyproject.toml"]


def test_inconclusive_is_a_notification() -> None:
    """An inconclusive check is a notification: for code scanning it is neither a defect nor a fix."""
    (run,) = written(UNSURE)["runs"]
    assert run["results"] == []
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["descriptor"]["id"] == "upload-rules"
    assert "inconclusive. no network" in told["message"]["text"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda run: run.update(resluts=[]), "resluts"),
        (lambda run: run.pop("tool"), "lacks tool"),
        (lambda run: run["results"][0].update(level="bad"), "level"),
        (lambda run: run["results"][0]["message"].update(text=3), "text"),
        (lambda run: run.update(results={}), "no list"),
    ],
)
def test_object_model_refuses(damage: Callable[[Any], object], said: str) -> None:
    """The check against the standard refuses invalid documents."""
    document = copy.deepcopy(written(FAILED))
    damage(document["runs"][0])
    with pytest.raises(AssertionError, match=said):
        check_document(document)


def test_fingerprints() -> None:
    """A result has the same fingerprint when its line moves, and another one beside an equal result."""
    moved = dataclasses.replace(DRIFT, line=30)
    twice = dataclasses.replace(FAILED, findings=(DRIFT, moved))
    (first,), (second,) = (written(dataclasses.replace(FAILED, findings=(f,)))["runs"] for f in (DRIFT, moved))
    assert first["results"][0]["partialFingerprints"] == second["results"][0]["partialFingerprints"]
    (run,) = written(twice)["runs"]
    assert run["results"][0]["partialFingerprints"] != run["results"][1]["partialFingerprints"]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("version 1.1.0, but pyproject.toml:7 says 1.2.0", "version 1.1.0, but pyproject.toml:9:1 says 1.2.0", True),
        (
            "a model shuts down on 2026-12-01, in 9 days: use b",
            "a model shuts down on 2026-12-01, in 1 day: use b",
            True,
        ),
        ("recorded 200 days ago; 180 are allowed", "recorded 201 days ago; 180 are allowed", True),
        ("`import acme` fails:\nTraceback: 0x7f", "`import acme` fails:\nTraceback: 0x80", True),
        ("version 1.1.0, but a.py:7 says 1.2.0", "version 1.1.1, but a.py:7 says 1.2.0", False),
        ("gemini-2.0-flash was shut down", "gemini-2.5-flash was shut down", False),
    ],
)
def test_fingerprint_of_a_message(before: str, after: str, same: bool) -> None:
    """Other lines, ages and the output of programs do not change a fingerprint; versions and names do."""
    prints = []
    for message in (before, after):
        finding = dataclasses.replace(DRIFT, message=message)
        (run,) = written(dataclasses.replace(FAILED, findings=(finding,)))["runs"]
        prints.append(run["results"][0]["partialFingerprints"])
    assert (prints[0] == prints[1]) is same


def test_cause() -> None:
    """A result that another one explains names it as a related location."""
    effect = dataclasses.replace(NOWHERE, rule="effect", cause=DRIFT.rule)
    (run,) = written(FAILED, dataclasses.replace(WARNED, findings=(effect,)))["runs"]
    (related,) = run["results"][1]["relatedLocations"]
    assert related["message"]["text"] == f"Cause: {DRIFT.message}"
    assert related["physicalLocation"]["region"]["startLine"] == 3


def test_read_by_another_tool(tmp_path: Path, case: Callable[[str], Path]) -> None:
    """Another tool reads the file of a gate, and finds the version drift only."""
    root = case("drifted")
    ran = omni("gate", "--output", tmp_path / "reports", cwd=root)
    assert ran.code == 1
    path = tmp_path / "reports" / "report.sarif"
    check_document(json.loads(path.read_bytes()))
    assert path.read_bytes() == (root / ".omni-release" / "gate" / "report.sarif").read_bytes()
    records = sarif.loader.load_sarif_file(str(path)).get_records()
    assert [(record["Severity"], record["Code"], record["Location"], record["Line"]) for record in records] == [
        ("error", "versions-agree/version-drift", "src/acme_drifted/__init__.py", 3)
    ]
