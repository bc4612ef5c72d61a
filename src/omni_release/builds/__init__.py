"""Copy the checkout and build it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import distributions, git_queries, programs, source_tree
from omni_release.builds import repository, reuse
from omni_release.core import documents
from omni_release.core.actions import Action, Copy, Link, Move, Pin, Run, Write
from omni_release.core.cache import Inputs
from omni_release.core.errors import Conflict, Inconclusive
from omni_release.core.model import Evidence, Release
from omni_release.core.own_folder import FOLDER
from omni_release.core.secret_variables import installer_logins
from omni_release.core.text import listed
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.environments import installer_config

FILES = "files.json"
"""The file in the run folder with the hash of each file that was there when the checkout was copied."""

_NAMED = 5


class Build:
    """Build the distributions

    The project's build back end makes the sdist, and a wheel from that sdist, in an isolated environment.

    Fix: correct the error that the back end reports in the run's `logs/build.log`. A package that it cannot import
    belongs under `requires` in [build-system], a file of the project that it does not find into the sdist.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield build_run(release, world.environment, "first", release.source, release.dist)
        yield _pin(release)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        return verify_artifacts(release, world)

    def inputs(self, release: Release, world: World) -> Inputs | None:
        run = build_run(release, world.environment, "first", release.source, release.dist)
        return reuse.of_build(release, world, run, release.work_dir / "source")

    def made(self, release: Release, world: World) -> Mapping[str, Path]:
        return reuse.made(release, world, {"dist": release.dist})

    def put_back(self, release: Release, world: World, folder: Path) -> Iterable[Action]:
        reuse.require_same_environment(release, world, folder)
        yield reuse.environment(release, folder)
        yield _copy(folder / "dist", release.dist)
        yield _pin(release)


@dataclass(frozen=True)
class TakeArtifacts:
    """Copy the prebuilt distributions

    The distributions in the folder given by `--artifacts` are used in place of a build.

    Fix: pass the folder that contains the wheels, and the sdist if there is one: `--artifacts DIR`.
    """

    folder: Path

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        found = distributions.in_folder(self.folder)
        for path in found:
            distributions.refuse_bomb(path)
        names = tuple(PurePosixPath(path.name) for path in found)
        yield Copy(self.folder, release.dist, names)
        # Presumably of this tree: the prefix keeps a run that builds from resuming this one.
        tree_file = release.work_dir / "prebuilt.sha256"
        fingerprint = source_tree.fingerprint(release.project.root, world.processes)
        yield Write(tree_file, (distributions.PREBUILT + fingerprint).encode())
        yield dataclasses.replace(_pin(release), tree=tree_file)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        return verify_artifacts(release, world)


