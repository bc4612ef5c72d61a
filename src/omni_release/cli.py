"""Typed arguments → a lane. The only exit, and the only place that knows the seams' real implementations."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release import __doc__, __version__, errors, lanes, project
from omni_release.audit import command as audit
from omni_release.errors import MissingExtra, OmniReleaseError, UsageError
from omni_release.model import Project
from omni_release.report import text
from omni_release.smoke import command as smoke_command
from omni_release.smoke import contract_command
from omni_release.usage import Parser, WrongCall, refused
from omni_release.versions import command

_FILE = "pyproject.toml"
_FORMATS = ("text", "json", "junit", "md", "sarif")


@dataclass(frozen=True)
class Arguments:
    """What was asked for."""

    command: str
    project: Path
    format: str
    dry_run: bool = False
    run: str | None = None
    artifacts: Path | None = None
    output: Path | None = None
    only: Sequence[str] = ()
    verb: str = ""
    value: str = ""
    docs: bool = False
    index: str = ""
    id: str = ""
    by: str = ""
    reason: str = ""
    committed: bool = False
    write: bool = False
    name: str = ""
    folder: Path | None = None
    port: int = 0
    script: str = ""
    mode: str = ""
    budget: float = 0.0
    deadline: float = 0.0
    rule: Path | None = None
    to: str = ""
    yes: bool = False
    rest: Sequence[str] = ()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Every error that a user can cause ends here as a message."""
    from omni_release.ports.terminal import unicode

    unicode(sys.stdout)
    unicode(sys.stderr)
    try:
        arguments = _parsed(argv)
    except SystemExit as ended:  # argparse has said what was asked for: its help, our version
        return ended.code if isinstance(ended.code, int) else errors.EXIT_USAGE
    except WrongCall as error:
        return refused(sys.argv[1:] if argv is None else argv, COMMANDS, error)
    try:
        return COMMANDS[arguments.command](arguments)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] == "omni_release":
            raise
        return _told(arguments, MissingExtra(str(error.name), f"`omni-release {arguments.command}`"))
    except OSError as error:
        what = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        return _told(arguments, OmniReleaseError(what))
    except OmniReleaseError as error:
        return _told(arguments, error)
    except KeyboardInterrupt:
        sys.stderr.write("omni-release: interrupted\n")
        return errors.EXIT_INTERRUPTED


def _told(arguments: Arguments, error: OmniReleaseError) -> int:
    if arguments.format == "json":
        from omni_release.report import json

        sys.stdout.write(json.error_document(arguments.command, error))
    else:
        from omni_release.printable import printable

        sys.stderr.writelines(f"{printable(line)}\n" for line in text.error(error))
    return error.exit_code


