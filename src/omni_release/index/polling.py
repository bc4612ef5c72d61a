"""Poll an index until its answer is final: with growing pauses, and within a time limit."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from omni_release.core.errors import Conflict, Inconclusive, PermanentRefusal
from omni_release.core.model import Artifact
from omni_release.core.world import FileState, FileStatus, IndexFile, ProjectStatus, World

if TYPE_CHECKING:
    from tenacity import RetryCallState

_Answer = TypeVar("_Answer")

TIMEOUT = 60.0
"""Seconds that one question to an index may take, with all its repetitions."""

READS_TO_BELIEVE = 3
"""Reads in a row that must list all files: the servers behind one address are not in step."""
_BETWEEN_READS = 0.2
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0


def poll(
    world: World, read: Callable[[], _Answer], pending: Callable[[_Answer], str], *, timeout: float = TIMEOUT
) -> _Answer:
    """Call `read` until `pending` returns "" for its answer, and return that answer.

    `pending` says what is missing; that is shown before each pause. The last answer is returned where another pause
    would exceed `timeout` (seconds, by the world's clock). What `read` raises ends the polling.
    """
    import tenacity  # here, because the base install has no tenacity and yet imports the checks to explain them

    end = world.clock.monotonic() + timeout
    doubling = tenacity.wait_exponential(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE)

    def pause(state: RetryCallState) -> float:
        # Jitter, so that two runs that wait for the same index do not ask it at the same moments.
        return doubling(state) * random.uniform(0.75, 1.25)  # noqa: S311 - not for secrets

    def expires(state: RetryCallState) -> bool:
        return world.clock.monotonic() + state.upcoming_sleep > end

    def answer(state: RetryCallState) -> _Answer:
        assert state.outcome is not None
        result: _Answer = state.outcome.result()
        return result

    def announce(state: RetryCallState) -> None:
        world.tell(f"      … {pending(answer(state))}; retrying in {state.upcoming_sleep:.0f} s")

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda result: bool(pending(result))),
        wait=pause,
        stop=expires,
        sleep=world.clock.sleep,
        before_sleep=announce,
        retry_error_callback=answer,
    )
    return retrying(read)


def file_statuses(world: World, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
    """The status of each artifact on the index, in their order; asked again while one of them is inconclusive."""

    def pending(statuses: Sequence[FileStatus]) -> str:
        return next((f"{file.name}: {file.why}" for file in statuses if file.state is FileState.INCONCLUSIVE), "")

    return poll(world, lambda: world.index.file_statuses(project, artifacts), pending)


def files(world: World, project: str, *, timeout: float = TIMEOUT) -> tuple[IndexFile, ...]:
    """The files that the index lists for a project. Raises Inconclusive where it gives no answer within `timeout`.

    Raises PermanentRefusal at once where it refuses to list them.
    """
    return _answered(world, lambda: world.index.files(project), timeout)


def project_status(world: World, project: str) -> ProjectStatus | None:
    """The status of a project on the index; None where it does not have the project. Raises as `files`."""
    return _answered(world, lambda: world.index.project_status(project), TIMEOUT)


def provenance(world: World, file: IndexFile) -> bytes | None:
    """The provenance of a file, as the index serves it; None where there is none. Raises as `files`."""
    return _answered(world, lambda: world.index.provenance(file), TIMEOUT)


def _answered(world: World, question: Callable[[], _Answer], timeout: float) -> _Answer:
    """The answer to a question, repeated while it is inconclusive. Raises as `files`."""

    def read() -> _Answer | Inconclusive:
        try:
            return question()
        except PermanentRefusal:
            raise
        except Inconclusive as error:
            return error

    def pending(answer: _Answer | Inconclusive) -> str:
        return answer.message if isinstance(answer, Inconclusive) else ""

    answer = poll(world, read, pending, timeout=timeout)
    if isinstance(answer, Inconclusive):
        raise answer
    return answer


def await_listing(world: World, project: str, artifacts: Sequence[Artifact], timeout: float) -> None:
    """Wait until several reads in a row list every artifact with our bytes.

    Raises Conflict for a file with other bytes, and Inconclusive after `timeout` seconds.
    """
    begun = world.clock.monotonic()

    def read() -> tuple[FileStatus, ...]:
        for number in range(READS_TO_BELIEVE):
            if number:
                world.clock.sleep(_BETWEEN_READS)
            statuses = world.index.file_statuses(project, artifacts)
            raise_on_other_bytes(statuses, world.index.target.name)
            if describe_missing(statuses):
                break
        return statuses

    def pending(statuses: Sequence[FileStatus]) -> str:
        if not (missing := describe_missing(statuses)):
            return ""
        listed = sum(file.state is FileState.OURS for file in statuses)
        seconds = world.clock.monotonic() - begun
        return f"{listed} of {len(statuses)} files are listed after {seconds:.0f} of {timeout:g} s: {missing}"

    statuses = poll(world, read, pending, timeout=timeout)
    if missing := describe_missing(statuses):
        lack = describe_lack(world.index.target.name, statuses, "list the whole release")
        raise Inconclusive(
            f"{lack} after {timeout:g} s: {missing}",
            "The upload is complete. Run the same command again later: it only waits for the listing.",
        )


def describe_missing(statuses: Sequence[FileStatus]) -> str:
    """The files that the index does not have with our bytes, and each reason once; empty where it has all."""
    by_reason: dict[str, list[str]] = {}
    for file in statuses:
        if file.state is not FileState.OURS:
            by_reason.setdefault(file.why, []).append(file.name)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason.items())


def describe_lack(index: str, statuses: Sequence[FileStatus], what: str) -> str:
    """`INDEX does not WHAT`, or that it gives no answer: then it may well have what it was sent."""
    absent = any(file.state in (FileState.ABSENT, FileState.OTHER_BYTES) for file in statuses)
    return f"{index} does not {what}" if absent else f"{index} gives no answer"


def raise_on_other_bytes(statuses: Sequence[FileStatus], index: str) -> None:
    """Raise Conflict where the index has a file of our name with other bytes."""
    for file in statuses:
        if file.state is FileState.OTHER_BYTES:
            raise Conflict(
                f"{index} has a different {file.name}: {file.why}, not ours",
                "A file name can be used only once: bump the version and release the next one.",
            )
