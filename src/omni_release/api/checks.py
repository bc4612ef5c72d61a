"""Does the version announce what changes in the API?"""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import api, distributions
from omni_release.api import acceptance, released
from omni_release.api.judgement import BREAK, UNUSED, Judgement
from omni_release.core.cache import Inputs
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import reports
from omni_release.core.text import listed
from omni_release.core.world import World
from omni_release.environments.inputs import of_artifacts


@reports(BREAK, UNUSED)
def api_fits_version(release: Release, world: World) -> Iterator[Finding]:
    """API fits the version

    What the wheel removes from the API of the last release, or changes in it, is announced by the version, as `policy`
    in [tool.omni-release.api] says. griffe reads both APIs from their files, and imports nothing.

    Fix: raise the version to the one that the finding names, keep what was there and deprecate it, or accept the break:
    name it as breaking in the changelog, or in [[tool.omni-release.api.accepted]].
    """
    version = _version(release, world)
    last = released.find(release, world, version)
    work = release.work_dir / "api"
    sides = released.sides(last, release, world, work / "sides")
    difference = api.compare(*sides, work / "comparison", world.processes, world.environment, release.folder)
    if not difference.alike and difference.unread:
        raise NotApplicable(f"griffe cannot read {listed(difference.unread, 3)}")
    if not difference.alike:
        raise NotApplicable(f"{release.project.name} {last.version} {last.origin} is another project")
    yield from Judgement(release.project, last.version, last.origin, version, difference).findings()


def api_inputs(release: Release, world: World) -> Inputs:
    """The inputs of the comparison: both releases, and what the changelog announces."""
    version = _version(release, world)
    last = released.find(release, world, version)
    announced = acceptance.announced(release.project.root, version)
    return of_artifacts(release, world, {}, last.identity, str(announced))


def _version(release: Release, world: World) -> str:
    version = distributions.version_to_release(release.version, world.journal.artifacts())
    if version is None:
        raise NotApplicable("the version is determined by the build, and nothing is built yet")
    return version
