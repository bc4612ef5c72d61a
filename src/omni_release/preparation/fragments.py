"""The fragments of a changelog: the program that joins them, a new one, and the changelog that it writes."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_release import programs
from omni_release.core.errors import ActionFailed, UsageError
from omni_release.core.toml import table
from omni_release.core.world import ToolAnswer
from omni_release.versions import prose
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member

if TYPE_CHECKING:
    from omni_release.preparation import ProjectRepository

_NO_FRAGMENT = re.compile(r"(?:readme|template|scriv\.ini|.*\.j(?:inja)?2?$)", re.IGNORECASE)


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


def program_of(checkout: Checkout, root: Path) -> FragmentProgram | None:
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


def add(clone: ProjectRepository, program: FragmentProgram, entry: str) -> None:
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


def join(
    clone: ProjectRepository, program: FragmentProgram, version: str, today: datetime.date, *, must_remove: bool
) -> str:
    """Let a program write the changelog. Raises ActionFailed where it fails, UsageError where it finds no fragment.

    One that it finds is removed from the commit (`must_remove`), unless it was added for it.
    """
    name = program.name

    def run(version: str, *options: str) -> ToolAnswer | None:
        words = (*(word.format(version=version, date=today) for word in program.arguments), *options)
        argv = (programs.find_program(name), *words)
        return clone.ask(*argv)

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


def _letter_before(checkout: Checkout) -> str:
    """The `v` that the newest version in the changelog's headings begins with; empty where it has none."""
    for text in prose.changelogs(Member(checkout, checkout.inside)):
        for heading in prose.version_headings(text):
            return "v" if text.text[heading.start() : heading.start(1)] == "v" else ""
    return ""
