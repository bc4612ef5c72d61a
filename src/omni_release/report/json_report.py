"""Report → one JSON document. Its schema is `docs/report.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from omni_release.core.errors import OmniReleaseError
from omni_release.core.model import Finding, Outcome, Report, Severity, SignOff, Status

if TYPE_CHECKING:
    from omni_release.core.redaction import Redact


def document(report: Report) -> str:
    """The whole report."""
    content = {
        "lane": report.lane,
        "project": report.project,
        "version": report.version,
        "target": report.target,
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "seconds": report.seconds,
        "outcomes": [_outcome(outcome) for outcome in report.outcomes],
        "artifacts": [asdict(artifact) for artifact in report.artifacts],
        "run": report.run,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def error_document(lane: str, error: OmniReleaseError, redact: Redact) -> str:
    """What is printed in place of a report where a run could not begin."""
    content: dict[str, object] = {
        "lane": lane,
        "project": None,
        "version": None,
        "target": None,
        "verdict": "error",
        "exit_code": error.exit_code,
        "seconds": 0,
        "outcomes": [],
        "artifacts": [],
        "run": None,
        "error": {"message": redact(error.message), "hint": redact(error.hint)},
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def outcome_to(outcome: Outcome) -> str:
    """One outcome as JSON."""
    return json.dumps(_outcome(outcome), ensure_ascii=False)


def outcome_from(text: str | None) -> Outcome | None:
    """The outcome that `outcome_to` wrote; None for what this version did not write."""
    try:
        return _outcome_from(json.loads(text)) if text else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _outcome_from(read: dict[str, Any]) -> Outcome:
    findings = tuple(_finding_from(entry) for entry in read.pop("findings"))
    read["actions"] = tuple(read.get("actions", ()))
    return Outcome(**(read | {"status": Status(read["status"]), "findings": findings}))


def _outcome(outcome: Outcome) -> dict[str, object]:
    content: dict[str, object] = {
        "id": outcome.id,
        "title": outcome.title,
        "kind": outcome.kind,
        "status": outcome.status.value,
        "findings": [_finding(finding) for finding in outcome.findings],
        "remedy": outcome.remedy,
        "seconds": outcome.seconds,
        "evidence": dict(outcome.evidence),
    }
    return content | ({"actions": list(outcome.actions)} if outcome.actions else {})


def _finding(finding: Finding) -> Mapping[str, object]:
    return {
        "severity": finding.severity.value,
        "rule": finding.rule,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
    }


def _finding_from(entry: dict[str, object]) -> Finding:
    return Finding(**(entry | {"severity": Severity(entry["severity"])}))  # type: ignore[arg-type]  # read what we wrote


def committed(path: str, id: str, who: str) -> str:
    """That a sign-off stands in a file of the repository, to be committed."""
    return json.dumps({"path": path, "id": id, "who": who}, indent=2, ensure_ascii=False) + "\n"


def sign_off(signed: SignOff) -> str:
    """What a person has answered."""
    return json.dumps(asdict(signed), indent=2, ensure_ascii=False) + "\n"
