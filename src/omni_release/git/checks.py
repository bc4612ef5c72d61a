"""Does git stand as a release needs it: clean, on the branch, in step with its remote, and the tag right?"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from omni_release import distributions, git
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import FileState, World
from omni_release.git import Repository, Tag, short, tag_name
from omni_release.versions import guards

_MANY = 20  # findings of a kind


def git_clean(release: Release, world: World) -> Iterator[Finding]:
    """Nothing is changed that is not committed, and no file is there that git neither knows nor ignores.

    Commit it, or `git stash` it; what is never to be committed belongs in .gitignore.
    """
    repository = git.repository(release, world)
    flags = ("--porcelain=v2", "-z", "--untracked-files=all", "--ignore-submodules=none")
    answer = repository.ask("status", *flags)
    if answer.code != 0:
        raise Inconclusive(f"git status fails: {git.shown(answer.err)}", "Run `git status` by hand.")
    top = Path(repository.line("rev-parse", "--show-toplevel"))
    changed = tuple(_changes(answer.out))
    for path, what in changed[:_MANY]:
        yield Finding(what, "git-changed", path=_relative(top / path, release.project.root))
    if len(changed) > _MANY:
        yield Finding(f"and {len(changed) - _MANY} more: git status", "git-changed")
    hidden = [line[2:] for line in repository.ask("ls-files", "-v").out.splitlines() if line[:1].islower()]
    for path in hidden[:_MANY]:
        said = "git is told to overlook changes in it (assume-unchanged): nobody knows whether it has any"
        yield Finding(said, "git-overlooked", Severity.WARNING, path)


def on_release_branch(release: Release, world: World) -> Iterator[Finding]:
    """What is checked out is the branch that releases are made from.

    `git switch` to it. Which one it is, the setting `branch` in [tool.omni-release.git] says (a name, or a pattern like
    `release/*`), else the remote's default branch.
    """
    repository = git.repository(release, world)
    if (tag := git.ci_tag(world.environment)) is not None:
        raise NotApplicable(f"this run is for the tag {tag}, which is on no branch")
    wanted = release.project.settings.git.branch or _default_branch(repository)
    if repository.branch is None:
        said = f"HEAD is detached, at {short(repository.commit)}: no branch is checked out, {wanted} is released from"
        yield _unless_begun(Finding(said, "git-branch"), release, world)
    elif not fnmatch.fnmatchcase(repository.branch, wanted):
        said = f"the branch is {repository.branch}, and {wanted} is released from"
        yield _unless_begun(Finding(said, "git-branch"), release, world)


def git_in_sync(release: Release, world: World) -> Iterator[Finding]:
    """The remote has this very commit as the head of the branch, and would take a push.

    Ahead: `git push`. Behind: `git pull`. Diverged: `git pull --rebase`, then `git push`. This look fetches nothing,
    pushes nothing, and runs no hook.
    """
    repository = git.repository(release, world)
    if (tag := git.ci_tag(world.environment)) is not None:
        raise NotApplicable(f"this run is for the tag {tag}: nothing will be pushed")
    if repository.remote is None:
        raise NotApplicable("the repository has no remote: there is nothing to be in step with")
    if repository.branch is None:
        raise NotApplicable("no branch is checked out: there is nothing to be in step with")
    found = tuple(_steps(repository))
    for finding in found:
        yield _unless_begun(finding, release, world)
    # Who is out of step is told just that: what a push would do then is no question yet.
    if not found:
        yield from _push(repository)


def tag_available(release: Release, world: World) -> Iterator[Finding]:
    """The release's tag is free, here and on the remote; where a tag has started CI, it is there, at this very commit.

    A tag at another commit is somebody's: raise the version. Never move one that has been pushed. How tags are called,
    the setting `tag` in [tool.omni-release.git] says, else the tags that are there.
    """
    repository = git.repository(release, world)
    version = tag_name.version_of(release, world)
    came_first = git.ci_tag(world.environment)
    here = _came_first(release, repository, version, came_first) if came_first else _free(release, repository, version)
    yield from here
    if repository.remote is None:
        return
    name = came_first or tag_name.name(release, repository, version)
    tag = repository.remote_tag(name)
    if tag is not None:
        yield from _at(tag, name, repository, f"on {repository.remote}")
    elif came_first:
        yield Finding(f"{repository.remote} has no tag {name} (any more)", "tag-gone")


def _unless_begun(finding: Finding, release: Release, world: World) -> Finding:
    """The same, as a warning where some of the release is on the index by now: it goes forward, whatever moves on."""
    pinned = world.journal.artifacts()
    if not pinned:
        return finding
    told = world.index.file_statuses(distributions.name_and_version(pinned[0].name)[0], pinned)
    if all(each.state is not FileState.OURS for each in told):
        return finding
    said = f"{finding.message}; but the release has begun, and goes forward"
    return replace(finding, message=said, severity=Severity.WARNING)


def _changes(status: str) -> Iterator[tuple[str, str]]:
    """Each path of `git status --porcelain=v2 -z`, and what is the matter with it."""
    fields = iter(status.split("\0"))
    for field in fields:
        kind, _, rest = field.partition(" ")
        if kind == "?":
            yield rest, "is there, and git neither knows nor ignores it"
        elif kind == "u":
            yield rest.split(" ", 9)[-1], "is in the middle of a merge"
        elif kind in ("1", "2"):
            states, submodule, *_ = rest.split(" ", 2)
            path = rest.split(" ", 7 if kind == "1" else 8)[-1]
            if kind == "2":
                next(fields, "")  # where it came from
            yield path, _state(states, submodule)


def _state(states: str, submodule: str) -> str:
    if submodule.startswith("S"):
        return "is a submodule with another commit, changes or new files in it"
    return f"is {'staged' if states.endswith('.') else 'changed'} and not committed"


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root.resolve())).as_posix()


def _default_branch(repository: Repository) -> str:
    """The remote's default branch: as it was when it was cloned, else as it says; else main or master."""
    if repository.remote is not None:
        remembered = repository.line("symbolic-ref", "--quiet", "--short", f"refs/remotes/{repository.remote}/HEAD")
        if remembered:
            return remembered.removeprefix(f"{repository.remote}/")
        if (said := repository.refs("HEAD").get("HEAD", "")).startswith("refs/heads/"):
            return said.removeprefix("refs/heads/")
    there = [name for name in ("main", "master") if repository.line("rev-parse", "--verify", f"refs/heads/{name}")]
    if len(there) != 1:
        raise Inconclusive("nothing says which branch is released from", "Say `branch` in [tool.omni-release.git].")
    return there[0]


