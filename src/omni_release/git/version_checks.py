"""Whether the version can follow what was released before: git's tags, here and on the remote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from omni_release import distributions, git, versions
from omni_release.core.errors import NotApplicable
from omni_release.core.model import REHEARSAL, Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.git import ReleaseRepository, release_tag
from omni_release.versions import tags as version_tags
from omni_release.versions.pep440 import Version, parse
from omni_release.versions.tags import Tag

_GIVEN = (
    *("SETUPTOOLS_SCM_PRETEND_VERSION", "VCS_VERSIONING_PRETEND_VERSION", "PBR_VERSION", "PDM_BUILD_SCM_VERSION"),
    *("POETRY_DYNAMIC_VERSIONING_BYPASS", "UV_DYNAMIC_VERSIONING_BYPASS"),
)
"""The variables that give a version instead of a tag, or their beginnings."""

SHALLOW = Rule("shallow-clone", RuleClass.RELEASE, "Clone is shallow, and the version comes from tags")
NO_TAGS = Rule("no-tags", RuleClass.RELEASE, "Clone has no tags, and the version comes from tags")


@reports(SHALLOW, NO_TAGS)
def history_complete(release: Release, world: World) -> Iterator[Finding]:
    """History has the tag that the version comes from

    A version that the build derives from git's tags is derived from a clone that has them.

    Fix: run `git fetch --unshallow --tags`. In CI clone the whole history: `fetch-depth: 0` for actions/checkout,
    `GIT_DEPTH: 0` for GitLab.
    """
    if not versions.comes_from_tag(str(release.project.root)):
        raise NotApplicable("the version does not come from a tag")
    if given := next((name for name in world.environment if name.startswith(_GIVEN)), None):
        raise NotApplicable(f"the version comes from {given}")
    repository = git.open_repository(release, world)
    if repository.line("describe", "--tags", "--match", "*[0-9]*", repository.commit):
        return
    invented = "the build would derive the version from no tag at all"
    if repository.line("rev-parse", "--is-shallow-repository") == "true":
        yield Finding(f"the clone is shallow and reaches no version tag: {invented}", SHALLOW.id)
    elif repository.remote and "--no-tags" in repository.line("config", "--get", f"remote.{repository.remote}.tagOpt"):
        yield Finding(f"cloned from {repository.remote} without tags: {invented}", NO_TAGS.id)
    else:
        yield Finding(f"no commit has a version tag: {invented}", NO_TAGS.id, Severity.WARNING)


GOES_BACK = Rule("version-goes-back", RuleClass.RELEASE, "Version is lower than an earlier release")
OTHER_TAG = Rule("tag-of-another-version", RuleClass.RELEASE, "Commit has the tag of another version")
UNTAGGED = Rule("untagged-version", RuleClass.RELEASE, "Version was derived from a commit without a tag")
ALREADY_TAGGED = Rule("already-tagged", RuleClass.RELEASE, "Version has the tag of another commit")


@reports(GOES_BACK, OTHER_TAG, UNTAGGED, ALREADY_TAGGED)
def version_follows_tags(release: Release, world: World) -> Iterator[Finding]:
    """Version follows the tags

    The version is higher than the previous release's tag, and the commit has no tag of another version.

    Fix: set the right version with `omni-release version set VERSION`. If the tags are not this project's, set `tag` in
    [tool.omni-release.git]. To release an older series on purpose, add a waiver for
    `version-follows-tags/version-goes-back`.
    """
    stated = distributions.version_to_release(release.version, world.journal.artifacts())
    version = parse(stated) if stated else None
    if version is None:
        raise NotApplicable("the version is determined by the build, and nothing is built yet")
    repository = git.open_repository(release, world)
    history = _History.of(release, repository, remote=release.target != REHEARSAL)
    rehearsal = release.target == REHEARSAL
    findings = list(_about_tags_here(version, history))
    if rehearsal and history.at_head and max(tag.version.key for tag in history.at_head) < version.key:
        # The next version may be under way: it is raised first, and committed later.
        changed = repository.line("status", "--porcelain", "--untracked-files=no")
        findings = [] if changed else [replace(finding, severity=Severity.WARNING) for finding in findings]
    if not findings:
        findings = list(_about_later_tags(version, history, rehearsal=rehearsal))
    if not any(version.release) and rehearsal:  # CI often replaces 0.0.0 by the version of the tag
        findings = [replace(finding, severity=Severity.WARNING) for finding in findings]
    yield from findings
    if rehearsal and not findings and not history.at_head:  # a release refuses it: see `tag-available`
        others = (*history.before, *history.elsewhere)
        if earlier := next((tag for tag in others if tag.version.key == version.key), None):
            yield Finding(f"{version} has the tag {earlier.name} of another commit", ALREADY_TAGGED.id, Severity.NOTICE)
    derived = release.version is None and version.dev is not None
    if derived and not rehearsal and not history.at_head:
        message = f"{version} was derived from an untagged commit: tag the commit first to release a final version"
        yield Finding(message, UNTAGGED.id, Severity.WARNING)


@dataclass(frozen=True)
class _History:
    """The project's tags: on the released commit, in its history (the newest commit first), and elsewhere."""

    at_head: tuple[Tag, ...]
    before: tuple[Tag, ...]
    elsewhere: tuple[Tag, ...]
    trusted: bool = True
    """Do the tags surely belong to the project? Those without a name may be of the repository that it is a part of."""

    @classmethod
    def of(cls, release: Release, repository: ReleaseRepository, *, remote: bool) -> _History:
        commits = version_tags.commits_of_tags(lambda *arguments: repository.ask(*arguments).out)
        times = _times(repository, commits)
        if remote and repository.remote is not None:
            for name, commit in repository.remote_tags().items():
                if name not in commits or commits[name] != commit:
                    commits[name] = commit
                    if (time := _time_in_history(repository, commit)) is not None:
                        times[name] = time
        owner = release_tag.tag_owner(release)
        own = version_tags.own_tags(commits, owner)
        at_head = tuple(tag for tag in own if commits[tag.name] == repository.commit)
        before = [tag for tag in own if tag.name in times and tag not in at_head]
        before.sort(key=lambda tag: (int(times[tag.name]), tag.version.key), reverse=True)
        elsewhere = tuple(tag for tag in own if tag not in at_head and tag.name not in times)
        trusted = not owner.folder or all(tag.named for tag in own)
        return cls(at_head, tuple(before), elsewhere, trusted)


