"""Tag what was released: last of all, since a tag says that there is a release."""

from __future__ import annotations

from collections.abc import Iterable

from omni_release import git
from omni_release.core.actions import Action, Run
from omni_release.core.errors import Conflict, NotApplicable
from omni_release.core.model import Evidence, Release
from omni_release.core.world import World
from omni_release.environments.env_vars import GUARD
from omni_release.git import Repository, Tag, ci, short, tag_name

_DEADLINE = 180.0  # seconds; a hook of the user's own may be at work


class TagRelease:
    """The released commit has its tag, an annotated one.

    It is signed where git is set up so. Where the key cannot be had without a terminal, make the tag by hand, at the
    commit named above, and run this again: what is there counts. All that git says lies in `logs/tag.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        repository, name, version = _tagged(release, world)
        message = f"{release.project.name} {version}"
        yield _run(release, repository, "tag", "--annotate", f"--message={message}", name, repository.commit)

    def settled(self, release: Release, world: World) -> Evidence | None:
        repository, name, _ = _tagged(release, world)
        if (tag := repository.tag(name)) is not None:
            return _proof(tag, name, "here", repository)
        # Tagged from another checkout: a second tag object of that name would be in the way of the first.
        tag = repository.remote_tag(name) if repository.remote else None
        return _proof(tag, name, f"on {repository.remote}", repository) if tag else None


class PushTag:
    """The tag is on the remote, at the released commit.

    The branch is not pushed. A hook of yours that refuses stands in `logs/tag.log`: mend what it finds, or push the tag
    by hand, and run this again.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        repository, name, _ = _tagged(release, world)
        assert repository.remote is not None  # `settled` has seen to that
        flags = ("--no-follow-tags", "--recurse-submodules=no")  # this tag alone, whatever git's settings add
        yield _run(release, repository, "push", *flags, repository.remote, f"refs/tags/{name}")

    def settled(self, release: Release, world: World) -> Evidence | None:
        repository, name, _ = _tagged(release, world)
        if repository.remote is None:
            raise NotApplicable("the repository has no remote: the tag stays here")
        tag = repository.remote_tag(name)
        return _proof(tag, name, f"on {repository.remote}", repository) if tag else None


def _tagged(release: Release, world: World) -> tuple[Repository, str, str]:
    """The repository, the tag's name and the version. Raises NotApplicable where the tag came first."""
    repository = git.repository(release, world)
    if (came_first := ci.tag(world.environment)) is not None:
        raise NotApplicable(f"this run is for the tag {came_first}, which is there already")
    version = tag_name.version_of(release, world)
    return repository, tag_name.name(release, repository, version), version


def _proof(tag: Tag, name: str, where: str, repository: Repository) -> Evidence:
    commit = repository.commit
    if tag.commit != commit:
        raise Conflict(
            f"the tag {name} is at {short(tag.commit)} {where}, the release is of {short(commit)}",
            "The release stands. Who made that tag? Delete it where it is wrong, and run this again.",
        )
    return {"tag": name, "commit": commit, "where": where, "kind": "annotated" if tag.annotated else "lightweight"}


def _run(release: Release, repository: Repository, *arguments: str) -> Run:
    return Run(
        ("git", *arguments),
        cwd=release.project.root,
        environment=repository.unattended | {GUARD: str(release.folder)},
        log=release.logs / "tag.log",
        deadline=_DEADLINE,
        network=arguments[0] == "push",
    )