def _steps(repository: Repository) -> Iterator[Finding]:
    """How the branch stands to the remote's, where it is not the same."""
    remote, branch, commit = repository.remote, repository.branch, repository.commit
    theirs = repository.refs(f"refs/heads/{branch}").get(f"refs/heads/{branch}")
    if theirs == commit:
        return
    said = f"{remote} has no branch {branch}: push it first"
    if theirs is not None:
        if repository.ask("cat-file", "-e", f"{theirs}^{{commit}}").code == 0:
            said = _apart(repository, theirs)
        else:
            said = _unseen(repository, theirs)
    yield Finding(said, "git-out-of-step")


def _apart(repository: Repository, theirs: str) -> str:
    counted = repository.line("rev-list", "--left-right", "--count", f"{repository.commit}...{theirs}").split() or [
        "?",
        "?",
    ]
    ahead, behind = counted
    there = f"{repository.remote}/{repository.branch}"
    if behind == "0":
        return f"{repository.branch} is {_commits(ahead)} ahead of {there}"
    if ahead == "0":
        return f"{repository.branch} is {_commits(behind)} behind {there}"
    return f"{repository.branch} and {there} have diverged: {_commits(ahead)} here alone, {behind} there alone"


def _unseen(repository: Repository, theirs: str) -> str:
    """Where the remote has commits that were never fetched: what was last seen of it tells whether we have some too."""
    there = f"{repository.remote}/{repository.branch}"
    seen = repository.line("rev-parse", "--verify", "--quiet", f"refs/remotes/{there}")
    ours = repository.line("rev-list", "--count", f"{seen}..{repository.commit}") if seen else ""
    if not ours:
        return f"{there} is at {short(theirs)}, which is not here: `git fetch` tells whether you are behind or apart"
    if ours == "0":
        return f"{repository.branch} is behind {there}, which has commits that are not here"
    return f"{repository.branch} and {there} have diverged: {_commits(ours)} here alone, and others there"


