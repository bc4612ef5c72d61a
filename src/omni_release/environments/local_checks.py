"""Can the local environment be upgraded now?"""

from __future__ import annotations

from collections.abc import Iterator

from omni_release.core.errors import NeedsPerson, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import World
from omni_release.environments import local_environment
from omni_release.environments.local_steps import has_the_release


def local_environment_works(release: Release, world: World) -> Iterator[Finding]:
    """The local environment that the settings name is there, and answers.

    Make it anew, or mend [tool.omni-release.local].
    """
    found = local_environment.find(release, world)
    has = f"{release.project.name} {found.version}" if found.version else f"no {release.project.name}"
    what = f"stays, as an editable install of {found.editable}" if found.editable else f"goes to {found.installer}"
    yield Finding(f"{found.folder} has {has}: it {what}", "local-environment", Severity.NOTICE)


def nobody_uses_local_environment(release: Release, world: World) -> Iterator[Finding]:
    """No program runs from the local environment, or has files of it open, when it is upgraded.

    End the programs named above, and run this again: the release goes on where it stands. A program that keeps running
    has the old code, or a mixture, in memory; on Windows the upgrade would fail half-way.
    """
    found = local_environment.find(release, world)
    if found.editable:
        raise NotApplicable(f"{release.project.name} is an editable install of {found.editable}: it is left as it is")
    if has_the_release(found, release, world):
        return
    using = world.processes.using(found.folder)
    if using.unseen:
        said = f"{using.unseen} programs of other users could not be looked into"
        yield Finding(said, "local-environment-unseen", Severity.NOTICE)
    if using.programs:
        named = "\n".join(f"  process {each.pid}, {each.name}: {each.how}" for each in using.programs)
        raise NeedsPerson(
            f"{found.folder} is in use, and has not been touched:\n{named}", "End them, and run this again."
        )
