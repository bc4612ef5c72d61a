"""Copy the tests, and install what they run against."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from omni_release import distributions, environments, source_tree, testing
from omni_release.core.actions import Action, Copy, Write
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Evidence, Project, Release
from omni_release.core.world import World
from omni_release.environments.installers import create_environment, install_dependencies


class CopyTests:
    """The checkout is copied without its import packages, so that the tests can only import what was installed."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        files = source_tree.files(release.project.root, world.processes)
        if not testing.exist(release.project, files):
            raise NotApplicable(testing.NO_TESTS)
        yield Copy(release.project.root, release.tests_tree, testing.without_packages(release.project, files))

    def check_done(self, release: Release, world: World) -> Evidence | None:
        return {"copy": str(release.tests_tree)} if release.tests_tree.is_dir() else None


@dataclass(frozen=True)
class InstallCandidate:
    """The wheel and the project's test dependencies are installed into a fresh environment.

    If a dependency cannot be found, is it on the index under that name and for this Python? The whole output of uv
    lies in the run's `logs/candidate.log`.
    """

    also: Callable[[Project, Path], tuple[str, ...]]
    """What else the environment needs, for a project and its wheel: the plugin for its smoke tests."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        wheel = distributions.installable(release.dist)
        yield create_environment(release, world, "candidate")
        needed = testing.requirements(release.project, wheel, self.also(release.project, wheel))
        yield install_dependencies(release, world, "candidate", *needed.arguments)
        yield from testing.recorder(release)
        yield filled_marker(release)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        wheel = distributions.installable(release.dist)
        site = environments.site_packages(release.environment("candidate"))
        if not (environments.has_wheel(site, wheel) and filled_marker(release).path.is_file()):
            return None
        return {"wheel": wheel.name, "test dependencies": testing.requirements(release.project, wheel).source}


def filled_marker(release: Release) -> Write:
    """The last of what fills the candidate environment, so that it is only there when all of it is.

    What the tests need besides is required by nothing that is installed: the environment itself does not tell.
    """
    return Write(release.environment("candidate") / "omni-release-filled", b"")
