"""A person lets a release go, by typing its version."""

from __future__ import annotations

from omni_release.core.actions import Confirm
from omni_release.core.errors import ActionFailed
from omni_release.core.world import World


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
