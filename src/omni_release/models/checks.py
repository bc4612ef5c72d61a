"""Checks of the models that the files of a project name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath

from omni_release import file_roles
from omni_release import models as models_module
from omni_release.core.errors import NotApplicable, did_you_mean
from omni_release.core.model import Finding, Project, Release, Severity
from omni_release.core.settings import TABLE
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import counted
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.models import Occurrence
from omni_release.models.uses import PROSE, Context, Reader

SHUT_DOWN = Rule("model-shut-down", RuleClass.RELEASE, "A model is shut down")
SHUTS_DOWN = Rule("model-shuts-down", RuleClass.RELEASE, "A model shuts down soon")
UNKNOWN = Rule("model-unknown", RuleClass.QUALITY, "A model is not in the table of models")
COMPUTED = Rule("model-name-computed", RuleClass.QUALITY, "A model name is built at run time")
UNREAD = Rule("model-unread", RuleClass.QUALITY, "A file could not be searched for models")

PYPROJECT = "pyproject.toml"

SOON = timedelta(days=60)

SETTINGS = ("image-model", "image-fallback-model")

_CHANGELOG_FILE = re.compile(r"(?:changelog|changes|history|news|release[-_]?notes)\b", re.IGNORECASE)

_CHANGELOG_FOLDERS = {"changes", "changelog.d", "newsfragments", "changelogs"}


@reports(SHUT_DOWN, SHUTS_DOWN, UNKNOWN, COMPUTED, UNREAD)
def retired_models(release: Release, world: World) -> Iterator[Finding]:
    """No retired models

    No code or setting that ships uses a model that is shut down, or that shuts down within 60 days. A name in a
    comment, a docstring, a table of names, a test or an example is a warning, in prose a notice.

    Fix: replace each retired name by its successor; `omni-release models list` shows all places. Waive a name that is
    there on purpose by a comment on the line or in the settings.
    """
    project, today = release.project, world.clock.now().date()
    search = models_module.find_names(str(project.root))
    configured = configured_occurrences(project, search.occurrences)
    if not search.occurrences and not search.unread and not configured:
        raise NotApplicable("no file of the project names a model")
    findings = [Finding(f"cannot be read: {why}", UNREAD.id, Severity.WARNING, path) for path, why in search.unread]
    additional = [occurrence for occurrence in configured if occurrence not in search.occurrences]
    reader = Reader(project.root, file_roles.of_project(project), search.occurrences)
    findings += life_findings((*search.occurrences, *additional), today, lambda o: _context(o, reader, configured))
    yield from findings
    names = {occurrence.name for occurrence in search.occurrences}
    living = sorted(name for name in names if (model := models_module.find(name)) and model.lives(today))
    if living and not findings:
        message = f"named in {counted(len(search.occurrences), 'place')}: {', '.join(living)}"
        yield Finding(message, severity=Severity.NOTICE)


def _context(occurrence: Occurrence, reader: Reader, configured: Sequence[Occurrence]) -> Context:
    """Where a name occurs; a setting of omni-release uses it."""
    return Context.USED if occurrence in configured else reader.context(occurrence)


def configured_occurrences(project: Project, occurrences: Iterable[Occurrence]) -> tuple[Occurrence, ...]:
    """The models in [tool.omni-release], each with its place in pyproject.toml."""
    settings = table(project.metadata, "tool", "omni-release")
    in_pyproject = {occurrence.name: occurrence for occurrence in occurrences if occurrence.path == PYPROJECT}
    configured = []
    for key, value in settings.items():
        if key.replace("_", "-") in SETTINGS and value != "none":
            name = models_module.bare_name(str(value))
            line = pyproject_line(project.root, (TABLE, key)) or 1
            configured.append(in_pyproject.get(name) or Occurrence(PYPROJECT, line, 1, name))
    return tuple(configured)


def life_findings(
    occurrences: Sequence[Occurrence],
    today: date,
    context: Callable[[Occurrence], Context] = lambda occurrence: Context.USED,
) -> list[Finding]:
    """A finding for each occurrence of a model with an end, and one for each unknown or computed name.

    `context` says where a name occurs: only one that is used is an error.
    """
    findings: list[Finding] = []
    unknown: dict[tuple[str, bool], list[Occurrence]] = {}
    for occurrence in occurrences:
        model = None if occurrence.computed else models_module.find(occurrence.name)
        if model is None:
            unknown.setdefault((occurrence.name, occurrence.computed), []).append(occurrence)
        elif not model.lives(today):
            heir = models_module.successor(model.name, today)
            instead = f"use {heir}" if heir else "no living successor is known"
            message = f"{model.name} was shut down on {model.shut_down}: {instead}"
            source = f"Source: {model.source}, read on {model.checked}"
            findings.append(_life_finding(occurrence, message, SHUT_DOWN, context(occurrence), source))
        elif model.shut_down is not None and model.shut_down <= today + SOON:
            days = (model.shut_down - today).days
            message = f"{model.name} shuts down on {model.shut_down}, in {days} day{'s' * (days != 1)}"
            if heir := models_module.successor(model.name, model.shut_down) or model.successor:
                message += f": {heir} replaces it"
            source = f"Source: {model.source}, read on {model.checked}"
            findings.append(_life_finding(occurrence, message, SHUTS_DOWN, context(occurrence), source))
    return findings + [_unknown_finding(places, today) for places in unknown.values()]


def _life_finding(occurrence: Occurrence, message: str, rule: Rule, context: Context, source: str) -> Finding:
    """A finding about a model with an end; its severity by where the name is, and by whether the end has come."""
    severity = Severity.ERROR if rule is SHUT_DOWN else Severity.WARNING
    if is_history(occurrence.path):
        message, severity = f"{message}; allowed in a changelog", Severity.NOTICE
    elif context is not Context.USED:
        severity = Severity.NOTICE if context is Context.PROSE or rule is SHUTS_DOWN else Severity.WARNING
        message = f"{message}; only {context.value}"
    return finding_at(occurrence, f"{message}\n{source}", rule, severity)


def _unknown_finding(places: Sequence[Occurrence], today: date) -> Finding:
    first, *others = places
    also = f"; also {', '.join(occurrence.where for occurrence in others)}" if others else ""
    if first.computed:
        message = f"a model name that starts with {first.name!r} is built at run time, so it cannot be checked{also}"
        return finding_at(first, message, COMPUTED, Severity.NOTICE)
    message = f"{first.name} is not in the table of models{also}{suggestion(first.name, today)}"
    return finding_at(first, message, UNKNOWN, Severity.NOTICE)


def suggestion(name: str, today: date) -> str:
    """A hint at the living model of the nearest name, to append to a message; empty if none is near."""
    living = [model.name for model in models_module.all_models().values() if model.lives(today)]
    hint = did_you_mean(name, living, cutoff=0.85)
    return f". {hint}" if hint else ""


def is_history(path: str) -> bool:
    """Whether a file is a changelog, which may name retired models."""
    file = PurePosixPath(path)
    named = file.suffix in ("", *PROSE) and _CHANGELOG_FILE.match(file.name)  # `history.py` may keep that of a chat
    return bool(named) or not _CHANGELOG_FOLDERS.isdisjoint(file.parts[:-1])


def finding_at(occurrence: Occurrence, message: str, rule: Rule, severity: Severity) -> Finding:
    """A finding about an occurrence of a model name."""
    return Finding(message, rule.id, severity, occurrence.path, occurrence.line, occurrence.column)
