"""Upload to an index."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omni_release.core.actions import Action, Run, Send
from omni_release.core.errors import ActionFailed, CannotTell
from omni_release.core.model import Artifact, Evidence, Release
from omni_release.core.world import Access, Credentials, Standing, Told, World
from omni_release.distributions import artifacts
from omni_release.environments import env_vars
from omni_release.index import polling


@dataclass(frozen=True)
class Upload:
    """The distributions are on the index, with the very bytes that were built.

    What counts is what the index then says it has, not what twine said. Files go one at a time, the wheels first: with
    an sdist alone, whoever installs in that moment would have to build it.
    """

    together: bool = False  # by one twine: where an upload that stops half-way does no harm

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        pinned = world.journal.artifacts()
        if not pinned:
            raise CannotTell("there is nothing built to upload", "Build first: omni-release build")
        project = artifacts.name_and_version(pinned[0].name)[0]
        told = polling.standings(world, project, pinned)
        missing = {each.name for each in told if each.standing is not Standing.OURS}
        files = sorted((one for one in pinned if one.name in missing), key=lambda one: not artifacts.is_wheel(one.name))
        access = world.index.access()
        if access.credentials is not Credentials.PRESENT:
            raise ActionFailed(f"there is nothing to upload with: {access.source}: {access.why}")
        for group in [files] if self.together else [[file] for file in files]:
            yield _send(release, world, access, project, tuple(group))

    def settled(self, release: Release, world: World) -> Evidence | None:
        pinned = world.journal.artifacts()
        if not pinned:
            return None
        project, _ = artifacts.name_and_version(pinned[0].name)
        told = polling.standings(world, project, pinned)
        _object(told, world.index.target.name)
        if any(each.standing is not Standing.OURS for each in told):
            return None
        return {one.name: f"sha256 {one.sha256}" for one in pinned} | {"index": world.index.target.simple}


def _send(release: Release, world: World, access: Access, project: str, files: tuple[Artifact, ...]) -> Send:
    publish = release.project.settings.publish
    twine = (sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar", "--verbose")
    paths = (str(release.dist / file.name) for file in files)
    run = Run(
        (*twine, *access.arguments, "--repository-url", world.index.target.upload, *paths),
        cwd=release.folder,
        # Wide, so that what twine says of an answer stands on one line.
        environment={
            **env_vars.for_tools(world.environment, release.folder),
            "COLUMNS": "500",
            **access.environment,
        },
        secrets=access.secrets,
        log=release.logs / "upload.log",
        deadline=publish.attempt_timeout,
        network=True,
    )
    return Send(project, release.dist, files, world.index.target.name, run, publish.upload_timeout)


def _object(told: Sequence[Told], index: str) -> None:
    """Raises Conflict where the index has something else under our name, CannotTell where it does not say."""
    polling.object_to_others(told, index)
    for each in told:
        if each.standing is Standing.REFUSED:
            raise CannotTell(f"{index} does not let us look for {each.name}: {each.why}", "Are the credentials right?")
        if each.standing is Standing.CANNOT_TELL:
            raise CannotTell(f"{index} does not tell whether it has {each.name}: {each.why}", "Try again in a while.")
