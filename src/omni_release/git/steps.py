"""Tag what was released: last of all, since a tag says that there is a release."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from omni_release import git, versions
from omni_release.core import redaction
from omni_release.core.actions import Action, Run, Write
from omni_release.core.errors import Conflict, Inconclusive, NotApplicable
from omni_release.core.model import Evidence, Release
from omni_release.core.world import World
from omni_release.git import Repository, Tag, short, tag_name
from omni_release.programs import RUN_VARIABLE
from omni_release.versions import prose

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

    def check_done(self, release: Release, world: World) -> Evidence | None:
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
        assert repository.remote is not None  # `check_done` has seen to that
        flags = ("--no-follow-tags", "--recurse-submodules=no")  # this tag alone, whatever git's settings add
        yield _run(release, repository, "push", *flags, repository.remote, f"refs/tags/{name}")

    def check_done(self, release: Release, world: World) -> Evidence | None:
        repository, name, _ = _tagged(release, world)
        if repository.remote is None:
            raise NotApplicable("the repository has no remote: the tag stays here")
        tag = repository.remote_tag(name)
        return _proof(tag, name, f"on {repository.remote}", repository) if tag else None


def _tagged(release: Release, world: World) -> tuple[Repository, str, str]:
    """The repository, the tag's name and the version. Raises NotApplicable where the tag came first."""
    repository = git.repository(release, world)
    if (came_first := git.ci_tag(world.environment)) is not None:
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
        environment=repository.unattended | {RUN_VARIABLE: str(release.folder)},
        log=release.logs / "tag.log",
        deadline=_DEADLINE,
        network=arguments[0] == "push",
    )


_DEADLINE_DRAFT = 120.0

_NOT_LOGGED_IN = 4  # gh's own exit code for it

_ADDRESSES = (
    re.compile(r"(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[^/:@]+)(?::\d+)?/(?P<path>[^/]+/[^/]+?)(?:\.git)?/?"),
    re.compile(r"(?:[^/@:]+@)?(?P<host>[^/:@]{2,}):(?P<path>[^/]+/[^/]+?)(?:\.git)?/?"),
)


class DraftRelease:
    """GitHub has a release of the tag, or a draft of one, with what the changelog says of this version.

    Nobody is told of a draft: read it, and publish it. All that gh says lies in `logs/draft.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        draft = _Draft.of(release, world)
        notes = prose.release_notes(release.project.root, versions.places_of(release.project))
        path = release.records / "notes.md"
        told: tuple[str, ...] = ("--generate-notes",)
        if notes:
            yield Write(path, f"{notes}\n".encode())
            told = ("--notes-file", str(path))
        flags = ("--draft", "--verify-tag", "--title", draft.tag, *told, *(("--prerelease",) if draft.early else ()))
        yield Run(
            (draft.gh, "release", "create", draft.tag, "--repo", draft.repository, *flags),
            cwd=release.project.root,
            environment=_unattended(release, world),
            log=release.logs / "draft.log",
            deadline=_DEADLINE_DRAFT,
            network=True,
        )

    def check_done(self, release: Release, world: World) -> Evidence | None:
        draft = _Draft.of(release, world)
        asked = ("release", "view", draft.tag, "--repo", draft.repository, "--json", "url,isDraft")
        answer = world.processes.ask(
            draft.gh,
            *asked,
            cwd=release.project.root,
            environment=_unattended(release, world),
            deadline=_DEADLINE_DRAFT,
        )
        if answer is None or answer.code == _NOT_LOGGED_IN:
            raise NotApplicable(f"gh has no access to {draft.repository}: no draft is made")
        if answer.code == 0:
            told = json.loads(answer.out)
            return {"release": str(told["url"]), "draft": "yes" if told["isDraft"] else "no"}
        if "release not found" in answer.err:
            return None
        said = redaction.strip_userinfo(answer.err)
        raise Inconclusive(f"gh does not say whether {draft.repository} has a release {draft.tag}:\n{said}")


@dataclass(frozen=True)
class _Draft:
    """What is drafted where: `repository` is HOST/OWNER/NAME, `early` a version that is no final one."""

    gh: str
    repository: str
    tag: str
    early: bool

    @classmethod
    def of(cls, release: Release, world: World) -> _Draft:
        """Raises NotApplicable where there is no gh, or no remote that it could know."""
        gh = shutil.which("gh", path=world.environment.get("PATH"))
        if gh is None:
            raise NotApplicable("gh is not on this machine: no draft is made")
        found = git.repository(release, world)
        # Its address may have credentials in it: what is kept of it is the host and the name.
        address = found.line("remote", "get-url", found.remote) if found.remote else ""
        hosted = next((match for pattern in _ADDRESSES if (match := pattern.fullmatch(address))), None)
        if hosted is None:
            raise NotApplicable("the remote is at no host that gh could know: no draft is made")
        version = tag_name.version_of(release, world)
        tag = git.ci_tag(world.environment) or tag_name.name(release, found, version)
        return cls(gh, f"{hosted['host'].removeprefix('ssh.')}/{hosted['path']}", tag, _is_early(version))


def _is_early(version: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False


def _unattended(release: Release, world: World) -> dict[str, str]:
    """What is its own, gh has from the environment: a token, or where its settings are. It asks nobody."""
    quiet = {
        "GH_PROMPT_DISABLED": "1",
        "GH_NO_UPDATE_NOTIFIER": "1",
        "NO_COLOR": "1",
        RUN_VARIABLE: str(release.folder),
    }
    return {key: value for key, value in world.environment.items() if key != "GH_DEBUG"} | quiet
