"""Do the models that the tree names live, and for how long?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath

from omni_release import models
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Project, Release, Severity
from omni_release.core.settings import TABLE
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.models import scan
from omni_release.models.scan import Named

FILE = "pyproject.toml"

SOON = timedelta(days=60)

SETTINGS = ("image-model", "image-fallback-model")

_HISTORY = re.compile(r"(?:changelog|changes|history|news|release[-_]?notes)\b", re.IGNORECASE)

_HISTORIES = {"changes", "changelog.d", "newsfragments", "changelogs"}


def retired_models(release: Release, world: World) -> Iterator[Finding]:
    """Each model that a file of the project names is one that answers, and will for the next 60 days.

    Put the successor in the place of a name that is shut down, in all files: `omni-release models list` shows each
    occurrence. Where a dead name is meant (a test of retirement, say), waive it beside the line or in the settings.
    """
    project, today = release.project, world.clock.now().date()
    search = scan.find(str(project.root))
    stated = in_settings(project, search.names)
    if not search.names and not search.unread and not stated:
        raise NotApplicable("no file of the project names a model")
    told = [Finding(f"is not read: {why}", "model-unread", Severity.WARNING, path) for path, why in search.unread]
    told += spans((*search.names, *(named for named in stated if named not in search.names)), today)
    yield from told
    living = {named.name for named in search.names if (model := models.find(named.name)) and model.lives(today)}
    if living and not told:
        yield Finding(f"{len(search.names)} places name {', '.join(sorted(living))}", severity=Severity.NOTICE)


def in_settings(project: Project, found: Iterable[Named]) -> tuple[Named, ...]:
    """The models that [tool.omni-release] names, each where it stands in pyproject.toml."""
    own = table(project.metadata, "tool", "omni-release")
    there = {named.name: named for named in found if named.path == FILE}
    named = []
    for key in (key for key in own if key.replace("_", "-") in SETTINGS and own[key] != "none"):
        name = models.bare_name(str(own[key]))
        named.append(there.get(name) or Named(FILE, pyproject_line(project.root, (TABLE, key)) or 1, 1, name))
    return tuple(named)


def spans(found: Sequence[Named], today: date) -> list[Finding]:
    """What is to be said of the life spans: a finding for each place of a name that ends, one for each unknown name."""
    told: list[Finding] = []
    strange: dict[tuple[str, bool], list[Named]] = {}
    for named in found:
        model = models.find(named.name) if named.whole else None
        if model is None:
            strange.setdefault((named.name, named.whole), []).append(named)
        elif not model.lives(today):
            told.append(_ended(named, today))
        elif model.shut_down is not None and model.shut_down <= today + SOON:
            told.append(_ends(named, model.shut_down, model.successor, today))
    told += (_unknown(places, today) for places in strange.values())
    return told


def _ended(named: Named, today: date) -> Finding:
    model, heir = models.find(named.name), models.successor(named.name, today)
    assert model is not None
    instead = f"use {heir}" if heir else "no living successor is known"
    said = f"{named.name} was shut down on {model.shut_down}: {instead} (source: {model.source}, {model.checked})"
    if history(named.path):
        return finding_at(named, f"{said}; a changelog may say so", "model-shut-down", Severity.NOTICE)
    return finding_at(named, said, "model-shut-down", Severity.ERROR)


def _ends(named: Named, end: date, then: str | None, today: date) -> Finding:
    heir = models.successor(named.name, end) or then
    left = (end - today).days
    days = "1 day" if left == 1 else f"{left} days"
    said = f"{named.name} shuts down on {end}, in {days}" + (f": {heir} takes its place" if heir else "")
    return finding_at(named, said, "model-shuts-down", Severity.NOTICE if history(named.path) else Severity.WARNING)


def _unknown(places: Sequence[Named], today: date) -> Finding:
    first, *others = places
    also = f"; also {', '.join(named.where for named in others)}" if others else ""
    if not first.whole:
        said = f"a model's name that begins with {first.name!r} is put together when the program runs"
        return finding_at(first, f"{said}: it cannot be looked up{also}", "model-name-computed", Severity.NOTICE)
    return finding_at(
        first, f"{first.name} is not in our table of models{near(first.name, today)}{also}", "model-unknown"
    )


def near(name: str, today: date) -> str:
    """A hint at the name that was meant, where one is near."""
    living = [known for known, model in models.all_models().items() if model.lives(today)]
    close = difflib.get_close_matches(name, living, 1, 0.85)
    return f": is {close[0]} meant?" if close else ""


def history(path: str) -> bool:
    """Whether a file tells what once was."""
    parts = PurePosixPath(path)
    return bool(_HISTORY.match(parts.name)) or not _HISTORIES.isdisjoint(parts.parts[:-1])


def finding_at(named: Named, said: str, rule: str, severity: Severity = Severity.NOTICE) -> Finding:
    """A finding about an occurrence of a model name."""
    return Finding(said, rule, severity, named.path, named.line, named.column)
