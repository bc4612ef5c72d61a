"""Ask an environment what it has: versions, where modules come from, which entry points load."""

from __future__ import annotations

from typing import Any

from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.environments import child, env_vars
from omni_release.project import importable

_DEADLINE = 120.0


def look(release: Release, world: World, name: str) -> dict[str, Any]:
    """What `children.probe` finds in the environment `name`, seen from outside the checkout.

    Raises ActionFailed where the program ends before it has written its answer.
    """
    return child.answer(
        release,
        world,
        name,
        "inspect_install",
        release.project.name,
        *importable(release.project),
        variables=env_vars.for_tests(world.environment, release.folder),
        deadline=_DEADLINE,
        doing="the import",
    )
