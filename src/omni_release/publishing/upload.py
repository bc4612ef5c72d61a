"""Sending files to an index that hangs, drops, is late and lies: forward or stop, never twice with other bytes.

What counts is never what twine said, but what the index then says it has. Nothing is sent while the index does not
say what it has; what it holds under our name with other bytes is the end; what it refuses for good is told at once.
"""

from __future__ import annotations

import dataclasses
import html
import re

from omni_release.core.actions import Send
from omni_release.core.errors import ActionFailed, CannotTell, Conflict
from omni_release.core.world import Completed, Standing, Told, World
from omni_release.distributions import artifacts
from omni_release.index.polling import object_to_others, pauses

_GRACE = 30.0
_GUESSES = 3
_ALREADY = (Standing.OURS, Standing.ABSENT)
_LONGEST_WORDS = 300
_EXISTS = re.compile(r"already (?:exists|been taken|there)|overwrit|not allow updating", re.IGNORECASE)
_HTTP = re.compile(r"HTTPError: (\d{3}) .*? from (\S+)\s*(.*)", re.DOTALL)


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


def judged(ended: Completed, deadline: float) -> Said:
    """What twine's end says of the upload. Whether the index has the file, only the index tells."""
    from omni_release.index.responses import answered

    text = "\n".join(ended.tail)
    if ended.code == 0:
        return Said("twine says that it was taken", taken=True)
    if ended.timed_out or ended.code < 0:
        return Said(f"twine {ended.ended(deadline)}")
    if found := _HTTP.search(text):
        status, reason = int(found[1]), " ".join(found[3].split())
        standing, why = answered(status, reason)
        words = _words(text)
        why = f"{why} ({words})" if words and words not in why else why
        if status == 409 or (status in (400, 403) and _EXISTS.search(why)):
            # Perhaps an earlier attempt came through, and is only not listed yet.
            return Said(f"it says that it has a file of this name: {why}", taken=True)
        if standing is Standing.ABSENT:  # said of the address: there is nothing to wait for
            why = f"{why}: are files sent to {found[2]}?"
        return Said(why, refused=standing in (Standing.REFUSED, Standing.ABSENT) or 300 <= status < 400)
    last = next((line for line in reversed(ended.tail) if line.strip()), "it said nothing")
    if "RedirectDetected" in text or "InvalidDistribution" in text:
        return Said(" ".join(text.split())[-500:], refused=True)
    return Said(f"twine {ended.ended(deadline)}: {last}", guessed=not ended.network)


def _words(text: str) -> str:
    """What the body of the index's answer says, as twine shows it: without its tags, and not all of a long one."""
    shown = text.partition("Response from ")[2].partition("\n")[2].partition("HTTPError")[0]
    plain = re.sub(r"(?is)<(style|script|title)\b.*?</\1>|<[^>]*>", " ", re.sub(r"(?m)^\W*(?:INFO|ERROR)\b", "", shown))
    return html.unescape(" ".join(plain.split()))[:_LONGEST_WORDS].strip()


def object_to_changes(action: Send) -> None:
    """Raises Conflict where a file is not the very bytes that were pinned."""
    for file in action.files:
        path = action.folder / file.name
        found = artifacts.sha256(path) if path.is_file() else "nothing"
        if found != file.sha256:
            raise Conflict(
                f"{path} has changed since it was built: sha256 {file.sha256} was pinned, {found} is there",
                "It was not sent. Rehearse again: omni-release rehearse",
            )