def _commits(number: str) -> str:
    return f"{number} commit{'' if number == '1' else 's'}"


def _push(repository: Repository) -> Iterator[Finding]:
    """Whether the remote would let us push the tag. Its own hooks and rules are asked by a real push alone."""
    assert repository.remote is not None
    name = "omni-release-may-push"
    ref = f"{repository.commit}:refs/tags/{name}"
    answer = repository.across("push", "--dry-run", "--no-verify", "--no-follow-tags", repository.remote, ref)
    if answer.code == 0:
        return
    if git.passes(answer.err):
        raise Inconclusive(f"{repository.remote} does not answer a push:\n{git.shown(answer.err)}", git.why(answer.err))
    yield Finding(f"{repository.remote} does not take a push:\n{git.shown(answer.err)}", "git-no-push")


def _free(release: Release, repository: Repository, version: str) -> Iterator[Finding]:
    """A person releases: the tag comes last."""
    name = tag_name.name(release, repository, version)
    tag = repository.tag(name)
    if tag is not None:
        yield from _at(tag, name, repository, "here")
        return
    yield Finding(f"the tag will be {name}", "tag-name", Severity.NOTICE)
    prefix = (guards.split_tag(name) or ("", ""))[0]
    for other in tag_name.known(repository):
        parts = guards.split_tag(other)
        if other != name and parts and parts[0] == prefix and distributions.same_version(parts[1], version):
            yield Finding(f"this version has a tag already, in another spelling: {other}", "tag-spelled-otherwise")
    if not repository.line("var", "GIT_COMMITTER_IDENT"):
        yield Finding("git does not know who makes the tag: set user.name and user.email", "git-identity")
    if repository.line("config", "--type=bool", "--get", "tag.gpgSign") == "true":
        said = "the tag will be signed (tag.gpgSign): the key must be had without a terminal"
        yield Finding(said, "tag-signed", Severity.NOTICE)


def _came_first(release: Release, repository: Repository, version: str, name: str) -> Iterator[Finding]:
    """CI was started by a tag: it is this version's, and here it is at this commit."""
    stated = release.project.settings.git.tag
    parts = guards.split_tag(name)
    right = (
        name == tag_name.filled(stated, release, version)
        if stated
        else bool(parts and distributions.same_version(parts[1], version))
    )
    if not right:
        wanted = tag_name.filled(stated or tag_name.USUAL, release, version)
        yield Finding(f"this run is for the tag {name}, but the version is {version}: {wanted} is its tag", "tag-name")
    if (tag := repository.tag(name)) is not None:  # a clone may well have been made without it
        yield from _at(tag, name, repository, "here")


def _at(tag: Tag, name: str, repository: Repository, where: str) -> Iterator[Finding]:
    commit = repository.commit
    if tag.commit != commit:
        said = f"the tag {name} is at {short(tag.commit)} {where}, the release is of {short(commit)}"
        yield Finding(said, "tag-elsewhere")
    elif not tag.annotated:
        yield Finding(f"the tag {name} {where} is not annotated", "tag-lightweight", Severity.NOTICE)
    else:
        yield Finding(f"the tag {name} is at this commit already, {where}", "tag-there", Severity.NOTICE)
