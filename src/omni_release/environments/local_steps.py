"""Upgrade the local environment to what was released: by pip where it has one, else by uv."""

from __future__ import annotations

from collections.abc import Iterable

from omni_release.core.actions import Action
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Artifact, Evidence, Release
from omni_release.core.world import World
from omni_release.distributions import artifacts
from omni_release.environments import installed, installers, local_environment
from omni_release.environments.installers import OwnFile
from omni_release.environments.local_environment import LocalEnvironment


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

    def settled(self, release: Release, world: World) -> Evidence | None:
        found = _to_upgrade(release, world)
        if not has_the_release(found, release, world):
            return None
        return {"environment": str(found.folder), "version": str(found.version), "installer": found.installer}


def has_the_release(found: LocalEnvironment, release: Release, world: World) -> bool:
    """Whether the environment has the release, with the bytes of a wheel of ours, and all that it requires."""
    _, version = artifacts.name_and_version(_released(world)[0].name)
    if found.version is None or not artifacts.same_version(found.version, version):
        return False
    wheels = [path for path in artifacts.in_folder(release.dist) if artifacts.is_wheel(path.name)]
    if wheels and not any(installed.holds_at(found.site, wheel) for wheel in wheels):
        return False
    return installed.satisfied_at(found.site, release.project.name, found.python)


def _to_upgrade(release: Release, world: World) -> LocalEnvironment:
    found = local_environment.find(release, world)
    if found.editable:
        raise NotApplicable(f"{release.project.name} is an editable install of {found.editable}: it is left as it is")
    return found


def _released(world: World) -> tuple[Artifact, ...]:
    pinned = world.journal.artifacts()
    if not pinned:
        raise NotApplicable("nothing is built, so nothing is released")
    return pinned
