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
from typing import Any

from omni_release import git_queries, programs
from omni_release.core.errors import ActionFailed, Inconclusive, UsageError
from omni_release.core.text import counted
from omni_release.core.toml import table
from omni_release.core.world import Processes, ToolAnswer
from omni_release.preparation import changelog
from omni_release.versions import prose
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member
from omni_release.versions.tags import Tag, TagOwner, own_tags

_OWN_CONFIGURATION = r"^(user|commit|gpg|core\.(autocrlf|eol|filemode|commentchar))"
_PROGRAM_TIMEOUT = 120.0
_NO_FRAGMENT = re.compile(r"(?:readme|template|scriv\.ini|.*\.j(?:inja)?2?$)", re.IGNORECASE)


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

    def git(self, *arguments: str, hooks: bool = False) -> str:
        """What git prints. Raises ActionFailed with its words where it does not exit with 0."""
        start = ("git",) if hooks else git_queries.WITHOUT_HOOKS
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
    if fragments := fragment_program(checkout, clone.root):
        if entry:
            _add_fragment(clone, fragments, entry)
        return _join_fragments(clone, fragments, version, today, must_remove=not entry)
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


def _add_fragment(clone: ProjectRepository, program: FragmentProgram, entry: str) -> None:
    """Write a fragment with one entry. Raises UsageError for a program whose fragments have a form of their own."""
    if program.name != "towncrier":
        raise UsageError(
            f"the entry has to be a fragment of {program.name}: {entry}", "Write it, commit it, and prepare."
        )
    others = program.fragments(clone.root)
    suffix = Path(others[0]).suffix if others else ".md"
    path = (
        clone.root
        / program.folder
        / f"+{re.sub(r'[^A-Za-z0-9]+', '-', entry.partition(':')[0]).lower()}.bugfix{suffix}"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{entry}\n", encoding="utf-8")
    clone.git("add", "--all")


def _join_fragments(
    clone: ProjectRepository, program: FragmentProgram, version: str, today: datetime.date, *, must_remove: bool
) -> str:
    """Let a program write the changelog. Raises ActionFailed where it fails, UsageError where it finds no fragment.

    One that it finds is removed from the commit (`must_remove`), unless it was added for it.
    """
    name = program.name

    def run(version: str, *options: str) -> ToolAnswer | None:
        words = (*(word.format(version=version, date=today) for word in program.arguments), *options)
        argv = (programs.find_program(name), *words)
        return clone.processes.ask(*argv, cwd=clone.root, environment=clone.environment, deadline=_PROGRAM_TIMEOUT)

    letter = _letter_before(Checkout(str(clone.root)))
    if letter and name == "towncrier":  # the title that it writes may have the letter already
        draft = run(version, "--draft")
        letter = "" if draft is None or f"{letter}{version}" in draft.out else letter
    answer = run(f"{letter}{version}")
    if answer is None:
        raise UsageError(f"{name} is not installed, which writes the changelog", programs.install_command(name))
    if answer.code != 0:
        raise ActionFailed(f"{name} failed: {(answer.err or answer.out).strip()}", "Nothing was changed.")
    clone.git("add", "--all")
    if must_remove and not clone.git("diff", "--cached", "--name-only", "--diff-filter=D"):
        hint = "Write one for what has changed and commit it, or run the command with --no-changelog."
        if unknown := program.fragments(clone.root):
            hint = f"It takes none of these, so look at their names and its settings: {', '.join(unknown)}"
        raise UsageError(f"{name} found no fragment of the changelog", hint)
    return f"changelog written by {name}"


@dataclass(frozen=True)
class FragmentProgram:
    """A program that joins the fragments of a changelog: its arguments, and the folder of the fragments."""

    name: str
    arguments: tuple[str, ...]
    folder: str

    def fragments(self, root: Path) -> tuple[str, ...]:
        """The fragments that are there, as paths relative to the project: not templates, nor hidden and other files."""
        folder = root / self.folder
        files = sorted(folder.rglob("*")) if folder.is_dir() else []
        return tuple(
            path.relative_to(root).as_posix()
            for path in files
            if path.is_file() and not path.name.startswith((".", "_")) and not _NO_FRAGMENT.match(path.name)
        )


def fragment_program(checkout: Checkout, root: Path) -> FragmentProgram | None:
    """The program that joins the changelog's fragments; None for a project without fragments."""
    tools: Any = checkout.toml(f"{checkout.inside}pyproject.toml").get("tool", {})
    own = checkout.toml(f"{checkout.inside}towncrier.toml").get("tool", {})
    if "towncrier" in tools or (root / "towncrier.toml").is_file():
        settings = table(tools, "towncrier") or table(own, "towncrier")
        package = str(settings.get("package", "")).replace(".", "/")
        folder = str(settings.get("directory", "") or (f"src/{package}/newsfragments" if package else "newsfragments"))
        if not (root / folder).is_dir() and package and (root / package / "newsfragments").is_dir():
            folder = f"{package}/newsfragments"
        return FragmentProgram("towncrier", ("build", "--yes", "--version", "{version}", "--date", "{date}"), folder)
    if "scriv" in tools or (root / "changelog.d" / "scriv.ini").is_file():
        folder = str(table(tools, "scriv").get("fragment_directory", "changelog.d"))
        return FragmentProgram("scriv", ("collect", "--version", "{version}"), folder)
    return None


def _letter_before(checkout: Checkout) -> str:
    """The `v` that the newest version in the changelog's headings begins with; empty where it has none."""
    for text in prose.changelogs(Member(checkout, checkout.inside)):
        for heading in prose.version_headings(text):
            return "v" if text.text[heading.start() : heading.start(1)] == "v" else ""
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
