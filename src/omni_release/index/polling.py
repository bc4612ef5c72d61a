"""Asking an index what it has until it says: with patience, and as often as it takes to believe it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from omni_release.core.errors import Conflict, Inconclusive, PermanentRefusal
from omni_release.core.model import Artifact
from omni_release.core.world import FileState, FileStatus, IndexFile, World

_T = TypeVar("_T")

GOOD_READS = 3
_LONGEST_PAUSE = 60.0
_BETWEEN_READS = 0.2
_PATIENCE = 60.0


def pauses() -> Iterator[float]:
    """Seconds, ever longer, and never the same for two that wait for the same thing."""
    pause = 0.5
    while True:
        yield pause * random.uniform(0.75, 1.25)  # noqa: S311 - not for secrets
        pause = min(pause * 2, _LONGEST_PAUSE)


def asked(world: World, question: Callable[[], _T], untold: Callable[[_T], str], *, patience: float = _PATIENCE) -> _T:
    """The answer to a question. Where `untold` says why it is none yet, it is asked again, within `patience` seconds.

    After that the last answer is the answer.
    """
    end = world.clock.monotonic() + patience
    for pause in pauses():
        answer = question()
        why = untold(answer)
        if not why or world.clock.monotonic() + pause > end:
            return answer
        world.tell(f"      … {why}; asking again in {pause:.0f} s")
        world.clock.sleep(pause)
    raise AssertionError("pauses never end")


def file_statuses(
    world: World, project: str, artifacts: Sequence[Artifact], *, patience: float = _PATIENCE
) -> tuple[FileStatus, ...]:
    """How each artifact stands; where the index does not tell, it is asked again, within `patience` seconds."""

    def untold(told: Sequence[FileStatus]) -> str:
        return next((f"{each.name}: {each.why}" for each in told if each.state is FileState.INCONCLUSIVE), "")

    return asked(world, lambda: world.index.file_statuses(project, artifacts), untold, patience=patience)


def files(world: World, project: str, *, patience: float = _PATIENCE) -> tuple[IndexFile, ...]:
    """What the index lists, asked within `patience` seconds. Raises CannotTell where it does not say by then.

    An index that refuses to tell is asked once.
    """

    def listed() -> tuple[IndexFile, ...] | Inconclusive:
        try:
            return world.index.files(project)
        except PermanentRefusal:
            raise
        except Inconclusive as error:
            return error

    found = asked(world, listed, lambda it: it.message if isinstance(it, Inconclusive) else "", patience=patience)
    if isinstance(found, Inconclusive):
        raise found
    return found


def await_listing(world: World, project: str, artifacts: Sequence[Artifact], deadline: float) -> None:
    """Until several reads in a row found all of it ours. Raises Conflict, and CannotTell after `deadline` seconds."""
    begun = world.clock.monotonic()
    good, waits = 0, pauses()
    while True:
        told = world.index.file_statuses(project, artifacts)
        object_to_others(told, world.index.target.name)
        missing = [each for each in told if each.state is not FileState.OURS]
        good = 0 if missing else good + 1
        if good == GOOD_READS:
            return
        pause = _BETWEEN_READS if good else next(waits)
        passed = world.clock.monotonic() - begun
        if passed + pause > deadline:
            known = "; ".join(f"{each.name}: {each.why}" for each in missing) or "its answers change"
            raise Inconclusive(
                f"{world.index.target.name} does not show all of it after {deadline:g} s: {known}",
                "What was sent is sent. Run this again later: it goes on with the wait.",
            )
        if missing:
            counted = f"{len(told) - len(missing)} of {len(told)} files are shown, {passed:.0f} of {deadline:g} s"
            world.tell(f"      … {counted}: {missing[0].name}: {missing[0].why}")
        world.clock.sleep(pause)


def object_to_others(told: Sequence[FileStatus], index: str) -> None:
    """Raises Conflict where the index has something else under our name."""
    for each in told:
        if each.state is FileState.OTHER_BYTES:
            raise Conflict(
                f"{index} holds another {each.name}: {each.why}, not ours",
                "Nothing was sent over it, and nothing can be: a file name can be used once only.",
            )
