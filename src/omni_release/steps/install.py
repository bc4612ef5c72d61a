"""Install what was built into environments of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from omni_release import artifacts, environment, installed, testing
from omni_release.actions import Action, Run
from omni_release.model import Evidence, Release
from omni_release.seams import World

_DEADLINE = 600.0


class InstallCandidate:
    """The wheel and the project's test dependencies are installed into a fresh environment.

    If a dependency cannot be found, is it on the index under that name and for this Python? The whole output of uv
    lies in the run's `logs/install-candidate.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        wheel = _wheel(release)
        needed = testing.requirements(release.project, wheel)
        yield from _install(release, world, "candidate", needed.arguments)

    def settled(self, release: Release, world: World) -> Evidence | None:
        wheel = _wheel(release)
        if not installed.holds(release.environment("candidate"), wheel):
            return None
        return {"wheel": wheel.name, "test dependencies": testing.requirements(release.project, wheel).source}


class InstallReleased:
    """The release is installed from the index into a fresh environment, as people would install it.

    Its whole output lies in the run's `logs/install-released.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        name, version = artifacts.name_and_version(_wheel(release).name)
        wanted = (
            "--no-config",
            "--refresh-package",
            name,
            "--default-index",
            world.index.simple_url,
            f"{name}=={version}",
        )
        yield from _install(release, world, "released", wanted, offline=False)

    def settled(self, release: Release, world: World) -> Evidence | None:
        if not installed.holds(release.environment("released"), _wheel(release)):
            return None
        return {"installer": "uv", "index": world.index.simple_url}


def _install(
    release: Release, world: World, name: str, wanted: tuple[str, ...], *, offline: bool = True
) -> Iterator[Action]:
    """A fresh environment with what is wanted; from uv's cache alone, where that will do."""
    target = release.environment(name)
    yield _uv(release, world, name, "venv", "--clear", "--no-project", "--python", sys.executable, str(target))
    arguments = ("pip", "install", "--python", str(environment.python(target)), *wanted)
    online = _uv(release, world, name, *arguments)
    yield _uv(release, world, name, *arguments, "--offline", otherwise=online) if offline else online


def _uv(release: Release, world: World, name: str, *arguments: str, otherwise: Run | None = None) -> Run:
    import uv

    return Run(
        (uv.find_uv_bin(), *arguments),
        cwd=release.folder,
        environment=environment.for_tools(world.environment, release.folder),
        log=release.logs / f"install-{name}.log",
        deadline=_DEADLINE,
        network=True,
        otherwise=otherwise,
    )


def _wheel(release: Release) -> Path:
    return next(path for path in artifacts.in_folder(release.dist) if artifacts.is_wheel(path.name))
