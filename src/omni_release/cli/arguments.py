"""The command line, typed: each command with what it takes; and what is said of a call that is none."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Never

from omni_release import __doc__, __version__, lanes
from omni_release.cli import audit
from omni_release.cli import contract as contract_command
from omni_release.cli import smoke as smoke_command
from omni_release.cli import version as version_command
from omni_release.core.errors import UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from omni_release.core.redaction import Redact

_FORMATS = ("text", "json", "junit", "md", "sarif")


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
