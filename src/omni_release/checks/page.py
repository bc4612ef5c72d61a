"""Does the project's page show the release?"""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import artifacts
from omni_release.errors import CannotTell, NotApplicable
from omni_release.model import Finding, Release, Severity
from omni_release.publishing import listing
from omni_release.seams import Standing, World

_PATIENCE = 60.0


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
    end = world.clock.monotonic() + _PATIENCE
    for pause in listing.pauses():
        told = world.index.page(url)
        if told.standing is Standing.OURS:
            yield Finding(f"{url} answers", severity=Severity.NOTICE)
            return
        if told.standing is Standing.REFUSED or world.clock.monotonic() + pause > end:
            break
        world.tell(f"      … {url}: {told.why}; asking again in {pause:.0f} s")
        world.clock.sleep(pause)
    if told.standing is not Standing.ABSENT:
        raise CannotTell(f"{url} does not answer a program: {told.why}", "Look at it in a browser.")
    yield Finding(f"{url} is not there: {told.why}", "project-page")
