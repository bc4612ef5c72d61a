"""Run a program of ours inside of an environment, and read what it found there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from omni_release import scripts
from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed
from omni_release.core.model import Release
from omni_release.core.world import Completed, World
from omni_release.environments import venv


def answer(
    release: Release,
    world: World,
    environment: str,
    program: str,
    *arguments: str,
    variables: Mapping[str, str],
    deadline: float,
    doing: str,
) -> dict[str, Any]:
    """What `children.PROGRAM` writes into the file that is its first argument, run outside of the checkout.

    Raises ActionFailed, which says what it was `doing`, where it ends before it has written it.
    """
    name = f"{program}-{environment}"
    result = release.workshop / f"{name}.json"
    result.unlink(missing_ok=True)
    interpreter = str(venv.python(release.environment(environment)))
    command = Run(
        (interpreter, "-I", str(scripts.program(program)), str(result), *arguments),
        cwd=release.workshop,
        environment=variables,
        log=release.logs / f"{name}.log",
        deadline=deadline,
    )
    completed = world.processes.run(command)
    if not result.is_file():
        raise _no_answer(command, completed, doing)
    try:
        found: dict[str, Any] = json.loads(result.read_bytes())
    except ValueError:  # it was stopped while it wrote
        raise _no_answer(command, completed, doing) from None
    return found


def _no_answer(command: Run, completed: Completed, doing: str) -> ActionFailed:
    said = f"{doing} {completed.ended(command.deadline)}"
    return ActionFailed(said, f"All of its output: {command.log}", tail=completed.tail)
