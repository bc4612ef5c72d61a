"""One confirmation by a person for all packages of a workspace's release."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence

from omni_release import run
from omni_release.adapters.processes import LocalProcesses
from omni_release.adapters.terminal import AtTerminal
from omni_release.core.journal import RunFolder
from omni_release.core.runs import Request
from omni_release.core.text import counted
from omni_release.publishing import steps as publishing_steps
from omni_release.run.workspace_session import WorkspaceSession


def _requests(session: WorkspaceSession, keys: Iterable[str]) -> Iterator[tuple[Request, RunFolder | None]]:
    """For each of these packages its request with the addresses of the index, and its run in this one."""
    runs = session.recorded_runs()
    for key in keys:
        request, _ = run.to_index(session.package_request(key, "release"))
        yield request, RunFolder(runs[key], session.folder.files) if key in runs else None


def require(session: WorkspaceSession, keys: Iterable[str]) -> None:
    """Raise UsageError where the release of these packages could not be confirmed later."""
    for request, folder in _requests(session, keys):
        publishing_steps.require_confirmation(request, folder)


def confirm(session: WorkspaceSession, keys: Sequence[str]) -> None:
    """Have a person type the workspace's name and the number of packages, unless all of them are confirmed.

    Raises ActionFailed for another input, and where nothing can be typed.
    """
    unconfirmed: list[tuple[str, RunFolder]] = []
    lines = []
    for request, folder in _requests(session, keys):
        assert folder is not None and request.destination is not None
        index = request.destination
        if not folder.confirmed(index.upload):
            unconfirmed.append((index.upload, folder))
        where = index.name if index.name == index.upload else f"{index.name} ({index.upload})"
        lines.append(f"  {request.project.name} → {where}")
        lines += [f"    {file.name}  {file.size} bytes  sha256 {file.sha256}" for file in folder.artifacts()]
    if not unconfirmed:
        return
    word = f"{session.workspace.name} {len(keys)}"
    question = (
        f"{counted(len(keys), 'package')} of {session.workspace.name} will be published, in this order. "
        "This cannot be undone:\n" + "\n".join(lines) + f"\nType `{word}` to publish them: "
    )
    with contextlib.closing(LocalProcesses(str)) as processes:
        person = AtTerminal(session.screen, sys.stdin, lambda: processes.stopped, preapproved=session.request.yes)
        publishing_steps.require_word(person.prompt(word, question), word)
        who = publishing_steps.user_name(session.workspace.root, processes)
        how = "--yes" if session.request.yes else f"typed {word!r}"
        for address, folder in unconfirmed:
            publishing_steps.record_confirmation(folder, address, who, how)
