"""`models list`: each model that the tree names, how long it lives, and all of its places."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

from omni_release import models
from omni_release.core.errors import EXIT_PASSED
from omni_release.models import scan
from omni_release.models.scan import Occurrence


def show(root: Path, *, json: bool) -> int:
    """Print them; the exit code."""
    today = datetime.now(UTC).date()
    by_name: dict[str, list[Occurrence]] = {}
    for named in scan.find(str(root)).occurrences:
        by_name.setdefault(f"{named.name}…" if named.computed else named.name, []).append(named)
    if json:
        sys.stdout.write(document(by_name, today))
        return EXIT_PASSED
    for name, places in sorted(by_name.items()):
        sys.stdout.write(f"{name}: {_told(places[0], today)}\n")
        sys.stdout.writelines(f"  {named.where}\n" for named in places)
    if not by_name:
        sys.stdout.write("no file names a model\n")
    return EXIT_PASSED


def document(by_name: dict[str, list[Occurrence]], today: date) -> str:
    """The same as one JSON document: a list of models, each with its places."""
    from omni_release.core.documents import to_json

    content = [
        {
            "name": places[0].name,
            "computed": places[0].computed,
            "known": (model := None if places[0].computed else models.find(places[0].name)) is not None,
            "lives": model.lives(today) if model else None,
            "shut_down": model.shut_down.isoformat() if model and model.shut_down else None,
            "successor": models.successor(places[0].name, today),
            "life": _told(places[0], today),
            "places": [{"path": named.path, "line": named.line, "column": named.column} for named in places],
        }
        for _, places in sorted(by_name.items())
    ]
    return to_json({"models": content})


def _told(named: Occurrence, today: date) -> str:
    return "built at run time" if named.computed else models.describe(named.name, today)
