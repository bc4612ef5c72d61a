"""Checklists: is each of them one, and is each of their items answered?"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from omni_release import checklists
from omni_release.checklists import FOLDER, RULE, Checklist, Item, sign_offs
from omni_release.core.errors import Inconclusive, NeedsPerson, NotApplicable
from omni_release.core.model import REHEARSAL, Finding, Release, Severity, Status
from omni_release.core.world import World

_NONE = f"the project has no {FOLDER}/: `omni-release checklist init` writes the usual ones"


def checklists_valid(release: Release, world: World) -> Iterator[Finding]:
    """Each checklist can be read, and names checks that there are; so does each sign-off in the repository.

    Mend the line that is named. `omni-release explain CHECK` says whether there is such a check.
    """
    found = checklists.read(release.project.root)
    if not found:
        raise NotApplicable(_NONE)
    known = world.task_ids()
    for one in found:
        yield from one.problems
        for item in one.items:
            if item.check and item.check not in known:
                yield _unknown(item, known)
    today = world.clock.now().date()
    current = sign_offs.released(release, world)
    yield from sign_offs.problems(release.project.root, known, today, current)


def before_release_answered(release: Release, world: World) -> Iterator[Finding]:
    """Each item of the checklists for before a release is answered.

    An item that waits stands above, with its question: `omni-release sign ITEM --reason "…"` answers it, or a file of
    the repository does (docs/checklists.md). One that names a check is answered when that has passed in this run.
    """
    return _answered(release, world, "before")


def after_release_answered(release: Release, world: World) -> Iterator[Finding]:
    """Each item of the checklists for after a release is answered.

    An item that waits stands above, with its question: `omni-release sign ITEM --reason "…"`.
    """
    return _answered(release, world, "after")


def _answered(release: Release, world: World, when: str) -> Iterator[Finding]:
    """Nothing is found where this is reached at all: each item is a task of its own, which must have passed before."""
    of_moment = [one for one in checklists.read(release.project.root) if one.when == when]
    if not of_moment:
        raise NotApplicable(_NONE)
    for one in of_moment:
        for item in one.items:
            _must_be_known(item, release, world)
    number = sum(len(one.items) for one in of_moment)
    yield Finding(f"{number} items in {len(of_moment)} lists", RULE, Severity.NOTICE)


@dataclass(frozen=True)
class ItemIsAnswered:
    """The check that one item is answered: by the check that it names, or by a person."""

    item: Item

    def __call__(self, release: Release, world: World) -> Iterator[Finding]:
        item = self.item
        _must_be_known(item, release, world)
        if not item.check:
            raise NeedsPerson(item.asks, _then(release))
        if item.check not in (known := world.task_ids()):
            yield _unknown(item, known)
            return
        status, why = checklists.by_check(item, world.journal.last_status(item.check, release.target))
        if status is Status.FAILED:
            yield Finding(why, RULE, path=item.path, line=item.line)
        elif status is Status.INCONCLUSIVE:
            raise Inconclusive(why)
        elif status is Status.WAITING:
            raise NeedsPerson(f"{item.asks}\n{why}", _then(release))


@dataclass(frozen=True)
class ChecklistIsReadable:
    """The check that nothing is wrong with a checklist: what cannot be read is never taken for answered."""

    checklist: Checklist

    def __call__(self, release: Release, world: World) -> Iterator[Finding]:
        yield from self.checklist.problems


def _must_be_known(item: Item, release: Release, world: World) -> None:
    """Raises NotApplicable where only a run could tell: nothing is built, and the repository has no answer."""
    if release.target == REHEARSAL or world.journal.artifacts():
        return
    version = sign_offs.released(release, world)
    signed, _ = sign_offs.answer(item.id, release.project.root, version, world.journal, world.clock.now().date())
    if signed is None:
        raise NotApplicable("not asked: it needs a run, whose artifacts an answer is about")


def _then(release: Release) -> str:
    """How a release goes on once a person has signed: with this run, whose artifacts were signed."""
    if release.target == REHEARSAL or not release.folder.is_dir():
        return ""
    return f"Then go on with this very run: --run {release.folder.name}"


def _unknown(item: Item, known: frozenset[str]) -> Finding:
    near = difflib.get_close_matches(item.check, known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else "`omni-release explain` knows those that there are."
    return Finding(f"there is no check {item.check!r}: {hint}", RULE, path=item.path, line=item.line)
