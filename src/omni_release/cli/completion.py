"""`completion`: a script that completes the commands and options in a shell."""

from __future__ import annotations

import sys

from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import subcommand
from omni_release.core.errors import EXIT_PASSED

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Callable

    from omni_release.cli.parser import Commands, Parser


class Arguments(cli_parser.Arguments):
    """The arguments of `completion`; `build_parser` makes the parser of the whole command line."""

    shell: str
    build_parser: Callable[[], Parser]


def add_parser(commands: Commands, name: str) -> None:
    """Add `completion`."""
    parser = subcommand(
        commands,
        name,
        "Print a completion script for a shell",
        "completion bash > ~/.local/share/bash-completion/completions/omni-release",
        'completion zsh > "${fpath[1]}/_omni-release"',
        "completion fish > ~/.config/fish/completions/omni-release.fish",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell to generate completions for")
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Print the script."""
    import shtab

    sys.stdout.write(shtab.complete(arguments.build_parser(), arguments.shell) + "\n")
    return EXIT_PASSED
