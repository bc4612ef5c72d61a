"""uv and pip, as a run calls them: alone for our own file, with this machine's own settings for dependencies."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from omni_release import distributions, environments, programs
from omni_release.core.actions import Run, Write
from omni_release.core.model import Artifact, Release
from omni_release.core.world import World
from omni_release.environments import installer_config

QUIET = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
"""What pip is told besides: that nobody watches."""

_DEADLINE = 900.0


def uv(*arguments: str) -> tuple[str, ...]:
    """The call of uv with these arguments."""
    import uv

    return (uv.find_uv_bin(), *arguments)


def fresh(environment: Path) -> tuple[str, ...]:
    """The call that makes a fresh environment; with the interpreter named, uv does not go looking for one."""
    return uv("venv", "--clear", "--no-project", "--no-config", "--python", sys.executable, str(environment))


@dataclass(frozen=True)
class OwnFile:
    """Our own file, as both installers are asked for it: alone, by its hash. `name` is that of the environment."""

    name: str
    project: str
    version: str
    pinned: Write

    @classmethod
    def of(cls, release: Release, name: str, *allowed: Artifact) -> OwnFile:
        """Any of these files of the release."""
        project, version = distributions.name_and_version(allowed[0].name)
        hashes = " ".join(f"--hash=sha256:{artifact.sha256}" for artifact in allowed)
        line = f"{project}=={version} {hashes}\n"
        return cls(name, project, version, Write(release.work_dir / f"{name}.txt", line.encode()))

    def instead_of(self, wheel: Path, word: str) -> str:
        """A requirement of the wheel's file, with extras or none, as one of the project at its version."""
        extras = word.removeprefix(str(wheel))
        return f"{self.project}{extras}=={self.version}" if extras != word else word

    @property
    def requirement(self) -> str:
        """The project, at its version."""
        return f"{self.project}=={self.version}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of `pip install`, and of uv's."""
        return ("--no-deps", "--require-hashes", "--requirement", str(self.pinned.path))


@dataclass(frozen=True)
class Source:
    """The arguments that name it, and the variables (with their secrets) where the address has a password in it."""

    uv: tuple[str, ...]
    pip: tuple[str, ...]
    secrets: Mapping[str, str]


def target_index(world: World, project: str) -> Source:
    """Where our own file comes from: the target index alone, and no setting of this machine changes that."""
    simple, secrets = world.index.target.simple, world.index.reading(project)
    uv, pip = ("--no-config", "--refresh-package", project), ("--no-cache-dir",)
    if secrets:  # pip's --isolated would ignore the variable; there is no other of its own, and no file
        return Source(uv, pip, secrets)
    return Source((*uv, "--default-index", simple), ("--isolated", *pip, "--index-url", simple), {})


def alone(
    release: Release, world: World, log: str, argv: tuple[str, ...], secrets: Mapping[str, str] = MappingProxyType({})
) -> Run:
    """The run of such a call with no setting of this machine, its output in the log of this name."""
    inner = programs.tool_env(world.environment, release.folder) | {"PIP_CONFIG_FILE": os.devnull}
    return Run(argv, release.work_dir, inner, release.logs / f"{log}.log", _DEADLINE, secrets, network=True)


def with_settings(release: Release, world: World, log: str, argv: tuple[str, ...]) -> Run:
    """The run of such a call with this machine's own settings, its output in the log of this name."""
    inner = installer_config.dependency_env(world.environment, release.folder)
    return Run(argv, release.work_dir, inner, release.logs / f"{log}.log", _DEADLINE, network=True)


def own_wheel(release: Release, world: World, name: str) -> OwnFile:
    """The very wheel that is installed here, for the environment of this name."""
    wheel = distributions.installable(release.dist).name
    return OwnFile.of(release, name, *(artifact for artifact in world.journal.artifacts() if artifact.name == wheel))


def fresh_environment(release: Release, world: World, name: str) -> Run:
    """Create the virtual environment `name` of this run, empty."""
    return alone(release, world, name, fresh(release.environment(name)))


def into(release: Release, name: str) -> tuple[str, str]:
    """The installers' arguments that choose the environment `name` of this run."""
    return ("--python", str(environments.python(release.environment(name))))


def install_own_file(release: Release, world: World, own: OwnFile) -> Run:
    """Our own file, from the target index alone."""
    index = target_index(world, own.project)
    argv = uv("pip", "install", *into(release, own.name), *index.uv, *own.arguments)
    return alone(release, world, own.name, argv, index.secrets)


def install_dependencies(release: Release, world: World, name: str, *wanted: str) -> Run:
    """What this machine's own settings give; from uv's cache alone, where that will do.

    Bytecode is not compiled ahead: what is imported is compiled then, which is far less.
    """
    settings = ("--project", str(release.project.root))
    argv = uv("pip", "install", *settings, *into(release, name), *wanted)
    online = with_settings(release, world, name, argv)
    return replace(online, argv=(*argv, "--offline"), otherwise=online)
