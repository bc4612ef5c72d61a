"""Report → SARIF 2.1.0, for code scanning: a rule per kind of finding, a result per finding.

An inconclusive or waiting task is no result, but a notification of the run: it is no defect of the code.
The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter

from omni_release import __version__
from omni_release.core.model import Finding, Outcome, Report, Severity, Status

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}


_VARYING = re.compile(r":\d+(:\d+)?\b|\b\d+ (days?|hours?|minutes?|bytes|commits?|places?|files?|more)\b|(?<=line )\d+")
"""What changes in a message though the problem stays the same: lines of other places, ages, counts."""


def document(report: Report) -> str:
    """The whole report: its errors and warnings, and what was inconclusive or waits."""
    from omni_release.core.documents import to_json

    rules: dict[str, dict[str, object]] = {}
    results: list[dict[str, object]] = []
    causes = {finding.rule: finding for outcome in report.outcomes for finding in outcome.findings}
    seen: Counter[tuple[str, str, str]] = Counter()
    notifications: list[dict[str, object]] = []
    for outcome in report.outcomes:
        if outcome.status in (Status.INCONCLUSIVE, Status.WAITING):
            reasons = "\n".join(finding.message for finding in outcome.findings)
            message = {"text": f"{outcome.title}: {outcome.status.value}. {reasons}"}
            notifications.append({"descriptor": {"id": outcome.id}, "level": "warning", "message": message})
        if outcome.status not in (Status.PASSED, Status.FAILED):
            continue
        for finding in outcome.findings:
            if finding.severity is not Severity.NOTICE:
                id = finding.rule or outcome.id
                rules.setdefault(id, _rule(id, outcome))
                result = _result(report, outcome, finding, id, list(rules).index(id))
                key = (id, finding.path or "", _VARYING.sub("", finding.message.partition("\n")[0]))
                result["partialFingerprints"] = {"omniRelease/v1": _fingerprint(*key, str(seen[key]))}
                seen[key] += 1
                if cause := causes.get(finding.cause):
                    related = {**_location(report, cause), "id": 0, "message": {"text": f"Cause: {cause.message}"}}
                    result["relatedLocations"] = [related]
                results.append(result)
    invocation = {
        "executionSuccessful": not report.interrupted,
        "exitCode": report.exit_code,
        "toolExecutionNotifications": notifications,
    }
    run = {
        "tool": {"driver": {"name": "omni-release", "semanticVersion": __version__, "rules": list(rules.values())}},
        "automationDetails": {"id": f"omni-release/{report.lane}/"},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return to_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(id: str, outcome: Outcome) -> dict[str, object]:
    rule: dict[str, object] = {
        "id": id,
        "shortDescription": {"text": f"{outcome.title}."},
        "properties": {"tags": [outcome.stage.value]},
    }
    return rule | ({"help": {"text": outcome.remedy}} if outcome.remedy else {})


def _result(report: Report, outcome: Outcome, finding: Finding, rule: str, index: int) -> dict[str, object]:
    return {
        "ruleId": rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message or outcome.title},
        "locations": [_location(report, finding)],
    }


def _location(report: Report, finding: Finding) -> dict[str, object]:
    """The place of a finding; code scanning requires one, so a finding without a place gets pyproject.toml."""
    from urllib.parse import quote

    path = f"{report.inside}/{finding.path or 'pyproject.toml'}".lstrip("/")
    region = {"startLine": finding.line or 1}
    if finding.line and finding.column:
        region["startColumn"] = finding.column
    return {"physicalLocation": {"artifactLocation": {"uri": quote(os.fsencode(path))}, "region": region}}


def _fingerprint(*parts: str) -> str:
    """What identifies a result across commits: its rule, path, message, and its number among equal ones; no line.

    Of a message it is the first line, without what `_VARYING` describes.
    """
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
