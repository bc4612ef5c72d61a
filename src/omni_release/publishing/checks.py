"""What must be true of the index before anything is sent to it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from omni_release import distributions
from omni_release.builds.steps import as_built
from omni_release.core.errors import Conflict, Inconclusive, NotApplicable
from omni_release.core.model import REHEARSAL, Finding, Release, Severity
from omni_release.core.world import Credentials, FileState, IndexFile, World
from omni_release.index import polling, targets

_AGE = datetime.timedelta(days=14)


def credentials_present(release: Release, world: World) -> Iterator[Finding]:
    """There are credentials to upload with, and they look as they should.

    They are looked for in twine's order: TWINE_USERNAME and TWINE_PASSWORD, .pypirc or the URL, the keyring, and for
    PyPI and TestPyPI trusted publishing. Whether the index takes them, only an upload tells.
    """
    access = world.index.access()
    if access.credentials is Credentials.PRESENT:
        yield Finding(f"found: {access.source}", severity=Severity.NOTICE)
    else:
        yield Finding(f"{access.credentials.value}: {access.source}: {access.why}", f"credentials-{access.credentials}")


def version_available(release: Release, world: World) -> Iterator[Finding]:
    """The index has nothing of this version, or nothing but our own bytes.

    A file name can be used once only, and what is published cannot be replaced: raise the version, everywhere, with
    `omni-release version bump`. Where an earlier run was cut short, go on with it: `--run RUN`.
    """
    pinned = world.journal.artifacts()
    version = _version(release, world)
    there = [file for file in _listed(release, world) if distributions.is_of(file.name, version)]
    if not there:
        return
    if not pinned:
        names = ", ".join(file.name for file in there)
        raise Inconclusive(
            f"{version} is there already: {names}", "Whether that is ours, only a build tells: rehearse."
        )
    for told in polling.file_statuses(world, _project(release), pinned):
        if told.state is FileState.OURS:
            yield Finding(f"{told.name} is there already, and ours", severity=Severity.NOTICE)
        elif told.state is not FileState.ABSENT:
            other = told.state is FileState.OTHER_BYTES
            if not other:
                raise Inconclusive(f"{told.name}: {told.why}", "Try again in a while.")
            yield Finding(f"another {told.name} is there: {told.why}", "version-is-taken")
    for file in there:
        if file.name not in {artifact.name for artifact in pinned}:
            yield Finding(f"{file.name} is there, and this run has not built it", "version-is-taken")


def upload_window(release: Release, world: World) -> Iterator[Finding]:
    """A release that is there in part is young enough to take the rest.

    PyPI takes no files for a release of more than 14 days: raise the version.
    """
    version = _version(release, world)
    there = [file for file in _listed(release, world) if distributions.is_of(file.name, version)]
    if not there:
        raise NotApplicable("nothing of this version is there")
    names = {file.name for file in there}
    if world.journal.artifacts() and all(artifact.name in names for artifact in world.journal.artifacts()):
        raise NotApplicable("all of it is there")
    uploaded = min((file.uploaded for file in there if file.uploaded is not None), default=None)
    if uploaded is None:
        said = f"the index does not tell when the files of {version} came"
        if targets.is_pypi(world.index.target):
            raise Inconclusive(said, "Look at the release's page: is it of more than 14 days?")
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
    version = distributions.released(release.version, world.journal.artifacts())
    if version is None:
        raise NotApplicable("only a build tells which version this is")
    return version


def rehearsal_passed(release: Release, world: World) -> Iterator[Finding]:
    """This run's rehearsal has passed, and neither the checkout, nor its commit, nor what was built has changed since.

    Rehearse again: `omni-release rehearse`, or leave `--run` out.
    """
    verdict, pinned = world.journal.rehearsal_verdict(), world.journal.artifacts()
    if not pinned or verdict is None:
        yield Finding("this run has no finished rehearsal", "not-rehearsed")
        return
    if verdict != "passed":
        yield Finding(f"the rehearsal's verdict is {verdict}, and only one that passed may be published", "not-passed")
    built_at, now_at = world.journal.commit_built(), release.commit.sha if release.commit else None
    if built_at != now_at:
        then, now = (f"at commit {sha}" if sha else "without a commit of git" for sha in (built_at, now_at))
        yield Finding(f"it was rehearsed {then}, the checkout is {now}", "commit-changed")
    try:
        as_built(release, world)
    except Conflict as error:
        yield Finding(error.message, "changed-since")


def index_responds(release: Release, world: World) -> Iterator[Finding]:
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


def release_listed(release: Release, world: World) -> Iterator[Finding]:
    """The index shows all of the release, and serves our bytes: in several reads in a row, caches by-passed.

    What was sent is sent. Where the index is slow, run this again: it goes on with the wait. The setting
    `listing-timeout` of [tool.omni-release.publish] says how long to wait.
    """
    pinned = world.journal.artifacts()
    if not pinned:
        raise Inconclusive("there is nothing built", "Rehearse first: omni-release rehearse")
    project, _ = distributions.name_and_version(pinned[0].name)
    polling.await_listing(world, project, pinned, release.project.settings.publish.listing_timeout)
    for artifact in pinned:
        yield Finding(f"{artifact.name}: served with sha256 {artifact.sha256}", severity=Severity.NOTICE)


def project_page(release: Release, world: World) -> Iterator[Finding]:
    """The release's page on the index answers.

    Look at it in a browser. Where the index has its pages elsewhere, the setting `project-page` of
    [tool.omni-release.index.NAME] says where, with `{name}` and `{version}` in it.
    """
    pinned = world.journal.artifacts()
    if not pinned:
        raise NotApplicable("nothing is built, so nothing is released")
    url = world.index.target.page_of(*distributions.name_and_version(pinned[0].name))
    if not url:
        raise NotApplicable(f"nothing says where {world.index.target.name} has its pages")
    known = (FileState.OURS, FileState.REFUSED)
    told = polling.asked(
        world, lambda: world.index.page(url), lambda it: "" if it.state in known else f"{url}: {it.why}"
    )
    if told.state is FileState.OURS:
        yield Finding(f"{url} answers", severity=Severity.NOTICE)
    elif told.state is FileState.ABSENT:
        yield Finding(f"{url} is not there: {told.why}", "project-page")
    else:
        raise Inconclusive(f"{url} does not answer a program: {told.why}", "Look at it in a browser.")
