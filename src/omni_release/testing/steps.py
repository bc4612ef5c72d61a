"""The steps before the tests: copy them, and install what they need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from omni_release import distributions, environments, source_tree, testing
from omni_release.core.actions import Action, Copy, Run, Write
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Evidence, Project, Release
from omni_release.core.world import World
from omni_release.environments.installers import create_environment, install_dependencies
from omni_release.testing import copied_files

_NOT_INSTALLED = (
    "The tests cannot run without their requirements: correct them where they are declared, or name those that can be "
    "installed in `requirements` of [tool.omni-release.tests]."
)


class CopyTests:
    """Tests are copied without the source packages

    The checkout is copied without its import packages, so that the tests can import only the installed ones.

    Fix: check that the folder for temporary files is writable and has enough space, then resume the run.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        files = source_tree.files_at_start(release.project.root, world.processes)
        if not testing.has_tests(release.project, files):
            raise NotApplicable(testing.NO_TESTS)
        yield Copy(release.project.root, release.tests_tree, copied_files.copied(release, world))

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

    plugin: Callable[[Project, Path], testing.Plugin]
    """What a project and its wheel need besides: the plugin for its smoke tests."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        wheel = distributions.installable(release.dist)
        plugin = self.plugin(release.project, wheel)
        yield create_environment(release, world, "candidate")
        required = testing.requirements(release, world, plugin.requirements)
        yield from required.files
        yield install_requirements(release, world, required)
        yield from install_plugin(release, world, plugin)
        site = environments.site_packages(release.environment("candidate"))
        for tests in copied_files.installed_tests(release, world):
            yield Copy(release.project.root / tests.folder, site / tests.installed, tests.files)
        yield from testing.recorder_files(release)
        yield installed_marker(release, required.source)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        wheel = distributions.installable(release.dist)
        site = environments.site_packages(release.environment("candidate"))
        if not (environments.has_wheel(site, wheel) and installed_marker(release).path.is_file()):
            return None
        source = installed_marker(release).path.read_text(encoding="utf-8")
        if _reduced_log(release).exists():
            source += " (but not in their locked versions, and without repositories: that could not be installed)"
        return {"wheel": wheel.name, "test dependencies": source}


def install_requirements(release: Release, world: World, required: testing.Requirements) -> Run:
    """Install the wheel and what its tests need, all of it or else a reduced list."""
    run = install_dependencies(release, world, "candidate", *required.arguments, inconclusive=_NOT_INSTALLED)
    if not required.reduced or run.otherwise is None:
        return run
    reduced = install_dependencies(release, world, "candidate", *required.reduced, inconclusive=_NOT_INSTALLED)
    last = replace(reduced.otherwise or reduced, log=_reduced_log(release))
    return replace(run, otherwise=replace(run.otherwise, otherwise=last))


def install_plugin(release: Release, world: World, plugin: testing.Plugin) -> Iterator[Run]:
    """Install the plugin itself; its requirements are there."""
    if plugin.itself:
        run = install_dependencies(release, world, "candidate", "--no-deps", plugin.itself, inconclusive=_NOT_INSTALLED)
        log = release.logs / "candidate-plugin.log"
        yield replace(run, log=log, otherwise=run.otherwise and replace(run.otherwise, log=log))


def _reduced_log(release: Release) -> Path:
    return release.logs / "candidate-reduced.log"


def installed_marker(release: Release, source: str = "") -> Write:
    """The file that is written last into the candidate environment, so that it shows that all is installed.

    It has the `source` of what the tests need.

    The environment itself cannot show it: nothing that is installed requires the tests' requirements.
    """
    return Write(release.environment("candidate") / "omni-release-installed", source.encode())
