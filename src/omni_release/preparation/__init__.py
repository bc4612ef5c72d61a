"""Prepare a release: from a clean checkout to a commit that can be rehearsed, or to nothing at all.

All of it happens in a clone in a temporary folder: the version in all places, the changelog, the commit. The checkout
changes in one step at the end, when git moves the branch to that commit.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release import git_queries
from omni_release.core.errors import ActionFailed, Inconclusive, UsageError
from omni_release.core.text import counted
from omni_release.core.world import Processes, ToolAnswer
from omni_release.preparation import changelog, fragments
from omni_release.versions import prose
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member
from omni_release.versions.tags import Tag, TagOwner, own_tags

_OWN_CONFIGURATION = r"^(user|commit|gpg|core\.(autocrlf|eol|filemode|commentchar))"
_PROGRAM_TIMEOUT = 120.0


@dataclass(frozen=True)
class LoggedCommit:
    """A commit: its short hash, the first line of its message, and the rest."""

    hash: str
    subject: str
    body: str = ""

    def __str__(self) -> str:
        return f"{self.hash} {self.subject}"


@dataclass(frozen=True)
class ProjectRepository:
    """A git repository, the folder of the project in it, and how programs are started there."""

    root: Path
    processes: Processes
    environment: Mapping[str, str]

    def ask(self, *argv: str) -> ToolAnswer | None:
        """What a program answers here; None where it is not installed."""
        return self.processes.ask(*argv, cwd=self.root, environment=self.environment, deadline=_PROGRAM_TIMEOUT)

    def git(self, *arguments: str, hooks: bool = False) -> str:
        """What git prints. Raises ActionFailed with its words where it does not exit with 0."""
        start = ("git",) if hooks else git_queries.WITHOUT_HOOKS
        answer = self.ask(*start, *arguments)
        if answer is None:
            raise Inconclusive("git is not installed", "Install git.")
        if answer.code != 0:
            message = f"git {arguments[0]} failed: {(answer.err or answer.out).strip()}"
            raise ActionFailed(message, "Nothing was changed.")
        return answer.out

    def line(self, *arguments: str) -> str:
        """The line that git prints; empty where it does not exit with 0."""
        try:
            return self.git(*arguments).strip()
        except ActionFailed:
            return ""

    def require_ready(self) -> str:
        """The branch. Raises UsageError outside of a repository, on no branch, and where files are not committed."""
        if not self.line("rev-parse", "--verify", "HEAD"):
            raise UsageError(f"{self.root} has no commit of git", "Commit the project first.")
        branch = self.line("symbolic-ref", "--quiet", "--short", "HEAD")
        if not branch:
            raise UsageError("HEAD is detached: a commit would be on no branch", "Switch to a branch.")
        changed = self.git("status", "--porcelain").splitlines()
        if changed:
            names = ", ".join(line[3:] for line in changed[:3]) + (", …" if len(changed) > 3 else "")
            hint = "Commit or stash them first: nothing of yours is mixed into the release."
            raise UsageError(f"{counted(len(changed), 'file')} changed or not tracked: {names}", hint)
        return branch

    def clone(self, folder: Path) -> ProjectRepository:
        """A clone in `folder`, with the configuration of this repository for commits; its project's folder."""
        top = Path(self.git("rev-parse", "--show-toplevel").rstrip("\n"))
        self.git("clone", "--quiet", "--no-hardlinks", str(top), str(folder))
        clone = ProjectRepository(
            folder / self.root.resolve().relative_to(top.resolve()), self.processes, self.environment
        )
        for line in self.line("config", "--local", "--get-regexp", _OWN_CONFIGURATION).splitlines():
            key, _, value = line.partition(" ")
            clone.git("config", key, value)
        return clone

    def commits_since(self, tag: str) -> list[LoggedCommit]:
        """The commits since the tag that are not merges, the newest first; without a tag the last hundred.

        Of a project in a folder of the repository those that changed something in it.
        """
        since = [f"refs/tags/{tag}..HEAD"] if tag else ["--max-count=100", "HEAD"]
        below_top = self.line("rev-parse", "--show-prefix")
        listed = self.line(
            "log", "--no-merges", "--format=%h%x00%s%x00%b%x01", *since, *(["--", "."] if below_top else [])
        )
        parts = (one.strip("\n").split("\0") for one in listed.split("\1") if one.strip())
        return [LoggedCommit(*part) for part in parts if len(part) == 3]


