"""Whether git is ready for a release: clean, on the release branch, in sync with its remote, and the tag available."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from omni_release import distributions, git
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import FileState, World
from omni_release.git import ReleaseRepository, TagRef, release_tag, short
from omni_release.versions import tags as version_tags

_MOST_PATHS = 20  # of one kind

UNCOMMITTED = Rule("uncommitted-changes", RuleClass.RELEASE, "Working tree has uncommitted or untracked files")
ASSUMED = Rule("assume-unchanged", RuleClass.RELEASE, "File is marked assume-unchanged in git")


@reports(UNCOMMITTED, ASSUMED)
def git_clean(release: Release, world: World) -> Iterator[Finding]:
    """Working tree is clean

    The repository has no uncommitted changes and no untracked files that git does not ignore.

    Fix: commit the changes or `git stash` them, and add files that are never committed to .gitignore.
    """
    repository = git.open_repository(release, world)
    flags = ("--porcelain=v2", "-z", "--untracked-files=all", "--ignore-submodules=none")
    answer = repository.ask("status", *flags)
    if answer.code != 0:
        raise Inconclusive(f"git status failed: {git.excerpt(answer.err)}", "Run `git status` by hand.")
    top, root = Path(repository.line("rev-parse", "--show-toplevel")), release.project.root.resolve()
    changes = tuple(_changes(answer.out))
    for path, change in changes[:_MOST_PATHS]:
        yield Finding(change, UNCOMMITTED.id, path=Path(os.path.relpath(top / path, root)).as_posix())
    if len(changes) > _MOST_PATHS:
        yield Finding(f"{len(changes) - _MOST_PATHS} more paths: run `git status`", UNCOMMITTED.id)
    # Git marks these files with a lower-case letter, and never looks whether they have changed.
    assumed = [line[2:] for line in repository.ask("ls-files", "-v").out.splitlines() if line[:1].islower()]
    for path in assumed[:_MOST_PATHS]:
        message = "marked assume-unchanged in git, so changes cannot be detected"
        yield Finding(message, ASSUMED.id, Severity.WARNING, path)


def _changes(status: str) -> Iterator[tuple[str, str]]:
    """Each path in the output of `git status --porcelain=v2 -z`, and how it has changed."""
    fields = iter(status.split("\0"))
    for field in fields:
        kind, _, rest = field.partition(" ")
        if kind == "?":
            yield rest, "untracked, and not ignored"
        elif kind == "u":
            yield rest.split(" ", 9)[-1], "unmerged"
        elif kind in ("1", "2"):
            states, submodule, *_ = rest.split(" ", 2)
            path = rest.split(" ", 7 if kind == "1" else 8)[-1]
            if kind == "2":
                next(fields, "")  # the path that the file was renamed from
            if submodule.startswith("S"):
                yield path, "submodule with another commit, changes or untracked files"
            else:
                yield path, f"{'staged' if states.endswith('.') else 'changed'}, but not committed"


WRONG_BRANCH = Rule("wrong-branch", RuleClass.RELEASE, "Checkout is not on the release branch")


@reports(WRONG_BRANCH)
def on_release_branch(release: Release, world: World) -> Iterator[Finding]:
    """On the release branch

    The current branch matches `branch` in [tool.omni-release.git], or else is the remote's default branch.

    Fix: `git switch` to the release branch, or set `branch` to its name or a pattern such as `release/*`.
    """
    repository = git.open_repository(release, world)
    if (tag := git.ci_tag(world.environment)) is not None:
        raise NotApplicable(f"CI runs for tag {tag}: no branch is checked out")
    wanted = release.project.settings.git.branch or _default_branch(repository)
    if repository.branch is None:
        current = f"HEAD is detached at {short(repository.commit)}"
    elif not fnmatch.fnmatchcase(repository.branch, wanted):
        current = f"on branch {repository.branch}"
    else:
        return
    finding = Finding(f"{current}; releases are made from {wanted}", WRONG_BRANCH.id)
    yield _warning_if_started(finding, world)


def _default_branch(repository: ReleaseRepository) -> str:
    """The remote's default branch: as it was cloned, else as the remote reports it; else main or master."""
    if repository.remote is not None:
        cloned = repository.line("symbolic-ref", "--quiet", "--short", f"refs/remotes/{repository.remote}/HEAD")
        if cloned:
            return cloned.removeprefix(f"{repository.remote}/")
        if (head := repository.remote_refs("HEAD").get("HEAD", "")).startswith("refs/heads/"):
            return head.removeprefix("refs/heads/")
    usual = [name for name in ("main", "master") if repository.line("rev-parse", "--verify", f"refs/heads/{name}")]
    if len(usual) != 1:
        raise Inconclusive("cannot determine the release branch", "Set `branch` in [tool.omni-release.git].")
    return usual[0]


