"""`smoke` and `record`: the lanes that call an AI service, live or emulated."""

from __future__ import annotations

from omni_release.cli import lane
from omni_release.cli.parser import number, subcommand

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from omni_release.cli.parser import Commands


class Arguments(lane.Arguments):
    """The arguments of `smoke` and `record`; an amount of 0 leaves it to the settings."""

    mode: str = "live"
    budget: float = 0.0
    deadline: float = 0.0


def add_parser(commands: Commands, name: str) -> None:
    """Add `smoke` or `record`."""
    parser = subcommand(commands, name, lane.describe(name), f"{name} --emulated", f"{name} --live --budget 0.50")
    modes = parser.add_mutually_exclusive_group()
    offered = {"live": "call the live service (default)", "emulated": "call the emulator, which needs no key"}
    if name == "smoke":
        offered["recorded"] = "replay the cassettes, as `replay` does"
    for mode, help in offered.items():
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode, help=help)
    positive = number(0, 1_000_000, above=True)
    parser.add_argument("--budget", type=positive, metavar="USD", help="stop before the run costs more than this")
    parser.add_argument("--deadline", type=positive, metavar="SECONDS", help="stop the run after this time")
    lane.add_options(parser, run=True, artifacts=True)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Run the lane in the mode named, with the limits of the command line instead of those of the settings."""
    from dataclasses import replace

    request = lane.request(arguments)
    settings = request.project.settings
    smoke = settings.smoke._replace(
        budget=arguments.budget or settings.smoke.budget,
        timeout=arguments.deadline or settings.smoke.timeout,
    )
    project = replace(request.project, settings=replace(settings, smoke=smoke))
    chosen = [*request.chosen, f"--{arguments.mode}"]
    for option, amount in (("--budget", arguments.budget), ("--deadline", arguments.deadline)):
        chosen += [option, f"{amount:g}"] if amount else []
    return lane.start(replace(request, project=project, mode=arguments.mode, chosen=tuple(chosen)))
