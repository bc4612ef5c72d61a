"""Whether the index can be asked at all."""

from __future__ import annotations

from collections.abc import Iterator

from omni_release.model import REHEARSAL, Finding, Release, Severity
from omni_release.publishing import listing
from omni_release.seams import World


def index_answers(release: Release, world: World) -> Iterator[Finding]:
    """The index that the release goes to answers.

    It is asked first, while the build goes on: what is built for an index that cannot be reached is built for nothing.
    Is the network up, and the address right?
    """
    from packaging.utils import canonicalize_name

    rehearsal = release.target == REHEARSAL  # our own either answers at once, or not at all
    listed = listing.files(world, canonicalize_name(release.project.name), patience=0.0 if rehearsal else 60.0)
    if not rehearsal:
        said = f"{len(listed)} files of {release.project.name} are on it" if listed else "it has nothing of the project"
        yield Finding(f"{world.index.target.simple}: {said}", severity=Severity.NOTICE)