def _warning_if_started(finding: Finding, world: World) -> Finding:
    """The finding, as a warning where the index already has a file of this release: a started release is finished."""
    artifacts = world.journal.artifacts()
    if not artifacts:
        return finding
    project, _ = distributions.project_and_version(artifacts)
    if all(file.state is not FileState.OURS for file in world.index.file_statuses(project, artifacts)):
        return finding
    message = f"{finding.message}; the release has already started and continues"
    return replace(finding, message=message, severity=Severity.WARNING)


OUT_OF_SYNC = Rule("out-of-sync", RuleClass.RELEASE, "Branch differs from the remote's")
PUSH_REJECTED = Rule("push-rejected", RuleClass.RELEASE, "Remote rejects a push")


@reports(OUT_OF_SYNC, PUSH_REJECTED)
def git_in_sync(release: Release, world: World) -> Iterator[Finding]:
    """Branch is in sync with the remote

    The remote has the released commit as the head of the branch, and a dry run of a push succeeds.

    Fix: `git push` if the branch is ahead, `git pull` if it is behind, `git pull --rebase` and `git push` if both.
    """
    # Nothing is fetched or pushed, and no hook runs: the check changes nothing.
    repository = git.open_repository(release, world)
    if (tag := git.ci_tag(world.environment)) is not None:
        raise NotApplicable(f"CI runs for tag {tag}: nothing is pushed")
    remote, branch = repository.remote, repository.branch
    if remote is None:
        raise NotApplicable("the repository has no remote")
    if branch is None:
        raise NotApplicable("no branch is checked out")
    head = repository.remote_refs(f"refs/heads/{branch}").get(f"refs/heads/{branch}")
    if head != repository.commit:
        difference = _difference(repository, head) if head else f"{remote} has no branch {branch}: push it first"
        yield _warning_if_started(Finding(difference, OUT_OF_SYNC.id), world)
        return  # out of sync, a push is rejected for that reason alone
    # The rules and hooks of the remote itself only run in a real push.
    ref = f"{repository.commit}:refs/tags/omni-release-may-push"
    answer = repository.ask_remote("push", "--dry-run", "--no-verify", "--no-follow-tags", remote, ref)
    if answer.code != 0:
        output = git.excerpt(answer.err)
        if git.is_network_failure(answer.err):
            raise Inconclusive(f"{remote} did not answer a test push:\n{output}", git.remote_hint(answer.err))
        yield Finding(f"{remote} rejected a test push:\n{output}", PUSH_REJECTED.id)


def _difference(repository: ReleaseRepository, head: str) -> str:
    """How the local branch differs from the remote's, whose head is `head`."""
    branch, upstream = repository.branch, f"{repository.remote}/{repository.branch}"
    if repository.ask("cat-file", "-e", f"{head}^{{commit}}").code == 0:
        counts = repository.line("rev-list", "--left-right", "--count", f"{repository.commit}...{head}").split()
        ahead, behind = counts or ("?", "?")
        if behind == "0":
            return f"{branch} is {_commits(ahead)} ahead of {upstream}"
        if ahead == "0":
            return f"{branch} is {_commits(behind)} behind {upstream}"
        return f"{branch} and {upstream} have diverged: {_commits(ahead)} only here, {behind} only there"
    # The head was never fetched: the last one that was fetched shows whether there are local commits, too.
    fetched = repository.line("rev-parse", "--verify", "--quiet", f"refs/remotes/{upstream}")
    ahead = repository.line("rev-list", "--count", f"{fetched}..{repository.commit}") if fetched else ""
    if not ahead:
        return f"{upstream} is at {short(head)}, which is not fetched: run `git fetch` to compare"
    if ahead == "0":
        return f"{branch} is behind {upstream}, which has commits that are not fetched"
    return f"{branch} and {upstream} have diverged: {_commits(ahead)} only here, and others only there"


def _commits(number: str) -> str:
    return f"{number} commit{'' if number == '1' else 's'}"


