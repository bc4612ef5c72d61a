"""Upgrade the local environment to what was released: by pip where it has one, else by uv."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from omni_release import artifacts
from omni_release.actions import Action, Run, Write
from omni_release.environments import installed, local, variables
from omni_release.environments.local import LocalEnvironment
from omni_release.errors import NotApplicable
from omni_release.model import Evidence, Release
from omni_release.seams import World
from omni_release.steps import source

_DEADLINE = 900.0


class UpgradeLocal:
    """The local environment has the release, from the index, and says so.

    The file comes from the index alone, by its hash, whatever cooldown this machine has set; dependencies come from
    wherever this machine gets them. An editable install is left as it is. All output lies in `logs/local.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        found = _to_upgrade(release, world)
        project, version = _released(world)
        hashes = " ".join(f"--hash=sha256:{artifact.sha256}" for artifact in world.journal.artifacts())
        pinned = Write(release.workshop / "local.txt", f"{project}=={version} {hashes}\n".encode())
        own = ("--no-deps", "--require-hashes", "--requirement", str(pinned.path))
        yield pinned
        index = source.target_index(world, project)
        if found.installer == "pip":
            yield _pip(release, world, found, *index.pip, "--force-reinstall", *own, secrets=index.secrets)
            yield _pip(release, world, found, f"{project}=={version}", dependencies=True)
        else:
            fresh = (*index.uv, "--reinstall-package", project)
            yield _uv(release, world, found, *fresh, *own, secrets=index.secrets)
            settings = ("--project", str(release.project.root))
            yield _uv(release, world, found, *settings, f"{project}=={version}", dependencies=True)

    def settled(self, release: Release, world: World) -> Evidence | None:
        found = _to_upgrade(release, world)
        if not has_the_release(found, release, world):
            return None
        return {"environment": str(found.folder), "version": str(found.version), "installer": found.installer}


def has_the_release(found: LocalEnvironment, release: Release, world: World) -> bool:
    """Whether the environment has the release, with the bytes of a wheel of ours, and all that it requires."""
    _, version = _released(world)
    if found.version is None or not artifacts.same_version(found.version, version):
        return False
    wheels = [path for path in artifacts.in_folder(release.dist) if artifacts.is_wheel(path.name)]
    if wheels and not any(installed.holds_at(found.site, wheel) for wheel in wheels):
        return False
    return installed.satisfied_at(found.site, release.project.name, found.python)


def _to_upgrade(release: Release, world: World) -> LocalEnvironment:
    found = local.find(release, world)
    if found.editable:
        raise NotApplicable(f"{release.project.name} is an editable install of {found.editable}: it is left as it is")
    return found


def _released(world: World) -> tuple[str, str]:
    pinned = world.journal.artifacts()
    if not pinned:
        raise NotApplicable("nothing is built, so nothing is released")
    return artifacts.name_and_version(pinned[0].name)


def _pip(
    release: Release,
    world: World,
    found: LocalEnvironment,
    *arguments: str,
    dependencies: bool = False,
    secrets: Mapping[str, str] = MappingProxyType({}),
) -> Run:
    """The environment's own pip."""
    quiet = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
    argv = (str(found.interpreter), "-m", "pip", "install", *quiet, *arguments)
    return _run(release, world, argv, dependencies=dependencies, secrets=secrets)


def _uv(
    release: Release,
    world: World,
    found: LocalEnvironment,
    *arguments: str,
    dependencies: bool = False,
    secrets: Mapping[str, str] = MappingProxyType({}),
) -> Run:
    import uv

    argv = (uv.find_uv_bin(), "pip", "install", "--python", str(found.interpreter), *arguments)
    return _run(release, world, argv, dependencies=dependencies, secrets=secrets)


def _run(
    release: Release, world: World, argv: tuple[str, ...], *, dependencies: bool, secrets: Mapping[str, str]
) -> Run:
    """With this machine's own settings for dependencies; with none of them for our own file."""
    inner = variables.for_dependencies if dependencies else variables.for_tools
    alone = {} if dependencies else {"PIP_CONFIG_FILE": os.devnull}
    return Run(
        argv,
        cwd=release.workshop,
        environment=inner(world.environment, release.folder) | alone,
        log=release.logs / "local.log",
        deadline=_DEADLINE,
        secrets=secrets,
        network=True,
    )