def newest_tag(line: Callable[..., str], commit: str, owner: TagOwner) -> Tag | None:
    """The tag of the newest version of this project in the history of the commit; None where there is none.

    `line` runs git with its arguments, and returns what it prints.
    """
    names = line("for-each-ref", f"--merged={commit}", "--format=%(refname:strip=2)", "refs/tags")
    return max(own_tags(names.splitlines(), owner), key=lambda tag: tag.version.key, default=None)


def bring_changelog(
    clone: ProjectRepository,
    version: str,
    today: datetime.date,
    last_tag: str,
    commits: Sequence[LoggedCommit] = (),
    *,
    entry: str = "",
) -> str:
    """Write the changelog's part for the version into the clone; what was done, in a few words.

    A changelog that has headings for versions alone gets one, with the subjects of the `commits` below it. The `entry`
    is added as the first one.

    Raises UsageError where the changelog has another form, ActionFailed where its program fails.
    """
    checkout = Checkout(str(clone.root))
    if program := fragments.program_of(checkout, clone.root):
        if entry:
            fragments.add(clone, program, entry)
        return fragments.join(clone, program, version, today, must_remove=not entry)
    for found in prose.changelogs(Member(checkout, checkout.inside)):
        path = clone.root / found.path
        before = clone.line("show", f"refs/tags/{last_tag}:./{found.path}") if last_tag else ""
        keeps = not before or changelog.has_unreleased(before)  # as the last release did
        subjects = dict.fromkeys(commit.subject for commit in commits)  # bots repeat theirs
        entries = [*([entry] if entry else []), *subjects]
        before_entry = changelog.with_entry(found.text, version, entry) if entry else found.text
        text = changelog.released(before_entry, version, today, path.name, keeps_unreleased=keeps, entries=entries)
        path.write_bytes(found.encoded(text))
        if text == found.text:
            return f"{path.name}: has a heading for {version}"
        if changelog.has_version(found.text, version):
            return f"{path.name}: released today"
        if changelog.has_unreleased(found.text):
            return f"{path.name}: heading for {version}"
        return (
            f"{path.name}: heading for {version}, with the commits since {last_tag or 'the start'} below it: edit them"
        )
    return ""


_CONVENTIONAL = re.compile(r"(?P<type>\w+)(?:\([^)]*\))?(?P<breaking>!?): ")
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)
_PARTS = {"feat": "minor", "fix": "patch", "perf": "patch"}


def suggestion(commits: Iterable[LoggedCommit], *, initial: bool = False) -> tuple[str, list[LoggedCommit]]:
    """The part to raise, by the conventional commits, and those that say so; an empty part where none does.

    Of an `initial` version (0.y.z) a breaking change raises the minor part: see semver.org, item 4.
    """
    found: dict[str, list[LoggedCommit]] = {"major": [], "minor": [], "patch": []}
    for commit in commits:
        if match := _CONVENTIONAL.match(commit.subject):
            part = _PARTS.get(match["type"].lower(), "")
            if match["breaking"] or _BREAKING.search(commit.body):
                part = "minor" if initial else "major"
            if part:
                found[part].append(commit)
    return next(((part, reasons) for part, reasons in found.items() if reasons), ("", []))


def message(template: str, name: str, version: str, commits: Iterable[LoggedCommit]) -> str:
    """The message of the commit; `commits` are listed in it where no changelog says what has changed."""
    subject = template.replace("{version}", version).replace("{name}", name)
    changes = dict.fromkeys(f"- {commit.subject}" for commit in commits)  # bots repeat theirs
    return "\n".join((subject, "", *changes)).strip() + "\n"


def commit(clone: ProjectRepository, hooks: Path, text: str) -> str:
    """Commit what is prepared in the clone, through the hooks of the repository; the hash.

    Raises ActionFailed where a hook refuses it.
    """
    clone.git("config", "core.hooksPath", str(hooks))
    clone.git("commit", "--quiet", f"--message={text}", hooks=True)
    return clone.line("rev-parse", "HEAD")


def move(repository: ProjectRepository, clone: ProjectRepository, sha: str, branch: str) -> None:
    """Bring the commit into the repository: onto the branch that is checked out, or onto a new one of this name."""
    top = clone.git("rev-parse", "--show-toplevel").rstrip("\n")
    repository.git("fetch", "--quiet", "--no-tags", top, sha)
    if branch:
        repository.git("switch", "--quiet", "--create", branch, sha)
    else:
        repository.git("merge", "--quiet", "--ff-only", sha)
