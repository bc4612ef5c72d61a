"""Which finding explains which."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from omni_release import lane_names
from omni_release.core import causes
from omni_release.core.model import Finding, Outcome, Release, Severity, Status
from omni_release.core.tasks import Rule, RuleClass, check, reports
from omni_release.core.world import World

WHEEL, SDIST = "acme-1.0-py3-none-any.whl", "acme-1.0.tar.gz"


@reports(Rule("hollow", RuleClass.RELEASE, "Wheel lacks the package"))
def cause(release: Release, world: World) -> Iterator[Finding]:
    """The cause"""
    yield from ()


@reports(Rule("lost", RuleClass.RELEASE, "File is missing", caused_by=("cause/hollow",)))
def effect(release: Release, world: World) -> Iterator[Finding]:
    """The effect"""
    yield from ()


def linked(found: Finding, hollow: Finding) -> str:
    """The cause of a finding of `effect`, beside one of `cause`."""
    outcomes = [
        Outcome("effect", "", "check", Status.FAILED, (found,)),
        Outcome("cause", "", "check", Status.FAILED, (hollow,)),
    ]
    return causes.link(outcomes, (check(cause), check(effect)))[0].findings[0].cause


HOLLOW = Finding("hollow", "cause/hollow", distribution=WHEEL, subjects=("acme/a.py", "acme/b.py"))


@pytest.mark.parametrize(
    ("found", "explained"),
    [
        (Finding("lost", "effect/lost", distribution=WHEEL, subjects=("acme/a.py",)), True),
        (Finding("lost", "effect/lost", distribution=WHEEL), True),
        (Finding("lost", "effect/lost", distribution=SDIST, subjects=("acme/a.py",)), True),
        (Finding("lost", "effect/lost", Severity.WARNING, distribution=WHEEL), True),
        (Finding("lost", "effect/lost", distribution=WHEEL, subjects=("acme/a.py", "other/c.py")), False),
        (Finding("lost", "effect/lost", distribution="acme-1.0-cp311-cp311-win_amd64.whl"), False),
        (Finding("lost", "effect/lost", distribution="acme-1.1.tar.gz"), False),
        (Finding("lost", "effect/lost"), False),
        (Finding("lost", "effect/other", distribution=WHEEL), False),
        (Finding("lost", "effect/lost", Severity.NOTICE, distribution=WHEEL), False),
    ],
)
def test_explained(found: Finding, explained: bool) -> None:
    """A declared relation holds for the same distribution, or the sdist that it was built from, and nothing else."""
    assert linked(found, HOLLOW) == ("cause/hollow" if explained else "")


@pytest.mark.parametrize(("severity", "kept"), [(Severity.ERROR, True), (Severity.NOTICE, False)])
def test_cause_that_a_check_states(severity: Severity, kept: bool) -> None:
    """A check can state the cause itself; it holds while that is an error."""
    stated = Finding("the same", "effect/lost", cause="cause/hollow")
    assert bool(linked(stated, Finding("hollow", "cause/hollow", severity))) is kept


def test_waived_cause() -> None:
    """What is no error explains nothing: the effect stays a problem of its own."""
    waived = Finding("hollow", "cause/hollow", Severity.NOTICE, distribution=WHEEL)
    assert linked(Finding("lost", "effect/lost", distribution=WHEEL), waived) == ""


def test_declared_relations() -> None:
    """Each relation names a rule that exists; where that is an effect itself, its causes come first."""
    rules = {f"{task.id}/{rule.id}": rule for lane in lane_names.every() for task in lane.tasks for rule in task.rules}
    for rule in rules.values():
        for name in rule.caused_by:
            causes_of_it = [rules[known] for known in rules if known == name or re.fullmatch(name, known)]
            assert causes_of_it, name
            before = rule.caused_by[: rule.caused_by.index(name)]
            assert all({*cause.caused_by} <= {*before} for cause in causes_of_it), name
