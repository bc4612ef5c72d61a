"""What must be true before an upload, and what must be visible on the index after it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING

from omni_release import distributions, versions
from omni_release.builds import verify_artifacts
from omni_release.core.errors import Conflict, Inconclusive, InvalidDistribution, NotApplicable
from omni_release.core.model import REHEARSAL, Cached, Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import counted
from omni_release.core.world import Credentials, FileState, IndexFile, World
from omni_release.index import polling, targets

if TYPE_CHECKING:
    from omni_release.local_index.rules import Refusal

_UPLOAD_WINDOW = datetime.timedelta(days=14)  # PyPI closes a release to further files after that


NOT_REHEARSED = Rule("not-rehearsed", RuleClass.RELEASE, "Run has no finished rehearsal")

NOT_PASSED = Rule("rehearsal-not-passed", RuleClass.RELEASE, "Rehearsal did not pass")

COMMIT_CHANGED = Rule("commit-changed", RuleClass.RELEASE, "Checkout is at another commit than the rehearsal")

NOT_FRESH = Rule("evidence-not-fresh", RuleClass.RELEASE, "Rehearsal used results of earlier runs")

ARTIFACTS_CHANGED = Rule("artifacts-changed", RuleClass.RELEASE, "Checkout or distributions changed since the build")


SDIST_ONLY = Rule("sdist-only", RuleClass.RELEASE, "Compiled project is published without wheels")


@reports(NOT_REHEARSED, NOT_PASSED, COMMIT_CHANGED, ARTIFACTS_CHANGED, NOT_FRESH, SDIST_ONLY)
def rehearsal_passed(release: Release, world: World) -> Iterator[Finding]:
    """Rehearsal passed

    The run's rehearsal has passed, and the checkout, its commit and the distributions are unchanged since then. With
    `evidence = "fresh"` it has used no result of an earlier run.

    Fix: rehearse again with `omni-release rehearse`, or omit `--run`.
    """
    verdict, artifacts = world.journal.rehearsal_verdict(), world.journal.artifacts()
    if not artifacts or verdict is None:
        yield Finding("this run has no finished rehearsal", NOT_REHEARSED.id)
        return
    if verdict != "passed":
        yield Finding(f"the rehearsal's verdict is {verdict}; only a passed one may be published", NOT_PASSED.id)
    built_from, checked_out = world.journal.commit_built(), release.commit.sha if release.commit else None
    if built_from != checked_out:
        yield Finding(
            f"rehearsed at {_commit(built_from)}, but the checkout is now at {_commit(checked_out)}", COMMIT_CHANGED.id
        )
    try:
        verify_artifacts(release, world)
    except Conflict as error:
        yield Finding(error.message, ARTIFACTS_CHANGED.id)
    yield from _cached_evidence(release, world)
    if distributions.is_sdist_only(release.dist):
        message = (
            "only the sdist is published, so every user compiles it. Pass wheels of all platforms: --artifacts DIR."
        )
        yield Finding(message, SDIST_ONLY.id, Severity.WARNING)


def _cached_evidence(release: Release, world: World) -> Iterator[Finding]:
    """Findings for what the rehearsal has used of earlier runs: errors where the settings refuse it."""
    fresh = release.project.settings.evidence == "fresh"
    for task, (run, at) in world.journal.cached_outcomes().items():
        age = (world.clock.now() - datetime.datetime.fromisoformat(at)).total_seconds()
        cached = f"{task}: {Cached(run, at, age)}"
        if fresh:
            message = f'{cached}, and `evidence = "fresh"` refuses that. Rehearse again: omni-release rehearse --fresh'
            yield Finding(message, NOT_FRESH.id)
        else:
            yield Finding(cached, severity=Severity.NOTICE)


def _commit(sha: str | None) -> str:
    return f"commit {sha}" if sha else "no commit"


CREDENTIALS_MISSING = Rule("credentials-missing", RuleClass.RELEASE, "No upload credentials")

CREDENTIALS_MALFORMED = Rule("credentials-malformed", RuleClass.RELEASE, "Upload credentials are malformed")


@reports(CREDENTIALS_MISSING, CREDENTIALS_MALFORMED)
def credentials_present(release: Release, world: World) -> Iterator[Finding]:
    """Upload credentials are present and well-formed

    TWINE_USERNAME and TWINE_PASSWORD, .pypirc or the URL, the keyring, or trusted publishing provide credentials.

    Fix: set TWINE_PASSWORD to an API token, or configure trusted publishing for PyPI and TestPyPI.
    """
    access = world.index.access()
    if access.credentials is Credentials.PRESENT:
        message = f"credentials from {access.source}, for uploads to {world.index.target.upload}"
        yield Finding(message, severity=Severity.NOTICE)
        return
    if access.credentials is Credentials.MISSING:
        yield Finding(f"no credentials: {access.why}", CREDENTIALS_MISSING.id)
    else:
        yield Finding(f"malformed credentials: {access.source}: {access.why}", CREDENTIALS_MALFORMED.id)


def index_responds(release: Release, world: World) -> Iterator[Finding]:
    """Index responds

    The index that the release goes to answers a request for the project's files.

    Fix: check the network and the index's address.
    """
    # Asked while the build runs: a build for an index that cannot be reached is wasted.
    rehearsal = release.target == REHEARSAL  # the run's own index answers at once or not at all
    project = release.project.name
    listed = polling.files(world, _normalized_name(release), timeout=0.0 if rehearsal else polling.TIMEOUT)
    if not rehearsal:
        number = counted(len(listed), "file")
        message = f"{number} of {project}" if listed else f"no files of {project} on the index yet"
        yield Finding(f"{world.index.target.simple}: {message}", severity=Severity.NOTICE)


VERSION_TAKEN = Rule("version-taken", RuleClass.RELEASE, "Version exists on the index with other files")


@reports(VERSION_TAKEN)
def version_available(release: Release, world: World) -> Iterator[Finding]:
    """Version is not taken on the index

    The index has no files of this version, or only files with the bytes of this run.

    Fix: bump the version with `omni-release version bump`, or resume an interrupted release with `--run RUN`.
    """
    artifacts = world.journal.artifacts()
    version, listed = _listed_files(release, world)
    if not listed:
        return
    if not artifacts:
        names = ", ".join(file.name for file in listed)
        raise Inconclusive(
            f"{version} already exists on the index: {names}",
            "Run `omni-release rehearse`: only a build shows whether these files are the same.",
        )
    for file in polling.file_statuses(world, _normalized_name(release), artifacts):
        if file.state is FileState.OURS:
            yield Finding(f"{file.name} is already uploaded", severity=Severity.NOTICE)
        elif file.state is FileState.OTHER_BYTES:
            yield Finding(f"{file.name} already exists on the index: {file.why}", VERSION_TAKEN.id)
        elif file.state is not FileState.ABSENT:
            raise Inconclusive(f"{file.name}: {file.why}", "Try again later.")
    built = {artifact.name for artifact in artifacts}
    for name in (file.name for file in listed if file.name not in built):
        yield Finding(f"{name} exists on the index, and this run did not build it", VERSION_TAKEN.id)


UPLOAD_WINDOW_CLOSED = Rule("upload-window-closed", RuleClass.RELEASE, "Release is too old to accept more files")


@reports(UPLOAD_WINDOW_CLOSED)
def upload_window(release: Release, world: World) -> Iterator[Finding]:
    """Partial release is still within PyPI's upload window

    The first file of a partly uploaded release is at most 14 days old, after which PyPI accepts no further files.

    Fix: bump the version and release that.
    """
    version, listed = _listed_files(release, world)
    if not listed:
        raise NotApplicable(f"the index has no files of {version}")
    artifacts, names = world.journal.artifacts(), {file.name for file in listed}
    if artifacts and all(artifact.name in names for artifact in artifacts):
        raise NotApplicable(f"all files of {version} are uploaded")
    known = targets.is_pypi(world.index.target)
    uploaded = min((file.uploaded for file in listed if file.uploaded is not None), default=None)
    if uploaded is None:
        message = f"the index does not report upload times for {version}"
        if known:
            raise Inconclusive(message, "Check on the release's page that it is at most 14 days old.")
        yield Finding(f"{message}: it may accept no further files", UPLOAD_WINDOW_CLOSED.id, Severity.WARNING)
        return
    age = world.clock.now() - uploaded
    if age > _UPLOAD_WINDOW:
        yield Finding(
            f"{version} was first uploaded on {uploaded:%Y-%m-%d}, {age.days} days ago",
            UPLOAD_WINDOW_CLOSED.id,
            Severity.ERROR if known else Severity.WARNING,
        )


def _listed_files(release: Release, world: World) -> tuple[str, list[IndexFile]]:
    """The version, and the index's files of it. Raises NotApplicable where only a build determines the version."""
    version = distributions.version_to_release(release.version, world.journal.artifacts())
    if version is None:
        raise NotApplicable("the version is determined by the build, and nothing is built yet")
    files = polling.files(world, _normalized_name(release))
    return version, [file for file in files if distributions.is_of(file.name, version)]


