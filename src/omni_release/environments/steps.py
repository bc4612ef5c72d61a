"""Installs the release, as users do, into fresh environments, and upgrades the local one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from omni_release import distributions, environments
from omni_release.core.actions import Action, Write
from omni_release.core.cache import Inputs
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import REHEARSAL, Artifact, Evidence, Release
from omni_release.core.world import World
from omni_release.environments import LocalEnvironment, installers
from omni_release.environments.inputs import of_resolved


class _Install:
    """Installs the release into the environment `name`, with `installer`.

    A rehearsal leaves that out where all that looks at the environment, the tasks `lookers`, has passed before for the
    same versions.
    """

    installer: ClassVar[str]
    name: ClassVar[str]
    lookers: ClassVar[tuple[str, ...]]

    def check_done(self, release: Release, world: World) -> Evidence | None:
        installed = environments.has_released_wheel(release, self.name, by=self.installer)
        if not installed and not (self._note(release).path.is_file() and self._is_looked_at(release, world)):
            return None
        return {"installer": self._described(release), "index": world.index.target.simple}

    def inputs(self, release: Release, world: World) -> Inputs | None:
        if release.target != REHEARSAL or not self._is_resolved_by_uv(release):  # a real index may have changed
            return None
        installers.resolve_release(release, world)
        return of_resolved(release, world, self.name)

    def made(self, release: Release, world: World) -> Mapping[str, Path]:
        return {}

    def put_back(self, release: Release, world: World, folder: Path) -> Iterable[Action]:
        if not self._is_looked_at(release, world):
            raise Inconclusive("its environment is needed", "It is installed.")
        yield self._note(release)

    def _is_looked_at(self, release: Release, world: World) -> bool:
        """Whether each task that needs the environment can use an outcome for the same one."""
        found = of_resolved(release, world, self.name)
        if found is None or self._is_needed(release):
            return False
        return all(world.outcomes and world.outcomes.find(task, found) for task in self.lookers)

    def _described(self, release: Release) -> str:
        """The installer, with how it was used."""
        return self.installer

    def _is_resolved_by_uv(self, release: Release) -> bool:
        """Whether what is installed is what uv finds."""
        return True

    def _is_needed(self, release: Release) -> bool:
        """Whether a task looks at the environment whose outcome is never used again."""
        return False

    def _note(self, release: Release) -> Write:
        """The file that says that the same was installed before."""
        return Write(release.work_dir / f"{self.name}-before", b"")


class InstallWithUv(_Install):
    """Install the release with uv

    The release is installed from the index into a fresh environment: its dependencies from wherever this machine gets
    them, and last its own file, from the target index alone, by its hash.

    Fix: read uv's output in the run's `logs/released-uv.log`.
    """

    installer = "uv"
    name = "released-uv"
    lookers = ("works-with-uv", "public-modules-import", "imports-unshared")

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        pinned = installers.pinned_wheel(release, world, self.name)
        yield pinned.requirements_file
        yield installers.create_environment(release, world, pinned.name)
        wheel = str(distributions.installable(release.dist))
        yield installers.install_dependencies(release, world, pinned.name, wheel)
        yield installers.install_pinned(release, world, pinned)

    def _is_needed(self, release: Release) -> bool:
        settings = release.project.settings
        extras = distributions.metadata(distributions.installable(release.dist)).get_all("Provides-Extra")
        return bool(settings.verify.commands or settings.dependencies.vulnerabilities or extras)


class InstallWithPip(_Install):
    """Install the release with pip

    The release is installed from the index into a fresh environment: its dependencies by pip (`verify.pip = "full"`) or
    by uv (`"own-file"`), and last its own file by pip, from the target index alone, by its hash.

    Fix: read the installers' output in the run's `logs/released-pip.log`.
    """

    installer = "pip"
    name = "released-pip"
    lookers = ("works-with-pip", "pip-check")

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        pinned = installers.pinned_wheel(release, world, self.name)
        install = installers.pip(release.environment(pinned.name), "install")
        yield pinned.requirements_file
        yield installers.create_environment(release, world, pinned.name)
        wheel = str(distributions.installable(release.dist))
        if self._is_resolved_by_uv(release):
            yield installers.install_dependencies(release, world, pinned.name, wheel)
        else:
            full = (*install, wheel, *installers.PIP_QUIET)
            yield installers.configured(release, world, pinned.name, full)
        index = installers.target_index(world, pinned.project)
        argv = (*install, "--force-reinstall", *index.pip, *pinned.arguments, *installers.PIP_QUIET)
        run = installers.isolated(release, world, pinned.name, argv, index.secrets)
        yield installers.without_programs(run) if release.target == REHEARSAL else run

    def _described(self, release: Release) -> str:
        return f"pip, {installers.pip_mode(release)}"

    def _is_resolved_by_uv(self, release: Release) -> bool:
        return installers.pip_mode(release) == "own-file"


class UpgradeLocal:
    """Upgrade the local environment

    The local environment gets the release's own file from the index alone, by its hash, whatever cooldown this machine
    has set, and its dependencies from wherever this machine gets them. An editable install is left as it is.

    Fix: read the installer's output in the run's `logs/local.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        local = environments.inspect_local_environment(release, world)
        require_not_editable(local, release)
        pinned = installers.PinnedRelease.of(release, "local", *_released(world))
        yield pinned.requirements_file
        index = installers.target_index(world, pinned.project)
        install: tuple[str, ...]
        settings: tuple[str, ...]
        if local.installer == "pip":
            install = (str(local.interpreter), "-m", "pip", "install", *installers.PIP_QUIET)
            isolated, settings = (*index.pip, "--force-reinstall"), ()
        else:
            install = installers.uv("pip", "install", "--python", str(local.interpreter))
            isolated = (*index.uv, "--reinstall-package", pinned.project)
            settings = ("--project", str(release.project.root))
        own_file = installers.isolated(release, world, "local", (*install, *isolated, *pinned.arguments), index.secrets)
        yield own_file
        yield installers.configured(release, world, "local", (*install, *settings, pinned.requirement))
        yield own_file  # the settings can make an installer take the default index's file of this version

    def check_done(self, release: Release, world: World) -> Evidence | None:
        local = environments.inspect_local_environment(release, world)
        require_not_editable(local, release)
        if not has_release(local, release, world):
            return None
        return {"environment": str(local.folder), "version": str(local.version), "installer": local.installer}


def require_not_editable(local: LocalEnvironment, release: Release) -> None:
    """Raise NotApplicable where the local environment has an editable install, which an upgrade would replace."""
    if local.editable:
        raise NotApplicable(f"{release.project.name} is an editable install of {local.editable}: left as it is")


def has_release(local: LocalEnvironment, release: Release, world: World) -> bool:
    """Whether the local environment has the release with the bytes of one of its wheels, and all requirements."""
    _, version = distributions.project_and_version(_released(world))
    if local.version is None or not distributions.same_version(local.version, version):
        return False
    wheels = [path for path in distributions.in_folder(release.dist) if distributions.is_wheel(path.name)]
    if wheels and not any(environments.has_wheel(local.site, wheel) for wheel in wheels):
        return False
    return environments.requirements_met(local.site, release.project.name, local.python_version)


def _released(world: World) -> tuple[Artifact, ...]:
    pinned = world.journal.artifacts()
    if not pinned:
        raise NotApplicable("nothing is built, so nothing is released")
    return pinned
