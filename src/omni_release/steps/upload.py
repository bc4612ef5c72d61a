"""Upload to an index."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from omni_release import artifacts, environment
from omni_release.actions import Action, Run
from omni_release.errors import CannotTell, Conflict
from omni_release.model import Evidence, Release
from omni_release.seams import World

_DEADLINE = 300.0


class Upload:
    """The distributions are on the index, with the very bytes that were built.

    What counts is what the index then says it has, not what twine said.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        files = tuple(str(release.dist / artifact.name) for artifact in world.journal.artifacts())
        if not files:
            raise CannotTell("there is nothing built to upload", "Build first: omni-release build")
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
        there = {file.name: file.sha256 for file in world.index.files(project)}
        for artifact in pinned:
            if artifact.name in there and there[artifact.name] != artifact.sha256:
                raise Conflict(
                    f"{world.index.simple_url} holds another {artifact.name}: sha256 {there[artifact.name]}, not ours",
                    "A file name can be used once only: raise the version.",
                )
        if any(artifact.name not in there for artifact in pinned):
            return None
        return {artifact.name: f"sha256 {artifact.sha256}" for artifact in pinned} | {"index": world.index.simple_url}
