"""Ask an environment what it has: versions, where modules come from, which entry points load."""

from __future__ import annotations

from typing import Any

from omni_release.environments import child, variables
from omni_release.model import Release
from omni_release.project import importable
from omni_release.seams import World

_DEADLINE = 120.0


def look(release: Release, world: World, name: str) -> dict[str, Any]:
    """What `children.probe` finds in the environment `name`, seen from outside the checkout.

    Raises ActionFailed where the program ends before it has written its answer.
    """
    return child.answer(
        release,
        world,
        name,
        "probe",
        release.project.name,
        *importable(release.project),
        variables=variables.for_tests(world.environment, release.folder),
        deadline=_DEADLINE,
        doing="the import",
    )
