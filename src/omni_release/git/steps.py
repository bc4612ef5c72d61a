"""Tag the release, push the tag, draft the release on GitHub. The tag comes last: it states that a release exists."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release import git, versions
from omni_release.core import redaction
from omni_release.core.actions import Action, Run, Write
from omni_release.core.errors import Conflict, Inconclusive, NotApplicable
from omni_release.core.model import Evidence, Release
from omni_release.core.world import ToolAnswer, World
from omni_release.git import ReleaseRepository, TagRef, github, release_files, release_tag
from omni_release.git.release_files import Attached, ReleaseFile
from omni_release.programs import RUN_VARIABLE
from omni_release.versions import prose

_GIT_TIMEOUT = 180.0  # seconds; the user's hooks may run
_UPLOAD_TIMEOUT = 900.0  # seconds, for all files together


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

    GitHub has a release or a draft for the tag, with this version's changelog entry as its notes. A draft has the
    distributions, their checksums (SHA256SUMS) and the page of the rehearsal, so that it is complete when it is
    published: an immutable release takes no file afterwards.

    Fix: see `logs/draft.log` for gh's output, or draft the release by hand on GitHub. Then review the draft and publish
    it there.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        draft = _draft(release, world)
        found = self._view(draft, release, world)
        if found is None:
            path = release.records / "notes.md"
            notes: tuple[str, ...] = ("--generate-notes",)
            if entry := prose.release_notes(release.project.root, versions.places_of(release.project)):
                yield Write(path, f"{entry}\n".encode())
                notes = ("--notes-file", str(path))
            early = ("--prerelease",) if draft.prerelease else ()
            options = ("--draft", "--verify-tag", "--title", draft.tag, *notes, *early)
            yield draft.gh_run(release, world, "create", options, github.TIMEOUT)
        there = found.files if found else ()
        files = self._missing(draft, there, release, world)
        for file in files:
            if file.content is not None:
                yield Write(file.path, file.content)
        if files:
            partial = any(not attached.whole for attached in there)  # from an upload that was interrupted
            paths = (*(str(file.path) for file in files), *(("--clobber",) if partial else ()))
            yield draft.gh_run(release, world, "upload", paths, _UPLOAD_TIMEOUT)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        draft = _draft(release, world)
        found = self._view(draft, release, world)
        if found is None:
            return None
        missing = self._missing(draft, found.files, release, world)
        if missing and found.is_draft:
            return None
        count = len(release_files.wanted(release, world.journal.artifacts()))
        lack = {"missing": ", ".join(file.name for file in missing)} if missing else {}  # published, and left as it is
        return {
            "release": found.url,
            "draft": "yes" if found.is_draft else "no",
            "files": f"{count - len(missing)} of {count}",
            **lack,
        }

    def _view(self, draft: _Draft, release: Release, world: World) -> _View | None:
        """What GitHub has for the tag; None without a release of it."""
        answer = draft.ask(release, world, "view", "--json", "url,isDraft,assets")
        if answer is None or answer.code == github.NOT_LOGGED_IN:
            raise NotApplicable(f"gh has no access to {draft.repository}: no draft is created")
        if answer.code == 0:
            view = release_files.view(answer)
            assets = view.get("assets")
            files = release_files.attached(assets if isinstance(assets, list) else [])
            return _View(str(view["url"]), bool(view["isDraft"]), files)
        if "release not found" in answer.err:
            return None
        raise Inconclusive(
            f"gh does not report whether {draft.repository} has a release {draft.tag}:\n"
            f"{redaction.strip_userinfo(answer.err)}",
            "Run `gh auth status`. Then run the same command again, or draft the release on GitHub by hand.",
        )

    def _missing(
        self, draft: _Draft, there: Sequence[Attached], release: Release, world: World
    ) -> tuple[ReleaseFile, ...]:
        def download(name: str) -> Path:
            folder = release.temporary / "draft"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).unlink(missing_ok=True)
            draft.ask(release, world, "download", "--pattern", name, "--dir", str(folder), deadline=_UPLOAD_TIMEOUT)
            if not (folder / name).is_file():
                raise Inconclusive(f"gh does not download {name} of {draft.tag}", "Run the same command again.")
            return folder / name

        return release_files.missing(release_files.wanted(release, world.journal.artifacts()), there, download)


@dataclass(frozen=True)
class _View:
    """A release on GitHub."""

    url: str
    is_draft: bool
    files: tuple[Attached, ...]


@dataclass(frozen=True)
class _Draft:
    """A draft to create: `gh` is the program's path, `repository` is HOST/OWNER/NAME."""

    gh: str
    repository: str
    tag: str
    prerelease: bool

    def ask(
        self, release: Release, world: World, verb: str, *options: str, deadline: float = github.TIMEOUT
    ) -> ToolAnswer | None:
        """What gh answers to a command about the release; None where it cannot be started."""
        argv = (self.gh, "release", verb, self.tag, "--repo", self.repository, *options)
        environment = github.environment(release, world)
        return world.processes.ask(*argv, cwd=release.project.root, environment=environment, deadline=deadline)

    def gh_run(self, release: Release, world: World, verb: str, options: Sequence[str], deadline: float) -> Run:
        """A command of gh that changes the release."""
        return Run(
            (self.gh, "release", verb, self.tag, "--repo", self.repository, *options),
            cwd=release.project.root,
            environment=github.environment(release, world),
            log=release.logs / "draft.log",
            deadline=deadline,
            network=True,
        )


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
