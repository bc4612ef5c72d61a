"""Report → JUnit XML: a suite per lane, a case per task."""

from __future__ import annotations

import re

from omni_release.core.model import UNREACHED, Report, Severity, Status

_NOT_XML = r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # compiled at its first use: it takes 5 ms
_TAGS = {
    Status.FAILED: "failure",
    Status.INCONCLUSIVE: "error",
    Status.WAITING: "error",
    Status.SKIPPED: "skipped",
    Status.PLANNED: "skipped",
}


def document(report: Report) -> str:
    """The whole report. A failed task is a failure, an inconclusive, waiting or interrupted one an error.

    A planned one is skipped.

    The class of a case is its lane and stage, its name is the id of the task; its text has the errors first.
    """
    from xml.etree import ElementTree

    tags = ["error" if UNREACHED in o.evidence else _TAGS.get(o.status, "") for o in report.outcomes]
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=f"omni-release {report.lane}",
        tests=str(len(tags)),
        failures=str(tags.count("failure")),
        errors=str(tags.count("error")),
        skipped=str(tags.count("skipped")),
        time=f"{report.seconds:.3f}",
    )
    for outcome, tag in zip(report.outcomes, tags, strict=True):
        classname = f"omni-release.{report.lane}.{outcome.stage.value}"
        time = f"{outcome.seconds:.3f}"
        case = ElementTree.SubElement(suite, "testcase", classname=classname, name=outcome.id, time=time)
        text = "\n".join(
            f"{finding.where} {finding.message}{f' (caused by {finding.cause})' if finding.cause else ''}".strip()
            for finding in sorted(outcome.findings, key=lambda finding: list(Severity).index(finding.severity))
        )
        text = re.sub(_NOT_XML, "\ufffd", f"{outcome.cached}\n{text}" if outcome.cached else text)
        if tag:
            ElementTree.SubElement(case, tag, message=text.partition("\n")[0], type=outcome.status.value).text = text
        elif outcome.cached or any(finding.severity is not Severity.NOTICE for finding in outcome.findings):
            ElementTree.SubElement(case, "system-out").text = text
    xml: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml.decode()
