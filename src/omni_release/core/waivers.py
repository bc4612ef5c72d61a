"""One way to say "I know, go on": in the settings, or in place beside the line. An expired waiver is a failure.

In place, in whatever comment the file's language has:

    omni-release: allow RULE until 2027-01-31 because REASON
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from datetime import date

from omni_release.core.model import Finding, Outcome, Project, Severity, Status
from omni_release.core.settings import Waiver

_IN_PLACE = re.compile(
    r"omni-release:\s*allow\s+(?P<rule>[\w-]+)\s+until\s+(?P<until>\d{4}-\d\d-\d\d)\s+because\s+(?P<reason>\S.*?)(?=omni-release:|$)"
)

_REFUSED = "cannot-be-waived"


def refused(outcome: Outcome, project: Project) -> Outcome:
    """The outcome of a check that cannot be waived: as it is, and failed where a waiver names it or what it found."""
    found = outcome.findings
    names = {outcome.id, *(finding.rule for finding in found if finding.severity is not Severity.NOTICE)}
    beside = (waiver for finding in found for waiver in _beside(finding, project))
    told = tuple(
        Finding(f"{waiver.check} cannot be waived: take that waiver out, it has no effect", _REFUSED, Severity.ERROR)
        for waiver in (*project.settings.waiver, *beside)
        if waiver.check in names
    )
    if not told or outcome.status not in (Status.PASSED, Status.FAILED):
        return outcome
    return dataclasses.replace(outcome, findings=(*found, *told), status=Status.FAILED)


def applied(outcome: Outcome, project: Project, today: date) -> Outcome:
    """The outcome, with its waived errors and warnings turned into notices, and each expired waiver into an error."""
    if not any(finding.severity is not Severity.NOTICE for finding in outcome.findings):
        return outcome
    if outcome.status not in (Status.PASSED, Status.FAILED):
        return outcome
    if outcome.kind == "step" and outcome.status is Status.FAILED:
        return outcome  # a waiver knows better than a check; it does no work that was not done
    findings = tuple(_one(finding, outcome.id, project, today) for finding in outcome.findings)
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    return dataclasses.replace(outcome, findings=findings, status=Status.FAILED if failed else Status.PASSED)


def _one(finding: Finding, check: str, project: Project, today: date) -> Finding:
    if finding.severity is Severity.NOTICE:
        return finding
    for waiver in (*project.settings.waiver, *_beside(finding, project)):
        if waiver.check not in (check, finding.rule) or not fnmatch.fnmatch(finding.path or "", waiver.path):
            continue
        if waiver.until < today:
            said = f"{finding.message}\n(waived until {waiver.until}, which has passed: mend it, or renew the waiver)"
            return dataclasses.replace(finding, message=said, severity=Severity.ERROR)
        said = f"{finding.message}\n(waived until {waiver.until}: {waiver.reason})"
        return dataclasses.replace(finding, message=said, severity=Severity.NOTICE)
    return finding


def _beside(finding: Finding, project: Project) -> tuple[Waiver, ...]:
    if finding.path is None or finding.line is None:
        return ()
    try:
        lines = (project.root / finding.path).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ()
    line = lines[finding.line - 1] if finding.line <= len(lines) else ""
    found = []
    for match in _IN_PLACE.finditer(line):
        try:
            until = date.fromisoformat(match["until"])
        except ValueError:
            continue
        found.append(Waiver(match["rule"], match["reason"].rstrip(" -*/>#"), until))
    return tuple(found)
