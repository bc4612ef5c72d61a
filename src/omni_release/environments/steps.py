"""Install what was built into environments of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from omni_release import distributions, environments
from omni_release.core.actions import Action
from omni_release.core.errors import NotApplicable
from omni_release.core.model import REHEARSAL, Artifact, Evidence, Release
from omni_release.core.world import World
from omni_release.environments import LocalEnvironment, installers
from omni_release.environments.installers import (
    OwnFile,
    fresh_environment,
    install_dependencies,
    install_own_file,
    into,
    own_wheel,
)


class InstallWithUv:
    """uv installs the release from the index into a fresh environment, as people would.

    Our own file comes from the target index alone, pinned by its hash, and no setting on this machine can let another
    one in; dependencies come from wherever this machine gets them. All that uv says lies in `logs/released-uv.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        own = own_wheel(release, world, "released-uv")
        yield own.pinned
        yield fresh_environment(release, world, own.name)
        yield install_own_file(release, world, own)
        yield install_dependencies(release, world, own.name, own.requirement)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        wheel = distributions.installable(release.dist)
        target = release.environment("released-uv")
        if not (environments.has_wheel(target, wheel, by="uv") and environments.is_complete(target)):
            return None
        return {"installer": "uv", "index": world.index.target.simple}


class InstallWithPip:
    """pip installs the release from the index into a fresh environment, as people would.

    Our own file comes from the target index alone, pinned by its hash. By the setting `verify.pip`, pip fetches all
    dependencies too (`full`, as a release does unless told otherwise), or uv does (`own-file`, as a rehearsal does).
    All that they say lies in `logs/released-pip.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        own = own_wheel(release, world, "released-pip")
        yield own.pinned
        yield fresh_environment(release, world, own.name)
        index = installers.target_index(world, own.project)
        argv = _pip(release, own.name, *index.pip, *own.arguments)
        yield installers.alone(release, world, own.name, argv, index.secrets)
        if _pip_does(release) == "full":
            yield installers.with_settings(release, world, own.name, _pip(release, own.name, own.requirement))
        else:
            yield install_dependencies(release, world, own.name, own.requirement)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        wheel = distributions.installable(release.dist)
        target = release.environment("released-pip")
        if not (environments.has_wheel(target, wheel, by="pip") and environments.is_complete(target)):
            return None
        return {"installer": f"pip, {_pip_does(release)}", "index": world.index.target.simple}


def _pip_does(release: Release) -> str:
    return release.project.settings.verify.pip or ("own-file" if release.target == REHEARSAL else "full")


def _pip(release: Release, name: str, *arguments: str) -> tuple[str, ...]:
    """The call of our own pip, at work in another environment."""
    return (sys.executable, "-m", "pip", *into(release, name), "install", *arguments, *installers.QUIET)


class UpgradeLocal:
    """The local environment has the release, from the index, and says so.

    The file comes from the index alone, by its hash, whatever cooldown this machine has set; dependencies come from
    wherever this machine gets them. An editable install is left as it is. All output lies in `logs/local.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        found = _to_upgrade(release, world)
        own = OwnFile.of(release, "local", *_released(world))
        yield own.pinned
        index = installers.target_index(world, own.project)
        install: tuple[str, ...]
        settings: tuple[str, ...]
        if found.installer == "pip":
            install = (str(found.interpreter), "-m", "pip", "install", *installers.QUIET)
            alone, settings = (*index.pip, "--force-reinstall"), ()
        else:
            install = installers.uv("pip", "install", "--python", str(found.interpreter))
            alone, settings = (*index.uv, "--reinstall-package", own.project), ("--project", str(release.project.root))
        yield installers.alone(release, world, "local", (*install, *alone, *own.arguments), index.secrets)
        yield installers.with_settings(release, world, "local", (*install, *settings, own.requirement))

    def check_done(self, release: Release, world: World) -> Evidence | None:
        found = _to_upgrade(release, world)
        if not has_the_release(found, release, world):
            return None
        return {"environment": str(found.folder), "version": str(found.version), "installer": found.installer}


def has_the_release(found: LocalEnvironment, release: Release, world: World) -> bool:
    """Whether the environment has the release, with the bytes of a wheel of ours, and all that it requires."""
    _, version = distributions.name_and_version(_released(world)[0].name)
    if found.version is None or not distributions.same_version(found.version, version):
        return False
    wheels = [path for path in distributions.in_folder(release.dist) if distributions.is_wheel(path.name)]
    if wheels and not any(environments.has_wheel_at(found.site, wheel) for wheel in wheels):
        return False
    return environments.is_satisfied_at(found.site, release.project.name, found.python)


def _to_upgrade(release: Release, world: World) -> LocalEnvironment:
    found = environments.local_environment(release, world)
    if found.editable:
        raise NotApplicable(f"{release.project.name} is an editable install of {found.editable}: it is left as it is")
    return found


def _released(world: World) -> tuple[Artifact, ...]:
    pinned = world.journal.artifacts()
    if not pinned:
        raise NotApplicable("nothing is built, so nothing is released")
    return pinned
