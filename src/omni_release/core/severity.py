"""What blocks a release, and what is advice: the class of a finding's rule, and the settings `strict` and `severity`.

A finding of a release rule has the severity that its check gives it. One of a quality rule is a warning at most, unless
the settings ask for more. The most specific entry of `severity` wins: rule, check, family, then `strict`.

A rule in preview, of either class, is a warning at most unless an entry names the rule itself, so that an upgrade fails
no pipeline. Neither `strict` nor an entry for its check or family makes it an error.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from omni_release.core.errors import SettingsError, did_you_mean
from omni_release.core.model import Finding, Outcome, Project, Severity, Status
from omni_release.core.settings import TABLE, Settings, SeverityLevel
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.tasks import ENGINE_RULES, Rule, RuleClass, Task

_OFF = "off"


def apply(outcome: Outcome, task: Task, settings: Settings) -> Outcome:
    """The outcome of a check with the severities that the settings ask for; failed where an error remains."""
    if outcome.status not in (Status.PASSED, Status.FAILED) or not outcome.findings:
        return outcome
    findings: list[Finding] = []
    off: dict[str, list[SeverityLevel]] = {}
    for finding in outcome.findings:
        level = _level(finding, task, settings)
        if level is None or finding.severity is Severity.NOTICE:
            findings.append(finding)
        elif level.level == _OFF:
            off.setdefault(finding.rule, []).append(level)
        elif level.level == "error":
            findings.append(dataclasses.replace(finding, severity=Severity.ERROR))
        elif level is _PREVIEW and finding.severity is Severity.ERROR and _blocks_later(finding, task, settings):
            message = f"{finding.message}\n(preview: an error from the next minor version on)"
            findings.append(dataclasses.replace(finding, message=message, severity=Severity.WARNING))
        else:
            findings.append(dataclasses.replace(finding, severity=Severity.WARNING))
    for rule, levels in off.items():
        number = "1 finding is" if len(levels) == 1 else f"{len(levels)} findings are"
        findings.append(Finding(f"{number} off: {levels[0].reason}", rule, Severity.NOTICE))
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    status = Status.FAILED if failed else Status.PASSED
    return dataclasses.replace(outcome, findings=tuple(findings), status=status)


def can_block(task: Task, settings: Settings) -> bool:
    """Whether a finding of this task can be an error. A task that declares no rules always can."""
    settled = [rule for rule in task.rules if not rule.preview]
    if not task.rules or any(rule.kind is RuleClass.RELEASE for rule in settled):
        return True
    general = (task.id, task.family)
    levels = [_configured((f"{task.id}/{rule.id}", rule.id, *general), settings) for rule in settled]
    by_name = (_configured((f"{task.id}/{rule.id}", rule.id), settings) for rule in task.rules if rule.preview)
    if any(level is not None and level.level == "error" for level in by_name):
        return True
    return any(level.level == "error" if level else settings.strict for level in levels)


def off_reason(task: Task, settings: Settings) -> str | None:
    """The reason why a check need not run: the settings turn it off, and all its rules are of quality."""
    if not task.rules or any(rule.kind is RuleClass.RELEASE for rule in task.rules):
        return None
    entry = _configured((task.id, task.family), settings)
    if entry is None or entry.level != _OFF:
        return None
    within = [name for name in settings.severity if name.startswith(f"{task.id}/") or _rule_named(task, name)]
    return None if within else entry.reason


def _level(finding: Finding, task: Task, settings: Settings) -> SeverityLevel | None:
    """The level of a finding of a quality rule, or of one in preview; None where the finding keeps its severity."""
    bare = finding.rule.removeprefix(f"{task.id}/")
    rule = None if finding.configured else _rule_named(task, bare)
    if rule is not None and rule.preview:
        general = _configured((task.id, task.family), settings)
        is_off = rule.kind is RuleClass.QUALITY and general is not None and general.level == _OFF
        return _configured((finding.rule, bare), settings) or (general if is_off else _PREVIEW)
    if not is_quality(finding, task):
        return None
    if entry := _configured((finding.rule, bare, task.id, task.family), settings):
        return entry
    return None if settings.strict else SeverityLevel("warning")


_PREVIEW = SeverityLevel("warning")


def _blocks_later(finding: Finding, task: Task, settings: Settings) -> bool:
    """Whether a finding of a rule in preview would be an error without that."""
    if not is_quality(finding, task):
        return True
    entry = _configured((task.id, task.family), settings)
    return entry.level == "error" if entry else settings.strict


def is_quality(finding: Finding, task: Task) -> bool:
    """Whether a finding of this task is of a quality rule, and not of what the project itself configured."""
    bare = finding.rule.removeprefix(f"{task.id}/")
    return not finding.configured and _class_of(bare, task) is RuleClass.QUALITY


def _class_of(rule: str, task: Task) -> RuleClass:
    """The declared class of a rule. One that is not declared is of quality; of release if the check declares none.

    A finding without a rule of its own is of release where one of the check's rules is.
    """
    if not task.rules:
        return RuleClass.RELEASE
    if rule == task.id:
        release = any(declared.kind is RuleClass.RELEASE for declared in task.rules)
        return RuleClass.RELEASE if release else RuleClass.QUALITY
    named = _rule_named(task, rule)
    return named.kind if named else RuleClass.QUALITY


def _rule_named(task: Task, name: str) -> Rule | None:
    return next((rule for rule in (*task.rules, *ENGINE_RULES) if re.fullmatch(rule.id, name)), None)


def _configured(names: Iterable[str], settings: Settings) -> SeverityLevel | None:
    """The entry of `severity` for the first of these names that has one."""
    return next((settings.severity[name] for name in names if name in settings.severity), None)


@dataclass(frozen=True)
class Name:
    """A name that an entry of `severity` can have, or cannot: the id of a check, a rule or a family.

    `pattern` is a regular expression: another program may define the rules of a check.
    """

    pattern: str
    kind: RuleClass


def names(tasks: Iterable[Task]) -> Iterator[Name]:
    """The names of these tasks, their rules and their families. A check with both classes of rules is of quality."""
    for task in tasks:
        classes = {rule.kind for rule in task.rules}
        kind = RuleClass.QUALITY if RuleClass.QUALITY in classes else RuleClass.RELEASE
        yield Name(re.escape(task.id), kind)
        yield Name(re.escape(task.family), kind)
        for rule in task.rules:
            kind = RuleClass.QUALITY if rule.preview else rule.kind  # in preview the settings decide on either
            yield Name(rule.id, kind)
            yield Name(f"{re.escape(task.id)}/{rule.id}", kind)


def validate(project: Project, *sources: Callable[[], Iterable[Name]]) -> None:
    """Check that each entry of `severity` names a quality rule, or a check or family that has one.

    `sources` give the names that exist, the cheapest first; the next is asked only while an entry is still unknown.
    Raises SettingsError for the first entry that names nothing, or names what is only of release: that can be waived.
    """
    known: list[Name] = []
    entries = dict.fromkeys(project.settings.severity)
    for source in sources:
        if not entries:
            return
        known += source()
        quality = [name.pattern for name in known if name.kind is RuleClass.QUALITY]
        entries = {entry: None for entry in entries if not any(re.fullmatch(id, entry) for id in quality)}
    for entry in entries:
        keys = (TABLE, "severity", entry)
        line = pyproject_line(project.root, keys)
        path = project.root / "pyproject.toml"
        subject = f"`{entry}` in [{TABLE}.severity]"
        if any(re.fullmatch(name.pattern, entry) for name in known):
            hint = f"Accept a single finding until a day: add a [[{TABLE}.waiver]]."
            message = f"{subject} always blocks: it is about what ships, or a rule of your own"
            raise SettingsError(message, hint, path=path, line=line)
        names = (name.pattern.replace("\\", "") for name in known if name.kind is RuleClass.QUALITY)
        plain = (name for name in names if re.fullmatch(r"[\w/-]+", name))
        hint = did_you_mean(entry, plain, "Name a rule, a check or a family: run `omni-release explain`.")
        message = f"{subject} is neither a rule, nor a check, nor a family"
        raise SettingsError(message, hint, path=path, line=line)
