"""`models`: check the models that the project names, and list them with their places."""

from __future__ import annotations

import sys

from omni_release.cli import lane
from omni_release.cli.parser import add_format, add_project, subcommand, verbs
from omni_release.core.errors import EXIT_PASSED

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from omni_release.cli.parser import Commands
    from omni_release.models.names import Occurrence

Arguments = lane.Arguments


def add_parser(commands: Commands, name: str) -> None:
    """Add `models` and its verbs; `check` is the default."""
    described = "Check the AI models that the project names, or list them"
    parser = subcommand(commands, name, described, "models", "models list --format json")
    added = verbs(parser)
    check = subcommand(added, "check", f"{lane.describe(name)} (default)", "models check --only retired-models")
    for checking in (parser, check):
        lane.add_options(checking)
        checking.set_defaults(run=lane.run)
    listing = subcommand(added, "list", "List the models that the project names, with all places", "models list")
    add_project(listing)
    add_format(listing)
    listing.set_defaults(run=run_list)


def run_list(arguments: Arguments) -> int:
    """`models list`: each model, its life cycle and its places."""
    from datetime import UTC, datetime

    from omni_release.core.text import counted
    from omni_release.models.names import find_names

    today = datetime.now(UTC).date()
    by_name: dict[str, list[Occurrence]] = {}
    for occurrence in find_names(str(arguments.load_project().root)).occurrences:
        name = f"{occurrence.name}…" if occurrence.computed else occurrence.name
        by_name.setdefault(name, []).append(occurrence)
    if arguments.as_json:
        sys.stdout.write(document(by_name, today))
        return EXIT_PASSED
    for name, places in sorted(by_name.items()):
        count = f", {counted(len(places), 'place')}" if len(places) > 1 else ""
        sys.stdout.write(lane.shown(f"{name}: {_life_cycle(places[0], today)}{count}\n"))
        sys.stdout.writelines(lane.shown(f"  {place.where}\n") for place in places)
    if not by_name:
        sys.stdout.write("no file names a model\n")
    return EXIT_PASSED


def document(by_name: Mapping[str, Sequence[Occurrence]], today: date) -> str:
    """The models as JSON, each with its places."""
    from omni_release import models as models_module
    from omni_release.core.documents import to_output

    content = []
    for _, places in sorted(by_name.items()):
        name, computed = places[0].name, places[0].computed
        model = None if computed else models_module.find(name)
        content.append(
            {
                "name": name,
                "computed": computed,
                "known": model is not None,
                "lives": model.lives(today) if model else None,
                "shut_down": model.shut_down.isoformat() if model and model.shut_down else None,
                "successor": models_module.successor(name, today),
                "life": _life_cycle(places[0], today),
                "places": [{"path": place.path, "line": place.line, "column": place.column} for place in places],
            }
        )
    return to_output({"models": content})


def _life_cycle(occurrence: Occurrence, today: date) -> str:
    from omni_release import models as models_module

    return "built at run time" if occurrence.computed else models_module.describe(occurrence.name, today)
