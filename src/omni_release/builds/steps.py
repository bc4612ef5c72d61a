"""Build the distributions, and once more, to compare with."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import distributions, source_tree
from omni_release.core import documents
from omni_release.core.actions import Action, Copy, Link, Move, Pin, Run, Write
from omni_release.core.errors import Conflict
from omni_release.core.model import Evidence, Release
from omni_release.core.runs import FOLDER
from omni_release.core.world import World
from omni_release.environments import installer_config

_PREBUILT = "prebuilt "


class Build:
    """The distributions are built: the sdist, and the wheel from that sdist.

    The last lines of the back end stand above, all of its output in the run's `logs/build.log`. The build runs in an
    isolated environment: what it imports must be listed under `requires` in [build-system].
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield _build(release, world, "first", release.source, release.dist)
        yield _pin(release)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        return as_built(release, world)


@dataclass(frozen=True)
class TakeArtifacts:
    """The distributions were built elsewhere: they are copied from the folder that was named.

    Name the folder with the wheels, and the sdist where there is one: `--artifacts DIR`.
    """

    folder: Path

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        names = tuple(PurePosixPath(path.name) for path in distributions.in_folder(self.folder))
        yield Copy(self.folder, release.dist, names)
        # Of this tree as far as anybody can tell: a run that is to build something does not go on with it.
        tree_file = release.work_dir / "prebuilt.sha256"
        fingerprint = source_tree.fingerprint(release.project.root, world.processes)
        yield Write(tree_file, (_PREBUILT + fingerprint).encode())
        yield dataclasses.replace(_pin(release), tree=tree_file)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        return as_built(release, world)


class Rebuild:
    """The distributions are built once more, and a wheel straight from the checkout, to compare with.

    All of the back end's output is in the run's `logs/rebuild.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield _build(release, world, "again", release.source_again, release.rebuilt)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        return {"rebuilt": str(release.rebuilt)} if release.rebuilt.is_dir() else None


def _pin(release: Release) -> Pin:
    """The files that were built, and the tree that was copied before."""
    return Pin(release.dist, release.copied_tree, release.commit.sha if release.commit else None)


def as_built(release: Release, world: World) -> Evidence | None:
    """Proof that the pinned files lie there, and are of this very checkout."""
    pinned = world.journal.artifacts()
    if not pinned:
        return None
    built_from = (world.journal.tree_hash() or "").removeprefix(_PREBUILT)
    if built_from != source_tree.fingerprint(release.project.root, world.processes):
        raise Conflict("the checkout has changed since this run was built", "Start a new run, without --run.")
    for artifact in pinned:
        path = release.dist / artifact.name
        if not path.is_file() or documents.sha256(path) != artifact.sha256:
            raise Conflict(f"{path} is not the file that this run has built", "Start a new run, without --run.")
    return {artifact.name: f"sha256 {artifact.sha256}, {artifact.size} bytes" for artifact in pinned}


def _build(release: Release, world: World, which: str, source: Path, target: Path) -> Run:
    inner = installer_config.dependency_env(world.environment, release.folder) | {"GIT_OPTIONAL_LOCKS": "0"}
    if release.commit is not None:
        inner.setdefault("SOURCE_DATE_EPOCH", str(release.commit.time))
    program = (sys.executable, "-m", "omni_release.scripts.build", which)
    return Run(
        (*program, str(source), str(release.environment("build")), str(target)),
        cwd=release.work_dir,
        environment=inner,
        log=release.logs / ("build.log" if which == "first" else "rebuild.log"),
        deadline=release.project.settings.build_timeout,
        network=True,
        background=which == "again",
    )


class CopySource:
    """The checkout is copied for the build, so that a back end can touch nothing in it.

    The copy lies outside the checkout. It has the repository's history (for a version that comes from a tag), files
    that git ignores (what a front end's build has made, say), and no leftovers of tools and earlier builds.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        fingerprint = source_tree.fingerprint(release.project.root, world.processes)
        found = source_tree.working_tree(release.project.root, world.processes)
        top = found.top if found else release.project.root
        files = source_tree.build_inputs(top, release.project.root, world.processes)
        for copy in ("source", "again"):
            yield Copy(top, release.work_dir / copy, files)
            if found:
                yield Write(release.work_dir / copy / ".git", b"gitdir: " + os.fsencode(found.git_dir) + b"\n")
        # Last, so that it is only there when all of it is: from now on the build is of this very tree.
        yield Write(release.copied_tree, fingerprint.encode())

    def check_done(self, release: Release, world: World) -> Evidence | None:
        if not release.copied_tree.is_file():
            return None
        copied = release.copied_tree.read_text(encoding="utf-8")
        current = copied == source_tree.fingerprint(release.project.root, world.processes)
        return {"copy": str(release.source), "tree": copied} if current or world.journal.artifacts() else None


class CopyForCommands:
    """The checkout is copied for the project's own commands, so that they change nothing in it.

    The copy has what git knows. Each `node_modules` beside a package.json is there as a link: what it takes to run is
    neither copied nor installed again.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        root = release.project.root
        files = source_tree.files(root, world.processes)
        yield Copy(root, release.commands_tree, files)
        for file in files:
            modules = file.parent / "node_modules"
            if file.name == "package.json" and (root / modules).is_dir():
                yield Link((root / modules).absolute(), release.commands_tree / modules)
        # Last, so that it is only there when all the links are.
        yield self._end(release)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        whole = release.commands_tree.is_dir() and self._end(release).path.is_file()
        return {"copy": str(release.commands_tree)} if whole else None

    @staticmethod
    def _end(release: Release) -> Write:
        return Write(release.work_dir / "commands.copied", b"")


class Clean:
    """dist/ holds nothing: what lay in it is in .omni-release/removed/.

    Nothing is deleted. A link is moved as a link, what it points to stays where it is.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        dist = release.project.root / "dist"
        target = release.project.root / FOLDER / "removed" / world.clock.now().strftime("%Y%m%d-%H%M%S-%f")
        for entry in sorted(dist.iterdir()):
            yield Move(entry, target / entry.name)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        dist = release.project.root / "dist"
        if dist.is_symlink():
            raise Conflict(
                f"{dist} is a link, to {dist.readlink()}", "Nothing behind a link is touched: remove the link."
            )
        if not dist.exists():
            return {"dist": "absent"}
        if not dist.is_dir():
            raise Conflict(f"{dist} is a file", "Move it away by hand.")
        return None if any(dist.iterdir()) else {"dist": "empty"}
