"""A run beside the one before it: which findings are new, gone, and the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omni_release.core.documents import read_json
from omni_release.core.errors import Inconclusive
from omni_release.core.journal import RunFolder, outcome_dict
from omni_release.core.model import Release, Report
from omni_release.report.page_facts import ComparedFinding, EarlierRun

# What differs between two runs that found the same: how long something took, and the folders of a run.
_PASSING = re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s)\b|\b\d{8}-\d{6}-\d{3}\b|omni-release-[0-9a-f]{16}")
_MOST = 200  # findings of each kind


def compare(report: Report, release: Release, runs: Iterable[RunFolder]) -> EarlierRun | None:
    """The comparison with the newest older run that has a report of the same lane; None without one."""
    inside = release.records.relative_to(release.folder)
    for run in runs:
        if run.path.name < release.folder.name:
            earlier = _report(run.path / inside)
            if earlier.get("lane") == report.lane:
                try:
                    return _comparison(report, earlier, run)
                except (KeyError, TypeError, ValueError, AttributeError):  # another version wrote it
                    return None
    return None


def _report(folder: Path) -> Mapping[str, Any]:
    try:
        found = read_json(folder / "report.json")
    except Inconclusive:
        return {}
    return found if isinstance(found, dict) else {}


def _comparison(report: Report, earlier: Mapping[str, Any], run: RunFolder) -> EarlierRun:
    outcomes = [outcome_dict(outcome) for outcome in report.outcomes]
    now, before = Counter(_findings(outcomes)), Counter(_findings(earlier["outcomes"]))
    new, gone = (now - before).elements(), (before - now).elements()
    statuses = {str(outcome.get("id")): str(outcome.get("status")) for outcome in earlier["outcomes"]}
    ended = [event for event in run.ended() if event["lane"] == report.lane]
    hashes = {artifact.sha256 for artifact in report.artifacts}
    their_hashes = {artifact.get("sha256") for artifact in earlier.get("artifacts", ())}
    return EarlierRun(
        run.path.name,
        str(earlier.get("verdict")),
        str(ended[-1]["at"]) if ended else "",
        float(earlier.get("seconds") or 0),
        tuple(new)[:_MOST],
        tuple(gone)[:_MOST],
        (now & before).total(),
        tuple(
            (outcome.id, statuses[outcome.id], outcome.status.value)
            for outcome in report.outcomes
            if statuses.get(outcome.id, outcome.status.value) != outcome.status.value
        ),
        hashes == their_hashes if hashes and their_hashes else None,
    )


def _findings(outcomes: Iterable[Mapping[str, Any]]) -> Iterator[ComparedFinding]:
    """The errors and warnings of a report, without what differs in every run, and without lines."""
    for outcome in outcomes:
        for finding in outcome["findings"]:
            if finding["severity"] != "notice" and outcome["status"] not in ("skipped", "planned"):
                message = _PASSING.sub("…", str(finding["message"]).partition("\n")[0])
                where = str(finding["path"] or "")
                yield ComparedFinding(str(finding["rule"] or outcome["id"]), str(finding["severity"]), where, message)
