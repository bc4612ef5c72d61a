"""Runs a lane: in order, independent tasks side by side. Here, and only here, an exception becomes an outcome."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from omni_release.core import reuse, severity, waivers
from omni_release.core.actions import planned
from omni_release.core.errors import (
    ActionFailed,
    Inconclusive,
    MissingExtra,
    NeedsPerson,
    NotApplicable,
    OmniReleaseError,
    ToolUnavailable,
    from_os_error,
)
from omni_release.core.model import (
    ALREADY_DONE,
    BLOCKED_BY,
    UNREACHED,
    Evidence,
    Finding,
    Outcome,
    Release,
    Severity,
    Status,
    worst,
)
from omni_release.core.performing import perform
from omni_release.core.tasks import DEFECT, OS_ERROR, Check, Lane, Reusable, Step, Task
from omni_release.core.world import World

Observer = Callable[[Task], None]

_MOST_FINDINGS = 1000  # of one task
_PLACES_OF_A_DEFECT = 5  # of a traceback, in the message

_UNMET = {Status.FAILED: "failed", Status.INCONCLUSIVE: "is inconclusive", Status.WAITING: "waits for a person"}
"""What a task that another one needs has done instead of passing."""


def run(
    lane: Lane, release: Release, world: World, *, today: date, dry: bool = False, started: Observer = lambda _: None
) -> Iterator[Outcome]:
    """The outcomes of a lane's tasks, as they end. A failed task stops the tasks that need it, and no others.

    With `dry` a step leaves its actions in its outcome and performs none of them. `started` is called in the thread of
    the task that begins.
    """
    from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

    def work(task: Task) -> Outcome:
        begun = world.clock.monotonic()
        try:
            started(task)
            outcome = _run_task(task, release, world, today, dry=dry)
        except Exception as error:  # noqa: BLE001 - even an error while an error is described becomes an outcome
            outcome = _defect(task, error, world)
        seconds = round(world.clock.monotonic() - begun, 3)
        return dataclasses.replace(outcome, seconds=seconds, started=round(begun - origin, 3))

    origin = world.clock.monotonic()
    done: dict[str, Outcome] = {}
    blocked: set[str] = set()
    open_tasks = list(lane.tasks)
    # A few at a time, and the first of the lane before the others: those are the ones that others wait for.
    limit = (os.cpu_count() or 1) + 2
    pool = ThreadPoolExecutor(limit, thread_name_prefix="task")
    running: set[Future[Outcome]] = set()
    try:
        while open_tasks or running:
            for task in [task for task in open_tasks if all(need in done for need in task.needs)]:
                if len(running) == limit:
                    break
                open_tasks.remove(task)
                if outcome := _outcome_without_running(task, done, blocked, release, world):
                    done[task.id] = outcome
                    if outcome.status is Status.SKIPPED:
                        blocked.add(task.id)
                    yield outcome
                else:
                    running.add(pool.submit(work, task))
            # Without a timeout the wait cannot be interrupted on Windows.
            ended, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in ended:
                outcome = future.result() if dry else _recorded(future.result(), release, world)
                done[outcome.id] = outcome
                yield outcome
    finally:
        if running:
            world.processes.stop_all()
        pool.shutdown(wait=True, cancel_futures=True)


def unreached(task: Task, *, started: bool) -> Outcome:
    """The outcome of a task that has none, because the run was interrupted: before it, or while it ran."""
    reason = "the run was interrupted while it ran" if started else "the run was interrupted before it"
    outcome = _outcome_of(task, Status.SKIPPED, reason, Severity.NOTICE)
    return dataclasses.replace(outcome, evidence={UNREACHED: "not finished" if started else "not started"})


def _recorded(outcome: Outcome, release: Release, world: World) -> Outcome:
    """The outcome, recorded in the journal; inconclusive where that fails: no further task may rely on it."""
    try:
        cached = {"cached": outcome.cached.run, "cached_at": outcome.cached.at} if outcome.cached else {}
        world.journal.record("outcome", task=outcome.id, status=outcome.status.value, target=release.target, **cached)
    except OSError as error:
        message = f"the result cannot be recorded: {from_os_error(error).full_message}"
        finding = Finding(message, f"{outcome.id}/{OS_ERROR.id}", Severity.WARNING)
        status = worst((outcome.status, Status.INCONCLUSIVE))
        return dataclasses.replace(outcome, status=status, findings=(*outcome.findings, finding))
    return outcome


def _outcome_without_running(
    task: Task, done: dict[str, Outcome], blocked: set[str], release: Release, world: World
) -> Outcome | None:
    """The outcome of a task that cannot run, because a task that it needs has not passed; None if it can run."""
    unmet: dict[str, str] = {}
    for need in task.needs:
        other = done[need]
        if other.status is Status.PLANNED and not unmet:
            actions: tuple[str, ...] = ()
            with contextlib.suppress(OmniReleaseError, OSError):  # they may depend on what was only planned
                if isinstance(task.body, Step):
                    actions = planned(task.body.actions(release, world), release)
            outcome = _outcome_of(task, Status.PLANNED, f"after {need}", Severity.NOTICE)
            return dataclasses.replace(outcome, actions=actions)
        if not task.always and (other.status not in (Status.PASSED, Status.SKIPPED) or need in blocked):
            unmet[need] = f"{need}, which {_UNMET.get(other.status, 'did not run')}"
    if not unmet:
        return None
    if world.baseline is not None:
        world.baseline.not_run.add(task.id)
    skipped = _outcome_of(task, Status.SKIPPED, f"needs {'; '.join(unmet.values())}", Severity.NOTICE)
    return dataclasses.replace(skipped, evidence={BLOCKED_BY: ", ".join(unmet)})


def _run_task(task: Task, release: Release, world: World, today: date, *, dry: bool) -> Outcome:
    """The outcome of a task, also where it raises an exception."""
    try:
        if isinstance(task.body, Step):
            return _run_step(task, task.body, release, world, dry=dry)
        return _run_check(task, task.body, release, world, today)
    except Inconclusive as error:
        return _unless_signed_off(task, Status.INCONCLUSIVE, error, release, world, today)
    except NeedsPerson as error:
        return _unless_signed_off(task, Status.WAITING, error, release, world, today)
    except NotApplicable as error:
        return _outcome_of(task, Status.SKIPPED, error.full_message, Severity.NOTICE)
    except ActionFailed as error:
        message = "\n".join((error.message, *error.tail, error.hint)).rstrip()
        return _outcome_of(task, Status.FAILED, message, Severity.ERROR)
    except OmniReleaseError as error:
        return _outcome_of(task, Status.FAILED, error.full_message, Severity.ERROR)
    except OSError as error:
        message = from_os_error(error).full_message
        return _outcome_of(task, Status.INCONCLUSIVE, message, Severity.WARNING, OS_ERROR.id)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] == "omni_release":
            return _defect(task, error, world)
        missing = MissingExtra(str(error.name), f"`{task.id}`")
        if task.kind == "check" and not severity.can_block(task, release.project.settings):
            return _outcome_of(task, Status.SKIPPED, missing.full_message, Severity.NOTICE)
        return _unless_signed_off(task, Status.INCONCLUSIVE, missing, release, world, today)
    except Exception as error:  # noqa: BLE001 - every exception becomes an outcome
        return _defect(task, error, world)


def _defect(task: Task, error: Exception, world: World) -> Outcome:
    """The outcome of an unexpected exception, with its last places; the whole traceback goes into the journal.

    The remedy of the task does not help: what it checks may be right.
    """
    import traceback

    with contextlib.suppress(OSError):
        world.journal.record("defect", task=task.id, traceback="".join(traceback.format_exception(error)))
    places = traceback.extract_tb(error.__traceback__)[-_PLACES_OF_A_DEFECT:]
    lines = (
        f"internal error of omni-release: {type(error).__name__}: {error}",
        *(f"at {'/'.join(Path(place.filename).parts[-2:])}:{place.lineno}, in {place.name}" for place in places),
        "→ Report it to the project omni-release, with these lines. The journal of a kept run has the whole traceback.",
    )
    outcome = _outcome_of(task, Status.FAILED, "\n".join(lines), Severity.ERROR, DEFECT.id)
    return dataclasses.replace(outcome, remedy="")


def _run_check(task: Task, body: Check, release: Release, world: World, today: date) -> Outcome:
    """The outcome of a check, cached or new. An error that was found counts, even if the rest is inconclusive."""
    if (reason := severity.off_reason(task, release.project.settings)) is not None:
        return _outcome_of(task, Status.SKIPPED, f"off in the settings: {reason}", Severity.NOTICE)
    inputs = reuse.inputs_of(task, task.key, release, world)
    if inputs is not None and world.outcomes and (kept := world.outcomes.find(task.id, inputs)):
        return _judged(task, kept.outcome, release, world, today)
    findings: list[Finding] = []
    inconclusive: Inconclusive | None = None
    try:
        for finding in body(release, world):
            findings.append(finding)  # noqa: PERF402 - one by one: those before an exception are kept
    except Inconclusive as error:
        inconclusive = error
    outcome = _outcome_with(task, tuple(findings))
    if inputs is not None and outcome.status is Status.PASSED and inconclusive is None:
        reuse.keep(task, outcome, inputs, release, world)
    outcome = _judged(task, outcome, release, world, today)
    if inconclusive is None:
        return outcome
    if outcome.status is Status.FAILED or _is_advice(task, inconclusive, release):
        if not outcome.findings:
            return _outcome_of(task, Status.SKIPPED, inconclusive.full_message, Severity.NOTICE)
        warning = Finding(inconclusive.full_message, task.id, Severity.WARNING)
        return dataclasses.replace(outcome, findings=(*outcome.findings, warning))
    answered = _unless_signed_off(task, Status.INCONCLUSIVE, inconclusive, release, world, today)
    return dataclasses.replace(answered, findings=(*answered.findings, *outcome.findings))


def _limited(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The first findings, and one for all that follow, with the most severe of their rules: a report stays readable."""
    rest = findings[_MOST_FINDINGS:]
    if not rest:
        return findings
    worst = min(rest, key=lambda finding: list(Severity).index(finding.severity))
    more = Finding(f"{len(rest)} more findings are left out", worst.rule, worst.severity)
    return (*findings[:_MOST_FINDINGS], more)