def _parsed(argv: Sequence[str] | None) -> Arguments:
    parser = Parser("omni-release", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    common = Parser(add_help=False, allow_abbrev=False)
    common.add_argument(
        "--project", type=Path, default=Path(), metavar="DIR", help="the project's folder (default: here)"
    )
    plain = Parser(add_help=False, allow_abbrev=False, parents=[common])
    plain.add_argument("--format", choices=("text", "json"), default="text", help="what is printed on stdout")
    report = Parser(add_help=False, allow_abbrev=False, parents=[common])
    report.add_argument("--format", choices=_FORMATS, default="text", help="what is printed on stdout")
    report.add_argument("--output", type=Path, metavar="DIR", help="write the report there, in each of its forms")
    report.add_argument("--only", action="append", default=[], metavar="ID", help="this task, and what it needs")
    run = Parser(add_help=False, allow_abbrev=False)
    run.add_argument("--dry-run", action="store_true", help="print what would be done, and do none of it")
    run.add_argument("--run", metavar="RUN", help="go on with this run, in place of a new or the newest one")
    run.add_argument("--artifacts", type=Path, metavar="DIR", help="take what was built elsewhere, in place of a build")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, lane in lanes.ALL.items():
        added = commands.add_parser(
            name,
            parents=[plain if name == "version" else report, run],
            help=_first_line(lane.__doc__),
            allow_abbrev=False,
        )
        if name == "version":
            command.arguments(added)
        if name == "checklist":
            added.add_argument("verb", nargs="?", choices=("check", "show", "init"), default="check")
        if name == "models":
            added.add_argument("verb", nargs="?", choices=("check", "list"), default="check")
        if name in ("smoke", "record", "cassettes"):
            smoke_command.arguments(added, name)
        if name == "audit":
            audit.arguments(added)
        if name in lanes.PUBLISHING:
            added.add_argument("--to", required=True, metavar="INDEX", help="pypi, testpypi, a name, or an upload URL")
        if name == "release":
            added.add_argument("--yes", action="store_true", help="publish, and ask nobody to type the version")
    sign = commands.add_parser(
        "sign", parents=[plain], help="Answer a task that waits for a person.", allow_abbrev=False
    )
    sign.add_argument("id", metavar="ID", nargs="?", default="", help="without it, at a terminal, you are asked")
    sign.add_argument("--reason", default="", help="why it is right to go on")
    sign.add_argument("--committed", action="store_true", help="for this version, into a file that you commit")
    sign.add_argument("--by", default="", help="who answers (default: git's user.name)")
    sign.add_argument("--run", metavar="RUN", help="the run that is answered (default: the newest)")
    workflow = commands.add_parser(
        "workflow", parents=[plain], help="Workflows for a pipeline: gate and release.", allow_abbrev=False
    )
    workflow.add_argument("verb", choices=("github",), help="whose workflows")
    workflow.add_argument("name", nargs="?", default="", metavar="NAME", help="gate or release (default: both)")
    workflow.add_argument("--write", action="store_true", help="write them to .github/workflows/, in place of printing")
    explain = commands.add_parser(
        "explain", parents=[plain], help="What a task is, and what to do.", allow_abbrev=False
    )
    explain.add_argument("id", metavar="ID")
    index = commands.add_parser(
        "index", parents=[plain], help="The rehearsal index, for trying things by hand.", allow_abbrev=False
    )
    index.add_argument("verb", choices=("serve",))
    index.add_argument("--name", default="", help="the project that it answers for (default: the one in this folder)")
    index.add_argument("--folder", type=Path, metavar="DIR", help="where its files lie (default: removed at its end)")
    index.add_argument("--port", type=int, default=0, metavar="N", help="listen on this port (default: a free one)")
    index.add_argument("--script", default="", help="what goes wrong: docs/index.md has the cases")
    contract_command.arguments(
        commands.add_parser(
            "contract", parents=[plain], help="What the service's answers look like, and what has changed."
        )
    )
    emulate = commands.add_parser(
        "emulate", parents=[plain], help="A Gemini-shaped server with scripted faults.", add_help=False
    )
    emulate.add_argument("rest", nargs=argparse.REMAINDER)  # read where the server is: this file starts fast
    return Arguments(**vars(parser.parse_args(argv)))


def _first_line(doc: str | None) -> str:
    return (doc or "").partition("\n")[0]


def _lane(arguments: Arguments) -> int:
    if arguments.command == "version" and arguments.project.is_dir():
        command.held_to_one_project(arguments.project.absolute())
    if arguments.command == "version" and (arguments.verb != "check" or not (arguments.project / _FILE).exists()):
        return _version(arguments)
    if arguments.command == "checklist" and arguments.verb != "check":
        from omni_release.checklists import command as checklist

        shows = arguments.verb == "show"
        _held_to_formats(arguments, f"checklist {arguments.verb}", *(("md",) if shows else ()))
        found = _project(arguments)
        if shows:
            return checklist.show(found, arguments.format, arguments.run)
        return checklist.init(found, json=arguments.format == "json")
    if arguments.command == "models" and arguments.verb == "list":
        from omni_release.smoke.listed import show

        _held_to_formats(arguments, "models list")
        return show(_project(arguments).root, json=arguments.format == "json")
    if arguments.command == "cassettes" and arguments.verb == "shrink":
        _held_to_formats(arguments, "cassettes shrink")
        json = arguments.format == "json"
        return smoke_command.shrink(_project(arguments), dry=arguments.dry_run, json=json)
    if arguments.rule is not None:
        _held_to_formats(arguments, "audit --rule")
        return audit.show(_project(arguments), arguments.rule, json=arguments.format == "json")
    return _run(arguments)


def _held_to_formats(arguments: Arguments, what: str, *more: str) -> None:
    """Raises UsageError where what is no run is asked for in a form that only reports have."""
    forms = ("text", "json", *more)
    if arguments.format not in forms:
        raise UsageError(f"`{what}` prints {' or '.join(forms)}, and no {arguments.format}", "A lane's report does.")


def _project(arguments: Arguments) -> Project:
    root = arguments.project.absolute()
    if not root.is_dir():
        raise UsageError(f"there is no folder {arguments.project}", "Name the project's folder with --project DIR.")
    return project.load(root)


def _version(arguments: Arguments) -> int:
    root, json = arguments.project.absolute(), arguments.format == "json"
    if not root.is_dir() or (root / _FILE).exists():
        _project(arguments)  # its settings may be wrong
    if arguments.verb == "check":
        return command.check(root, json=json, staged=bool(arguments.mode))
    if arguments.mode:
        raise UsageError(f"version {arguments.verb} takes no --staged", "version check does.")
    if arguments.verb == "show":
        return command.show(root, json=json)
    from omni_release.ports import swap

    asked = command.Asked(arguments.verb, arguments.value, arguments.dry_run, json, arguments.docs, arguments.index)
    return command.change(root, asked, swap)


def _explain(arguments: Arguments) -> int:
    from omni_release.explain import explain

    found = _project(arguments) if (arguments.project / _FILE).is_file() else None
    return explain(arguments.id, found, json=arguments.format == "json")


def _sign(arguments: Arguments) -> int:
    from omni_release.run import Answering, sign

    json = arguments.format == "json"
    answer = Answering(
        _project(arguments), arguments.id, arguments.reason, arguments.by, arguments.run, json, arguments.committed
    )
    return sign(answer, input if sys.stdin.isatty() else None)


def _run(arguments: Arguments) -> int:
    from omni_release.run import Request, run_lane

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
    from omni_release.workflows import command

    json = arguments.format == "json"
    return command.main(arguments.project.absolute(), arguments.name, write=arguments.write, json=json)


def _index(arguments: Arguments) -> int:
    import os

    from omni_release.index.serve import Wanted, serve

    name = arguments.name or _project(arguments).name
    json = arguments.format == "json"
    return serve(Wanted(name, arguments.folder, arguments.port, arguments.script, json), os.environ)


def _contract(arguments: Arguments) -> int:
    return contract_command.run(arguments.verb, arguments.rest, json=arguments.format == "json")


def _emulate(arguments: Arguments) -> int:
    from omni_release.emulator import command

    if arguments.format != "text":
        raise UsageError("`emulate` prints its address, and no document", "Leave --format out.")
    return command.main(arguments.rest)


COMMANDS = dict.fromkeys(lanes.ALL, _lane) | {
    "contract": _contract,
    "emulate": _emulate,
    "explain": _explain,
    "index": _index,
    "sign": _sign,
    "workflow": _workflow,
}
"""What there is to be called, by name."""
