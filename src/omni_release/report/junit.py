"""Report → JUnit XML: a suite a lane, a case a task."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from omni_release.core.model import Outcome, Report, Severity, Status

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(report: Report) -> bytes:
    """A task that failed is a failure; one that could not tell, or waits, an error; others not passed: skipped."""
    statuses = [outcome.status for outcome in report.outcomes]
    suite = ElementTree.Element(
        "testsuite",
        name=f"omni-release {report.lane}",
        tests=str(len(statuses)),
        failures=str(statuses.count(Status.FAILED)),
        errors=str(statuses.count(Status.INCONCLUSIVE) + statuses.count(Status.WAITING)),
        skipped=str(statuses.count(Status.SKIPPED) + statuses.count(Status.PLANNED)),
        time=f"{report.seconds:.3f}",
    )
    for outcome in report.outcomes:
        suite.append(_case(report, outcome))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _case(report: Report, outcome: Outcome) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=f"omni-release.{report.lane}", name=outcome.id, time=f"{outcome.seconds:.3f}"
    )
    tag = {
        Status.FAILED: "failure",
        Status.INCONCLUSIVE: "error",
        Status.WAITING: "error",
        Status.SKIPPED: "skipped",
        Status.PLANNED: "skipped",
    }.get(outcome.status)
    said = "\n".join(f"{finding.where} {finding.message}".strip() for finding in outcome.findings)
    said = _NOT_XML.sub("\ufffd", said)
    if tag is not None:
        ElementTree.SubElement(case, tag, message=said.partition("\n")[0], type=outcome.status.value).text = said
    elif any(finding.severity is not Severity.NOTICE for finding in outcome.findings):
        ElementTree.SubElement(case, "system-out").text = said
    return case
