"""Do all places that state the version agree?"""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import versions
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import World


def versions_agree(release: Release, world: World) -> Iterator[Finding]:
    """Every place that states the version states the same one.

    Run `omni-release version sync` to write the source's version into all of them; `--dry-run` shows what it would do.
    A changelog gets its heading by hand.
    """
    return findings(versions.find_places(str(release.project.root)))


def staged_versions_agree(release: Release, world: World) -> Iterator[Finding]:
    """Every place that states the version states the same one, in what is staged.

    Run `omni-release version sync` to write the source's version into all of them, and stage what it changed.
    """
    return findings(versions.find_places(str(release.project.root), staged=True))


def findings(found: versions.ProjectVersions) -> Iterator[Finding]:
    """What is wrong with the places that were found. Raises CannotTell and NotApplicable where none is the source."""
    for path, why in found.unreadable:
        yield Finding(f"cannot be read, so nothing is known of it: {why}", "version-unreadable", Severity.WARNING, path)
    source = found.source
    if source is None:
        if found.unreadable:
            named = "; ".join(f"{path}: {why}" for path, why in found.unreadable)
            raise Inconclusive(f"no place that can be read states the version ({named})", "Mend what cannot be read.")
        raise NotApplicable("no place states the version: the build computes it")
    for place in versions.drift(found.places):
        said = f"says {place.value}, but {source.path}:{source.line} says {source.value}"
        yield Finding(said, "version-drift", path=place.path, line=place.line, column=place.column)
    for path in found.unheaded:
        said = f"has headings for other versions, and none for {source.value}"
        yield Finding(said, "changelog-heading", Severity.WARNING, path)
