"""Which finding explains which: a declared relation between rules, held against what the findings are about.

A wheel without its modules fails in five checks. `Rule.caused_by` has patterns of the rules that can explain a finding.
They do where both are about the same distribution, and all subjects of the effect are among those of the cause. The
first rule that does is the cause.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from omni_release.core.model import Finding, Outcome, Severity
from omni_release.core.tasks import Rule, Task


def link(outcomes: Sequence[Outcome], tasks: Iterable[Task]) -> tuple[Outcome, ...]:
    """The outcomes, each finding with its `cause` where an error of the same run explains it."""
    relations = [(task.id, rule) for task in tasks for rule in task.rules if rule.caused_by]
    errors = [finding for outcome in outcomes for finding in outcome.findings if finding.severity is Severity.ERROR]
    return tuple(
        dataclasses.replace(
            outcome, findings=tuple(_with_cause(finding, outcome.id, relations, errors) for finding in outcome.findings)
        )
        for outcome in outcomes
    )


def _with_cause(
    finding: Finding, check: str, relations: Sequence[tuple[str, Rule]], errors: Sequence[Finding]
) -> Finding:
    name = finding.rule.removeprefix(f"{check}/")
    rules = (rule for task, rule in relations if task == check and re.fullmatch(rule.id, name))
    allowed = dict.fromkeys(cause for rule in rules for cause in rule.caused_by)
    if finding.cause:  # stated by the check itself, which holds while that is an error
        stated = any(error.rule == finding.cause for error in errors)
        return finding if stated else dataclasses.replace(finding, cause="")
    if finding.severity is Severity.NOTICE or not allowed:
        return finding
    possible = (error for rule in allowed for error in errors if re.fullmatch(rule, _full_name(error.rule)))
    cause = next((error for error in possible if _explains(error, finding)), None)
    return dataclasses.replace(finding, cause=cause.rule) if cause else finding


def _full_name(rule: str) -> str:
    """`check/rule`, also for a rule that is called as its check is."""
    return rule if "/" in rule else f"{rule}/{rule}"


def _explains(cause: Finding, effect: Finding) -> bool:
    """Whether both are about one file, or an sdist and the wheel made of it, and the effect about nothing else."""
    files = {cause.distribution, effect.distribution}
    one_build = len({_release_of(name) for name in files}) == 1 and any(name.endswith(".tar.gz") for name in files)
    return cause != effect and (len(files) == 1 or one_build) and set(effect.subjects) <= set(cause.subjects)


def _release_of(distribution: str) -> tuple[str, ...]:
    """The name and the version in a distribution's file name, as they are spelled there."""
    return tuple(distribution.removesuffix(".tar.gz").split("-")[:2])
