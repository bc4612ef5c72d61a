"""Copy the tree that the tests run in."""

from __future__ import annotations

from collections.abc import Iterable

from omni_release import testing, tree
from omni_release.actions import Action, Copy
from omni_release.errors import NotApplicable
from omni_release.model import Evidence, Release
from omni_release.seams import World


class CopyTests:
    """The checkout is copied without its import packages, so that the tests can only import what was installed."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        files = tree.files(release.project.root, world.processes)
        if not testing.exist(release.project, files):
            raise NotApplicable("the project has no tests: no file is called test_*.py or *_test.py")
        yield Copy(release.project.root, release.folder / "tree", testing.without_packages(release.project, files))

    def settled(self, release: Release, world: World) -> Evidence | None:
        return {"tree": str(release.folder / "tree")} if (release.folder / "tree").is_dir() else None
