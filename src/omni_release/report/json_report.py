"""Report → one JSON document. Its schema is `docs/report.schema.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from omni_release.core.errors import OmniReleaseError
from omni_release.core.model import NOTHING_TESTED, Report, SignOff, Status
from omni_release.report import next_step

if TYPE_CHECKING:
    from omni_release.core.redaction import Redact


def document(report: Report) -> str:
    """The whole report."""
    from omni_release.core.documents import to_output
    from omni_release.core.journal import outcome_dict

    return to_output(
        {
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
            "next": next_step.after(report),
            **({"build": report.build} if report.build else {}),
        }
    )


def read(document: str) -> Report | None:
    """The report that `document` wrote; None for anything else, such as that of another version."""
    import msgspec

    try:
        content = json.loads(document)
        found = msgspec.convert(content, Report)
        skipped = tuple(outcome.id for outcome in found.outcomes if outcome.status is Status.SKIPPED)
        tests = skipped if content["verdict"] == NOTHING_TESTED else ()
        found = replace(found, interrupted=content["verdict"] == "interrupted", tests=tests)
        return found if found.verdict == content["verdict"] else None
    except (ValueError, KeyError, TypeError, RecursionError, msgspec.ValidationError):
        return None


def error_document(lane: str, error: OmniReleaseError, redact: Redact) -> str:
    """The document of a run that could not start: a report with an error and no outcomes."""
    from omni_release.core.documents import to_output

    return to_output(
        {
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
    )


def committed(path: str, id: str, who: str) -> str:
    """The document of a sign-off that was written to a file of the repository, to be committed."""
    from omni_release.core.documents import to_output

    return to_output({"path": path, "id": id, "who": who})


def sign_off(signed: SignOff) -> str:
    """The document of a sign-off that was recorded in a run."""
    from omni_release.core.documents import to_output

    return to_output(asdict(signed))