class Rebuild:
    """Build again for comparison

    The sdist and a wheel straight from the checkout are built. Where either differs from the first build, the wheel is
    built from the sdist, too.

    Fix: correct the error that the back end reports in the run's `logs/rebuild.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield build_run(release, world.environment, "again", release.source_again, release.rebuilt)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        return {"rebuilt": str(release.rebuilt)} if release.rebuilt.is_dir() else None

    def inputs(self, release: Release, world: World) -> Inputs | None:
        run = build_run(release, world.environment, "again", release.source_again, release.rebuilt)
        return reuse.of_build(release, world, run, release.work_dir / "again")

    def made(self, release: Release, world: World) -> Mapping[str, Path]:
        return reuse.made(release, world, {"rebuilt": release.rebuilt})

    def put_back(self, release: Release, world: World, folder: Path) -> Iterable[Action]:
        reuse.require_same_environment(release, world, folder)
        yield _copy(folder / "rebuilt", release.rebuilt)


def _copy(source: Path, target: Path) -> Copy:
    """Copy all files of a folder."""
    files = (path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file())
    return Copy(source, target, tuple(PurePosixPath(path.as_posix()) for path in files))


def _pin(release: Release) -> Pin:
    """Pin the built files to the tree that was copied before the build."""
    return Pin(release.dist, release.copied_tree, release.commit.sha if release.commit else None)


def verify_artifacts(release: Release, world: World) -> Evidence | None:
    """Proof that the pinned files are in dist/ and were built from this checkout; None where none are pinned.

    Raises Conflict where the checkout or a file has changed since the build.
    """
    pinned = world.journal.artifacts()
    if not pinned:
        return None
    built_from = (world.journal.tree_hash() or "").removeprefix(distributions.PREBUILT)
    if built_from != source_tree.fingerprint(release.project.root, world.processes):
        message = "the checkout has changed since this run was built"
        changed = _changed_files(release, world)
        hint = "Undo the change, or start a new run without --run. Write output to a file that git ignores."
        raise Conflict(f"{message}: {changed}" if changed else message, hint)
    for artifact in pinned:
        path = release.dist / artifact.name
        if not path.is_file() or documents.sha256(path) != artifact.sha256:
            raise Conflict(f"{path} has changed since this run built it", "Start a new run, without --run.")
    return {artifact.name: f"sha256 {artifact.sha256}, {artifact.size} bytes" for artifact in pinned}


def _changed_files(release: Release, world: World) -> str:
    """What has changed since the checkout was copied: new, changed and removed files. Empty where it is unknown."""
    try:
        before = documents.read_json(release.folder / FILES)
    except Inconclusive:
        before = None
    if not isinstance(before, dict):
        return ""
    now = source_tree.file_hashes(release.project.root, world.processes)
    kinds = {
        "new": now.keys() - before.keys(),
        "removed": before.keys() - now.keys(),
        "changed": {name for name in now.keys() & before.keys() if now[name] != before[name]},
    }
    named = [f"{name} ({kind})" for kind, names in kinds.items() for name in sorted(names)]
    return listed(named, _NAMED)


def build_run(release: Release, outer: Mapping[str, str], which: str, source: Path, target: Path) -> Run:
    """Build the project at `source` into `target`; `which` is as in `scripts.build`, `outer` are the variables here."""
    settings = release.project.settings
    inner = installer_config.dependency_env(outer, release.folder, settings.build_pass_env)
    inner |= programs.temporary_files_in(release.temporary)
    if "backend-path" in table(release.project.metadata, "build-system"):
        # A back end in the source tree leaves no bytecode that is packed. Others use that of the standard library.
        inner["PYTHONPYCACHEPREFIX"] = str(release.work_dir / "pycache")
    inner["GIT_CEILING_DIRECTORIES"] = str(release.work_dir)  # an unpacked sdist is in no repository
    if release.commit is not None:
        inner.setdefault("SOURCE_DATE_EPOCH", str(release.commit.time))
    # The installer logs in to an index with these, the back end does not.
    withheld = sorted(installer_logins(inner).keys() - {*settings.build_pass_env})
    reason = release.work_dir / f"build-{which}.txt"
    other = release.local_wheel if which == "first" else release.dist
    folders = (source, release.environment("build"), target, other, reason)
    return Run(
        programs.module(sys.executable, "omni_release.scripts.build", which, *map(str, folders), *withheld),
        cwd=release.work_dir,
        environment=inner,
        log=release.logs / ("build.log" if which == "first" else "rebuild.log"),
        deadline=settings.build_timeout,
        network=True,
        background=which == "again",
        reason=reason,
    )


class CopySource:
    """Copy the checkout for the build

    The build runs in a copy outside the checkout, with a git repository of its own and ignored files but without
    leftovers of tools and earlier builds.

    Fix: free disk space, and make all files of the checkout readable.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        fingerprint = source_tree.fingerprint(release.project.root, world.processes)
        found = git_queries.working_tree(release.project.root, world.processes)
        top = found.top if found else release.project.root
        files = source_tree.build_inputs(top, release.project.root, world.processes)
        files = tuple(file for file in files if file.name != ".git")  # of a worktree or submodule: it names the user's
        before = source_tree.times(top, files)
        copies = release.work_dir / "source", release.work_dir / "again"
        yield from (Copy(top, copy, files) for copy in copies)
        if found:
            yield from repository.recreate(top, copies, release, world)
        after = source_tree.times(top, files)
        if changed := [str(file) for file in files if before.get(file) != after.get(file)]:
            message = f"{listed(changed, 5)} changed while the checkout was copied"
            raise Inconclusive(message, "Wait until nothing writes there, or let git ignore it; then rehearse again.")
        hashes = source_tree.file_hashes(release.project.root, world.processes)
        yield Write(release.folder / FILES, documents.to_json(hashes).encode("utf-8", "backslashreplace"))
        # Last, so that it exists only when the copy is complete: the build is of this tree from now on.
        yield Write(release.copied_tree, fingerprint.encode())

    def check_done(self, release: Release, world: World) -> Evidence | None:
        if not release.copied_tree.is_file():
            return None
        copied = release.copied_tree.read_text(encoding="utf-8")
        current = copied == source_tree.fingerprint(release.project.root, world.processes)
        return {"copy": str(release.source), "tree": copied} if current or world.journal.artifacts() else None


class CopyForCommands:
    """Copy the checkout for the project's commands

    The project's own commands run in a copy of the files that git does not ignore; each `node_modules` next to a
    package.json is linked, not copied.

    Fix: free disk space, and make all files of the checkout readable.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        root = release.project.root
        files = source_tree.files(root, world.processes)
        yield Copy(root, release.commands_tree, files)
        for file in files:
            modules = file.parent / "node_modules"
            if file.name == "package.json" and (root / modules).is_dir():
                yield Link((root / modules).absolute(), release.commands_tree / modules)
        # Last, so that it exists only when all links do.
        yield self._end_marker(release)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        complete = release.commands_tree.is_dir() and self._end_marker(release).path.is_file()
        return {"copy": str(release.commands_tree)} if complete else None

    @staticmethod
    def _end_marker(release: Release) -> Write:
        return Write(release.work_dir / "commands.copied", b"")


class Clean:
    """Empty dist/

    The contents of dist/ are moved to .omni-release/removed/; nothing is deleted, and links are moved as links.

    Fix: if dist/ is a link or a file, remove it by hand.
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
                f"{dist} is a link to {dist.readlink()}", "Remove the link: files behind a link are not touched."
            )
        if not dist.exists():
            return {"dist": "absent"}
        if not dist.is_dir():
            raise Conflict(f"{dist} is a file", "Move it by hand.")
        return None if any(dist.iterdir()) else {"dist": "empty"}
