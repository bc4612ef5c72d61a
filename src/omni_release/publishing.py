"""Sending files to an index that hangs, drops, is late and lies: forward or stop, never twice with other bytes.

What counts is never what twine said, but what the index then says it has. Nothing is sent while the index does not
say what it has; what it holds under our name with other bytes is the end; what it refuses for good is told at once.
"""

from __future__ import annotations

import dataclasses
import html
import random
import re
from collections.abc import Iterator, Sequence

from omni_release.actions import Confirm, Send
from omni_release.errors import ActionFailed, CannotTell, Conflict, Refused
from omni_release.journal import sha256
from omni_release.model import Artifact, Target
from omni_release.seams import Completed, IndexFile, Standing, Told, World

GOOD_READS = 3
_LONGEST_PAUSE = 60.0
_BETWEEN_READS = 0.2
_PATIENCE = 60.0
_GRACE = 30.0
_GUESSES = 3
_ALREADY = (Standing.OURS, Standing.ABSENT)
_LONGEST_WORDS = 300
_EXISTS = re.compile(r"already (?:exists|been taken|there)|overwrit|not allow updating", re.IGNORECASE)
_HTTP = re.compile(r"HTTPError: (\d{3}) .*? from \S+\s*(.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Said:
    """What is to be made of twine's end: whether the file was `taken` or is `refused` for good; else it may pass."""

    why: str
    taken: bool = False
    refused: bool = False
    guessed: bool = False


def send(action: Send, world: World) -> None:
    """Perform it. Raises Conflict, ActionFailed for what is refused for good, CannotTell after the deadline.

    What was checked before may have changed since: the bytes are looked at once more before each attempt.
    """
    end = world.clock.monotonic() + action.deadline
    said, guesses, not_before = None, 0, 0.0
    told: tuple[Told, ...] = ()
    for pause in pauses():
        if all(each.standing in _ALREADY for each in told) and world.clock.monotonic() >= not_before:
            left = max(end - world.clock.monotonic(), 1.0)
            object_to_changes(action)
            run = dataclasses.replace(action.run, deadline=min(action.run.deadline, left))
            said = judged(world.processes.run(run), run.deadline)
            guesses += said.guessed
            not_before = world.clock.monotonic() + (_GRACE if said.taken else 0.0)
        told = world.index.standings(action.project, action.files)
        object_to_others(told, action.index)
        if all(each.standing is Standing.OURS for each in told):
            return
        assert said is not None
        if said.refused or guesses >= _GUESSES:
            raise ActionFailed(f"{action.index} does not take it: {said.why}", f"All of it: {action.run.log}")
        known = "; ".join(f"{each.name}: {each.why}" for each in told if each.standing is not Standing.OURS)
        if world.clock.monotonic() + pause > end:
            raise CannotTell(
                f"{action.index} does not have it after {action.deadline:g} s: {known}\nThe last attempt: {said.why}",
                "Run this again later: it goes on where it stands.",
            )
        world.tell(f"      … {known}; the last attempt: {said.why}; asking again in {pause:.0f} s")
        world.clock.sleep(pause)


def pauses() -> Iterator[float]:
    """Seconds, ever longer, and never the same for two that wait for the same thing."""
    pause = 0.5
    while True:
        yield pause * random.uniform(0.75, 1.25)  # noqa: S311 - not for secrets
        pause = min(pause * 2, _LONGEST_PAUSE)


def judged(ended: Completed, deadline: float) -> Said:
    """What twine's end says of the upload. Whether the index has the file, only the index tells."""
    from omni_release.index.client import answered

    text = "\n".join(ended.tail)
    if ended.code == 0:
        return Said("twine says that it was taken", taken=True)
    if ended.timed_out:
        return Said(f"twine did not end within {deadline:.0f} s and was stopped")
    if ended.code < 0:
        return Said(f"twine was ended by signal {-ended.code}")
    if found := _HTTP.search(text):
        status, reason = int(found[1]), " ".join(found[2].split())
        standing, why = answered(status, reason)
        words = _words(text)
        why = f"{why} ({words})" if words and words not in why else why
        if status == 409 or (status in (400, 403) and _EXISTS.search(why)):
            # Perhaps an earlier attempt came through, and is only not listed yet.
            return Said(f"it says that it has a file of this name: {why}", taken=True)
        # 404 and 410 are said of the address: there is nothing to wait for.
        return Said(why, refused=standing in (Standing.REFUSED, Standing.ABSENT) or 300 <= status < 400)
    last = next((line for line in reversed(ended.tail) if line.strip()), "it said nothing")
    if "RedirectDetected" in text or "InvalidDistribution" in text:
        return Said(" ".join(text.split())[-500:], refused=True)
    return Said(f"twine ended with exit code {ended.code}: {last}", guessed=not ended.network)


def _words(text: str) -> str:
    """What the body of the index's answer says, as twine shows it: without its tags, and not all of a long one."""
    shown = text.partition("Response from ")[2].partition("\n")[2].partition("HTTPError")[0]
    plain = re.sub(r"(?is)<(style|script|title)\b.*?</\1>|<[^>]*>", " ", re.sub(r"(?m)^\W*(?:INFO|ERROR)\b", "", shown))
    return html.unescape(" ".join(plain.split()))[:_LONGEST_WORDS].strip()


def standings(
    world: World, project: str, artifacts: Sequence[Artifact], *, patience: float = _PATIENCE
) -> tuple[Told, ...]:
    """How each artifact stands; where the index does not tell, it is asked again, within `patience` seconds."""
    end = world.clock.monotonic() + patience
    for pause in pauses():
        told = world.index.standings(project, artifacts)
        unknown = [each for each in told if each.standing is Standing.CANNOT_TELL]
        if not unknown or world.clock.monotonic() + pause > end:
            return told
        world.tell(f"      … {unknown[0].name}: {unknown[0].why}; asking again in {pause:.0f} s")
        world.clock.sleep(pause)
    raise AssertionError("pauses never end")


def files(world: World, project: str, *, patience: float = _PATIENCE) -> tuple[IndexFile, ...]:
    """What the index lists, asked within `patience` seconds. Raises CannotTell where it does not say by then.

    An index that refuses to tell is asked once.
    """
    end = world.clock.monotonic() + patience
    for pause in pauses():
        try:
            return world.index.files(project)
        except Refused:
            raise
        except CannotTell as error:
            if world.clock.monotonic() + pause > end:
                raise
            world.tell(f"      … {error.message}; asking again in {pause:.0f} s")
        world.clock.sleep(pause)
    raise AssertionError("pauses never end")


def await_listing(world: World, project: str, artifacts: Sequence[Artifact], deadline: float) -> None:
    """Until several reads in a row found all of it ours. Raises Conflict, and CannotTell after `deadline` seconds."""
    begun = world.clock.monotonic()
    good, waits = 0, pauses()
    while True:
        told = world.index.standings(project, artifacts)
        object_to_others(told, world.index.target.name)
        missing = [each for each in told if each.standing is not Standing.OURS]
        good = 0 if missing else good + 1
        if good == GOOD_READS:
            return
        pause = _BETWEEN_READS if good else next(waits)
        passed = world.clock.monotonic() - begun
        if passed + pause > deadline:
            known = "; ".join(f"{each.name}: {each.why}" for each in missing) or "its answers change"
            raise CannotTell(
                f"{world.index.target.name} does not show all of it after {deadline:g} s: {known}",
                "What was sent is sent. Run this again later: it goes on with the wait.",
            )
        if missing:
            counted = f"{len(told) - len(missing)} of {len(told)} files are shown, {passed:.0f} of {deadline:g} s"
            world.tell(f"      … {counted}: {missing[0].name}: {missing[0].why}")
        world.clock.sleep(pause)


def confirm(action: Confirm, world: World) -> None:
    """Perform it. Raises ActionFailed where something else was typed, or nobody was there."""
    typed = world.person.types(action.word, action.question)
    if typed is None:
        raise ActionFailed("nobody is there to type the version", "Say --yes where no person sits at a terminal.")
    if typed.strip() != action.word:
        raise ActionFailed(f"{typed.strip()!r} was typed, not {action.word!r}: nothing was published")
    artifacts = ",".join(artifact.sha256 for artifact in world.journal.artifacts())
    how = "--yes" if world.person.beforehand else "typed"
    world.journal.record("confirmed", address=action.address, artifacts=artifacts, who=action.who, how=how)


def object_to_changes(action: Send) -> None:
    """Raises Conflict where a file is not the very bytes that were pinned."""
    for file in action.files:
        path = action.folder / file.name
        found = sha256(path) if path.is_file() else "nothing"
        if found != file.sha256:
            raise Conflict(
                f"{path} has changed since it was built: sha256 {file.sha256} was pinned, {found} is there",
                "It was not sent. Rehearse again: omni-release rehearse",
            )


def object_to_others(told: Sequence[Told], index: str) -> None:
    """Raises Conflict where the index has something else under our name."""
    for each in told:
        if each.standing is Standing.OTHER_BYTES:
            raise Conflict(
                f"{index} holds another {each.name}: {each.why}, not ours",
                "Nothing was sent over it, and nothing can be: a file name can be used once only.",
            )


def explained(target: Target, project: str, version: str, told: Sequence[Told], again: str) -> Iterator[str]:
    """What cannot be undone, and what to do: one screen. `again` is the command that goes on."""
    there = [each for each in told if each.standing is Standing.OURS]
    manage = _manage(target, project, version)
    yield f"{project} {version} on {target.name}:"
    for each in told:
        yield f"  {each.name}: {'there, and ours' if each.standing is Standing.OURS else each.why}"
    if any(each.standing is Standing.OTHER_BYTES for each in told):
        yield "It holds other bytes than ours under our name. A file name can be used once only: this version is spent."
        yield "Raise it, and release that: omni-release version bump patch"
    elif len(there) == len(told):
        yield "All of it is there: nothing is left to send. What is told above is gone on with by:"
        yield f"  {again}"
        yield f"Should what is there be wrong, yank it by hand, and release the next version: {manage}"
    elif any(each.standing is not Standing.ABSENT for each in told if each not in there):
        yield f"{target.name} does not say what of it is there: it may be all of it, or a part."
        yield "When it answers, go on, and nothing is sent twice:"
        yield f"  {again}"
        return
    elif there:
        yield "What is there cannot be replaced or taken back. Either go on, and nothing is sent twice:"
        yield f"  {again}"
        yield "or give this version up, and raise it: omni-release version bump patch"
    else:
        yield "Nothing of it is there: mend what is wrong above, and run this again:"
        yield f"  {again}"
    if there and len(there) < len(told):
        yield f"So that nobody installs what is half there, yank it by hand: {manage}"


def _manage(target: Target, project: str, version: str) -> str:
    import urllib.parse

    from omni_release.index import targets

    if targets.is_pypi(target):
        return urllib.parse.urljoin(target.simple, f"/manage/project/{project}/release/{version}/")
    return target.page_of(project, version) or f"on the web pages of {target.name}"