TAG_CONFLICT = Rule("tag-conflict", RuleClass.RELEASE, "Tag points to another commit")
TAG_DUPLICATE = Rule("tag-duplicate", RuleClass.RELEASE, "Version has a tag with another spelling")
TAG_MISMATCH = Rule("tag-mismatch", RuleClass.RELEASE, "CI tag does not match the version")
TAG_MISSING = Rule("tag-missing", RuleClass.RELEASE, "CI tag is not on the remote")
GIT_IDENTITY = Rule("git-identity", RuleClass.RELEASE, "Git has no identity to tag with")
TAG_NAME = Rule("tag-name", RuleClass.RELEASE, "Name of the tag to create")
TAG_SIGNED = Rule("tag-signed", RuleClass.RELEASE, "Tag will be signed")
TAG_EXISTS = Rule("tag-exists", RuleClass.RELEASE, "Tag already points to the released commit")
TAG_LIGHTWEIGHT = Rule("tag-lightweight", RuleClass.RELEASE, "Tag is not annotated")


@reports(
    *(TAG_CONFLICT, TAG_DUPLICATE, TAG_MISMATCH, TAG_MISSING, GIT_IDENTITY),
    *(TAG_NAME, TAG_SIGNED, TAG_EXISTS, TAG_LIGHTWEIGHT),
)
def tag_available(release: Release, world: World) -> Iterator[Finding]:
    """Tag is available

    The release's tag is unused or points to the released commit, locally and on the remote.

    Fix: bump the version if the tag belongs to another release; never move a tag that has been pushed. `tag` in
    [tool.omni-release.git] sets the name.
    """
    repository = git.open_repository(release, world)
    version = release_tag.released_version(release, world)
    ci_tag = git.ci_tag(world.environment)
    if ci_tag:
        yield from _ci_tag_problems(release, repository, version, ci_tag)
    else:
        yield from _new_tag_problems(release, repository, version)
    if repository.remote is None:
        return
    name = ci_tag or release_tag.tag_name(release, repository, version)
    if (tag := repository.remote_tag(name)) is not None:
        yield _existing_tag(tag, name, repository, f"on {repository.remote}")
    elif ci_tag:
        yield Finding(f"{repository.remote} does not have tag {name}", TAG_MISSING.id)


def _ci_tag_problems(release: Release, repository: ReleaseRepository, version: str, name: str) -> Iterator[Finding]:
    """In CI that a tag has started: whether it is this version's tag."""
    template, parts = release_tag.tag_owner(release).template, version_tags.split_tag(name)
    wanted = release_tag.fill(template or release_tag.USUAL_TEMPLATE, release, version)
    same_version = bool(parts and distributions.same_version(parts[1], version))
    if name != wanted if template else not same_version:
        fix = f"set the version to {parts[1]} and tag that commit" if parts else "tag the commit"
        message = f"CI runs for tag {name}, but the version is {version}: {fix}, or push the tag {wanted}"
        yield Finding(message, TAG_MISMATCH.id)
    if (tag := repository.local_tag(name)) is not None:  # CI may clone without tags
        yield _existing_tag(tag, name, repository, "locally")


def _new_tag_problems(release: Release, repository: ReleaseRepository, version: str) -> Iterator[Finding]:
    """Where a person releases, and the tag is created last: whether that will work."""
    name = release_tag.tag_name(release, repository, version)
    if (tag := repository.local_tag(name)) is not None:
        yield _existing_tag(tag, name, repository, "locally")
        return
    yield Finding(f"the tag will be {name}", TAG_NAME.id, Severity.NOTICE)
    prefix, _ = version_tags.split_tag(name) or ("", "")
    for other in release_tag.existing_tags(repository):
        parts = version_tags.split_tag(other)
        if other != name and parts and parts[0] == prefix and distributions.same_version(parts[1], version):
            yield Finding(f"the version already has a tag with another spelling: {other}", TAG_DUPLICATE.id)
    if not repository.line("var", "GIT_COMMITTER_IDENT"):
        yield Finding("git has no identity to tag with: set user.name and user.email", GIT_IDENTITY.id)
    if repository.line("config", "--type=bool", "--get", "tag.gpgSign") == "true":
        message = "the tag will be signed (tag.gpgSign): the key must be usable without a terminal prompt"
        yield Finding(message, TAG_SIGNED.id, Severity.NOTICE)


def _existing_tag(tag: TagRef, name: str, repository: ReleaseRepository, where: str) -> Finding:
    if message := release_tag.conflict(name, tag, where, repository):
        return Finding(message, TAG_CONFLICT.id)
    if not tag.annotated:
        return Finding(f"tag {name} is not annotated {where}", TAG_LIGHTWEIGHT.id, Severity.NOTICE)
    return Finding(f"tag {name} already points to this commit {where}", TAG_EXISTS.id, Severity.NOTICE)