def _is_advice(task: Task, error: Inconclusive, release: Release) -> bool:
    """Whether nothing that the task reports can block: its result is then not needed, even where it is unknown."""
    decides = isinstance(error, ToolUnavailable) and error.configured
    return not decides and task.kind == "check" and not severity.can_block(task, release.project.settings)


def _judged(task: Task, outcome: Outcome, release: Release, world: World, today: date) -> Outcome:
    """The outcome with the severities of the settings, without what is in the baseline, and with its waivers."""
    outcome = severity.apply(outcome, task, release.project.settings)
    if world.baseline is not None:
        outcome = world.baseline.apply(outcome, task)
    if task.waivable:
        outcome = waivers.apply(outcome, release.project, today)
    else:
        outcome = waivers.refuse(outcome, release.project)
    return dataclasses.replace(outcome, findings=_limited(outcome.findings))


def _run_step(task: Task, body: Step, release: Release, world: World, *, dry: bool) -> Outcome:
    """The outcome of a step. If it is not done yet, its actions are performed, and it must be done then."""
    if (proof := body.check_done(release, world)) is not None:
        done = _outcome_with(task, (Finding(ALREADY_DONE, task.id, Severity.NOTICE),), evidence=proof)
        return dataclasses.replace(done, cached=reuse.put_back_before(task, release, world))
    if not isinstance(body, Reusable) or dry or world.outcomes is None or not world.outcomes.shared:
        return _performed(task, body, release, world, dry=dry)
    if (inputs := reuse.inputs_of(task, body.inputs, release, world)) is not None:
        if outcome := reuse.put_back(task, body, inputs, release, world):
            return outcome
        outcome = _performed(task, body, release, world, dry=dry)
        if not outcome.findings:  # one says that an action failed, although its result is there
            reuse.keep(task, outcome, inputs, release, world)
        return outcome
    return _performed(task, body, release, world, dry=dry)


