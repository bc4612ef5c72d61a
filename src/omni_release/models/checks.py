"""Do the models that the tree names live, and for how long?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath

from omni_release import models
from omni_release.core import redaction
from omni_release.core.errors import CannotTell, NotApplicable
from omni_release.core.model import Finding, Project, Release, Severity
from omni_release.core.settings import TABLE
from omni_release.core.world import World
from omni_release.models import scan
from omni_release.models.scan import Named
from omni_release.project import line_of, table

_FILE = "pyproject.toml"
SOON = timedelta(days=60)
SETTINGS = ("image-model", "image-fallback-model")
_HISTORY = re.compile(r"(?:changelog|changes|history|news|release[-_]?notes)\b", re.IGNORECASE)
_HISTORIES = {"changes", "changelog.d", "newsfragments", "changelogs"}
_TESTS = {"test", "tests", "testing", "cassettes", "fixtures", "__tests__"}
_CALLED = ("gemini-", "nano-banana-")


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


def configured_models(release: Release, world: World) -> Iterator[Finding]:
    """Each model that the settings name is in the table of life spans, or answers a call.

    With a key (GOOGLE_API_KEY or GEMINI_API_KEY) one that the table does not know is called, with a few tokens of text.
    """
    project, today = release.project, world.clock.now().date()
    stated = in_settings(project, scan.find(str(project.root), [_FILE]).names)
    if not stated:
        raise NotApplicable("the settings name no model")
    yield from _or_cannot_tell(tuple(_asked([named for named in stated if not models.find(named.name)], world, today)))


def models_respond(release: Release, world: World) -> Iterator[Finding]:
    """Each model that the code or the settings name answers a call: being listed proves nothing.

    It is called with a few tokens of text, which is the lowest price that there is. Prose, tests and changelogs are
    left out. Set GOOGLE_API_KEY (or GEMINI_API_KEY) for it.
    """
    project, today = release.project, world.clock.now().date()
    found = scan.find(str(project.root)).names
    stated = in_settings(project, found)
    asked = {one.name for one in stated if not models.find(one.name)}  # by the check above
    named = [one for one in (*stated, *found) if one.whole and _runs(one) and one.name not in asked]
    called = [
        one
        for one in named
        if one.name.startswith(_CALLED) and ((m := models.find(one.name)) is None or m.lives(today))
    ]
    if not called:
        raise NotApplicable("neither the code nor the settings name a living model that can be asked")
    if not redaction.key_variables_set(world.environment):
        raise NotApplicable(f"there is no key to ask the service with ({' or '.join(redaction.KEY_VARIABLES)})")
    told = list(_asked(called, world, today))
    yield from _or_cannot_tell(told)
    yield Finding(f"called: {', '.join(sorted({one.name for one in called}))}", severity=Severity.NOTICE)


def in_settings(project: Project, found: Iterable[Named]) -> tuple[Named, ...]:
    """The models that [tool.omni-release] names, each where it stands in pyproject.toml."""
    own = table(project.metadata, "tool", "omni-release")
    there = {named.name: named for named in found if named.path == _FILE}
    named = []
    for key in (key for key in own if key.replace("_", "-") in SETTINGS and own[key] != "none"):
        name = models.bare_name(str(own[key]))
        named.append(there.get(name) or Named(_FILE, line_of(project.root, (TABLE, key)) or 1, 1, name))
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
        return _at(named, f"{said}; a changelog may say so", "model-shut-down", Severity.NOTICE)
    return _at(named, said, "model-shut-down", Severity.ERROR)


def _ends(named: Named, end: date, then: str | None, today: date) -> Finding:
    heir = models.successor(named.name, end) or then
    left = (end - today).days
    days = "1 day" if left == 1 else f"{left} days"
    said = f"{named.name} shuts down on {end}, in {days}" + (f": {heir} takes its place" if heir else "")
    return _at(named, said, "model-shuts-down", Severity.NOTICE if history(named.path) else Severity.WARNING)


def _unknown(places: Sequence[Named], today: date) -> Finding:
    first, *others = places
    also = f"; also {', '.join(named.where for named in others)}" if others else ""
    if not first.whole:
        said = f"a model's name that begins with {first.name!r} is put together when the program runs"
        return _at(first, f"{said}: it cannot be looked up{also}", "model-name-computed", Severity.NOTICE)
    return _at(first, f"{first.name} is not in our table of models{near(first.name, today)}{also}", "model-unknown")


def near(name: str, today: date) -> str:
    """A hint at the name that was meant, where one is near."""
    living = [known for known, model in models.all_models().items() if model.lives(today)]
    close = difflib.get_close_matches(name, living, 1, 0.85)
    return f": is {close[0]} meant?" if close else ""


def history(path: str) -> bool:
    """Whether a file tells what once was."""
    parts = PurePosixPath(path)
    return bool(_HISTORY.match(parts.name)) or not _HISTORIES.isdisjoint(parts.parts[:-1])


def _runs(named: Named) -> bool:
    """Whether a name stands in what runs: not in prose, a test or a recording."""
    path = PurePosixPath(named.path)
    prose = path.suffix.lower() in (".md", ".mdx", ".rst", ".txt")
    return not prose and not history(named.path) and _TESTS.isdisjoint(path.parts) and not path.name.startswith("test_")


def _at(named: Named, said: str, rule: str, severity: Severity = Severity.NOTICE) -> Finding:
    return Finding(said, rule, severity, named.path, named.line, named.column)


def _asked(places: Sequence[Named], world: World, today: date) -> Iterator[Finding]:
    """What the service says of these models: an error where it has none of that name, a warning where nobody knows."""
    from omni_release.images.probe import ask

    where: Mapping[str, Named] = {named.name: named for named in reversed(places)}
    try:
        answers = ask(tuple(sorted(where)), world.environment) if where else ()
    except CannotTell as error:
        for name, named in sorted(where.items()):
            said = f"{name} is not in our table of models{near(name, today)}, and the service was not asked"
            yield _at(named, f"{said}: {error.message}\n{error.hint}".rstrip(), _UNTOLD, Severity.WARNING)
        return
    for told in answers:
        if not told.available:
            meant = near(told.model, today) if told.certain else ""
            rule, severity = ("model-does-not-answer", Severity.ERROR) if told.certain else (_UNTOLD, Severity.WARNING)
            yield _at(where[told.model], f"{told.why}{meant}\n{told.hint}".rstrip(), rule, severity)


_UNTOLD = "model-untold"


def _or_cannot_tell(told: Sequence[Finding]) -> Iterator[Finding]:
    """The findings; where none is an error and something could not be told, that is the outcome."""
    untold = [finding for finding in told if finding.rule == _UNTOLD]
    if untold and not any(finding.severity is Severity.ERROR for finding in told):
        raise CannotTell(
            "\n".join(f"{finding.where}: {finding.message}".strip() for finding in (*untold, *_others(told)))
        )
    yield from told


def _others(told: Iterable[Finding]) -> Iterator[Finding]:
    return (finding for finding in told if finding.rule != _UNTOLD and finding.severity is Severity.WARNING)
