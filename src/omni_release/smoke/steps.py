"""Put newly recorded traffic in place of the cassettes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from omni_release import cassettes, distributions, environments, testing
from omni_release.core.actions import Action, Copy, Move
from omni_release.core.model import Evidence, Release
from omni_release.core.world import World
from omni_release.environments.installers import create_environment, install_dependencies, install_pinned, pinned_wheel
from omni_release.smoke import runner
from omni_release.testing.steps import filled_marker


class ReplaceCassettes:
    """The new recordings take the place of the old ones, which are moved into the run folder.

    Look at the difference before you commit it: `git diff --stat`, then the bodies.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        source, target = runner.recorded_anew(release), _target(release)
        if target.exists():
            yield Move(target, _free(release.folder / "smoke" / "replaced"))
        yield Copy(source, target, tuple(PurePosixPath(name) for name in _names(source)))

    def check_done(self, release: Release, world: World) -> Evidence | None:
        source, target = runner.recorded_anew(release), _target(release)
        names = _names(source)
        if _names(target) != names or any((source / n).read_bytes() != (target / n).read_bytes() for n in names):
            return None
        return {"cassettes": len(names), "folder": str(target)}


def _target(release: Release) -> Path:
    return release.project.root / release.project.settings.smoke.cassettes


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(path.relative_to(folder).as_posix() for path in cassettes.in_folder(folder))


def _free(path: Path) -> Path:
    numbered = (path.with_name(f"{path.name}-{number}") for number in range(1, 1000))
    return next(one for one in (path, *numbered) if not one.exists())


class InstallForSmoke:
    """The release from the index, and what its smoke tests need, are installed into an environment of their own.

    Our own file comes from the target index alone, pinned by its hash. All that uv says lies in `logs/candidate.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        wheel = distributions.installable(release.dist)
        own = pinned_wheel(release, world, "candidate")
        yield own.requirements_file
        yield create_environment(release, world, own.name)
        yield install_pinned(release, world, own)
        wanted = testing.requirements(release.project, wheel, runner.requirements(release.project, wheel)).arguments
        yield install_dependencies(release, world, own.name, *(own.by_version(wheel, word) for word in wanted))
        yield filled_marker(release)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        runner.must_be_wanted(release.project)
        wheel = distributions.installable(release.dist)
        site = environments.site_packages(release.environment("candidate"))
        if not (environments.has_wheel(site, wheel, by="uv") and filled_marker(release).path.is_file()):
            return None
        return {"installer": "uv", "index": world.index.target.simple}
