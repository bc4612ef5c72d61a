"""The steps of smoke tests: replace the cassettes, install the published release."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from omni_release import cassettes, distributions, environments, testing
from omni_release.core.actions import Action, Copy, Move
from omni_release.core.model import Evidence, Release
from omni_release.core.world import World
from omni_release.environments.installers import create_environment, install_dependencies, install_pinned, pinned_wheel
from omni_release.smoke import runner
from omni_release.testing.steps import install_plugin, installed_marker


class ReplaceCassettes:
    """Cassettes are replaced by the new recordings

    The new recordings are copied over the cassettes, whose old files move to the run folder.

    Fix: check that the folder of the cassettes is writable, then run `omni-release record` again. Review the changes
    before you commit them: `git diff --stat`, then the bodies.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        source, target = runner.new_cassettes_folder(release), _cassettes_folder(release)
        if target.exists():
            replaced = release.folder / "smoke" / "replaced"
            numbered = (replaced.with_name(f"{replaced.name}-{number}") for number in range(1, 1000))
            yield Move(target, next(path for path in (replaced, *numbered) if not path.exists()))
        yield Copy(source, target, tuple(PurePosixPath(name) for name in _names(source)))

    def check_done(self, release: Release, world: World) -> Evidence | None:
        source, target = runner.new_cassettes_folder(release), _cassettes_folder(release)
        names = _names(source)
        if _names(target) != names or any((source / n).read_bytes() != (target / n).read_bytes() for n in names):
            return None
        return {"cassettes": len(names), "folder": str(target)}


def _cassettes_folder(release: Release) -> Path:
    return release.project.root / release.project.settings.smoke.cassettes


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(path.relative_to(folder).as_posix() for path in cassettes.in_folder(folder))


class InstallForSmoke:
    """Release is installed from the index for its smoke tests

    The release from the target index, pinned by its hash, is installed with its smoke tests' requirements into an
    environment of its own.

    Fix: see the output of uv in `logs/candidate.log` of the run. A missing requirement must be on the index under its
    name, for this Python.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        wheel = distributions.installable(release.dist)
        own = pinned_wheel(release, world, "candidate")
        yield own.requirements_file
        yield create_environment(release, world, own.name)
        plugin = runner.plugin(release.project, wheel)
        required = testing.requirements(release, world, plugin.requirements)
        yield from required.files
        yield install_dependencies(release, world, own.name, *required.arguments)
        yield from install_plugin(release, world, plugin)
        yield install_pinned(release, world, own)
        yield installed_marker(release)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        runner.require_smoke_tests(release.project)
        released = environments.has_released_wheel(release, "candidate", by="uv")
        if not (released and installed_marker(release).path.is_file()):
            return None
        return {"installer": "uv", "index": world.index.target.simple}
