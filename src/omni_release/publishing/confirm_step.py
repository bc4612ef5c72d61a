"""The moment before the point of no return: a person says that this is what may go there."""

from __future__ import annotations

import getpass
from collections.abc import Iterable

from omni_release import git
from omni_release.core.actions import Action, Confirm
from omni_release.core.errors import CannotTell
from omni_release.core.model import Evidence, Release
from omni_release.core.world import World
from omni_release.distributions import artifacts


class ConfirmVersion:
    """A person has typed the version that may go there, or has said `--yes`.

    What is published cannot be taken back: type the version, exactly as it is shown.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        pinned = world.journal.artifacts()
        if not pinned:
            raise CannotTell("there is nothing built to publish", "Rehearse first: omni-release rehearse")
        target = world.index.target
        _, version = artifacts.name_and_version(pinned[0].name)
        files = "\n".join(f"  {file.name}  {file.size} bytes  sha256 {file.sha256}" for file in pinned)
        where = target.name if target.name == target.upload else f"{target.name} ({target.upload})"
        question = (
            f"{release.project.name} {version} goes to {where}, and cannot be taken back:\n{files}\n"
            f"Type the version to publish it: "
        )
        yield Confirm(question, version, target.upload, _who(release, world))

    def settled(self, release: Release, world: World) -> Evidence | None:
        address = world.index.target.upload
        return {"may go to": address} if world.journal.confirmed(address) else None


def _who(release: Release, world: World) -> str:
    """Who git says works here, or else whose account this is."""
    if named := git.user(release.project.root, world.processes):
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, in a container say
        return "somebody without a name"
