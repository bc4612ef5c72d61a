"""Ask an environment what it has: versions, where modules come from, which entry points load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from omni_release import children, testing
from omni_release.actions import Run
from omni_release.environments import variables, venv
from omni_release.errors import ActionFailed
from omni_release.model import Release
from omni_release.seams import World

_DEADLINE = 120.0


def look(release: Release, world: World, name: str) -> dict[str, Any]:
    """What `children.probe` finds in the environment `name`, seen from outside the checkout.

    Raises ActionFailed where the program ends before it has written its answer.
    """
    result = release.workshop / f"probe-{name}.json"
    result.unlink(missing_ok=True)
    script = str(Path(children.__file__).with_name("probe.py"))
    modules = testing.importable(release.project)
    command = Run(
        (str(venv.python(release.environment(name))), "-I", script, str(result), release.project.name, *modules),
        cwd=release.workshop,
        environment=variables.for_tests(world.environment, release.folder),
        log=release.logs / f"probe-{name}.log",
        deadline=_DEADLINE,
    )
    completed = world.processes.run(command)
    if not result.is_file():
        said = "did not end" if completed.timed_out else f"ended with exit code {completed.code}"
        raise ActionFailed(f"the import {said}", f"All of its output: {command.log}", tail=completed.tail)
    found: dict[str, Any] = json.loads(result.read_bytes())
    return found
