"""`omni-release sign`: a person's answer, in a run's journal or in the repository."""

from __future__ import annotations

import datetime
import difflib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omni_release import git, lanes, versions
from omni_release.checklists import sign_offs as checklists_sign_offs
from omni_release.core.actions import Write
from omni_release.core.errors import UsageError
from omni_release.core.journal import RunFolder
from omni_release.core.model import Project, Status, worst
from omni_release.core.redaction import printable
from omni_release.core.runs import RunStore
from omni_release.core.world import Processes
from omni_release.report import json_report as report_json


@dataclass(frozen=True)
class Answering:
    """A person's answer to the task `id`, or, without one, to all that waits. `committed` goes into the repository."""

    project: Project
    id: str
    reason: str
    by: str
    run: str | None
    json: bool
    committed: bool


def sign(answer: Answering, home: RunStore, processes: Processes, ask: Callable[[str], str] | None) -> int:
    """Record a person's answer in a run's journal, or in the repository; `ask` puts a question to who sits there."""
    known = {task.id for lane in lanes.every(answer.project) for task in lane.tasks}
    if answer.id and answer.id not in known:
        near = difflib.get_close_matches(answer.id, known, 1, 0.6)
        hint = f"Did you mean {near[0]}?" if near else "The report of the run names the one that waits."
        raise UsageError(f"there is no task {answer.id!r}", hint)
    if bool(answer.id) is not bool(answer.reason):
        raise UsageError(
            "what is signed, and why?", 'Say both: omni-release sign ID --reason "…"; or neither, and be asked.'
        )
    if not answer.id and answer.committed:
        raise UsageError(
            "what is signed into the repository?",
            'Say what, and why: omni-release sign ID --reason "…" --committed',
        )
    if not answer.id and answer.json:
        raise UsageError("a prompt is for a person, and prints no JSON", 'Say what is signed: sign ID --reason "…"')
    if not answer.id and ask is None:
        raise UsageError("nobody sits at a terminal here", 'Say what is signed: omni-release sign ID --reason "…"')
    who = answer.by or _named(answer.project, processes)
    if answer.committed:
        path = commit(answer, home, who)
        if answer.json:
            sys.stdout.write(report_json.committed(path.relative_to(answer.project.root).as_posix(), answer.id, who))
            return 0
        sys.stdout.write(printable(f"{who} has signed {answer.id} in {path}: commit it.\n"))
        return 0
    folder = checklists_sign_offs.select_run(home, answer.run)
    if not folder.path.is_dir():
        raise UsageError(
            "there is no run to sign", "Run the lane first: omni-release rehearse. Or sign with --committed."
        )
    if not answer.id:
        assert ask is not None
        return prompt(answer.project, folder, ask, who)
    signed = folder.sign(answer.id, who, answer.reason)
    if answer.json:
        sys.stdout.write(report_json.sign_off(signed))
    else:
        sys.stdout.write(
            printable(f"{signed.who} has signed {signed.id} for run {folder.path.name}: {signed.reason}\n")
        )
        sys.stdout.writelines(f"  about sha256 {sha256}\n" for sha256 in signed.artifacts)
    return 0


def prompt(project: Project, folder: RunFolder, ask: Callable[[str], str], who: str) -> int:
    """Ask a person, item by item, and keep each answer; an empty one leaves its item waiting.

    What failed is no question. It is told in the end, as nobody's answer goes over it.
    """
    for shown in list(checklists_sign_offs.unanswered(project, folder)):
        if shown.status is not Status.WAITING:
            continue
        question = "\n  ".join(filter(None, (shown.item.id, shown.item.asks, shown.why)))
        try:
            reason = ask(printable(f"{question}\n  Your answer (empty: not yet): ")).strip()
        except EOFError:
            reason = ""
        if reason:
            folder.sign(shown.item.id, who, reason)
    left = list(checklists_sign_offs.unanswered(project, folder))
    for shown in left:
        if shown.status is not Status.WAITING:
            sys.stdout.write(printable(f"{shown.item.id}: {shown.why}, and no person's answer goes over that\n"))
    sys.stdout.write(f"{len(left)} left to be answered\n" if left else "all is answered\n")
    return worst(shown.status for shown in left).exit_code


def commit(answer: Answering, home: RunStore, who: str) -> Path:
    """Write a sign-off for the project's version into the repository, to be committed; the file."""
    import tomlkit
    from tomlkit.items import AoT

    stated = versions.version_of(versions.places_of(answer.project))
    if stated is None:
        raise UsageError(
            "no place states the version that is signed", "Sign a run in place of it: leave out --committed."
        )
    path = answer.project.root / checklists_sign_offs.SIGNED / f"{stated}.toml"
    document = tomlkit.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
    entry = tomlkit.table()
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    reason = home.redact(answer.reason)
    entry.update({"item": answer.id, "who": who, "when": now, "reason": reason, "version": stated})
    entries = document.get("sign-off")
    if not isinstance(entries, AoT):
        document["sign-off"] = entries = tomlkit.aot()
    entries.append(entry)
    home.files.write(Write(path, tomlkit.dumps(document).encode()))
    return path


def _named(project: Project, processes: Processes) -> str:
    """Who git says works here. Raises UsageError where it does not know."""
    if not (named := git.user_name(project.root, processes)):
        raise UsageError("who signs?", "Say --by NAME, or set git's user.name.")
    return named