def _performed(task: Task, body: Step, release: Release, world: World, *, dry: bool) -> Outcome:
    """The outcome of a step whose actions are performed."""
    actions = tuple(body.actions(release, world))
    if dry:
        return dataclasses.replace(_outcome_with(task, ()), status=Status.PLANNED, actions=planned(actions, release))
    failure: OmniReleaseError | None = None
    try:
        for action in actions:
            world.journal.record("performing", task=task.id, action=str(action))
            perform(action, world)
    except (ActionFailed, Inconclusive) as error:
        failure = error
    except OSError as error:  # a full disk, for example: what was done before it counts
        failure = from_os_error(error)
    try:
        proof = body.check_done(release, world)  # an exit code is no proof, neither of success nor of failure
    except OmniReleaseError as error:
        if failure is not None:
            raise type(error)(f"{error.message}\nBefore that: {failure.message}", error.hint) from None
        raise
    if proof is None:
        raise failure or ActionFailed("all actions succeeded, but their result is missing")
    findings: tuple[Finding, ...] = ()
    if failure is not None:
        findings = (Finding(f"done, although {failure.full_message}", task.id, Severity.WARNING),)
    return _outcome_with(task, findings, evidence=proof)


def _outcome_with(task: Task, findings: tuple[Finding, ...], evidence: Evidence | None = None) -> Outcome:
    """The outcome of a task with these findings: failed if one of them is an error, else passed."""
    qualified = tuple(dataclasses.replace(f, rule=_qualified(f.rule, task.id)) for f in findings)
    failed = any(finding.severity is Severity.ERROR for finding in qualified)
    status = Status.FAILED if failed else Status.PASSED
    return Outcome(
        task.id, task.title, task.kind, status, qualified, task.remedy, evidence=evidence or {}, stage=task.stage
    )


