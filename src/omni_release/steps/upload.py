"""Upload to an index."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from omni_release import artifacts, environment
from omni_release.actions import Action, Run
from omni_release.errors import CannotTell, Conflict
from omni_release.model import Evidence, Release
from omni_release.seams import Standing, Told, World

_DEADLINE = 300.0


class Upload:
    """The distributions are on the index, with the very bytes that were built.

    What counts is what the index then says it has, not what twine said.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        pinned = world.journal.artifacts()
        if not pinned:
            raise CannotTell("there is nothing built to upload", "Build first: omni-release build")
        told = world.index.standings(artifacts.name_and_version(pinned[0].name)[0], pinned)
        files = tuple(str(release.dist / each.name) for each in told if each.standing is not Standing.OURS)
        twine = (sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar", "--verbose")
        yield Run(
            (*twine, "--repository-url", world.index.upload_url, *files),
            cwd=release.folder,
            environment=environment.for_tools(world.environment, release.folder)
            | {"TWINE_USERNAME": world.index.username},
            secrets=world.index.credentials,
            log=release.logs / "upload.log",
            deadline=_DEADLINE,
            network=True,
        )

    def settled(self, release: Release, world: World) -> Evidence | None:
        pinned = world.journal.artifacts()
        if not pinned:
            return None
        project, _ = artifacts.name_and_version(pinned[0].name)
        told = world.index.standings(project, pinned)
        _object(told, world.index.simple_url)
        if any(each.standing is not Standing.OURS for each in told):
            return None
        return {artifact.name: f"sha256 {artifact.sha256}" for artifact in pinned} | {"index": world.index.simple_url}


def _object(told: Sequence[Told], index: str) -> None:
    """Raises Conflict where the index has something else under our name, CannotTell where it does not say."""
    for each in told:
        if each.standing is Standing.OTHER_BYTES:
            raise Conflict(
                f"{index} holds another {each.name}: {each.why}, not ours",
                "A file name can be used once only: raise the version.",
            )
    for each in told:
        if each.standing is Standing.REFUSED:
            raise CannotTell(f"{index} does not let us look for {each.name}: {each.why}", "Are the credentials right?")
        if each.standing is Standing.CANNOT_TELL:
            raise CannotTell(f"{index} does not tell whether it has {each.name}: {each.why}", "Try again in a while.")
