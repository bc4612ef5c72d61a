"""Performs actions: in the world that is handed in, one at a time."""

from __future__ import annotations

from pathlib import Path

from omni_release.core.actions import Action, Confirm, Copy, Link, Move, Pin, Run, Send, Write
from omni_release.core.errors import ActionFailed, Inconclusive
from omni_release.core.world import World


def perform(action: Action, world: World) -> None:
    """Perform one action. Raises ActionFailed, or Inconclusive where it failed because of the network."""
    match action:
        case Run():
            _run_program(action, world)
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


def _run_program(action: Run, world: World) -> None:
    completed = world.processes.run(action)
    if completed.code == 0:
        return None
    if action.otherwise is not None:
        return _run_program(action.otherwise, world)
    argv = action.argv
    program = argv[argv.index("-m") + 1] if "-m" in argv[1:3] else Path(argv[0]).stem
    message, hint = f"{program} {completed.ended(action.deadline)}", f"Full output: {action.log}"
    has_reason = action.reason is not None and action.reason.is_file() and not completed.timed_out
    if action.reason is not None and has_reason:
        message = action.reason.read_text(encoding="utf-8", errors="replace")
        action.reason.unlink()  # it is not redacted, and the outcome has it
    if action.network and completed.network:
        because = f"{message}, probably because of the network"
        raise Inconclusive("\n".join((f"{because}:", *completed.tail)) if completed.tail else because, hint)
    if action.inconclusive:
        raise Inconclusive("\n".join((f"{message}:", *completed.tail)), f"{action.inconclusive} {hint}")
    raise ActionFailed(message, hint, tail=() if has_reason else completed.tail)
