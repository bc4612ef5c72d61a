"""Copy the checkout: for the build, which may touch nothing in it, and for the tests, which may not import from it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from omni_release import testing
from omni_release.core.actions import Action
from omni_release.core.actions import Copy
from omni_release.core.actions import Link
from omni_release.core.actions import Write
from omni_release.core.errors import NotApplicable
from omni_release import source_tree
from omni_release.core.model import Evidence
from omni_release.core.model import Release
from omni_release.core.world import World


class CopySource:
    """The checkout is copied for the build, so that a back end can touch nothing in it.

    The copy lies outside the checkout. It has the repository's history (for a version that comes from a tag), files
    that git ignores (what a front end's build has made, say), and no leftovers of tools and earlier builds.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        fingerprint = source_tree.fingerprint(release.project.root, world.processes)
        found = source_tree.repository(release.project.root, world.processes)
        top = found.top if found else release.project.root
        files = source_tree.everything(top, release.project.root, world.processes)
        for copy in ("source", "again"):
            yield Copy(top, release.workshop / copy, files)
            if found:
                yield Write(release.workshop / copy / ".git", b"gitdir: " + os.fsencode(found.git_dir) + b"\n")
        # Last, so that it is only there when all of it is: from now on the build is of this very tree.
        yield Write(release.copied_tree, fingerprint.encode())

    def settled(self, release: Release, world: World) -> Evidence | None:
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

    def settled(self, release: Release, world: World) -> Evidence | None:
        whole = release.commands_tree.is_dir() and self._end(release).path.is_file()
        return {"copy": str(release.commands_tree)} if whole else None

    @staticmethod
    def _end(release: Release) -> Write:
        return Write(release.workshop / "commands.copied", b"")


class CopyTests:
    """The checkout is copied without its import packages, so that the tests can only import what was installed."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        files = source_tree.files(release.project.root, world.processes)
        if not testing.exist(release.project, files):
            raise NotApplicable(testing.NO_TESTS)
        yield Copy(release.project.root, release.tests_tree, testing.without_packages(release.project, files))

    def settled(self, release: Release, world: World) -> Evidence | None:
        return {"copy": str(release.tests_tree)} if release.tests_tree.is_dir() else None
