"""Copy the checkout: for the build, which may touch nothing in it, and for the tests, which may not import from it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from omni_release import testing, tree
from omni_release.actions import Action, Copy, Write
from omni_release.errors import NotApplicable
from omni_release.model import Evidence, Release
from omni_release.seams import World


class CopySource:
    """The checkout is copied for the build, so that a back end can touch nothing in it.

    The copy lies outside the checkout. It has the repository's history (for a version that comes from a tag), files
    that git ignores (what a front end's build has made, say), and no leftovers of tools and earlier builds.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        found = tree.repository(release.project.root, world.processes)
        top = found.top if found else release.project.root
        files = tree.everything(top, release.project.root, world.processes)
        for copy in ("source", "again"):
            yield Copy(top, release.workshop / copy, files)
            if found:
                yield Write(release.workshop / copy / ".git", f"gitdir: {found.git_dir}\n".encode())

    def settled(self, release: Release, world: World) -> Evidence | None:
        return _there(release.workshop / "again")


class CopyTests:
    """The checkout is copied without its import packages, so that the tests can only import what was installed."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        files = tree.files(release.project.root, world.processes)
        if not testing.exist(release.project, files):
            raise NotApplicable("the project has no tests: no file is called test_*.py or *_test.py")
        yield Copy(release.project.root, release.tests_tree, testing.without_packages(release.project, files))

    def settled(self, release: Release, world: World) -> Evidence | None:
        return _there(release.tests_tree)


def _there(folder: Path) -> Evidence | None:
    return {"copy": str(folder)} if folder.is_dir() else None
