"""Typed arguments → a lane, or a command that gets the seams it needs. The only exit."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import sys
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Never

from omni_release import __doc__, __version__, lanes, project
from omni_release.cli import audit, version
from omni_release.cli import contract as contract_command
from omni_release.cli import smoke as smoke_command
from omni_release.cli import version as version_command
from omni_release.core import errors
from omni_release.core.errors import MissingExtra, OmniReleaseError, UsageError, describe_os_error
from omni_release.core.model import Project
from omni_release.report import FORMATS, text

if TYPE_CHECKING:
    from omni_release.core.redaction import Redact
    from omni_release.core.runs import RunStore
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
        return _told(arguments, OmniReleaseError(describe_os_error(error)))
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
        from omni_release.core.redaction import printable

        sys.stderr.writelines(f"{printable(line)}\n" for line in text.error_lines(error, _redact))
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


def _home(found: Project) -> RunStore:
    """Where the project's runs are; nothing that is kept there shows a secret of our environment."""
    from omni_release.adapters.secrets import Secrets
    from omni_release.core.runs import RunStore

    return RunStore(found.root, _files(), Secrets.of(os.environ).redact)


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
    from omni_release.adapters import files

    asked = version.Asked(arguments.verb, arguments.value, arguments.dry_run, json, arguments.docs)
    if not arguments.index:
        return version.change(root, asked, files)
    from omni_release.adapters.index import reader

    return version.change(root, asked, files, reader(arguments.index))


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
    from omni_release.core.runs import Request
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


class WrongCall(UsageError):
    """What is wrong with the call; the hint is the usage of the command."""


class Parser(argparse.ArgumentParser):
    """One whose errors are ours."""

    def error(self, message: str) -> Never:
        """Raises WrongCall."""
        raise WrongCall(message, self.format_usage().strip())


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


def parsed(argv: Sequence[str] | None) -> Arguments:
    """What `argv` asks for. Raises WrongCall; SystemExit where help or a version was asked for, which is printed."""
    parser = Parser("omni-release", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    common = Parser(add_help=False, allow_abbrev=False)
    common.add_argument(
        "--project", type=Path, default=Path(), metavar="DIR", help="the project's folder (default: here)"
    )
    plain = Parser(add_help=False, allow_abbrev=False, parents=[common])
    plain.add_argument("--format", choices=("text", "json"), default="text", help="what is printed on stdout")
    report = Parser(add_help=False, allow_abbrev=False, parents=[common])
    report.add_argument("--format", choices=("text", *FORMATS), default="text", help="what is printed on stdout")
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
            version_command.arguments(added)
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


def refused(argv: Sequence[str], commands: Container[str], error: WrongCall, redact: Redact) -> int:
    """Say what is wrong with the call; the exit code."""
    if "--format=json" in argv or ("--format", "json") in itertools.pairwise(argv):
        from omni_release.report import json_report

        sys.stdout.write(
            json_report.error_document(next((word for word in argv if word in commands), ""), error, redact)
        )
    else:
        sys.stderr.write(f"{error.hint}\nomni-release: error: {redact(error.message)}\n")
    return error.exit_code
