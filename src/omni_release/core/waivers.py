"""One way to say "I know, go on": in the settings, or in place beside the line. An expired waiver is a failure.

In place, in whatever comment the file's language has:

    omni-release: allow RULE until 2027-01-31 because REASON
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable
from datetime import date

from omni_release.core.errors import SettingsError
from omni_release.core.model import Finding, Outcome, Project, Severity, Status
from omni_release.core.settings import TABLE, Waiver
from omni_release.core.settings_reader import pyproject_line

_IN_PLACE = re.compile(
    r"omni-release:\s*allow\s+(?P<rule>[\w/-]+)\s+until\s+(?P<until>\d{4}-\d\d-\d\d)\s+because\s+(?P<reason>\S.*?)(?=omni-release:|$)"
)


_REFUSED = "cannot-be-waived"


def refused(outcome: Outcome, project: Project) -> Outcome:
    """The outcome of a check that cannot be waived: as it is, and failed where a waiver names it or what it found."""
    found = outcome.findings
    names = {outcome.id}.union(*(_names(outcome.id, f) for f in found if f.severity is not Severity.NOTICE))
    beside = (waiver for finding in found for waiver in _beside(finding, project))
    told = tuple(
        Finding(
            f"{waiver.check} cannot be waived: take that waiver out, it has no effect",
            f"{outcome.id}/{_REFUSED}",
            Severity.ERROR,
        )
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
        if waiver.check not in _names(check, finding) or not fnmatch.fnmatch(finding.path or "", waiver.path):
            continue
        if waiver.until < today:
            said = f"{finding.message}\n(waived until {waiver.until}, which has passed: mend it, or renew the waiver)"
            return dataclasses.replace(finding, message=said, severity=Severity.ERROR)
        said = f"{finding.message}\n(waived until {waiver.until}: {waiver.reason})"
        return dataclasses.replace(finding, message=said, severity=Severity.NOTICE)
    return finding


def _names(check: str, finding: Finding) -> tuple[str, str, str]:
    """What a waiver may call a finding: its check, its rule, and the rule without the check."""
    return check, finding.rule, finding.rule.removeprefix(f"{check}/")


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


_FOUND = """
    added-by-sdist artifact-metadata artifact-name artifact-unreadable artifact-version binary build-system
    cannot-be-waived cassette-age cassette-empty cassette-fault cassette-provenance cassette-secret cassette-size
    cassette-unplayed cassette-unreadable cassette-unused cassette-unwritten changed-since changelog-heading checklist
    command commit-changed contract-emulated credentials-malformed credentials-missing defect deprecated
    deprecated-dependency deprecated-import deprecation does-not-parse drift-alphabet drift-encoding drift-gone
    drift-mime-type drift-new drift-optional drift-padding drift-signature drift-type drift-unseen drift-value
    entry-point exit-code-lost generated git-branch git-changed git-identity git-no-push git-out-of-step git-overlooked
    hidden-for-ever hollow-wheel import-elsewhere import-fails import-nothing import-package installed-version
    key-inside left-out-of-sdist local-environment local-environment-unseen lost-data lost-in-sdist lost-module
    lower-bound model-does-not-answer model-name-computed model-shut-down model-shuts-down model-unknown model-unread
    model-untold no-rules not-passed not-rehearsed not-reproducible not-utf-8 os-error platform-wheel project-page
    pyproject release-too-old requires-python response-class response-model response-unread response-unrecorded
    rule-does-not-parse scenario-failed scenario-inconclusive scenarios-ended sdist-differs standard-library stray-file
    stray-version tag-elsewhere tag-gone tag-lightweight tag-name tag-signed tag-spelled-otherwise tag-there test-failed
    test-requirement-missing tests-ended too-large twine-check undeclared unmaintained unreadable untracked-in-sdist
    unused verify-command version-drift version-is-taken version-unreadable vulnerability
    BLE001 E722 S110 S112 S113 TRY203
"""

FOUND = frozenset(_FOUND.split())
"""What findings are called, beside the ids of tasks and the rules of the audit."""


# What check-wheel-contents finds, what deptry may find one day, and what an index refuses.
_FAMILIES = re.compile(r"W\d{3}|dep\d{3}|index-[a-z-]+")


def validate(project: Project, *sources: Callable[[], Iterable[str]]) -> None:
    """Check that each waiver of the settings names a check, or a rule, that exists.

    `sources` give the names that exist, the cheapest first; the next is asked only where a waiver is still unknown.
    Raises SettingsError for the first waiver that names nothing: it would waive nothing, silently.
    """
    known = set(FOUND)
    unknown = list(project.settings.waiver)
    for source in (tuple, *sources):
        known |= set(source())
        unknown = [w for w in unknown if w.check not in known and not _FAMILIES.fullmatch(w.check)]
        if not unknown:
            return
    raise _error(project, project.settings.waiver.index(unknown[0]), known)


def _error(project: Project, number: int, known: Iterable[str]) -> SettingsError:
    named = project.settings.waiver[number].check
    path = project.root / "pyproject.toml"
    line = pyproject_line(project.root, (TABLE, "waiver", number, "check"))
    near = difflib.get_close_matches(named, sorted(known), 1, 0.5)
    hint = f"Did you mean `{near[0]}`?" if near else "Name a check's id, or what stands in [brackets] after a finding."
    said = f"`check` in [[{TABLE}.waiver]] names {named!r}: there is no such check, and no such finding"
    return SettingsError(said, hint, path=path, line=line)
