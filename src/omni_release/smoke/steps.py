"""Put newly recorded traffic in place of the cassettes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from omni_release import cassettes
from omni_release.core.actions import Action, Copy, Move
from omni_release.core.model import Evidence, Release
from omni_release.core.world import World
from omni_release.smoke import runner


class ReplaceCassettes:
    """The new recordings take the place of the old ones, which are moved into the run folder.

    Look at the difference before you commit it: `git diff --stat`, then the bodies.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        source, target = runner.recorded_anew(release), _target(release)
        if target.exists():
            yield Move(target, _free(release.folder / "smoke" / "replaced"))
        yield Copy(source, target, tuple(PurePosixPath(name) for name in _names(source)))

    def settled(self, release: Release, world: World) -> Evidence | None:
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
