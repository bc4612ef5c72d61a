"""A release that is withdrawn: what the index has of it, how it is yanked there, and how GitHub says so.

Nothing is deleted: the files stay for those who name exactly this version, and the tag says what was released.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release import distributions
from omni_release.core import redaction
from omni_release.core.actions import Action, Run, Write
from omni_release.core.errors import ActionFailed, Inconclusive
from omni_release.core.model import Target
from omni_release.core.world import IndexFile, Processes
from omni_release.git import github
from omni_release.index import targets
from omni_release.versions.tags import Tag

MARK = "(withdrawn)"
"""The end of the title of a release on GitHub that is withdrawn."""

UNKNOWN = (
    "Who has it is unknown: an index does not say who installed a file, or which projects require it. Lock files and "
    "requirements that name exactly this version keep it, also when it is yanked."
)


@dataclass(frozen=True)
class OnIndex:
    """The files that an index has of a version; none where it does not have it."""

    target: Target
    project: str
    version: str
    files: tuple[IndexFile, ...]
    dependents: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        target: Target,
        project: str,
        version: str,
        listed: Iterable[IndexFile],
        dependents: Iterable[str] = (),
    ) -> OnIndex:
        """Those of this version among all that the index lists; `dependents` are packages known to require it."""
        files = tuple(file for file in listed if distributions.is_of(file.name, version))
        return cls(target, project, version, files, tuple(dependents))

    @property
    def is_yanked(self) -> bool:
        """Whether the index has it, and all of its files are yanked."""
        return bool(self.files) and all(file.yanked is not None for file in self.files)

    def lines(self) -> list[str]:
        """A line for each file, and how far it can be known who has it."""
        if not self.files:
            return [f"{self.target.name} has no file of {self.project} {self.version}"]
        width = max(len(file.name) for file in self.files)
        return [
            f"{self.project} {self.version} on {self.target.name}:",
            *(f"  {file.name:<{width}}  {_described(file)}" for file in self.files),
            UNKNOWN,
            *(
                [f"Known to require {self.project}, by the settings: {', '.join(self.dependents)}."]
                * bool(self.dependents)
            ),
        ]

    def steps(self, reason: str) -> list[str]:
        """How to yank it by hand, step by step; none where there is nothing to yank."""
        if not self.files or self.is_yanked:
            return []
        if not targets.is_pypi(self.target):
            return [
                f"Yank {self.version} in the way that the server of {self.target.name} offers.",
                f"If it asks for a reason: {reason}",
            ]
        page = self.target.page_of(self.project, self.version).partition("/project/")[0]
        return [
            f"Open {page}/manage/project/{self.project}/releases/ and log in (PyPI has no API for it).",
            f"At {self.version}: Options, then Yank.",
            f"Reason, which installers show: {reason}",
            f"Type {self.version} and confirm.",
        ]


def _described(file: IndexFile) -> str:
    """When a file was uploaded, and whether it is yanked."""
    uploaded = f"uploaded {file.uploaded:%Y-%m-%d %H:%M} UTC" if file.uploaded else "time of the upload not stated"
    if file.yanked is None:
        return uploaded
    reason = one_line(file.yanked)
    return f"{uploaded}, yanked{f': {reason}' if reason else ''}"


def one_line(text: str) -> str:
    """A text without line breaks and control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


@dataclass(frozen=True)
class GitHubMark:
    """Marks the release of a tag on GitHub as withdrawn: in its title, and first in its notes.

    `gh` is the path of the program, `repository` is HOST/OWNER/NAME, `folder` for its files.
    """

    gh: str
    repository: str
    tag: Tag
    reason: str
    root: Path
    folder: Path
    environment: Mapping[str, str]
    processes: Processes

    def actions(self) -> Sequence[Action]:
        """The edit of the title and the notes; none where there is no release, or it is marked."""
        view = self._view()
        if view is None or self._is_marked(view):
            return ()
        title = str(view.get("name") or self.tag.name).removesuffix(MARK).strip()
        notes = self.folder / "notes.md"
        text = f"{self.sentence}\n\n{view.get('body') or ''}".strip()
        argv = (self.gh, "release", "edit", self.tag.name, "--repo", self.repository)
        return (
            Write(notes, f"{text}\n".encode()),
            Run(
                (*argv, "--title", f"{title} {MARK}", "--notes-file", str(notes)),
                cwd=self.root,
                environment=self.environment,
                log=self.folder / "recall.log",
                deadline=github.TIMEOUT,
                network=True,
            ),
        )

    def check_done(self) -> str:
        """What proves that it is marked, or that there is nothing to mark; empty where it is not marked yet."""
        view = self._view()
        if view is None:
            return f"{self.repository} has no release of {self.tag.name}"
        return f"{view['url']} is marked as withdrawn" if self._is_marked(view) else ""

    @property
    def sentence(self) -> str:
        """What the notes begin with."""
        return f"**{self.tag.version} is withdrawn**: {self.reason}"

    def _is_marked(self, view: Mapping[str, object]) -> bool:
        return str(view.get("name", "")).endswith(MARK) and self.sentence in str(view.get("body", ""))

    def _view(self) -> Mapping[str, object] | None:
        """The release on GitHub, also a draft. Raises Inconclusive where gh does not say whether there is one."""
        argv = (self.gh, "release", "view", self.tag.name, "--repo", self.repository, "--json", "url,name,body")
        answer = self.processes.ask(*argv, cwd=self.root, environment=self.environment, deadline=github.TIMEOUT)
        if answer is None or answer.code == github.NOT_LOGGED_IN:
            raise Inconclusive(f"gh has no access to {self.repository}", "Run `gh auth login`, or mark it by hand.")
        if "release not found" in answer.err:
            return None
        try:
            view = json.loads(answer.out)
        except ValueError:
            view = None
        if answer.code != 0 or not isinstance(view, dict):
            message = f"gh does not report the release of {self.tag.name}:\n{redaction.strip_userinfo(answer.err)}"
            raise Inconclusive(message, "Run `gh auth status`, then run the same command again.")
        return view

    def perform(self, action: Action) -> None:
        """Perform one of its actions. Raises ActionFailed, or Inconclusive where the network failed."""
        if isinstance(action, Write):
            action.path.write_bytes(action.data)
        elif isinstance(action, Run):
            completed = self.processes.run(action)
            if completed.code != 0:
                kind = Inconclusive if completed.network else ActionFailed
                message = "\n".join((f"gh {completed.ended(action.deadline)}", *completed.tail))
                raise kind(message, "Run the same command again, or mark the release on GitHub by hand.")
