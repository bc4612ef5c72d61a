"""`sign`: record a person's answer, in the journal of a run or in the repository."""

from __future__ import annotations

import sys

from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_format, add_project, subcommand
from omni_release.core.errors import EXIT_PASSED, UsageError, did_you_mean

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from omni_release.cli.parser import Commands
    from omni_release.core.journal import RunFolder
    from omni_release.core.model import Project
    from omni_release.core.runs import RunStore

_SIGN = 'Run: omni-release sign ID --reason "…"'


class Arguments(cli_parser.Arguments):
    """The arguments of `sign`; without `id`, `sign` prompts for each answer."""

    id: str = ""
    reason: str = ""
    committed: bool = False
    by: str = ""
    run_id: str | None = None


def add_parser(commands: Commands, name: str) -> None:
    """Add `sign`."""
    described = "Answer a task that waits for a person"
    parser = subcommand(commands, name, described, "sign", 'sign live-evidence --reason "tested by hand with a key"')
    parser.add_argument("id", metavar="ID", nargs="?", help="task to sign off (prompts if omitted)")
    parser.add_argument("--reason", metavar="TEXT", help="reason for the sign-off (required with ID)")
    parser.add_argument("--committed", action="store_true", help="sign the version, in a file that you commit")
    parser.add_argument("--by", metavar="NAME", help="who signs (default: git's user.name)")
    parser.add_argument("--run", dest="run_id", metavar="RUN", help="run to sign (default: the newest)")
    add_project(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Record the answer, or ask for each that is missing. Raises UsageError where it cannot be recorded."""
    from omni_release import git
    from omni_release.checklists.sign_offs import select_run
    from omni_release.cli import lane

    project = arguments.load_project()
    arguments.id = arguments.id and lane.current(arguments.id)
    ask = input if sys.stdin.isatty() else None
    _validate(arguments, project, interactive=ask is not None)
    with lane.processes() as processes:
        who = arguments.by or git.user_name(project.root, processes)
    if not who:
        raise UsageError("the signer is unknown", "Name them with --by NAME, or set git's user.name.")
    runs = lane.run_store(project.root)
    if arguments.committed:
        return _sign_version(arguments, project, runs, who)
    folder = select_run(runs, arguments.run_id)
    if not folder.path.is_dir():
        hint = "Run a lane first (`omni-release rehearse`), or sign the version with --committed."
        raise UsageError("there is no run to sign", hint)
    if not arguments.id:
        assert ask is not None
        return prompt(project, folder, ask, who)
    return _sign_run(arguments, folder, who)


def _validate(arguments: Arguments, project: Project, *, interactive: bool) -> None:
    """Raises UsageError for an unknown task, and for options that exclude each other."""
    if arguments.id == "approved":
        hint = "Run `omni-release approve`, which signs with a key."
        raise UsageError("an approval is no sign-off: it needs the key of an approver", hint)
    from omni_release import lane_names

    tasks = lane_names.task_ids(project)
    if arguments.id and arguments.id not in tasks:
        hint = did_you_mean(arguments.id, tasks, "The report of the run names the task that waits.")
        raise UsageError(f"there is no task {arguments.id!r}", hint)
    if arguments.id and not arguments.reason:
        raise UsageError("--reason is required with an ID", _SIGN)
    if arguments.reason and not arguments.id:
        raise UsageError("an ID is required with --reason", _SIGN)
    if arguments.committed and not arguments.id:
        raise UsageError("an ID is required with --committed", f"{_SIGN} --committed")
    if not arguments.id and arguments.as_json:
        raise UsageError("without an ID, `sign` prompts and prints no JSON", _SIGN)
    if not arguments.id and not interactive:
        raise UsageError("without an ID, `sign` prompts, and stdin is not a terminal", _SIGN)


def _sign_version(arguments: Arguments, project: Project, runs: RunStore, who: str) -> int:
    from omni_release.core.redaction import printable
    from omni_release.report import json_report

    path = commit(arguments, project, runs, who)
    if arguments.as_json:
        sys.stdout.write(json_report.committed(path.relative_to(project.root).as_posix(), arguments.id, who))
    else:
        sys.stdout.write(printable(f"{who} signed {arguments.id} in {path}: commit this file\n"))
    return EXIT_PASSED


def _sign_run(arguments: Arguments, folder: RunFolder, who: str) -> int:
    from omni_release.core.redaction import printable
    from omni_release.report import json_report

    signed = folder.sign(arguments.id, who, arguments.reason)
    if arguments.as_json:
        sys.stdout.write(json_report.sign_off(signed))
        return EXIT_PASSED
    sys.stdout.write(printable(f"{signed.who} signed {signed.id} for run {folder.path.name}: {signed.reason}\n"))
    sys.stdout.writelines(f"  for sha256 {sha256}\n" for sha256 in signed.artifacts)
    return EXIT_PASSED


def prompt(project: Project, folder: RunFolder, ask: Callable[[str], str], who: str) -> int:
    """Ask for each answer that is missing, and record it; an empty answer leaves its item waiting.

    The exit code is that of the items left. A sign-off cannot override a failed check: those are listed at the
    end, without a question.
    """
    from omni_release.checklists.sign_offs import unanswered
    from omni_release.core.model import Status, worst
    from omni_release.core.redaction import printable

    for state in list(unanswered(project, folder)):
        if state.status is not Status.WAITING:
            continue
        question = "\n  ".join(filter(None, (state.item.id, state.item.asks, state.why)))
        try:
            reason = ask(printable(f"{question}\n  Your answer (empty: not yet): ")).strip()
        except EOFError:
            reason = ""
        if reason:
            folder.sign(state.item.id, who, reason)
    left = list(unanswered(project, folder))
    for state in left:
        if state.status is not Status.WAITING:
            sys.stdout.write(printable(f"{state.item.id}: {state.why}; a sign-off cannot override this\n"))
    sys.stdout.write(f"{len(left)} left to answer\n" if left else "all items are answered\n")
    return worst(state.status for state in left).exit_code


def commit(arguments: Arguments, project: Project, runs: RunStore, who: str) -> Path:
    """Write a sign-off for the project's version into the repository; the file.

    Raises UsageError where no place states the version.
    """
    import datetime

    import tomlkit
    from tomlkit.items import AoT

    from omni_release import versions
    from omni_release.checklists.sign_offs import SIGNED
    from omni_release.core.actions import Write

    version = versions.version_of(versions.places_of(project))
    if version is None:
        raise UsageError("no place states the version to sign", "Sign a run instead: leave out --committed.")
    path = project.root / SIGNED / f"{version}.toml"
    document = tomlkit.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
    entry = tomlkit.table()
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    reason = runs.redact(arguments.reason)
    entry.update({"item": arguments.id, "who": who, "when": now, "reason": reason, "version": version})
    entries = document.get("sign-off")
    if not isinstance(entries, AoT):
        document["sign-off"] = entries = tomlkit.aot()
    entries.append(entry)
    runs.files.write(Write(path, tomlkit.dumps(document).encode()))
    return path
