"""`models`: check the models that the project names, list them with their places, update what is known of them."""

from __future__ import annotations

import sys

from omni_release.cli import lane
from omni_release.cli.parser import add_dry_run, add_format, add_project, subcommand, verbs
from omni_release.core.errors import EXIT_PASSED, UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from omni_release.cli.parser import Commands
    from omni_release.models import Registry
    from omni_release.models.names import Occurrence

_LARGEST = 50_000_000  # bytes

_FIRST_YEAR = 2023  # of such lists: a file that was in an archive may be of 1980-01-01


class Arguments(lane.Arguments):
    """The arguments of a lane, and those of `update`; without `origin`, LiteLLM's price file is read."""

    origin: str = ""
    user: bool = False


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
    words = "Add newer facts to omni-release-models.toml, a file of the project"
    updating = subcommand(added, "update", words, "models update", "models update --from openai-models.json --dry-run")
    words = "a file, a URL, or openai, anthropic, mistral (with the key in its variable); default: LiteLLM's price file"
    updating.add_argument("--from", dest="origin", metavar="FILE|URL|VENDOR", help=words)
    updating.add_argument("--user", action="store_true", help="write to your own cache, which a release ignores")
    add_project(updating)
    add_dry_run(updating)
    add_format(updating)
    updating.set_defaults(run=run_update)


def run_list(arguments: Arguments) -> int:
    """`models list`: each model, its life cycle and its places."""
    from datetime import UTC, datetime

    from omni_release import models as models_module
    from omni_release.core.text import counted
    from omni_release.models.names import find_names

    today = datetime.now(UTC).date()
    root = arguments.load_project().root
    registry = models_module.at(root, models_module.existing_user_cache())
    by_name: dict[str, list[Occurrence]] = {}
    for occurrence in find_names(str(root), also=registry.added).occurrences:
        name = f"{occurrence.name}…" if occurrence.computed else occurrence.name
        if _differs(occurrence, registry):
            name = f"{name} ({occurrence.platform})"
        by_name.setdefault(name, []).append(occurrence)
    if arguments.as_json:
        sys.stdout.write(document(by_name, registry, today))
        return EXIT_PASSED
    for name, places in sorted(by_name.items()):
        count = f", {counted(len(places), 'place')}" if len(places) > 1 else ""
        sys.stdout.write(lane.shown(f"{name}: {_life_cycle(places[0], registry, today)}{count}\n"))
        sys.stdout.writelines(lane.shown(f"  {place.where}\n") for place in places)
    if not by_name:
        sys.stdout.write("no file names a model\n")
    return EXIT_PASSED


def document(by_name: Mapping[str, Sequence[Occurrence]], registry: Registry, today: date) -> str:
    """The models as JSON, each with its places."""
    from omni_release.core.documents import to_output

    content = []
    for _, places in sorted(by_name.items()):
        name, computed, platform = places[0].name, places[0].computed, places[0].platform
        model = None if computed else registry.find(name, platform)
        content.append(
            {
                "name": name,
                "platform": model.platform if model else platform,
                "computed": computed,
                "known": model is not None,
                "lives": model.lives(today) if model else None,
                "stage": str(model.stage_on(today)) if model else None,
                "shut_down": model.shut_down.isoformat() if model and model.shut_down else None,
                "successor": registry.successor(name, today, platform),
                "life": _life_cycle(places[0], registry, today),
                "places": [{"path": place.path, "line": place.line, "column": place.column} for place in places],
            }
        )
    return to_output({"models": content})


def _differs(occurrence: Occurrence, registry: Registry) -> bool:
    """Whether the platform that is named in front of a name is not the one of the name alone."""
    alone = registry.find(occurrence.name)
    return bool(occurrence.platform) and alone is not None and alone.platform != occurrence.platform


def _life_cycle(occurrence: Occurrence, registry: Registry, today: date) -> str:
    if occurrence.computed:
        return "built at run time"
    return registry.describe(occurrence.name, today, occurrence.platform)


def run_update(arguments: Arguments) -> int:
    """`models update`: write what a source adds into the project's overlay, or into the user's cache."""
    import os
    from datetime import UTC, datetime

    from omni_release.core.documents import to_output, write_file
    from omni_release.core.text import counted
    from omni_release.models import overlay, overlay_file, sources
    from omni_release.models.registry import OVERLAY

    path = overlay.user_cache(os.environ) if arguments.user else arguments.load_project().root / OVERLAY
    data, origin, day = _read(arguments.origin or sources.LITELLM, datetime.now(UTC).date())
    before = overlay_file.read(path) if path.is_file() else overlay_file.Overlay()
    update = sources.update(before, sources.parse(data, origin, day))
    if not arguments.dry_run:
        try:
            write_file(path, overlay_file.write(update.overlay).encode())
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}", "Correct its permissions.") from None
    if arguments.as_json:
        content = {"path": str(path), "added": update.added, "changed": update.changed, "dry_run": arguments.dry_run}
        sys.stdout.write(to_output(content))
        return EXIT_PASSED
    for word, names in (("added", update.added), ("changed", update.changed)):
        sys.stdout.writelines(lane.shown(f"{word}  {name}\n") for name in names)
    wrote = "would write" if arguments.dry_run else "wrote"
    said = f"{wrote} {path}: {counted(len(update.added), 'name')} added, {len(update.changed)} changed\n"
    sys.stderr.write(lane.shown(said))
    if not arguments.dry_run and not arguments.user:
        sys.stderr.write("Review it as a diff, and commit it\n")
    return EXIT_PASSED


def _read(origin: str, today: date) -> tuple[bytes, str, date]:
    """The bytes of a source, how it is named in the overlay, and the day that its facts are of."""
    import os
    from datetime import UTC, datetime
    from pathlib import Path

    from omni_release.core.redaction import public_address
    from omni_release.index import downloads
    from omni_release.models import sources

    if origin in sources.LISTS and not Path(origin).exists():
        address, headers = sources.vendor_list(origin, os.environ)
        return downloads.read_url(address, _LARGEST, headers), public_address(address), today
    if "://" in origin:
        return downloads.read_url(origin, _LARGEST), public_address(origin), today
    path = Path(origin)
    try:
        data, changed = path.read_bytes(), path.stat().st_mtime
    except OSError as error:
        hint = "Name a file, or an address with https://."
        raise UsageError(f"{origin} cannot be read: {error.strerror}", hint) from None
    day = datetime.fromtimestamp(changed, UTC).date()
    return data, path.name, day if day <= today and day.year >= _FIRST_YEAR else today
