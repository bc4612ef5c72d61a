"""Prepare a release: from a clean checkout to a commit that can be rehearsed, or to nothing at all.

All of it happens in a clone in a temporary folder: the version in all places, the changelog, the commit. The checkout
changes in one step at the end, when git moves the branch to that commit.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release import programs, source_tree
from omni_release.core.errors import ActionFailed, Inconclusive, UsageError
from omni_release.core.world import Processes
from omni_release.preparation import changelog
from omni_release.versions import prose
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member

_OWN_CONFIGURATION = r"^(user|commit|gpg|core\.(autocrlf|eol|filemode|commentchar))"
_PROGRAM_TIMEOUT = 120.0


@dataclass(frozen=True)
class Repository:
    """A git repository, the folder of the project in it, and how programs are started there."""

    root: Path
    processes: Processes
    environment: Mapping[str, str]

    def git(self, *arguments: str, hooks: bool = False) -> str:
        """What git prints. Raises ActionFailed with its words where it does not exit with 0."""
        start = ("git",) if hooks else source_tree.WITHOUT_HOOKS
        answer = self.processes.ask(
            *start, *arguments, cwd=self.root, environment=self.environment, deadline=_PROGRAM_TIMEOUT
        )
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
            raise UsageError(f"{len(changed)} files are changed or not tracked: {names}", hint)
        return branch

    def clone(self, folder: Path) -> Repository:
        """A clone in `folder`, with the configuration of this repository for commits; its project's folder."""
        top = Path(self.git("rev-parse", "--show-toplevel").rstrip("\n"))
        self.git("clone", "--quiet", "--no-hardlinks", str(top), str(folder))
        clone = Repository(folder / self.root.resolve().relative_to(top.resolve()), self.processes, self.environment)
        for line in self.line("config", "--local", "--get-regexp", _OWN_CONFIGURATION).splitlines():
            key, _, value = line.partition(" ")
            clone.git("config", key, value)
        return clone

    def commits_since_tag(self) -> list[str]:
        """The subjects of the commits since the last tag, with short hashes, the newest first; at most 100."""
        tag = self.line("describe", "--tags", "--abbrev=0")
        listed = self.line(
            "log", "--no-merges", "--max-count=100", "--format=%h %s", *([f"{tag}..HEAD"] if tag else [])
        )
        return listed.splitlines()


def bring_changelog(clone: Repository, version: str, today: datetime.date) -> str:
    """Write the changelog's part for the version into the clone; what was done, in a few words.

    Raises UsageError where the changelog has another form, ActionFailed where its program fails.
    """
    checkout = Checkout(str(clone.root))
    if fragments := _fragments(checkout, clone.root):
        name, arguments = fragments
        argv = (programs.find_program(name), *(word.format(version=version, date=today) for word in arguments))
        answer = clone.processes.ask(*argv, cwd=clone.root, environment=clone.environment, deadline=_PROGRAM_TIMEOUT)
        if answer is None:
            raise UsageError(f"{name} is not installed, which writes the changelog", programs.install_command(name))
        if answer.code != 0:
            raise ActionFailed(f"{name} failed: {(answer.err or answer.out).strip()}", "Nothing was changed.")
        clone.git("add", "--all")
        if not clone.git("diff", "--cached", "--name-only", "--diff-filter=D"):
            hint = "Write one for what has changed and commit it, or run the command with --no-changelog."
            raise UsageError(f"{name} found no fragment of the changelog", hint)
        return f"changelog written by {name}"
    for found in prose.changelogs(Member(checkout, checkout.inside)):
        path = clone.root / found.path
        tag = clone.line("describe", "--tags", "--abbrev=0")
        before = clone.line("show", f"{tag}:./{found.path}") if tag else ""
        keeps = not before or changelog.has_unreleased(before)  # as the last release did
        text = changelog.released(found.text, version, today, path.name, keeps_unreleased=keeps)
        path.write_bytes(found.encoded(text))
        if text == found.text:
            return f"{path.name}: has a heading for {version}"
        done = "released today" if changelog.has_version(found.text, version) else f"heading for {version}"
        return f"{path.name}: {done}"
    return ""


def _fragments(checkout: Checkout, root: Path) -> tuple[str, tuple[str, ...]] | None:
    """The program that joins the changelog's fragments, with its arguments; None for a project without fragments."""
    tools: Any = checkout.toml(f"{checkout.inside}pyproject.toml").get("tool", {})
    if "towncrier" in tools or (root / "towncrier.toml").is_file():
        return "towncrier", ("build", "--yes", "--version", "{version}", "--date", "{date}")
    if "scriv" in tools or (root / "changelog.d" / "scriv.ini").is_file():
        return "scriv", ("collect", "--version", "{version}")
    return None


_CONVENTIONAL = re.compile(r"[0-9a-f]+ (?P<type>\w+)(?:\([^)]*\))?(?P<breaking>!?): ")


def suggestion(commits: list[str]) -> tuple[str, str]:
    """The part to raise, by the conventional commits since the last tag, and the one that says so; empty if unknown."""
    parts = {"feat": "minor", "fix": "patch", "perf": "patch"}
    found: dict[str, str] = {}
    for commit in commits:
        if match := _CONVENTIONAL.match(commit):
            part = "major" if match["breaking"] or "BREAKING CHANGE" in commit else parts.get(match["type"], "")
            found.setdefault(part, commit)
    part = next((part for part in ("major", "minor", "patch") if part in found), "")
    return part, found.get(part, "")


def message(template: str, name: str, version: str, commits: list[str]) -> str:
    """The message of the commit; `commits` are listed in it where no changelog says what has changed."""
    subject = template.replace("{version}", version).replace("{name}", name)
    return "\n".join((subject, "", *(f"- {commit.partition(' ')[2]}" for commit in commits))).strip() + "\n"


def commit(clone: Repository, hooks: Path, text: str) -> str:
    """Commit what is prepared in the clone, through the hooks of the repository; the hash.

    Raises ActionFailed where a hook refuses it.
    """
    clone.git("config", "core.hooksPath", str(hooks))
    clone.git("commit", "--quiet", f"--message={text}", hooks=True)
    return clone.line("rev-parse", "HEAD")


def move(repository: Repository, clone: Repository, sha: str, branch: str) -> None:
    """Bring the commit into the repository: onto the branch that is checked out, or onto a new one of this name."""
    top = clone.git("rev-parse", "--show-toplevel").rstrip("\n")
    repository.git("fetch", "--quiet", "--no-tags", top, sha)
    if branch:
        repository.git("switch", "--quiet", "--create", branch, sha)
    else:
        repository.git("merge", "--quiet", "--ff-only", sha)
