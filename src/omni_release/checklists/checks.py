"""Checks of the checklists: each file is valid, and each item is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from omni_release import checklists, distributions
from omni_release.checklists import FOLDER, RULE, Checklist, Item, sign_offs
from omni_release.core.errors import Inconclusive, NeedsPerson, NotApplicable, did_you_mean
from omni_release.core.model import REHEARSAL, Finding, Release, Severity, Status
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import counted
from omni_release.core.world import World

_NO_CHECKLISTS = f"the project has no {FOLDER}/: `omni-release checklist init` writes the usual ones"

# An unanswered or invalid item means that the release is not verified, whatever the item is about.
_CHECKLIST = Rule(RULE, RuleClass.RELEASE, "Checklist or sign-off is invalid, or an item fails")


@reports(_CHECKLIST)
def checklists_valid(release: Release, world: World) -> Iterator[Finding]:
    """Checklists and sign-offs are valid

    Every file in checklists/ and checklists/signed/ can be read and names only checks and items that exist.

    Fix: correct the reported line; `omni-release explain` lists all checks.
    """
    lists = checklists.read(release.project.root)
    if not lists:
        raise NotApplicable(_NO_CHECKLISTS)
    known = world.task_ids()
    for checklist in lists:
        yield from checklist.problems
        for item in checklist.items:
            if item.check and item.check not in known:
                yield _unknown_check(item, known)
    today = world.clock.now().date()
    version = distributions.version_to_release(release.version, world.journal.artifacts())
    yield from sign_offs.problems(release.project.root, known, today, version)


@reports(_CHECKLIST)
def before_release_answered(release: Release, world: World) -> Iterator[Finding]:
    """Checklists before the release are answered

    Every item of the checklists with `when = "before"` is answered, by its check or by a person.

    Fix: answer each waiting item with `omni-release sign ITEM --reason "…"`, or with a file in checklists/signed/.
    """
    return _answered(release, world, "before")


@reports(_CHECKLIST)
def after_release_answered(release: Release, world: World) -> Iterator[Finding]:
    """Checklists after the release are answered

    Every item of the checklists with `when = "after"` is answered, by its check or by a person.

    Fix: answer each waiting item with `omni-release sign ITEM --reason "…"`, or with a file in checklists/signed/.
    """
    return _answered(release, world, "after")


def _answered(release: Release, world: World, phase: str) -> Iterator[Finding]:
    """The number of items, as a notice: each item is a task of its own, which has passed before this check runs."""
    lists = [checklist for checklist in checklists.read(release.project.root) if checklist.when == phase]
    if not lists:
        raise NotApplicable(_NO_CHECKLISTS)
    for checklist in lists:
        for item in checklist.items:
            _require_answerable(item, release, world)
    number = sum(len(checklist.items) for checklist in lists)
    yield Finding(f"{counted(number, 'item')} in {counted(len(lists), 'list')}", RULE, Severity.NOTICE)


@reports(_CHECKLIST)
@dataclass(frozen=True)
class ItemAnswered:
    """The check of one item: the check that it names passed, or a person answered."""

    item: Item

    def __call__(self, release: Release, world: World) -> Iterator[Finding]:
        item = self.item
        _require_answerable(item, release, world)
        resume = ""
        if release.target != REHEARSAL and release.folder.is_dir():
            resume = f"Then resume this run, whose artifacts are signed: --run {release.folder.name}"
        if not item.check:
            raise NeedsPerson(item.asks, resume)
        if item.check not in (known := world.task_ids()):
            yield _unknown_check(item, known)
            return
        check_status = world.journal.last_status(item.check, release.target)
        status, reason = checklists.status_by_check(item, check_status)
        if status is Status.FAILED:
            yield Finding(reason, RULE, path=item.path, line=item.line)
        elif status is Status.INCONCLUSIVE:
            raise Inconclusive(reason, f"Run `omni-release explain {item.check}`, and run that check again.")
        elif status is Status.WAITING:
            raise NeedsPerson(f"{item.asks}\n{reason}", resume)


@reports(_CHECKLIST)
@dataclass(frozen=True)
class ChecklistReadable:
    """The check that a checklist has no errors: an item that cannot be read never counts as answered."""

    checklist: Checklist

    def __call__(self, release: Release, world: World) -> Iterator[Finding]:
        yield from self.checklist.problems


def _require_answerable(item: Item, release: Release, world: World) -> None:
    """Raise NotApplicable where only a run could answer: nothing is built, and no committed sign-off answers."""
    if release.target == REHEARSAL or world.journal.artifacts():
        return
    sign_off, _ = sign_offs.answer_for(item.id, release, world, world.clock.now().date())
    if sign_off is None:
        raise NotApplicable("needs a run, because a sign-off applies to its artifacts")


def _unknown_check(item: Item, known: frozenset[str]) -> Finding:
    hint = did_you_mean(item.check, known, "`omni-release explain` lists all checks.")
    return Finding(f"unknown check {item.check!r}\n{hint}", RULE, path=item.path, line=item.line)
