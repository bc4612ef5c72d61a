"""Do all places that state the version agree?"""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import versions
from omni_release.errors import NotApplicable
from omni_release.model import Finding, Release
from omni_release.seams import World


def versions_agree(release: Release, world: World) -> Iterator[Finding]:
    """Every place that states the version states the same one.

    Give each place named above the version of the source.
    """
    found = versions.find(release.project)
    source = next((place for place in found if place.role == "source"), None)
    if source is None:
        raise NotApplicable("no place states the version: the build computes it")
    for place in versions.drift(found):
        said = f"says {place.value}, but {source.path}:{source.line} says {source.value}"
        yield Finding(said, "version-drift", path=place.path, line=place.line, column=place.column)
