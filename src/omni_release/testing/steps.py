"""The steps before the tests: copy them, and install what they need."""

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
    """Tests are copied without the source packages

    The checkout is copied without its import packages, so that the tests can import only the installed ones.

    Fix: check that the folder for temporary files is writable and has enough space, then resume the run.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        files = source_tree.files(release.project.root, world.processes)
        if not testing.has_tests(release.project, files):
            raise NotApplicable(testing.NO_TESTS)
        yield Copy(release.project.root, release.tests_tree, testing.without_modules(release.project, files))

    def check_done(self, release: Release, world: World) -> Evidence | None:
        return {"copy": str(release.tests_tree)} if release.tests_tree.is_dir() else None


@dataclass(frozen=True)
class InstallCandidate:
    """Wheel is installed with its test requirements

    The built wheel and the project's test requirements are installed into a fresh environment, with the Python that
    runs omni-release.

    Fix: see the output of uv in `logs/candidate.log` of the run. A missing requirement must be on the index under its
    name, for this Python.
    """

    extra_requirements: Callable[[Project, Path], tuple[str, ...]]
    """More requirements for a project and its wheel, such as the plugin for its smoke tests."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        wheel = distributions.installable(release.dist)
        extra = self.extra_requirements(release.project, wheel)
        yield create_environment(release, world, "candidate")
        arguments = testing.requirements(release.project, wheel, extra).arguments
        yield install_dependencies(release, world, "candidate", *arguments)
        yield from testing.recorder_files(release)
        yield installed_marker(release)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        wheel = distributions.installable(release.dist)
        site = environments.site_packages(release.environment("candidate"))
        if not (environments.has_wheel(site, wheel) and installed_marker(release).path.is_file()):
            return None
        return {"wheel": wheel.name, "test dependencies": testing.requirements(release.project, wheel).source}


def installed_marker(release: Release) -> Write:
    """The file that is written last into the candidate environment, so that it shows that all is installed.

    The environment itself cannot show it: nothing that is installed requires the tests' requirements.
    """
    return Write(release.environment("candidate") / "omni-release-installed", b"")