def _about_tags_here(version: Version, history: _History) -> Iterator[Finding]:
    """What the tag of the commit, else the newest one in its history, says about the version."""
    severity = Severity.ERROR if history.trusted else Severity.WARNING
    if history.at_head and not any(_is_tag_of(tag, version) for tag in history.at_head):
        names = ", ".join(tag.name for tag in history.at_head)
        yield Finding(f"the commit has the tag {names}, but the version is {version}", OTHER_TAG.id, severity)
        return
    previous = next((tag for tag in _comparable(version, history.before) if not _is_tag_of(tag, version)), None)
    if previous is not None and previous.version.key > version.key:
        message = f"{version} is lower than {previous.version}, the previous release (tag {previous.name})"
        # A final release of an older series can be made while a pre-release of the next one is out.
        yield Finding(message, GOES_BACK.id, severity if version_tags.is_final(previous.version) else Severity.WARNING)


def _about_later_tags(version: Version, history: _History, *, rehearsal: bool) -> Iterator[Finding]:
    """Whether later versions are released from other branches, and this one is of an older series."""
    if rehearsal and history.at_head:  # an older release is looked at again
        return
    elsewhere = _comparable(version, history.elsewhere)
    later = [tag for tag in elsewhere if version_tags.is_final(tag.version) and tag.version.key > version.key]
    if not later:
        return
    newest = max(later, key=lambda tag: tag.version.key)
    released = [tag.version for tag in (*history.before, *history.elsewhere)]
    in_series = version_tags.later_in_series(version, [tag.version for tag in later])
    if in_series:
        message = f"{version} is lower than {max(in_series, key=lambda other: other.key)}, which has a tag already"
        severity = Severity.ERROR
    elif version_tags.continues_series(version, released):
        message = f"{version} is a release of an older series: {newest.version} has a tag already ({newest.name})"
        severity = Severity.NOTICE if rehearsal else Severity.WARNING
    else:
        message = f"{version} is lower than {newest.version} (tag {newest.name}), and begins an older series"
        severity = Severity.ERROR
    uncertain = severity is Severity.ERROR and (rehearsal or not history.trusted)
    yield Finding(message, GOES_BACK.id, Severity.WARNING if uncertain else severity)


def _is_tag_of(tag: Tag, version: Version) -> bool:
    """Is it the tag of a version, or one that moves with it, as `v3` and `v3.1` do with 3.1.2?"""
    moves = tag.version.release == version.release[: len(tag.version.release)] and version_tags.is_final(tag.version)
    return tag.version.key == version.key or (moves and len(tag.version.release) < len(version.release))


def _comparable(version: Version, tags: Sequence[Tag]) -> list[Tag]:
    """The tags that can be versions of the same kind: `20260101` and `v4` say nothing about 1.2.3."""
    return [tag for tag in tags if len(tag.version.release) > 1 or len(version.release) == 1]


def _times(repository: ReleaseRepository, commits: Mapping[str, str]) -> dict[str, str]:
    """The local tags in the history of the released commit, each with the time of its commit."""
    form = "--format=%(refname:strip=2)%09%(committerdate:unix)%09%(*committerdate:unix)"
    times = {}
    for line in repository.ask("for-each-ref", form, f"--merged={repository.commit}", "refs/tags").out.splitlines():
        name, own, peeled = line.split("\t")
        if name in commits:
            times[name] = peeled or own or _time_in_history(repository, commits[name]) or "0"
    return times


def _time_in_history(repository: ReleaseRepository, commit: str) -> str | None:
    """The time of a commit in the released commit's history; None for one that is not in it, or not in the clone."""
    if repository.ask("merge-base", "--is-ancestor", commit, repository.commit).code != 0:
        return None
    return repository.line("show", "--no-show-signature", "--no-patch", "--format=%ct", commit) or None