def _normalized_name(release: Release) -> str:
    from packaging.utils import canonicalize_name

    return str(canonicalize_name(release.project.name))


def release_listed(release: Release, world: World) -> Iterator[Finding]:
    """Release is listed on the index

    Several reads in a row, past all caches, list every file and serve its bytes.

    Fix: run the same command again to resume the wait; `listing-timeout` in [tool.omni-release.publish] sets its limit.
    """
    artifacts = world.journal.artifacts()
    if not artifacts:
        raise Inconclusive("the run has no distributions", "Run `omni-release rehearse` first.")
    project, _ = distributions.project_and_version(artifacts)
    polling.await_listing(world, project, artifacts, release.project.settings.publish.listing_timeout)
    for artifact in artifacts:
        yield Finding(f"{artifact.name}: served with sha256 {artifact.sha256}", severity=Severity.NOTICE)


NO_PROJECT_PAGE = Rule("no-project-page", RuleClass.RELEASE, "Release has no page on the index")


@reports(NO_PROJECT_PAGE)
def project_page(release: Release, world: World) -> Iterator[Finding]:
    """Release page exists

    The web page of the released version on the index answers.

    Fix: open the page in a browser; if the index has its pages elsewhere, set `project-page` in
    [tool.omni-release.index.NAME] to the address, with `{name}` and `{version}` in it.
    """
    artifacts = world.journal.artifacts()
    if not artifacts:
        raise NotApplicable("the run has no distributions")
    url = world.index.target.page_of(*distributions.project_and_version(artifacts))
    if not url:
        raise NotApplicable(f"the address of {world.index.target.name}'s pages is unknown")
    final = (FileState.OURS, FileState.REFUSED)
    page = polling.poll(
        world, lambda: world.index.page(url), lambda page: "" if page.state in final else f"{url}: {page.why}"
    )
    if page.state is FileState.OURS:
        yield Finding(f"{url} exists", severity=Severity.NOTICE)
    elif page.state is FileState.ABSENT:
        yield Finding(f"{url} does not exist: {page.why}", NO_PROJECT_PAGE.id)
    else:
        raise Inconclusive(f"{url} does not answer: {page.why}", "Open it in a browser.")


