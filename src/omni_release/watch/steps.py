"""Install the published release as users do today."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from omni_release import distributions, programs, watch
from omni_release.builds import TakeArtifacts
from omni_release.core.actions import Action
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Evidence, Release
from omni_release.core.world import World
from omni_release.environments import installers


class TakeRelease(TakeArtifacts):
    """Take the files of the release

    The files that were downloaded, and that have the hashes of the index, are those of this run.

    Fix: free disk space, and run the watch again.
    """


class BuildWheel:
    """Build a wheel of the release

    A release without a wheel is built from its sdist, as each user's installer does.

    Fix: read the output of the back end in the run's `logs/wheel.log`, and publish a wheel.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        sdist = distributions.in_folder(release.dist)[0]
        argv = installers.uv("build", "--wheel", "--out-dir", str(release.local_wheel), str(sdist))
        yield installers.configured(release, world, "wheel", argv)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        if any(release.dist.glob("*.whl")):
            raise NotApplicable("the release has a wheel")
        return {wheel.name: "built from the sdist" for wheel in distributions.wheels(release.dist)} or None


@dataclass(frozen=True)
class InstallPublished:
    """Install the published release

    An installer gets the release by its name and version into a fresh environment, with the newest dependencies that
    it finds today, from where this machine gets its packages.

    Fix: read the installer's output in the run's logs, and release a version that requires what works.
    """

    installer: str

    @property
    def environment(self) -> str:
        """The name of the environment."""
        return f"released-{self.installer}"

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        _require_this_python(release)
        name, version = distributions.project_and_version(world.journal.artifacts())
        option = installers.python_option(release, self.environment)
        requirement = f"{name}=={version}"
        if self.installer == "uv":
            argv = installers.uv("pip", "install", "--refresh", *option, requirement)
        else:
            argv = (*programs.module(sys.executable, "pip", *option, "install"), requirement, *installers.PIP_QUIET)
        yield installers.create_environment(release, world, self.environment)
        yield installers.configured(release, world, self.environment, argv)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        if not (artifacts := world.journal.artifacts()):
            return None
        name, version = distributions.project_and_version(artifacts)
        found = watch.installed(release, self.environment)
        if not distributions.same_version(found.get(name, ""), version):
            return None
        return {"installer": self.installer, "distributions": len(found)}


def _require_this_python(release: Release) -> None:
    """Raise Inconclusive where the release is for other versions of Python than that of omni-release."""
    required = distributions.metadata(distributions.installable(release.dist))["Requires-Python"]
    try:
        wanted = SpecifierSet(required or "")
    except InvalidSpecifier:
        return
    here = platform.python_version()
    if not wanted.contains(here, prereleases=True):
        message = f"the release requires Python {required}, and omni-release runs on {here}"
        raise Inconclusive(message, "Install omni-release with a Python that the release is for.")
