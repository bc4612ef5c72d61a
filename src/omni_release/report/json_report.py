"""Report → one JSON document. Its schema is `docs/report.schema.json`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from omni_release.core.documents import to_json
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
    return to_json(content)


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
    return to_json(content)


def committed(path: str, id: str, who: str) -> str:
    """That a sign-off stands in a file of the repository, to be committed."""
    return to_json({"path": path, "id": id, "who": who})


def sign_off(signed: SignOff) -> str:
    """What a person has answered."""
    return to_json(asdict(signed))
