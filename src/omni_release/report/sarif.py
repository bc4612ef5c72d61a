"""Report → SARIF 2.1.0, for code scanning: a rule a kind of finding, a result a finding.

What could not be told and what waits is no finding of the code: it stands among the notifications of the run.
The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import quote

from omni_release import __version__
from omni_release.core.documents import to_json
from omni_release.core.model import Finding, Outcome, Report, Severity, Status

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}
_NOWHERE = "pyproject.toml"


def document(report: Report) -> str:
    """The whole report. Code scanning wants a place for each result: what has none stands at pyproject.toml."""
    rules = _rules(report)
    places = {rule: number for number, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "omni-release", "semanticVersion": __version__, "rules": list(rules.values())}},
        "automationDetails": {"id": f"omni-release/{report.lane}/"},
        "invocations": [
            {
                "executionSuccessful": not report.interrupted,
                "exitCode": report.exit_code,
                "toolExecutionNotifications": list(_notifications(report)),
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, done, finding, places[_rule(done, finding)]) for done, finding in _judged(report)],
    }
    return to_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _judged(report: Report) -> Iterator[tuple[Outcome, Finding]]:
    """What was found in the project: errors and warnings of whatever was looked at."""
    for done in report.outcomes:
        if done.status in (Status.PASSED, Status.FAILED):
            yield from ((done, finding) for finding in done.findings if finding.severity is not Severity.NOTICE)


def _rule(done: Outcome, finding: Finding) -> str:
    return finding.rule or done.id


def _rules(report: Report) -> dict[str, dict[str, object]]:
    rules: dict[str, dict[str, object]] = {}
    for done, finding in _judged(report):
        described: dict[str, object] = {"id": _rule(done, finding), "shortDescription": {"text": f"{done.title}."}}
        remedy = {"help": {"text": done.remedy}} if done.remedy else {}
        rules.setdefault(_rule(done, finding), described | remedy)
    return rules


def _result(report: Report, done: Outcome, finding: Finding, index: int) -> dict[str, object]:
    path = f"{report.inside}/{finding.path or _NOWHERE}".lstrip("/")
    region = {"startLine": finding.line or 1}
    if finding.line and finding.column:
        region["startColumn"] = finding.column
    return {
        "ruleId": _rule(done, finding),
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message or done.title},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": quote(os.fsencode(path))}, "region": region}}],
    }


def _notifications(report: Report) -> Iterator[dict[str, object]]:
    for done in report.outcomes:
        if done.status in (Status.INCONCLUSIVE, Status.WAITING):
            said = "\n".join(finding.message for finding in done.findings)
            yield {
                "descriptor": {"id": done.id},
                "level": "warning",
                "message": {"text": f"{done.title}: {done.status.value}. {said}"},
            }
