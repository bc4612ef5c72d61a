"""Clean dist/."""

from __future__ import annotations

from collections.abc import Iterable

from omni_release.core.actions import Action
from omni_release.core.actions import Move
from omni_release.core.errors import Conflict
from omni_release.core.runs import HOME
from omni_release.core.model import Evidence
from omni_release.core.model import Release
from omni_release.core.world import World


class Clean:
    """dist/ holds nothing: what lay in it is in .omni-release/removed/.

    Nothing is deleted. A link is moved as a link, what it points to stays where it is.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        dist = release.project.root / "dist"
        target = release.project.root / HOME / "removed" / world.clock.now().strftime("%Y%m%d-%H%M%S-%f")
        for entry in sorted(dist.iterdir()):
            yield Move(entry, target / entry.name)

    def settled(self, release: Release, world: World) -> Evidence | None:
        dist = release.project.root / "dist"
        if dist.is_symlink():
            raise Conflict(
                f"{dist} is a link, to {dist.readlink()}", "Nothing behind a link is touched: remove the link."
            )
        if not dist.exists():
            return {"dist": "absent"}
        if not dist.is_dir():
            raise Conflict(f"{dist} is a file", "Move it away by hand.")
        return None if any(dist.iterdir()) else {"dist": "empty"}
