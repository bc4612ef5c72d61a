"""That what is about to be published is what was rehearsed, and that people then get it."""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import artifacts
from omni_release.errors import CannotTell, Conflict
from omni_release.model import Finding, Release, Severity
from omni_release.publishing import listing
from omni_release.seams import World
from omni_release.steps.build import as_built


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
        yield Finding(f"it was rehearsed at commit {built_at}, the checkout is at {now_at}", "commit-changed")
    try:
        as_built(release, world)
    except Conflict as error:
        yield Finding(error.message, "changed-since")


def index_shows_the_release(release: Release, world: World) -> Iterator[Finding]:
    """The index shows all of the release, and serves our bytes: in several reads in a row, caches by-passed.

    What was sent is sent. Where the index is slow, run this again: it goes on with the wait. The setting
    `listing-timeout` of [tool.omni-release.publish] says how long to wait.
    """
    pinned = world.journal.artifacts()
    if not pinned:
        raise CannotTell("there is nothing built", "Rehearse first: omni-release rehearse")
    project, _ = artifacts.name_and_version(pinned[0].name)
    listing.await_listing(world, project, pinned, release.project.settings.publish.listing_timeout)
    for artifact in pinned:
        yield Finding(f"{artifact.name}: served with sha256 {artifact.sha256}", severity=Severity.NOTICE)
