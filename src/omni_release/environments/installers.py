"""The calls of uv and pip: isolated for the release's own file, with this machine's settings for dependencies."""

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

PIP_QUIET = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
"""pip's options for a run without a person."""

_DEADLINE = 900.0  # seconds


def uv(*arguments: str) -> tuple[str, ...]:
    """The call of uv with these arguments."""
    import uv

    return (uv.find_uv_bin(), *arguments)


def venv(environment: Path) -> tuple[str, ...]:
    """The call that creates an empty environment; with the interpreter named, uv does not search for one."""
    return uv("venv", "--clear", "--no-project", "--no-config", "--python", sys.executable, str(environment))


def python_option(release: Release, name: str) -> tuple[str, str]:
    """The option of uv and pip that chooses the environment `name` of this run."""
    return ("--python", str(environments.python(release.environment(name))))


@dataclass(frozen=True)
class PinnedRelease:
    """The release as a requirement with hashes, which uv and pip install without its dependencies.

    `name` is the environment's; `requirements_file` writes the requirement.
    """

    name: str
    project: str
    version: str
    requirements_file: Write

    @classmethod
    def of(cls, release: Release, name: str, *artifacts: Artifact) -> PinnedRelease:
        """The release, where any of these artifacts may be installed."""
        project, version = distributions.project_and_version(artifacts)
        hashes = " ".join(f"--hash=sha256:{artifact.sha256}" for artifact in artifacts)
        line = f"{project}=={version} {hashes}\n"
        return cls(name, project, version, Write(release.work_dir / f"{name}.txt", line.encode()))

    def by_version(self, wheel: Path, requirement: str) -> str:
        """A requirement of the wheel's file, with or without extras, as one of the project at its version.

        Any other requirement is returned unchanged.
        """
        extras = requirement.removeprefix(str(wheel))
        return f"{self.project}{extras}=={self.version}" if extras != requirement else requirement

    @property
    def requirement(self) -> str:
        """The project at its version: `acme==1.0`."""
        return f"{self.project}=={self.version}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `pip install` and `uv pip install`."""
        return ("--no-deps", "--require-hashes", "--requirement", str(self.requirements_file.path))


@dataclass(frozen=True)
class IndexArguments:
    """The arguments of uv and pip that name an index, and the variables (by secret) of an address with a password."""

    uv: tuple[str, ...]
    pip: tuple[str, ...]
    secrets: Mapping[str, str]


def target_index(world: World, project: str) -> IndexArguments:
    """The arguments that install from the target index alone, whatever this machine's settings say."""
    simple, secrets = world.index.target.simple, world.index.reading(project)
    uv, pip = ("--no-config", "--refresh-package", project), ("--no-cache-dir",)
    if secrets:  # pip's --isolated would ignore the variable; no other setting reaches it, and no file
        return IndexArguments(uv, pip, secrets)
    return IndexArguments((*uv, "--default-index", simple), ("--isolated", *pip, "--index-url", simple), {})


def isolated(
    release: Release, world: World, log: str, argv: tuple[str, ...], secrets: Mapping[str, str] = MappingProxyType({})
) -> Run:
    """Run an installer without any setting of this machine; its output goes to `logs/LOG.log`."""
    inner = programs.tool_env(world.environment, release.folder) | {"PIP_CONFIG_FILE": os.devnull}
    return Run(argv, release.work_dir, inner, release.logs / f"{log}.log", _DEADLINE, secrets, network=True)


def configured(release: Release, world: World, log: str, argv: tuple[str, ...]) -> Run:
    """Run an installer with this machine's settings; its output goes to `logs/LOG.log`."""
    inner = installer_config.dependency_env(world.environment, release.folder)
    return Run(argv, release.work_dir, inner, release.logs / f"{log}.log", _DEADLINE, network=True)


def pinned_wheel(release: Release, world: World, name: str) -> PinnedRelease:
    """The wheel of this run that is installable here, pinned for the environment `name`."""
    wheel = distributions.installable(release.dist).name
    matching = (artifact for artifact in world.journal.artifacts() if artifact.name == wheel)
    return PinnedRelease.of(release, name, *matching)


def create_environment(release: Release, world: World, name: str) -> Run:
    """Create the virtual environment `name` of this run, empty."""
    return isolated(release, world, name, venv(release.environment(name)))


def install_pinned(release: Release, world: World, pinned: PinnedRelease) -> Run:
    """Install the pinned release with uv, from the target index alone."""
    index = target_index(world, pinned.project)
    argv = uv("pip", "install", *python_option(release, pinned.name), *index.uv, *pinned.arguments)
    return isolated(release, world, pinned.name, argv, index.secrets)


def install_dependencies(release: Release, world: World, name: str, *requirements: str) -> Run:
    """Install with uv and this machine's settings; from uv's cache alone where that is enough.

    Bytecode is not compiled ahead: an import compiles it, and far less is imported than installed.
    """
    settings = ("--project", str(release.project.root))
    argv = uv("pip", "install", *settings, *python_option(release, name), *requirements)
    online = configured(release, world, name, argv)
    return replace(online, argv=(*argv, "--offline"), otherwise=online)
