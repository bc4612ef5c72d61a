"""What must be true of the index before anything is sent to it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from omni_release.core.errors import CannotTell, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import Credentials, IndexFile, Standing, World
from omni_release.distributions import artifacts
from omni_release.index import polling, targets

_AGE = datetime.timedelta(days=14)


def credentials_are_there(release: Release, world: World) -> Iterator[Finding]:
    """There are credentials to upload with, and they look as they should.

    They are looked for in twine's order: TWINE_USERNAME and TWINE_PASSWORD, .pypirc or the URL, the keyring, and for
    PyPI and TestPyPI trusted publishing. Whether the index takes them, only an upload tells.
    """
    access = world.index.access()
    if access.credentials is Credentials.PRESENT:
        yield Finding(f"found: {access.source}", severity=Severity.NOTICE)
    else:
        yield Finding(f"{access.credentials.value}: {access.source}: {access.why}", f"credentials-{access.credentials}")


def version_is_free_or_ours(release: Release, world: World) -> Iterator[Finding]:
    """The index has nothing of this version, or nothing but our own bytes.

    A file name can be used once only, and what is published cannot be replaced: raise the version, everywhere, with
    `omni-release version bump`. Where an earlier run was cut short, go on with it: `--run RUN`.
    """
    pinned = world.journal.artifacts()
    version = _version(release, world)
    there = [file for file in _listed(release, world) if artifacts.is_of(file.name, version)]
    if not there:
        return
    if not pinned:
        names = ", ".join(file.name for file in there)
        raise CannotTell(f"{version} is there already: {names}", "Whether that is ours, only a build tells: rehearse.")
    for told in polling.standings(world, _project(release), pinned):
        if told.standing is Standing.OURS:
            yield Finding(f"{told.name} is there already, and ours", severity=Severity.NOTICE)
        elif told.standing is not Standing.ABSENT:
            other = told.standing is Standing.OTHER_BYTES
            if not other:
                raise CannotTell(f"{told.name}: {told.why}", "Try again in a while.")
            yield Finding(f"another {told.name} is there: {told.why}", "version-is-taken")
    for file in there:
        if file.name not in {artifact.name for artifact in pinned}:
            yield Finding(f"{file.name} is there, and this run has not built it", "version-is-taken")


def release_is_young_enough(release: Release, world: World) -> Iterator[Finding]:
    """A release that is there in part is young enough to take the rest.

    PyPI takes no files for a release of more than 14 days: raise the version.
    """
    version = _version(release, world)
    there = [file for file in _listed(release, world) if artifacts.is_of(file.name, version)]
    if not there:
        raise NotApplicable("nothing of this version is there")
    names = {file.name for file in there}
    if world.journal.artifacts() and all(artifact.name in names for artifact in world.journal.artifacts()):
        raise NotApplicable("all of it is there")
    uploaded = min((file.uploaded for file in there if file.uploaded is not None), default=None)
    if uploaded is None:
        said = f"the index does not tell when the files of {version} came"
        if targets.is_pypi(world.index.target):
            raise CannotTell(said, "Look at the release's page: is it of more than 14 days?")
        yield Finding(f"{said}: it may be too old to take more", "release-too-old", Severity.WARNING)
        return
    age = world.clock.now() - uploaded
    if age > _AGE:
        known = targets.is_pypi(world.index.target)
        yield Finding(
            f"{version} is there since {uploaded:%Y-%m-%d}, {age.days} days",
            "release-too-old",
            Severity.ERROR if known else Severity.WARNING,
        )


def _listed(release: Release, world: World) -> tuple[IndexFile, ...]:
    return polling.files(world, _project(release))


def _project(release: Release) -> str:
    from packaging.utils import canonicalize_name

    return str(canonicalize_name(release.project.name))


def _version(release: Release, world: World) -> str:
    version = artifacts.released(release.version, world.journal.artifacts())
    if version is None:
        raise NotApplicable("only a build tells which version this is")
    return version
