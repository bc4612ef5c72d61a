"""Build the distributions, and once more, to compare with."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.distributions import artifacts
from omni_release.core.actions import Action
from omni_release.core.actions import Copy
from omni_release.core.actions import Pin
from omni_release.core.actions import Run
from omni_release.core.actions import Write
from omni_release.environments import env_vars
from omni_release.core.errors import Conflict
from omni_release import source_tree
from omni_release.core.model import Evidence
from omni_release.core.model import Release
from omni_release.core.world import World

_PREBUILT = "prebuilt "


class Build:
    """The distributions are built: the sdist, and the wheel from that sdist.

    The last lines of the back end stand above, all of its output in the run's `logs/build.log`. The build runs in an
    isolated environment: what it imports must be listed under `requires` in [build-system].
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield _build(release, world, "first", release.source, release.dist)
        yield _pin(release)

    def settled(self, release: Release, world: World) -> Evidence | None:
        return as_built(release, world)


@dataclass(frozen=True)
class TakeArtifacts:
    """The distributions were built elsewhere: they are copied from the folder that was named.

    Name the folder with the wheels, and the sdist where there is one: `--artifacts DIR`.
    """

    folder: Path

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        names = tuple(PurePosixPath(path.name) for path in artifacts.in_folder(self.folder))
        yield Copy(self.folder, release.dist, names)
        # Of this tree as far as anybody can tell: a run that is to build something does not go on with it.
        tree_file = release.workshop / "prebuilt.sha256"
        fingerprint = source_tree.fingerprint(release.project.root, world.processes)
        yield Write(tree_file, (_PREBUILT + fingerprint).encode())
        yield dataclasses.replace(_pin(release), tree=tree_file)

    def settled(self, release: Release, world: World) -> Evidence | None:
        return as_built(release, world)


class Rebuild:
    """The distributions are built once more, and a wheel straight from the checkout, to compare with.

    All of the back end's output is in the run's `logs/rebuild.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield _build(release, world, "again", release.source_again, release.rebuilt)

    def settled(self, release: Release, world: World) -> Evidence | None:
        return {"rebuilt": str(release.rebuilt)} if release.rebuilt.is_dir() else None


def _pin(release: Release) -> Pin:
    """The files that were built, and the tree that was copied before."""
    return Pin(release.dist, release.copied_tree, release.commit.sha if release.commit else None)


def as_built(release: Release, world: World) -> Evidence | None:
    """Proof that the pinned files lie there, and are of this very checkout."""
    pinned = world.journal.artifacts()
    if not pinned:
        return None
    built_from = (world.journal.built_from() or "").removeprefix(_PREBUILT)
    if built_from != source_tree.fingerprint(release.project.root, world.processes):
        raise Conflict("the checkout has changed since this run was built", "Start a new run, without --run.")
    for artifact in pinned:
        path = release.dist / artifact.name
        if not path.is_file() or artifacts.sha256(path) != artifact.sha256:
            raise Conflict(f"{path} is not the file that this run has built", "Start a new run, without --run.")
    return {artifact.name: f"sha256 {artifact.sha256}, {artifact.size} bytes" for artifact in pinned}


def _build(release: Release, world: World, which: str, source: Path, target: Path) -> Run:
    inner = env_vars.for_dependencies(world.environment, release.folder) | {"GIT_OPTIONAL_LOCKS": "0"}
    if release.commit is not None:
        inner.setdefault("SOURCE_DATE_EPOCH", str(release.commit.time))
    program = (sys.executable, "-m", "omni_release.scripts.build", which)
    return Run(
        (*program, str(source), str(release.environment("build")), str(target)),
        cwd=release.workshop,
        environment=inner,
        log=release.logs / ("build.log" if which == "first" else "rebuild.log"),
        deadline=release.project.settings.build_timeout,
        network=True,
        background=which == "again",
    )
