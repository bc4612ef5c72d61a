"""What the index says: it can be asked at all, it has the whole release, and its page of the release is there."""

from __future__ import annotations

from collections.abc import Iterator

from omni_release.core.errors import CannotTell, NotApplicable
from omni_release.core.model import REHEARSAL, Finding, Release, Severity
from omni_release.core.world import Standing, World
from omni_release.distributions import artifacts
from omni_release.index import polling


def index_answers(release: Release, world: World) -> Iterator[Finding]:
    """The index that the release goes to answers.

    It is asked first, while the build goes on: what is built for an index that cannot be reached is built for nothing.
    Is the network up, and the address right?
    """
    from packaging.utils import canonicalize_name

    rehearsal = release.target == REHEARSAL  # our own either answers at once, or not at all
    listed = polling.files(world, canonicalize_name(release.project.name), patience=0.0 if rehearsal else 60.0)
    if not rehearsal:
        said = f"{len(listed)} files of {release.project.name} are on it" if listed else "it has nothing of the project"
        yield Finding(f"{world.index.target.simple}: {said}", severity=Severity.NOTICE)


def index_shows_the_release(release: Release, world: World) -> Iterator[Finding]:
    """The index shows all of the release, and serves our bytes: in several reads in a row, caches by-passed.

    What was sent is sent. Where the index is slow, run this again: it goes on with the wait. The setting
    `listing-timeout` of [tool.omni-release.publish] says how long to wait.
    """
    pinned = world.journal.artifacts()
    if not pinned:
        raise CannotTell("there is nothing built", "Rehearse first: omni-release rehearse")
    project, _ = artifacts.name_and_version(pinned[0].name)
    polling.await_listing(world, project, pinned, release.project.settings.publish.listing_timeout)
    for artifact in pinned:
        yield Finding(f"{artifact.name}: served with sha256 {artifact.sha256}", severity=Severity.NOTICE)


def project_page_answers(release: Release, world: World) -> Iterator[Finding]:
    """The release's page on the index answers.

    Look at it in a browser. Where the index has its pages elsewhere, the setting `project-page` of
    [tool.omni-release.index.NAME] says where, with `{name}` and `{version}` in it.
    """
    pinned = world.journal.artifacts()
    if not pinned:
        raise NotApplicable("nothing is built, so nothing is released")
    url = world.index.target.page_of(*artifacts.name_and_version(pinned[0].name))
    if not url:
        raise NotApplicable(f"nothing says where {world.index.target.name} has its pages")
    known = (Standing.OURS, Standing.REFUSED)
    told = polling.asked(
        world, lambda: world.index.page(url), lambda it: "" if it.standing in known else f"{url}: {it.why}"
    )
    if told.standing is Standing.OURS:
        yield Finding(f"{url} answers", severity=Severity.NOTICE)
    elif told.standing is Standing.ABSENT:
        yield Finding(f"{url} is not there: {told.why}", "project-page")
    else:
        raise CannotTell(f"{url} does not answer a program: {told.why}", "Look at it in a browser.")
