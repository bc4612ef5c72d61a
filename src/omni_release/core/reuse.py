"""Outcomes of earlier runs: found by what a task depends on, put back in place of a step's actions, and kept."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from omni_release.core.cache import Inputs
from omni_release.core.errors import Inconclusive
from omni_release.core.model import REHEARSAL, Cached, Outcome, Release
from omni_release.core.performing import perform
from omni_release.core.tasks import Key, Reusable, Task
from omni_release.core.world import World


def inputs_of(task: Task, key: Key | None, release: Release, world: World) -> Inputs | None:
    """What the outcome of a task depends on; None where nothing of it is used again, or it cannot be known."""
    if key is None or world.outcomes is None:
        return None
    try:
        return key(release, world)
    except Exception as error:  # noqa: BLE001 - what tests have written is read here; the task itself shows what is wrong
        world.journal.record("not-kept", task=task.id, reason=f"{type(error).__name__}: {error}")
        return None


def keep(task: Task, outcome: Outcome, inputs: Inputs, release: Release, world: World) -> None:
    """Keep a passed outcome for later runs, with what it has used; not where that is unknown, or has changed."""
    assert world.outcomes is not None
    try:
        used, made = None, None
        if isinstance(task.body, Reusable):
            made = task.body.made(release, world)
        elif task.used:
            used = task.used(release, world, inputs)
        elif task.key and task.key(release, world) != inputs:
            raise Inconclusive("its inputs have changed in the meantime", "The next run determines it again.")
        if used is not None or not task.used:
            world.outcomes.keep(outcome, inputs, used, made)
    except Exception as error:  # noqa: BLE001 - the outcome is the same: it is only slower the next time
        world.journal.record("not-kept", task=task.id, reason=f"{type(error).__name__}: {error}")


def put_back_before(task: Task, release: Release, world: World) -> Cached | None:
    """Where the result of a step that is done comes from, if this run has put it back before."""
    if release.target != REHEARSAL or not isinstance(task.body, Reusable):
        return None
    run, at = world.journal.cached_outcomes().get(task.id, ("", ""))
    if not run:
        return None
    return Cached(run, at, (world.clock.now() - datetime.fromisoformat(at)).total_seconds())


def put_back(task: Task, body: Reusable, inputs: Inputs, release: Release, world: World) -> Outcome | None:
    """The outcome of a step whose result an earlier run has left; None where it must be performed.

    Its own proof is asked for, as after its actions: what was left may have been changed.
    """
    kept = world.outcomes.find(task.id, inputs) if world.outcomes else None
    if kept is None:
        return None
    try:
        for action in body.put_back(release, world, kept.folder):
            world.journal.record("performing", task=task.id, action=str(action))
            perform(action, world)
        proof = body.check_done(release, world)
    except Exception as error:  # noqa: BLE001 - the outcome is the same: it is only determined again
        world.journal.record("not-put-back", task=task.id, reason=f"{type(error).__name__}: {error}")
        return None
    return None if proof is None else dataclasses.replace(kept.outcome, evidence=proof)
