"""Whether the index can be asked at all."""

from __future__ import annotations

from collections.abc import Iterator

from omni_release.model import Finding, Release
from omni_release.seams import World


def index_answers(release: Release, world: World) -> Iterator[Finding]:
    """The index that the release goes to answers.

    It is asked first, while the build goes on: what is built for an index that cannot be reached is built for nothing.
    Is the network up, and the address right?
    """
    world.index.files(release.project.name)
    yield from ()
