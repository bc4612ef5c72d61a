"""Typed arguments → a lane, or a command that gets the seams it needs. The only exit."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release import lanes, project
from omni_release.cli import audit, version
from omni_release.cli import contract as contract_command
from omni_release.cli import smoke as smoke_command
from omni_release.cli.arguments import Arguments, WrongCall, parsed, refused
from omni_release.core import errors
from omni_release.core.errors import MissingExtra, OmniReleaseError, UsageError, of_system
from omni_release.core.model import Project
from omni_release.report import text

if TYPE_CHECKING:
    from omni_release.core.runs import Home
    from omni_release.core.world import Files, Processes

_FILE = "pyproject.toml"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Every error that a user can cause ends here as a message."""
    from omni_release.adapters.terminal import unicode

    unicode(sys.stdout)
    unicode(sys.stderr)
    try:
        arguments = parsed(argv)
    except SystemExit as ended:  # argparse has said what was asked for: its help, our version
        return ended.code if isinstance(ended.code, int) else errors.EXIT_USAGE
    except WrongCall as error:
        return refused(sys.argv[1:] if argv is None else argv, COMMANDS, error, _redact)
    try:
        return COMMANDS[arguments.command](arguments)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] == "omni_release":
            raise
        return _told(arguments, MissingExtra(str(error.name), f"`omni-release {arguments.command}`"))
    except OSError as error:
        return _told(arguments, OmniReleaseError(of_system(error)))
    except OmniReleaseError as error:
        return _told(arguments, error)
    except KeyboardInterrupt:
        sys.stderr.write("omni-release: interrupted\n")
        return errors.EXIT_INTERRUPTED


def _told(arguments: Arguments, error: OmniReleaseError) -> int:
    if arguments.format == "json":
        from omni_release.report import json_report

        sys.stdout.write(json_report.error_document(arguments.command, error, _redact))
    else:
        from omni_release.core.printable import printable

        sys.stderr.writelines(f"{printable(line)}\n" for line in text.error(error, _redact))
    return error.exit_code


def _redact(text: str) -> str:
    """What is told of an error may quote the call, or what a program or an index said."""
    from omni_release.adapters.secrets import Secrets

    return Secrets.of(os.environ).redact(text)


def _lane(arguments: Arguments) -> int:
    if arguments.command == "version" and arguments.project.is_dir():
        version.held_to_one_project(arguments.project.absolute())
    if arguments.command == "version" and (arguments.verb != "check" or not _is_named(arguments.project)):
        return _version(arguments)
    if arguments.command == "checklist" and arguments.verb != "check":
        from omni_release.cli import checklist

        shows = arguments.verb == "show"
        _held_to_formats(arguments, f"checklist {arguments.verb}", *(("md",) if shows else ()))
        found = _project(arguments)
        if shows:
            return checklist.show(found, _home(found), arguments.format, arguments.run)
        return checklist.init(found, _files(), json=arguments.format == "json")
    if arguments.command == "models" and arguments.verb == "list":
        from omni_release.cli.models import show

        _held_to_formats(arguments, "models list")
        return show(_project(arguments).root, json=arguments.format == "json")
    if arguments.command == "cassettes" and arguments.verb == "shrink":
        _held_to_formats(arguments, "cassettes shrink")
        json = arguments.format == "json"
        return smoke_command.shrink(_project(arguments), _files(), dry=arguments.dry_run, json=json)
    if arguments.rule is not None:
        _held_to_formats(arguments, "audit --rule")
        found = _project(arguments)
        with _processes() as processes:
            return audit.show(found, arguments.rule, processes, json=arguments.format == "json")
    return _run(arguments)


def _held_to_formats(arguments: Arguments, what: str, *more: str) -> None:
    """Raises UsageError where what is no run is asked for in a form that only reports have."""
    forms = ("text", "json", *more)
    if arguments.format not in forms:
        raise UsageError(f"`{what}` prints {' or '.join(forms)}, and no {arguments.format}", "A lane's report does.")


def _files() -> Files:
    from omni_release.adapters.files import LocalFiles

    return LocalFiles()


