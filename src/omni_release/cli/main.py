"""The entry point of the command line: dispatch to a subcommand, errors and exit codes."""

from __future__ import annotations

import codecs
import functools
import importlib
import itertools
import sys

from omni_release import __version__
from omni_release.cli.parser import Arguments, Parser, WrongCall
from omni_release.core import errors, renamed
from omni_release.core.errors import MissingExtra, OmniReleaseError
from omni_release.core.own_commands import COMMANDS, GROUPS, PACKAGES, PARTS, STATES

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol, TextIO

    from omni_release.cli.parser import Commands

    class Subcommand(Protocol):
        """A module with one or more subcommands."""

        @property
        def Arguments(self) -> type[Arguments]:  # noqa: N802 - a class
            """Its arguments, with their defaults."""

        def add_parser(self, commands: Commands, name: str) -> None:
            """Add the subcommand of this name."""


_MODULES = {
    **dict.fromkeys((*GROUPS["Release"], "gate", "replay"), "lane"),
    **dict.fromkeys(STATES, "status"),
    **dict.fromkeys(PACKAGES, "workspace"),
    **{name: name for name in ("inspect", "prepare", "watch", "recall", "rebuild")},
    "record": "smoke",
    "approvals": "approve",
}
"""The modules of the subcommands, where they are not called as these are."""


def subcommand(name: str) -> Subcommand:
    """The module of a subcommand: only that of the one that is called is imported, for `version` at every commit."""
    # By a computed name, which the contracts do not see: they hold for this folder as a whole, and no module below
    # it imports this one.
    module: Any = importlib.import_module(f"omni_release.cli.{_MODULES.get(name, name)}")  # noqa: TID251
    return module  # type: ignore[no-any-return]  # a module; tests/cli/test_help.py builds each parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Every error that a user can cause becomes a message here."""
    words = (sys.argv[1:] if argv is None else list(argv)) or ["status"]
    for stream in (sys.stdout, sys.stderr):
        _accept_any_text(stream)
    words = [_current(words[0]), *words[1:]]
    try:
        arguments = parse(words)
    except SystemExit as ended:  # argparse has printed the help or the version
        return ended.code if isinstance(ended.code, int) else errors.EXIT_USAGE
    except WrongCall as error:
        return _refuse(words, error)
    try:
        return arguments.run(arguments)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] == "omni_release":
            raise
        return _report(arguments, MissingExtra(str(error.name), f"`omni-release {arguments.command}`"))
    except OSError as error:
        return _report(arguments, errors.from_os_error(error))
    except OmniReleaseError as error:
        return _report(arguments, error)
    except KeyboardInterrupt:
        sys.stderr.write("omni-release: interrupted\n")
        return errors.EXIT_INTERRUPTED


def _current(command: str) -> str:
    """Today's name of a command; a line on stderr says so where it is a former one."""
    today = renamed.COMMANDS.get(command, command)
    if today != command:
        sys.stderr.write(f"{renamed.notice(command, today)}\n")
    return today


_SPELLED = {"…": "...", "→": "->", "←": "<-", "·": "|", "–": "-", "—": "-", "≥": ">=", "≤": "<="}
"""What is written in place of characters that the encoding of a console does not have."""


def _accept_any_text(stream: TextIO) -> None:
    """Have a stream accept any text: a console with another encoding shows what is like it in ASCII, or `?`."""

    def spelled(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        return "".join(_SPELLED.get(char, "?") for char in error.object[error.start : error.end]), error.end

    codecs.register_error("omni-release", spelled)
    reconfigure = getattr(stream, "reconfigure", None)  # a test's replacement has none
    if reconfigure is not None:
        reconfigure(encoding="utf-8" if not stream.isatty() else None, errors="omni-release")


def parse(words: Sequence[str]) -> Arguments:
    """The arguments. Raises WrongCall; SystemExit after printing the help or the version.

    Only the parser of the subcommand that is called is built: all of them take longer than most commands.
    """
    if words[0] in COMMANDS:
        return build_parser(words[0]).parse_args(words, subcommand(words[0]).Arguments())
    return build_parser(*(() if words[0] == "--version" else COMMANDS)).parse_args(words, Arguments())


_TOGETHER: dict[tuple[str, ...], str] = {
    ("doctor", "published", "watch", "recall", "rebuild"): "before and after a release",
    PARTS: "run the rehearsal up to this stage",
    ("init", "baseline"): "set a project up; accept today's findings of quality rules",
    PACKAGES: "the packages of a repository; what a release contains",
    ("audit", "api"): "find bug patterns, compare the API of two versions",
    ("smoke", "record", "replay"): "run the smoke tests live, record them, replay them",
    ("checklist", "sign", "approve", "approvals"): "questions of a release, and approvals",
    STATES: "where the project is, earlier runs, their reports",
}
"""The subcommands that `--help` shows in one line."""


class _MainParser(Parser):
    """Shows the subcommands in groups, which argparse cannot, in at most 30 lines."""

    commands: Commands

    def format_usage(self) -> str:
        return "usage: omni-release COMMAND [OPTIONS]   (omni-release --help lists the commands)\n"

    def format_help(self) -> str:
        lines = ["usage: omni-release COMMAND [OPTIONS]"]
        for title, group in GROUPS.items():
            lines.append(f"{title}:")
            for name in group:
                names, words = next((one for one in _TOGETHER.items() if name in one[0]), ((), ""))
                if names and name == names[0]:
                    lines.append(f"  {', '.join(names)}: {words}")
                elif not names:
                    lines.append(f"  {name:<12}{(self.commands.choices[name].description or '').rstrip('.')}")
        lines.append("`omni-release COMMAND --help` shows its options and examples")
        return "\n".join(lines) + "\n"


def build_parser(*names: str) -> _MainParser:
    """The parser with the subcommands of these names."""
    parser = _MainParser("omni-release", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}", help="show the version")
    parser.commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=Parser, prog=parser.prog
    )
    for name in names:
        subcommand(name).add_parser(parser.commands, name)
    parser.set_defaults(build_parser=functools.partial(build_parser, *COMMANDS))
    return parser


def _refuse(words: Sequence[str], error: WrongCall) -> int:
    from omni_release.cli.lane import redact

    if "--format=json" in words or ("--format", "json") in itertools.pairwise(words):
        from omni_release.report import json_report

        command = next((word for word in words if word in COMMANDS), "")
        sys.stdout.write(json_report.error_document(command, error, redact))
    else:
        sys.stderr.write(f"{error.hint}\nomni-release: error: {redact(error.message)}\n")
    return error.exit_code


def _report(arguments: Arguments, error: OmniReleaseError) -> int:
    from omni_release.cli.lane import redact

    if arguments.as_json:
        from omni_release.report import json_report

        sys.stdout.write(json_report.error_document(arguments.command, error, redact))
    else:
        from omni_release.core.own_commands import typed
        from omni_release.core.redaction import printable
        from omni_release.report import text

        lines = text.error_lines(error, lambda words: typed(redact(words)))
        sys.stderr.writelines(f"{printable(line)}\n" for line in lines)
    return error.exit_code