def _outcome_of(task: Task, status: Status, reason: str, severity: Severity, rule: str = "") -> Outcome:
    """The outcome of a task with one finding, which is the reason of its status."""
    finding = Finding(reason, _qualified(rule, task.id), severity)
    return Outcome(task.id, task.title, task.kind, status, (finding,), task.remedy, stage=task.stage)


def _qualified(rule: str, check: str) -> str:
    """The name of a rule with the check it belongs to: `check/rule`, or the check's own id for a finding of no rule."""
    return rule if rule.startswith(f"{check}/") else check if rule in ("", check) else f"{check}/{rule}"


def _unless_signed_off(
    task: Task, status: Status, error: OmniReleaseError, release: Release, world: World, today: date
) -> Outcome:
    """The outcome of an inconclusive or waiting task: passed if a person signed it off for these very artifacts.

    A sign-off needs no proof of who signed: it does not answer what cannot be waived.
    """
    if not task.waivable or (status is not Status.WAITING and not task.signable):
        return _outcome_of(task, status, error.full_message, Severity.WARNING)
    signed, invalid = world.answers.answer_for(task.id, release, world, today) if world.answers else (None, "")
    if signed is not None:
        message = f"signed off by {signed.who} at {signed.when}: {signed.reason}"
        return _outcome_of(task, Status.PASSED, message, Severity.NOTICE)
    command = f"To sign it off, run: omni-release sign {task.id} --reason REASON"
    lines = filter(None, (error.full_message, invalid, command))
    return _outcome_of(task, status, "\n".join(lines), Severity.WARNING)
