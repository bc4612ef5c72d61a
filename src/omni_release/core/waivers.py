"""Waivers: accepted findings, in the settings or in a comment on the line itself. An expired waiver is an error.

A comment, in whatever form the file's language has:

    omni-release: allow RULE until 2027-01-31 because REASON
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date

from omni_release.core import renamed
from omni_release.core.errors import SettingsError, did_you_mean
from omni_release.core.model import Finding, Outcome, Project, Severity, Status
from omni_release.core.settings import TABLE, Waiver
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.tasks import CANNOT_BE_WAIVED, ENGINE_RULES, FORMER_NAME, Task

_COMMENT = re.compile(
    r"omni-release:\s*allow\s+(?P<rule>[\w/-]+)\s+until\s+(?P<until>\d{4}-\d\d-\d\d)\s+because\s+(?P<reason>\S.*?)(?=omni-release:|$)"
)

Name = str | re.Pattern[str]
"""The name of a check or a rule; a pattern for a family of rules that another program defines."""


def apply(outcome: Outcome, project: Project, today: date) -> Outcome:
    """The outcome with its waived errors and warnings as notices, and with each expired waiver as an error."""
    if outcome.status not in (Status.PASSED, Status.FAILED) or not any(map(_can_be_waived, outcome.findings)):
        return outcome
    if outcome.kind == "step" and outcome.status is Status.FAILED:
        return outcome  # a waiver accepts what a check found; it cannot do the work of a step
    findings = tuple(_waived(finding, outcome.id, project, today) for finding in outcome.findings)
    waived = (old for old, new in zip(outcome.findings, findings, strict=True) if new is not old)
    findings += tuple(_former_names(waived, outcome.id, project))
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    return dataclasses.replace(outcome, findings=findings, status=Status.FAILED if failed else Status.PASSED)


def refuse(outcome: Outcome, project: Project) -> Outcome:
    """The outcome of a check that cannot be waived: unchanged, but failed if a waiver names it or one of its rules."""
    if outcome.status not in (Status.PASSED, Status.FAILED):
        return outcome
    names = {outcome.id}.union(*(_names_of(f, outcome.id) for f in outcome.findings if _can_be_waived(f)))
    comments = (waiver for finding in outcome.findings for waiver in _in_comment(finding, project))
    refused = tuple(
        Finding(f"{waiver.check} cannot be waived: remove this waiver", f"{outcome.id}/{CANNOT_BE_WAIVED.id}")
        for waiver in (*project.settings.waiver, *comments)
        if waiver.check in names
    )
    if not refused:
        return outcome
    return dataclasses.replace(outcome, findings=(*outcome.findings, *refused), status=Status.FAILED)


def _can_be_waived(finding: Finding) -> bool:
    return finding.severity is not Severity.NOTICE


def _waived(finding: Finding, check: str, project: Project, today: date) -> Finding:
    """The finding as a notice if a waiver is for it, as an error if that waiver has expired, else unchanged."""
    if not _can_be_waived(finding):
        return finding
    for waiver in (*project.settings.waiver, *_in_comment(finding, project)):
        if waiver.check in _names_of(finding, check) and fnmatch.fnmatch(finding.path or "", waiver.path):
            expired = waiver.until < today
            reason = "which has passed: fix it, or renew the waiver" if expired else waiver.reason
            separator = "," if expired else ":"
            message = f"{finding.message}\n(waived until {waiver.until}{separator} {reason})"
            severity = Severity.ERROR if expired else Severity.NOTICE
            return dataclasses.replace(finding, message=message, severity=severity)
    return finding


def _names_of(finding: Finding, check: str) -> tuple[str, str, str]:
    """What a waiver may call a finding: its check, its rule with the check, and its rule alone."""
    return check, finding.rule, finding.rule.removeprefix(f"{check}/")


def _former_names(waived: Iterable[Finding], check: str, project: Project) -> Iterator[Finding]:
    """A warning for each comment with a former name on the lines of waived findings."""
    for path, line in dict.fromkeys((finding.path, finding.line) for finding in waived):
        for match in _comments(path, line, project):
            if (now := renamed.current(match["rule"])) != match["rule"]:
                rule = f"{check}/{FORMER_NAME.id}"
                yield Finding(renamed.notice(match["rule"], now), rule, Severity.WARNING, path, line)


def _in_comment(finding: Finding, project: Project) -> Iterator[Waiver]:
    """The waivers in comments on the line of a finding; none where the file cannot be read."""
    for match in _comments(finding.path, finding.line, project):
        try:
            until = date.fromisoformat(match["until"])
        except ValueError:
            continue
        yield Waiver(renamed.current(match["rule"]), match["reason"].rstrip(" -*/>#"), until)


def _comments(path: str | None, line: int | None, project: Project) -> Iterator[re.Match[str]]:
    """The comments with a waiver on a line of a file."""
    if path is None or line is None:
        return
    try:
        lines = (project.root / path).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return
    yield from _COMMENT.finditer(lines[line - 1] if line <= len(lines) else "")


def names(tasks: Iterable[Task]) -> Iterator[Name]:
    """What a waiver can name: the tasks, the rules that they declare, and those of the engine."""
    for task in tasks:
        yield task.id
        for rule in (*task.rules, *ENGINE_RULES):
            for id in (rule.id, f"{task.id}/{rule.id}"):
                yield re.compile(id) if rule.is_family else id


def validate(project: Project, *sources: Callable[[], Iterable[Name]]) -> None:
    """Check that each waiver of the settings names a check or a rule that exists.

    `sources` give the names that exist, the cheapest first; the next is asked only while a waiver is still unknown.
    Raises SettingsError for the first waiver that names nothing: it would waive nothing, silently.
    """
    known: set[Name] = set()
    unknown = list(project.settings.waiver)
    for source in (tuple, *sources):
        known |= set(source())
        patterns = [name for name in known if isinstance(name, re.Pattern)]
        unknown = [w for w in unknown if w.check not in known and not any(p.fullmatch(w.check) for p in patterns)]
        if not unknown:
            return
    name, number = unknown[0].check, project.settings.waiver.index(unknown[0])
    hint = did_you_mean(
        name,
        (known_name for known_name in known if isinstance(known_name, str)),
        "Name the id of a check, or the rule in [brackets] after a finding.",
    )
    line = pyproject_line(project.root, (TABLE, "waiver", number, "check"))
    message = f"`check` in [[{TABLE}.waiver]] names {name!r}, which is neither a check nor a rule"
    raise SettingsError(message, hint, path=project.root / "pyproject.toml", line=line)
