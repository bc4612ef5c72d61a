"""Bug patterns: once mended, none may come back."""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import source_tree
from omni_release.code import scan
from omni_release.core.model import Finding, Release
from omni_release.core.world import World


def bug_patterns_are_gone(release: Release, world: World) -> Iterator[Finding]:
    """No known bug pattern stands anywhere: none of those that come with omni-release, none of the project's own.

    Each finding says why, and what to do. Mend all places at once: `omni-release audit --rule FILE` shows them. Where a
    finding is meant as it is, say so beside its line: `omni-release: allow RULE until DAY because REASON`.
    """
    project, settings = release.project, release.project.settings.audit
    look = scan.Look(
        root=project.root,
        files=source_tree.files(project.root, world.processes),
        rules=(*scan.shipped(), *scan.own(project.root, settings.rules)),
        ignored=settings.ignore,
        run=release.folder,
        environment=world.environment,
    )
    yield from scan.no_rules(project.root, settings.rules)
    yield from scan.scan(look, world.processes)
