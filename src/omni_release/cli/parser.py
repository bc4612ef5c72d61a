"""The argument parser, and the arguments that all subcommands share.

A subcommand is a module with a class `Arguments` (a field with its default for each argument), `add_parser` (the flags
and their help) and `run`. An argument that is not given is left out of the namespace, so that the default of the class
holds, and an option can be given before a verb or after it.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from omni_release.core.errors import UsageError, did_you_mean

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Never, TypeAlias

    from omni_release.core.model import Project

    Commands: TypeAlias = argparse._SubParsersAction["Parser"]


class WrongCall(UsageError):
    """A usage error; the hint is the usage of the command."""


class Arguments(argparse.Namespace):
    """The arguments of every subcommand. `run` takes them and returns the exit code."""

    command: str
    run: Callable[[Any], int]
    project: Path = Path()
    format: str = "text"

    @property
    def as_json(self) -> bool:
        return self.format == "json"

    def root(self) -> Path:
        """The project's folder, absolute. Raises UsageError where there is no such folder."""
        root = self.project.absolute()
        if not root.is_dir():
            raise UsageError(f"there is no folder {self.project}", "Name the project's folder with --project DIR.")
        return root

    def load_project(self) -> Project:
        """The project in this folder. Raises UsageError, also where its settings are wrong."""
        from omni_release import project

        return project.load(self.root())


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises WrongCall instead of exiting, and suggests the nearest option or choice."""

    def error(self, message: str) -> Never:
        raise WrongCall(message, self.format_usage().strip())

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]  # one of its overloads, which is how argparse itself calls it
        """Parse, and refuse what is unknown here: argparse would leave it to the top level, with another usage."""
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            hint = did_you_mean(unknown[0].partition("=")[0], self._option_string_actions, cutoff=0.7)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint and f'. {hint}'}")
        return namespace, []

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Overrides a method that argparse does not document: `suggest_on_error` exists from Python 3.14 on."""
        if action.choices is not None and value not in (*action.choices, argparse.SUPPRESS):  # the default of `?`
            choices = [str(choice) for choice in action.choices]
            hint = did_you_mean(str(value), choices, f"Choose from: {', '.join(choices)}")
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}. {hint}")


def subcommand(commands: Commands, name: str, description: str, *examples: str) -> Parser:
    """A parser for one subcommand, or for one verb of it. `examples` are shown in its help."""
    shown = "\n".join(f"  omni-release {example}" for example in examples)
    return commands.add_parser(
        name,
        help=description,
        description=f"{description}.",
        epilog=f"{'examples' if len(examples) > 1 else 'example'}:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )


def verbs(parser: Parser, *, required: bool = False) -> Commands:
    """The verbs of a subcommand, each a subcommand of its own."""
    help = f"`{parser.prog} VERB --help` shows its options"
    return parser.add_subparsers(title="verbs", metavar="VERB", required=required, help=help, prog=parser.prog)


def add_project(parser: argparse.ArgumentParser) -> None:
    """Add `--project`."""
    parser.add_argument("--project", type=Path, metavar="DIR", help="project folder (default: the current folder)")


def add_format(parser: argparse.ArgumentParser, *formats: str) -> None:
    """Add `--format`: text, and the formats named, or JSON."""
    choices = ("text", *(formats or ("json",)))
    parser.add_argument("--format", choices=choices, help="format of stdout (default: text)")


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """Add `--dry-run`."""
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, without doing it")


def agreed(question: str) -> bool:
    """Whether the person at the terminal agrees; an empty answer does, the end of input does not."""
    while True:
        sys.stdout.write(question)
        sys.stdout.flush()
        answer = sys.stdin.readline()
        if not answer:
            return False
        if (word := answer.strip().lower()) in ("", "y", "yes", "n", "no"):
            return word not in ("n", "no")


def number(least: float, most: float, *, above: bool = False) -> Callable[[str], float]:
    """The type of an argument that is a number from `least` to `most`, or `above` the least."""

    def convert(text: str) -> float:
        with contextlib.suppress(ValueError):
            value = float(text)
            if least <= value <= most and not (above and value == least):
                return value
        bounds = f"above {least:g}" if above else f"from {least:g} to {most:,g}"
        raise argparse.ArgumentTypeError(f"must be a number {bounds}, not {text!r}")

    return convert


def port(text: str) -> int:
    """The type of an argument that is a TCP port; 0 is a free one."""
    with contextlib.suppress(ValueError):
        if 0 <= (value := int(text)) < 65536:  # the socket would take the number modulo 65536
            return value
    raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, not {text!r}")
