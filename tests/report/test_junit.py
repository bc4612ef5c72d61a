"""Report → valid JUnit XML, with any output of a program."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from omni_release.core.model import Finding, Outcome, Report, Severity, Status
from omni_release.report import junit


def outcome(id: str, status: Status, *findings: Finding) -> Outcome:
    """An outcome."""
    return Outcome(id, "A title", "check", status, findings, seconds=0.5)


def suite(*outcomes: Outcome) -> ElementTree.Element:
    """The suite of these outcomes, written and parsed."""
    document = junit.document(Report("rehearse", "acme", "1.0", "rehearsal", 1.23456, outcomes))
    assert document.startswith("<?xml version='1.0' encoding='utf-8'?>")
    root = ElementTree.fromstring(document)
    assert (root.tag, len(root)) == ("testsuites", 1)
    return root[0]


def test_counts() -> None:
    """Each status is counted once: as a failure, as an error, as skipped, or as none of these."""
    found = suite(*(outcome(status.value, status, Finding("why", "rule")) for status in Status))
    assert found.attrib == {
        "name": "omni-release rehearse",
        "tests": "6",
        "failures": "1",
        "errors": "2",
        "skipped": "2",
        "time": "1.235",
    }
    tags = {case.get("name"): [child.tag for child in case] for case in found}
    assert tags == {
        "passed": ["system-out"],
        "failed": ["failure"],
        "inconclusive": ["error"],
        "skipped": ["skipped"],
        "planned": ["skipped"],
        "waiting": ["error"],
    }


def test_counts_are_those_of_the_cases() -> None:
    """The counts of the suite are those of its cases."""
    found = suite(*(outcome(f"{status}-{n}", status) for status in Status for n in range(3)))
    for attribute, tag in {"failures": "failure", "errors": "error", "skipped": "skipped"}.items():
        assert found.get(attribute) == str(len(found.findall(f"testcase/{tag}")))
    assert found.get("tests") == str(len(found.findall("testcase")))


def test_nothing() -> None:
    """A run without a task is an empty suite."""
    assert suite().get("tests") == "0"


def test_case() -> None:
    """A case has the lane and the stage, the id, the duration and all findings of a task."""
    findings = (Finding("they differ", "drift", path="a.py", line=3), Finding("odd", "other", Severity.WARNING))
    (case,) = suite(outcome("versions-agree", Status.FAILED, *findings))
    assert case.attrib == {"classname": "omni-release.rehearse.source", "name": "versions-agree", "time": "0.500"}
    assert case[0].attrib == {"message": "a.py:3 they differ", "type": "failed"}
    assert case[0].text == "a.py:3 they differ\nodd"


@pytest.mark.parametrize(("severity", "shown"), [(Severity.WARNING, True), (Severity.NOTICE, False)])
def test_passed(severity: Severity, shown: bool) -> None:
    """A passed task shows its warnings, but not its notices."""
    (case,) = suite(outcome("a", Status.PASSED, Finding("said", "rule", severity)))
    assert [(child.tag, child.text) for child in case] == ([("system-out", "said")] if shown else [])


@pytest.mark.parametrize("status", [Status.FAILED, Status.INCONCLUSIVE, Status.SKIPPED, Status.PASSED])
def test_every_character(status: Status) -> None:
    """The XML is valid with any character, and keeps those that XML allows."""
    every = "".join(map(chr, range(0x20))) + "\x7f\x85\u2028\ud800\udfff\ufffe\uffff\U0001f600 ]]> <b> & \" '"
    (case,) = suite(outcome("a", status, Finding(every, "rule")))
    said = case[0].text or ""
    assert said.endswith("\x7f\x85\u2028\ufffd\ufffd\ufffd\ufffd\U0001f600 ]]> <b> & \" '")
    assert said.count("\ufffd") == 0x20 - 3 + 4
    assert "\t" in said


def test_colours_of_a_terminal() -> None:
    """Escape codes in the output of a program are replaced."""
    (case,) = suite(outcome("a", Status.FAILED, Finding("\x1b[31mred\x1b[0m\n\x00", "rule")))
    assert case[0].get("message") == "\ufffd[31mred\ufffd[0m"
    assert case[0].text == "\ufffd[31mred\ufffd[0m\n\ufffd"


def test_errors_first() -> None:
    """The message of a failure is that of an error, whatever was found before it."""
    (case,) = suite(outcome("a", Status.FAILED, Finding("odd", "a/w", Severity.WARNING), Finding("wrong", "a/r")))
    assert (case[0].get("message"), case[0].text) == ("wrong", "wrong\nodd")


def test_cause() -> None:
    """A finding that another one explains says so."""
    (case,) = suite(outcome("a", Status.FAILED, Finding("lost", "a/r", cause="b/hollow")))
    assert case[0].text == "lost (caused by b/hollow)"
