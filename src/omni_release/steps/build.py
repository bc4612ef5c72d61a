"""Build the distributions."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from omni_release import environment, journal, tree
from omni_release.actions import Action, Pin, Run
from omni_release.errors import Conflict
from omni_release.model import Evidence, Release
from omni_release.seams import World


class Build:
    """The distributions are built: the sdist, and the wheel from that sdist.

    The last lines of the back end stand above, all of its output in the run's `logs/build.log`. The build runs in an
    isolated environment: what it imports must be listed under `requires` in [build-system].
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield Run(
            (sys.executable, "-m", "omni_release.children.build", str(release.source), str(release.dist)),
            cwd=release.folder,
            environment=environment.for_tools(world.environment, release.folder) | {"GIT_OPTIONAL_LOCKS": "0"},
            log=release.logs / "build.log",
            deadline=release.project.settings.build_timeout,
            network=True,
        )
        yield Pin(release.dist, tree.fingerprint(release.project.root, world.processes), release.commit)

    def settled(self, release: Release, world: World) -> Evidence | None:
        pinned = world.journal.artifacts()
        if not pinned:
            return None
        if world.journal.built_from() != tree.fingerprint(release.project.root, world.processes):
            raise Conflict("the checkout has changed since this run was built", "Start a new run, without --run.")
        for artifact in pinned:
            path = release.dist / artifact.name
            if not path.is_file() or journal.sha256(path) != artifact.sha256:
                raise Conflict(f"{path} is not the file that this run has built", "Start a new run, without --run.")
        return {artifact.name: f"sha256 {artifact.sha256}, {artifact.size} bytes" for artifact in pinned}
