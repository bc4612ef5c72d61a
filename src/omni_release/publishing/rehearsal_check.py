"""That what is about to be published is what was rehearsed."""

from __future__ import annotations

from collections.abc import Iterator

from omni_release.build.steps import as_built
from omni_release.core.errors import Conflict
from omni_release.core.model import Finding, Release
from omni_release.core.world import World


def rehearsal_stands(release: Release, world: World) -> Iterator[Finding]:
    """This run's rehearsal has passed, and neither the checkout, nor its commit, nor what was built has changed since.

    Rehearse again: `omni-release rehearse`, or leave `--run` out.
    """
    verdict, pinned = world.journal.rehearsed(), world.journal.artifacts()
    if not pinned or verdict is None:
        yield Finding("this run has no finished rehearsal", "not-rehearsed")
        return
    if verdict != "passed":
        yield Finding(f"the rehearsal's verdict is {verdict}, and only one that passed may be published", "not-passed")
    built_at, now_at = world.journal.built_at(), release.commit.sha if release.commit else None
    if built_at != now_at:
        then, now = (f"at commit {sha}" if sha else "without a commit of git" for sha in (built_at, now_at))
        yield Finding(f"it was rehearsed {then}, the checkout is {now}", "commit-changed")
    try:
        as_built(release, world)
    except Conflict as error:
        yield Finding(error.message, "changed-since")
