"""The page of all commands: what each does, its arguments and options, and examples, from the parsers themselves."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from omni_release.cli.main import build_parser
from omni_release.core.own_commands import GROUPS

_START = """# Commands

What `omni-release COMMAND --help` says, on one page. Generated from the command line by `nox -s docs`.

`omni-release` alone shows where the project is: its version, the last rehearsal and release, and the next command.
"""


def page() -> str:
    """The page in Markdown. It does not depend on the width of a terminal, nor on the version of argparse."""
    parts = [_START]
    for group, names in GROUPS.items():
        parts.append(f"\n## {group}\n")
        for name in names:
            (parser,) = build_parser(name).commands.choices.values()
            parts += _section(parser, f"omni-release {name}", "###")
    return "".join(parts)


def _section(parser: argparse.ArgumentParser, call: str, heading: str) -> Iterator[str]:
    """A command: its description, its arguments in a table, its examples, and then the commands below it."""
    yield f"\n{heading} {call}\n\n{(parser.description or '').rstrip('.')}.\n"
    actions = [action for action in parser._actions if action.help not in (None, argparse.SUPPRESS)]
    rows = [row for action in actions if not isinstance(action, argparse._SubParsersAction) for row in _rows(action)]
    if rows:
        yield "\n| argument | |\n|---|---|\n" + "".join(rows)
    if parser.epilog:
        yield "\nExamples:\n\n" + "".join(f"    {line.strip()}\n" for line in _examples(parser.epilog))
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from _section(below, f"{call} {name}", f"{heading}#")


def _rows(action: argparse.Action) -> Iterator[str]:
    """A line of the table; none for `--help`, which each command has."""
    if isinstance(action, argparse._HelpAction):
        return
    value = action.metavar if isinstance(action.metavar, str) else None
    if value is None and action.choices is not None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    value = value or (action.dest.upper() if action.nargs != 0 else "")
    written = [f"{option} {value}".rstrip() for option in action.option_strings] or [value]
    text = str(action.help) % {"default": action.default, "prog": "omni-release"}
    escaped = (cell.replace("|", "\\|") for cell in (", ".join(f"`{one}`" for one in written), text))
    yield f"| {' | '.join(escaped)} |\n"


def _examples(epilog: str) -> Iterator[str]:
    return (line for line in epilog.splitlines() if line.strip() and not line.rstrip().endswith(":"))