@contextlib.contextmanager
def _processes() -> Iterator[Processes]:
    """What starts programs; none is left behind, and nothing that they print shows a secret of our environment."""
    from omni_release.adapters.processes import LocalProcesses
    from omni_release.adapters.secrets import Secrets

    secrets = Secrets.of(os.environ)
    processes = LocalProcesses(secrets.resolve, known=lambda: secrets.given)
    try:
        yield processes
    finally:
        processes.close()


def _home(found: Project) -> Home:
    """Where the project's runs are; nothing that is kept there shows a secret of our environment."""
    from omni_release.adapters.secrets import Secrets
    from omni_release.core.runs import Home

    return Home(found.root, _files(), Secrets.of(os.environ).redact)


def _project(arguments: Arguments) -> Project:
    return project.load(_root(arguments))


def _root(arguments: Arguments) -> Path:
    root = arguments.project.absolute()
    if not root.is_dir():
        raise UsageError(f"there is no folder {arguments.project}", "Name the project's folder with --project DIR.")
    return root


def _is_named(root: Path) -> bool:
    """Has the project a name that a lane could go by? One of an older kind may compute it in setup.py."""
    return (root / _FILE).exists() and bool(project.name_of(root, project.read(root)[0]))


def _version(arguments: Arguments) -> int:
    root, json = _root(arguments), arguments.format == "json"
    if (root / _FILE).exists():
        project.read(root)  # its settings may be wrong
    if arguments.verb == "check":
        return version.check(root, json=json, staged=bool(arguments.mode))
    if arguments.mode:
        raise UsageError(f"version {arguments.verb} takes no --staged", "version check does.")
    if arguments.verb == "show":
        return version.show(root, json=json)
    from omni_release.adapters import atomic_files

    asked = version.Asked(arguments.verb, arguments.value, arguments.dry_run, json, arguments.docs)
    if not arguments.index:
        return version.change(root, asked, atomic_files)
    from omni_release.adapters.index import reader

    return version.change(root, asked, atomic_files, reader(arguments.index))


def _explain(arguments: Arguments) -> int:
    from omni_release.cli.explain import explain

    found = _project(arguments) if (arguments.project / _FILE).is_file() else None
    return explain(arguments.id, found, json=arguments.format == "json")


def _sign(arguments: Arguments) -> int:
    from omni_release.cli.sign import Answering, sign

    json, found = arguments.format == "json", _project(arguments)
    answer = Answering(found, arguments.id, arguments.reason, arguments.by, arguments.run, json, arguments.committed)
    with _processes() as processes:
        return sign(answer, _home(found), processes, input if sys.stdin.isatty() else None)


def _run(arguments: Arguments) -> int:
    from omni_release.core.request import Request
    from omni_release.run import run_lane

    return run_lane(
        Request(
            arguments.command,
            smoke_command.limited(_project(arguments), budget=arguments.budget, deadline=arguments.deadline),
            format=arguments.format,
            dry=arguments.dry_run,
            run=arguments.run,
            artifacts=arguments.artifacts,
            output=arguments.output,
            only=tuple(arguments.only),
            mode=arguments.mode,
            to=arguments.to,
            yes=arguments.yes,
        )
    )


def _workflow(arguments: Arguments) -> int:
    from omni_release.cli import workflow

    json = arguments.format == "json"
    return workflow.main(arguments.project.absolute(), arguments.name, _files(), write=arguments.write, json=json)


def _index(arguments: Arguments) -> int:
    from omni_release.cli.index import Wanted, serve

    name = arguments.name or _project(arguments).name
    json = arguments.format == "json"
    return serve(Wanted(name, arguments.folder, arguments.port, arguments.script, json), os.environ)


def _contract(arguments: Arguments) -> int:
    return contract_command.run(arguments.verb, arguments.rest, json=arguments.format == "json")


def _emulate(arguments: Arguments) -> int:
    from omni_release.cli import emulate

    if arguments.format != "text":
        raise UsageError("`emulate` prints its address, and no document", "Leave --format out.")
    return emulate.main(arguments.rest)


COMMANDS = dict.fromkeys(lanes.ALL, _lane) | {
    "contract": _contract,
    "emulate": _emulate,
    "explain": _explain,
    "index": _index,
    "sign": _sign,
    "workflow": _workflow,
}
"""What there is to be called, by name."""