@reports(Rule(r"index-[a-z-]+", RuleClass.RELEASE, "PyPI would refuse the upload"))
def upload_rules(release: Release, world: World) -> Iterator[Finding]:
    """Distributions satisfy PyPI's upload rules

    A package index with PyPI's rules for uploads accepts each distribution; every refusal is reported.

    Fix: correct the project and build again before the upload, since a file name can be used only once.
    """
    from packaging.metadata import parse_email

    from omni_release.local_index import Account, IndexPolicy, StoredFile, UploadContext, UploadRequest, rules

    stored: tuple[StoredFile, ...] = ()
    now = world.clock.now()
    for path in distributions.in_folder(release.dist):
        try:
            content = distributions.core_metadata(path)
        except InvalidDistribution:
            content = b""  # the rules on distributions say so
        metadata, unparsed = parse_email(content)
        upload = UploadRequest.of_file(path, metadata, tuple(sorted(unparsed)), Account("", ""))
        seen: set[str] = set()
        for refusal in rules.refusals(UploadContext(upload, stored, frozenset(), IndexPolicy(), now)):
            if refusal.reason not in seen:
                seen.add(refusal.reason)
                untagged = refusal.rule == "local-version" and versions.comes_from_tag(str(release.project.root))
                fix = f"\n{_UNTAGGED}" if untagged else ""
                yield Finding(f"{path.name} {_prediction(refusal)}{fix}", f"index-{refusal.rule}")
        file = StoredFile(path.name, upload.version, upload.filetype, upload.size, upload.digests, now)
        stored = (*stored, file)


_UNTAGGED = (
    "→ commit all changes and tag the commit (it need not be pushed), then rehearse again: the version comes from git's"
    " tags, and this one is of no tag"
)


def _prediction(refusal: Refusal) -> str:
    """What an upload would come to: nothing was uploaded."""
    if refusal.rule == "wheel-record-differs":
        return (
            f"would be taken by PyPI, which writes to the owners then, but installers may refuse it: {refusal.reason}"
        )
    return f"would be refused ({refusal.status}): {refusal.reason}"
