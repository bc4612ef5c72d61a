"""Runs a lane: in order, independent tasks side by side, and the one boundary where an exception becomes an outcome."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from omni_release.core import waivers
from omni_release.core.actions import Action, Confirm, Copy, Link, Move, Pin, Run, Send, Write
from omni_release.core.errors import (
    ActionFailed,
    Inconclusive,
    MissingExtra,
    NeedsPerson,
    NotApplicable,
    OmniReleaseError,
    describe_os_error,
)
from omni_release.core.journal import outcome_from_json, outcome_to_json
from omni_release.core.model import ALREADY_DONE, BLOCKED_BY, Evidence, Finding, Outcome, Release, Severity, Status
from omni_release.core.tasks import Check, Lane, Step, Task
from omni_release.core.world import World

Observer = Callable[[Task], None]


def run(
    lane: Lane, release: Release, world: World, *, today: date, dry: bool = False, started: Observer = lambda _: None
) -> Iterator[Outcome]:
    """The outcomes of a lane's tasks, as they end. A failed task stops what needs it, not its neighbours.

    With `dry` a step leaves its actions in its outcome and performs none of them.
    """
    from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

    def work(task: Task) -> Outcome:
        begun = world.clock.monotonic()
        try:
            started(task)
            outcome = _performed(task, release, world, today, dry=dry)
        except Exception as error:  # noqa: BLE001 - even what goes wrong while an error is told comes out as an outcome
            outcome = _defect(task, error, world)
        return dataclasses.replace(outcome, seconds=round(world.clock.monotonic() - begun, 3))

    def came(outcome: Outcome) -> None:
        if not dry:
            world.journal.record("outcome", task=outcome.id, status=outcome.status.value, target=release.target)

    done: dict[str, Outcome] = {}
    blocked: set[str] = set()
    open_tasks = list(lane.tasks)
    # Few at a time, and of those that could start the first of the lane: what others wait for stands there.
    few = (os.cpu_count() or 1) + 2
    pool = ThreadPoolExecutor(few, thread_name_prefix="task")
    running: set[Future[Outcome]] = set()
    try:
        while open_tasks or running:
            for task in [task for task in open_tasks if all(need in done for need in task.needs)]:
                if len(running) == few:
                    break
                open_tasks.remove(task)
                if stopped := _stopped(task, done, blocked, release, world):
                    done[task.id] = stopped
                    if stopped.status is Status.SKIPPED:
                        blocked.add(task.id)
                    yield stopped
                else:
                    running.add(pool.submit(work, task))
            # A wait without an end cannot be interrupted on Windows.
            ended, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in ended:
                outcome = future.result()
                done[outcome.id] = outcome
                came(outcome)
                yield outcome
    finally:
        if running:
            world.processes.stop_all()
        pool.shutdown(wait=True, cancel_futures=True)


def perform(action: Action, world: World) -> None:
    """Perform one action. Raises ActionFailed, or CannotTell where it was the network that failed."""
    match action:
        case Run():
            _run(action, world)
        case Write():
            world.files.write(action)
        case Move():
            world.files.move(action)
        case Copy():
            world.files.copy(action)
        case Link():
            world.files.link(action)
        case Pin():
            world.journal.pin(action)
        case Send() if world.publisher is not None:
            world.publisher.send(action, world)
        case Confirm() if world.publisher is not None:
            world.publisher.confirm(action, world)
        case _:
            raise TypeError(f"nothing performs {action!r}")


def _run(action: Run, world: World) -> None:
    completed = world.processes.run(action)
    if completed.code == 0:
        return None
    if action.otherwise is not None:
        return _run(action.otherwise, world)
    said = f"{_program(action.argv)} {completed.ended(action.deadline)}"
    tail = "\n".join(completed.tail)
    if action.network and completed.network:
        raise Inconclusive(
            f"{said}, and it looks like the network's doing:\n{tail}", f"All of its output: {action.log}"
        )
    raise ActionFailed(said, f"All of its output: {action.log}", tail=completed.tail)


def _program(argv: tuple[str, ...]) -> str:
    return argv[2] if len(argv) > 2 and argv[1] == "-m" else Path(argv[0]).stem


def _stopped(task: Task, done: dict[str, Outcome], blocked: set[str], release: Release, world: World) -> Outcome | None:
    """The outcome of a task that cannot start, because of what became of a task that it needs."""
    for need in task.needs:
        other = done[need]
        if other.status is Status.PLANNED:
            planned = _outcome(task, Status.PLANNED, f"needs {need}, which was only planned", Severity.NOTICE)
            return dataclasses.replace(planned, actions=_foreseen(task, release, world))
        unmet = other.status not in (Status.PASSED, Status.SKIPPED) or need in blocked
        if unmet:
            held_up = _outcome(task, Status.SKIPPED, f"needs {need}, which {_became(other)}", Severity.NOTICE)
            return dataclasses.replace(held_up, evidence={BLOCKED_BY: need})
    return None


def _foreseen(task: Task, release: Release, world: World) -> tuple[str, ...]:
    """The actions of a step before which a dry run stopped; none where they depend on what was not done."""
    try:
        return tuple(map(str, task.body.actions(release, world))) if isinstance(task.body, Step) else ()
    except (OmniReleaseError, OSError):
        return ()


def _became(outcome: Outcome) -> str:
    return {
        Status.FAILED: "failed",
        Status.INCONCLUSIVE: "could not tell",
        Status.WAITING: "waits for a person",
    }.get(outcome.status, "did not run")


def _performed(task: Task, release: Release, world: World, today: date, *, dry: bool) -> Outcome:
    """The one boundary: whatever happens in a task comes out as an outcome."""
    try:
        if isinstance(task.body, Step):
            return _act(task, task.body, release, world, dry=dry)
        return _look(task, task.body, release, world, today)
    except Inconclusive as error:
        return _signed(task, Status.INCONCLUSIVE, error, release, world, today)
    except NeedsPerson as error:
        return _signed(task, Status.WAITING, error, release, world, today)
    except NotApplicable as error:
        return _outcome(task, Status.SKIPPED, _said(error), Severity.NOTICE)
    except ActionFailed as error:
        return _outcome(
            task, Status.FAILED, "\n".join((error.message, *error.tail, error.hint)).rstrip(), Severity.ERROR
        )
    except OmniReleaseError as error:
        return _outcome(task, Status.FAILED, _said(error), Severity.ERROR)
    except OSError as error:
        return _outcome(task, Status.FAILED, describe_os_error(error), Severity.ERROR, "os-error")
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] == "omni_release":
            return _defect(task, error, world)
        return _signed(task, Status.INCONCLUSIVE, MissingExtra(str(error.name), f"`{task.id}`"), release, world, today)
    except Exception as error:  # noqa: BLE001 - the boundary
        return _defect(task, error, world)


def _defect(task: Task, error: Exception, world: World) -> Outcome:
    """An outcome for what nobody foresaw; its traceback goes into the journal."""
    import traceback

    with contextlib.suppress(OSError):
        world.journal.record("defect", task=task.id, traceback="".join(traceback.format_exception(error)))
    said = f"a defect of omni-release itself: {type(error).__name__}: {error}\nIts traceback is in the run's journal."
    return _outcome(task, Status.FAILED, said, Severity.ERROR, "defect")


def _look(task: Task, body: Check, release: Release, world: World, today: date) -> Outcome:
    """What a check found. An error that it found counts, also where it could not tell all the rest."""
    key = task.key(release, world) if task.key else None
    if key is not None and (kept := outcome_from_json(world.journal.cached(task.id, key))):
        note = Finding("kept from an earlier look: nothing that it depends on has changed", task.id, Severity.NOTICE)
        return _waived(task, dataclasses.replace(kept, findings=(*kept.findings, note)), release, today)
    findings: list[Finding] = []
    untold: Inconclusive | None = None
    try:
        for finding in body(release, world):
            findings.append(finding)  # noqa: PERF402 - one by one: what came before an exception stays
    except Inconclusive as error:
        untold = error
    outcome = _found(task, tuple(findings))
    if key is not None and outcome.status is Status.PASSED and untold is None:
        world.journal.cache(task.id, key, outcome_to_json(outcome))
    outcome = _waived(task, outcome, release, today)
    if untold is None:
        return outcome
    if outcome.status is Status.FAILED:
        more = Finding(_said(untold), task.id, Severity.WARNING)
        return dataclasses.replace(outcome, findings=(*outcome.findings, more))
    told = _signed(task, Status.INCONCLUSIVE, untold, release, world, today)
    return dataclasses.replace(told, findings=(*told.findings, *outcome.findings))


def _waived(task: Task, outcome: Outcome, release: Release, today: date) -> Outcome:
    if not task.waivable:
        return waivers.refused(outcome, release.project)
    return waivers.applied(outcome, release.project, today)


def _act(task: Task, body: Step, release: Release, world: World, *, dry: bool) -> Outcome:
    """Settled → done. Otherwise perform the actions, and ask again: an exit code is no proof."""
    if (proof := body.check_done(release, world)) is not None:
        return _found(task, (Finding(ALREADY_DONE, task.id, Severity.NOTICE),), evidence=proof)
    actions = tuple(body.actions(release, world))
    if dry:
        return dataclasses.replace(_found(task, ()), status=Status.PLANNED, actions=tuple(map(str, actions)))
    trouble: OmniReleaseError | None = None
    try:
        for action in actions:
            world.journal.record("performing", task=task.id, action=str(action))
            perform(action, world)
    except (ActionFailed, Inconclusive) as error:
        trouble = error
    try:
        proof = body.check_done(release, world)
    except OmniReleaseError as error:
        if trouble is not None:
            raise type(error)(f"{error.message}\nBefore that: {trouble.message}", error.hint) from None
        raise
    if proof is None:
        raise trouble or ActionFailed("all was done as planned, and yet the world does not stand as it should")
    warning = () if trouble is None else (Finding(f"done, although {_said(trouble)}", task.id, Severity.WARNING),)
    return _found(task, warning, evidence=proof)


def _found(task: Task, findings: tuple[Finding, ...], evidence: Evidence | None = None) -> Outcome:
    named = tuple(dataclasses.replace(f, rule=_qualified(f.rule, task.id)) for f in findings)
    failed = any(f.severity is Severity.ERROR for f in named)
    status = Status.FAILED if failed else Status.PASSED
    shown = evidence or {}
    return Outcome(task.id, task.title, task.kind, status, named, task.remedy, evidence=shown, stage=task.stage)


def _qualified(rule: str, check: str) -> str:
    """The name of a rule with the check it belongs to: `check/rule`, or the check's own id for a finding of no rule."""
    return rule if rule.startswith(f"{check}/") else check if rule in ("", check) else f"{check}/{rule}"


def _outcome(task: Task, status: Status, why: str, severity: Severity, rule: str = "") -> Outcome:
    finding = Finding(why, _qualified(rule, task.id), severity)
    return Outcome(task.id, task.title, task.kind, status, (finding,), task.remedy, stage=task.stage)


def _said(error: OmniReleaseError) -> str:
    return f"{error.message}\n{error.hint}".rstrip()


def _signed(
    task: Task, status: Status, error: OmniReleaseError, release: Release, world: World, today: date
) -> Outcome:
    """What could not be told, or waits: passed where a person signed for these very artifacts."""
    if status is not Status.WAITING and not task.signable:
        return _outcome(task, status, _said(error), Severity.WARNING)
    signed, void = world.answers.answer_for(task.id, release, world, today) if world.answers else (None, "")
    if signed is not None:
        said = f"signed off by {signed.who} at {signed.when}: {signed.reason}"
        return _outcome(task, Status.PASSED, said, Severity.NOTICE)
    lines = (_said(error), void, f"A person can answer: omni-release sign {task.id} --reason WHY")
    return _outcome(task, status, "\n".join(filter(None, lines)), Severity.WARNING)
