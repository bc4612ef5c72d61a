"""Tag the release, push the tag, draft the release on GitHub. The tag comes last: it states that a release exists."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass

from omni_release import git, versions
from omni_release.core import redaction
from omni_release.core.actions import Action, Run, Write
from omni_release.core.errors import Conflict, Inconclusive, NotApplicable
from omni_release.core.model import Evidence, Release
from omni_release.core.world import World
from omni_release.git import ReleaseRepository, TagRef, github, release_tag
from omni_release.programs import RUN_VARIABLE
from omni_release.versions import prose

_GIT_TIMEOUT = 180.0  # seconds; the user's hooks may run


class TagRelease:
    """Release is tagged

    The released commit has an annotated tag, which is signed where git is configured to sign tags.

    Fix: see `logs/tag.log` for git's output. If the signing key needs a terminal prompt, tag the released commit by
    hand and run the same command again.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        repository, name, version = _release_tag(release, world)
        message = f"{release.project.name} {version}"
        yield _run_git(release, repository, "tag", "--annotate", f"--message={message}", "--", name, repository.commit)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        repository, name, _ = _release_tag(release, world)
        if (tag := repository.local_tag(name)) is not None:
            return _evidence(tag, name, "locally", repository)
        # Where another checkout has pushed the tag, a second tag object of the same name would conflict with it.
        tag = repository.remote_tag(name) if repository.remote else None
        return _evidence(tag, name, f"on {repository.remote}", repository) if tag else None


class PushTag:
    """Tag is pushed

    The remote has the tag at the released commit; the branch itself is not pushed.

    Fix: see `logs/tag.log` for the output of git and its hooks. Fix what they report, or push the tag by hand, and run
    the same command again.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        repository, name, _ = _release_tag(release, world)
        assert repository.remote is not None  # `check_done` has ended the step otherwise
        flags = ("--no-follow-tags", "--recurse-submodules=no")  # this tag alone, whatever git's configuration adds
        yield _run_git(release, repository, "push", *flags, repository.remote, f"refs/tags/{name}")

    def check_done(self, release: Release, world: World) -> Evidence | None:
        repository, name, _ = _release_tag(release, world)
        if repository.remote is None:
            raise NotApplicable("the repository has no remote: the tag stays local")
        tag = repository.remote_tag(name)
        return _evidence(tag, name, f"on {repository.remote}", repository) if tag else None


def _release_tag(release: Release, world: World) -> tuple[ReleaseRepository, str, str]:
    """The repository, the tag's name and the version. Raises NotApplicable in CI that a tag has started."""
    repository = git.open_repository(release, world)
    if (tag := git.ci_tag(world.environment)) is not None:
        raise NotApplicable(f"CI runs for tag {tag}, which already exists")
    version = release_tag.released_version(release, world)
    return repository, release_tag.tag_name(release, repository, version), version


def _evidence(tag: TagRef, name: str, where: str, repository: ReleaseRepository) -> Evidence:
    if message := release_tag.conflict(name, tag, where, repository):
        raise Conflict(
            message, "The upload is complete. If this tag is wrong, delete it and run the same command again."
        )
    kind = "annotated" if tag.annotated else "lightweight"
    return {"tag": name, "commit": repository.commit, "where": where, "kind": kind}


def _run_git(release: Release, repository: ReleaseRepository, *arguments: str) -> Run:
    # A push runs the hooks that the user has set up for it; a tag needs none. As variables: the command stays readable.
    options = {"core.fsmonitor": "false"} | ({"core.hooksPath": os.devnull} if arguments[0] == "tag" else {})
    variables = {"GIT_CONFIG_COUNT": str(len(options)), RUN_VARIABLE: str(release.folder)}
    for number, (key, value) in enumerate(options.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return Run(
        ("git", *arguments),
        cwd=release.project.root,
        environment=repository.unattended_environment | variables,
        log=release.logs / "tag.log",
        deadline=_GIT_TIMEOUT,
        network=arguments[0] == "push",
    )


class DraftRelease:
    """GitHub release is drafted

    GitHub has a release or a draft for the tag, with this version's changelog entry as its notes.

    Fix: see `logs/draft.log` for gh's output, or draft the release by hand on GitHub. Then review the draft and publish
    it there.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        draft = _draft(release, world)
        path = release.records / "notes.md"
        notes: tuple[str, ...] = ("--generate-notes",)
        if entry := prose.release_notes(release.project.root, versions.places_of(release.project)):
            yield Write(path, f"{entry}\n".encode())
            notes = ("--notes-file", str(path))
        flags = ("--draft", "--verify-tag", "--title", draft.tag, *notes)
        yield Run(
            (
                *(draft.gh, "release", "create", draft.tag, "--repo", draft.repository, *flags),
                *(("--prerelease",) if draft.prerelease else ()),
            ),
            cwd=release.project.root,
            environment=github.environment(release, world),
            log=release.logs / "draft.log",
            deadline=github.TIMEOUT,
            network=True,
        )

    def check_done(self, release: Release, world: World) -> Evidence | None:
        draft = _draft(release, world)
        answer = world.processes.ask(
            *(draft.gh, "release", "view", draft.tag, "--repo", draft.repository, "--json", "url,isDraft"),
            cwd=release.project.root,
            environment=github.environment(release, world),
            deadline=github.TIMEOUT,
        )
        if answer is None or answer.code == github.NOT_LOGGED_IN:
            raise NotApplicable(f"gh has no access to {draft.repository}: no draft is created")
        if answer.code == 0:
            view = json.loads(answer.out)
            return {"release": str(view["url"]), "draft": "yes" if view["isDraft"] else "no"}
        if "release not found" in answer.err:
            return None
        raise Inconclusive(
            f"gh does not report whether {draft.repository} has a release {draft.tag}:\n"
            f"{redaction.strip_userinfo(answer.err)}",
            "Run `gh auth status`. Then run the same command again, or draft the release on GitHub by hand.",
        )


@dataclass(frozen=True)
class _Draft:
    """A draft to create: `gh` is the program's path, `repository` is HOST/OWNER/NAME."""

    gh: str
    repository: str
    tag: str
    prerelease: bool


def _draft(release: Release, world: World) -> _Draft:
    """Raises NotApplicable where gh is not installed, or the remote's address is not one of a host like GitHub."""
    from packaging.version import InvalidVersion, Version

    gh = github.program(world.environment)
    if gh is None:
        raise NotApplicable("gh is not installed: no draft is created")
    repository = git.open_repository(release, world)
    address = repository.line("remote", "get-url", repository.remote) if repository.remote else ""
    on_github = github.repository_at(address)
    if not on_github:
        raise NotApplicable("the remote is not on a host that gh supports: no draft is created")
    version = release_tag.released_version(release, world)
    tag = git.ci_tag(world.environment) or release_tag.tag_name(release, repository, version)
    try:
        prerelease = Version(version).is_prerelease
    except InvalidVersion:
        prerelease = False
    return _Draft(gh, on_github, tag, prerelease)
