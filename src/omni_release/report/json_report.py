"""Report → one JSON document. Its schema is `docs/report.schema.json`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from omni_release.core.errors import OmniReleaseError
from omni_release.core.journal import outcome_dict
from omni_release.core.model import Report, SignOff

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
        "outcomes": [outcome_dict(outcome) for outcome in report.outcomes],
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


def committed(path: str, id: str, who: str) -> str:
    """That a sign-off stands in a file of the repository, to be committed."""
    return json.dumps({"path": path, "id": id, "who": who}, indent=2, ensure_ascii=False) + "\n"


def sign_off(signed: SignOff) -> str:
    """What a person has answered."""
    return json.dumps(asdict(signed), indent=2, ensure_ascii=False) + "\n"
