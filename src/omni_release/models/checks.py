"""Checks of the models that the files of a project name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath

from omni_release import file_roles
from omni_release import models as models_module
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Project, Release, Severity
from omni_release.core.settings import TABLE
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import counted, listed
from omni_release.core.toml import table
from omni_release.core.world import ReleasedTag, World
from omni_release.models import Registry
from omni_release.models.facts import Model, Stage
from omni_release.models.names import PROSE, Occurrence, Search, find_names
from omni_release.models.uses import Context, Reader

SHUT_DOWN = Rule("model-shut-down", RuleClass.RELEASE, "A model is shut down")
SHUTS_DOWN = Rule("model-shuts-down", RuleClass.RELEASE, "A model shuts down soon")
UNCONFIRMED = Rule("model-may-be-shut-down", RuleClass.QUALITY, "A model may be shut down")
ROUTED = Rule("model-routed", RuleClass.QUALITY, "Another model answers for a name")
DEPRECATED = Rule("model-deprecated", RuleClass.QUALITY, "A model is deprecated")
UNKNOWN = Rule("model-unknown", RuleClass.QUALITY, "A model is not in the table of models")
STALE = Rule("model-table-old", RuleClass.QUALITY, "The table of models is old")
COMPUTED = Rule("model-name-computed", RuleClass.QUALITY, "A model name is built at run time")
UNREAD = Rule("model-unread", RuleClass.QUALITY, "A file could not be searched for models")

PYPROJECT = "pyproject.toml"

SOON = timedelta(days=60)

SETTINGS = ("image-model", "image-fallback-model")

_CHANGELOG_FILE = re.compile(r"(?:changelog|changes|history|news|release[-_]?notes)\b", re.IGNORECASE)

_CHANGELOG_FOLDERS = {"changes", "changelog.d", "newsfragments", "changelogs"}


RULES = (SHUT_DOWN, SHUTS_DOWN, UNCONFIRMED, ROUTED, DEPRECATED, UNKNOWN, STALE, COMPUTED, UNREAD)


@reports(*RULES)
def retired_models(release: Release, world: World) -> Iterator[Finding]:
    """No retired models

    No code or setting that ships uses a model that is shut down, or that shuts down within 60 days. A name in a
    comment, a docstring, a table of names, a test or an example is a warning, in prose or a recording a notice. A name
    that is routed to another model, deprecated, or unknown is not an error. A rehearsal of a version that is released
    already is judged by the day of its tag: a model that was shut down after that day is a warning.

    Fix: replace each retired name by its successor; `omni-release models list` shows all places. Waive a name that is
    there on purpose by a comment on the line or in the settings. `omni-release models update` brings newer facts.
    """
    project, today = release.project, world.clock.now().date()
    registry = registry_for(release, world)
    search = find_names(str(project.root), also=registry.added)
    configured = configured_occurrences(project, search.occurrences)
    if not search.occurrences and not search.unread and not configured:
        raise NotApplicable("no file of the project names a model")
    found = tuple(findings_of(project, search, registry, today, configured))
    fatal = any(finding.rule == SHUT_DOWN.id and finding.severity is Severity.ERROR for finding in found)
    if fatal and (tag := world.released_tag()) is not None:
        found = tuple(findings_of(project, search, registry, today, configured, tag))
    yield from found


def findings_of(
    project: Project,
    search: Search,
    registry: Registry,
    today: date,
    configured: Sequence[Occurrence] = (),
    tag: ReleasedTag | None = None,
) -> Iterator[Finding]:
    """What is to be said of the names that a search has found, and of those that are `configured`.

    A model that was shut down after the day of the `tag` is no error.
    """
    findings = [Finding(f"cannot be read: {why}", UNREAD.id, Severity.WARNING, path) for path, why in search.unread]
    additional = [occurrence for occurrence in configured if occurrence not in search.occurrences]
    reader = Reader(project.root, file_roles.of_project(project), search.occurrences)
    occurrences = (*search.occurrences, *additional)
    findings += life_findings(occurrences, registry, today, lambda o: _context(o, reader, configured), tag)
    findings += _stale_findings(occurrences, registry, today)
    yield from findings
    names = {occurrence.name for occurrence in search.occurrences}
    living = sorted(name for name in names if (model := registry.find(name)) and model.lives(today))
    if living and not findings:
        message = f"named in {counted(len(search.occurrences), 'place')}: {', '.join(living)}"
        yield Finding(message, severity=Severity.NOTICE)


def registry_for(release: Release, world: World) -> Registry:
    """The registry of a project. A user's cache counts only where no release is rehearsed: in a gate, in `models`."""
    cache = None if release.folder.is_dir() else models_module.existing_user_cache(world.environment)
    return models_module.at(release.project.root, cache)


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
    registry: Registry,
    today: date,
    context: Callable[[Occurrence], Context] = lambda occurrence: Context.USED,
    tag: ReleasedTag | None = None,
) -> list[Finding]:
    """A finding for each occurrence of a model with an end, and one for each unknown or computed name.

    `context` says where a name occurs: only one that is used is an error. With `tag` only one that was shut down when
    it was made is.
    """
    findings: list[Finding] = []
    unknown: dict[tuple[str, str, bool], list[Occurrence]] = {}
    for occurrence in occurrences:
        model = None if occurrence.computed else _model_meant(occurrence, registry, today)
        if model is None:
            unknown.setdefault((occurrence.name, occurrence.platform, occurrence.computed), []).append(occurrence)
        elif (judged := _judge(model, occurrence, registry, today)) is not None:
            message, rule, severity = judged
            if tag and rule is SHUT_DOWN and model.end and model.end > tag.day:
                first, _, rest = message.partition("\n")
                message, severity = f"{first} (not on {tag.day}, the day of {tag.name})\n{rest}", Severity.WARNING
            findings.append(_life_finding(occurrence, message, rule, severity, context(occurrence)))
    return findings + [_unknown_finding(places, registry, today) for places in unknown.values()]


def _model_meant(occurrence: Occurrence, registry: Registry, today: date) -> Model | None:
    """The model of an occurrence; where it is shut down, one that responds on another platform that its file names."""
    model = registry.find(occurrence.name, occurrence.platform)
    if model is None or occurrence.platform:
        return model
    also = [registry.find(occurrence.name, platform) for platform in occurrence.hints]
    return max((model, *filter(None, also)), key=lambda found: (found.lives(today), found is model))


def _judge(model: Model, occurrence: Occurrence, registry: Registry, today: date) -> tuple[str, Rule, Severity] | None:
    """The message, the rule, and the severity where the name is used; None if no end is near."""
    stage = model.stage_on(today)
    phrase = model.phrase(today) + registry.elsewhere(model, occurrence.platform)
    default = registry.find(occurrence.name, occurrence.platform) or model
    unlisted = (name for name in model.successors if registry.find(name) is None)
    heir = registry.successor(model.name, today, model.platform) or next(unlisted, "")
    use = f" → {heir}" if heir else "; no living successor is known"
    days = (model.end - today).days if model.end else 0
    soon = model.end is not None and 0 < days <= SOON.days
    within = f", in {counted(days, 'day')}"
    if not default.lives(today) and model.lives(today):
        there = f"on {registry.title(model.platform)} {model.phrase(today)}"
        judged = (f"{model.name}: {default.phrase(today)}{use}; {there}", UNCONFIRMED, Severity.WARNING)
    elif stage is Stage.SHUT_DOWN:
        judged = (f"{model.name}: {phrase}{use}", SHUT_DOWN, Severity.ERROR)
    elif stage in (Stage.UNCONFIRMED, Stage.CONTESTED, Stage.NEVER):
        judged = (f"{model.name}: {phrase}{f' → {heir}' if heir else ''}", UNCONFIRMED, Severity.WARNING)
    elif stage is Stage.ROUTED:
        judged = (f"{model.name}: {phrase}; {heir or 'another model'} answers", ROUTED, Severity.WARNING)
    elif soon and model.stage is Stage.ROUTED:
        judged = (
            f"{model.name}: {phrase}{within}; {heir or 'another model'} answers from then on",
            ROUTED,
            Severity.WARNING,
        )
    elif soon:
        judged = (f"{model.name}: {phrase}{within}{use if heir else ''}", SHUTS_DOWN, Severity.WARNING)
    elif stage is Stage.DEPRECATED:
        judged = (f"{model.name}: {phrase}{use if heir else ''}", DEPRECATED, Severity.WARNING)
    else:
        return None
    return "\n".join((judged[0], *_details(model, registry, today))), *judged[1:]


def _details(model: Model, registry: Registry, today: date) -> Iterator[str]:
    """The other lines of a message: what is contested, other platforms, the source."""
    if model.contested and model.stage is not Stage.CONTESTED:
        yield f"The sources disagree: {'; '.join(map(str, model.contested))}"
    for other in registry.named(model.name):
        if other.platform != model.platform and other.phrase(today) != model.phrase(today):
            yield f"On {registry.title(other.platform)}: {other.phrase(today)}"
    if model.note:
        yield f"Note: {model.note}"
    hand = "" if model.end_is_first_hand else ", second-hand"
    yield f"Source: {model.source}, read on {model.checked}{hand}"


def _life_finding(occurrence: Occurrence, message: str, rule: Rule, severity: Severity, context: Context) -> Finding:
    """A finding about a model with an end; its severity by where the name is, and by whether the end has come."""
    first, _, rest = message.partition("\n")
    if is_history(occurrence.path):
        first, severity = f"{first}; allowed in a changelog", Severity.NOTICE
    elif context is not Context.USED:
        noticed = context in (Context.PROSE, Context.RECORDED) or rule is not SHUT_DOWN
        severity = Severity.NOTICE if noticed else Severity.WARNING
        first = f"{first}; only {context.value}"
    return finding_at(occurrence, f"{first}\n{rest}", rule, severity)


def _unknown_finding(places: Sequence[Occurrence], registry: Registry, today: date) -> Finding:
    """One finding for all places of a name that is not in the table: a warning where all relatives of it are gone.

    It is at the first place that is neither prose nor a changelog; a notice where there is none.
    """
    first, *others = sorted(places, key=_is_prose)
    also = f"; also {', '.join(occurrence.where for occurrence in others)}" if others else ""
    if first.computed:
        message = f"a model name that starts with {first.name!r} is built at run time, so it cannot be checked{also}"
        return finding_at(first, message, COMPUTED, Severity.NOTICE)
    unknown = registry.unknown(first.name, today, first.platform)
    gone, other = unknown.relatives_are_gone(today), unknown.elsewhere
    title = registry.title(unknown.platform)
    message = f"{first.name} is not in the table of models{f' for {title}' if title else ''}{also}"
    if other is not None:
        message += f"; {other.name} on {registry.title(other.platform)}: {other.phrase(today)}"
        gone = gone or not other.lives(today)
    elif gone:
        message += f"; all known models of its family are shut down: {listed(_names(unknown.relatives), 4)}"
    if unknown.nearest and not (other and other.name in unknown.nearest):
        message += f". Nearest known: {', '.join(unknown.nearest)}"
    if unknown.platform == "azure":
        message += ". The name of a deployment is its owner's choice, so the model cannot be determined"
    noticed = not gone or _is_prose(first)
    return finding_at(first, message, UNKNOWN, Severity.NOTICE if noticed else Severity.WARNING)


def _is_prose(occurrence: Occurrence) -> bool:
    """Whether a name is in text for people or in a changelog."""
    return occurrence.path.lower().endswith(PROSE) or is_history(occurrence.path)


def _names(models: Iterable[Model]) -> list[str]:
    return sorted({model.name for model in models})


def _stale_findings(occurrences: Iterable[Occurrence], registry: Registry, today: date) -> Iterator[Finding]:
    """A warning where the newest source about a platform whose models are named is old."""
    found = {model.platform for o in occurrences if (model := registry.find(o.name, o.platform)) is not None}
    old = [registry.platforms[platform] for platform in sorted(found) if registry.stale(platform, today)]
    if old:
        dated = ", ".join(
            f"{platform.title} ({platform.read}, {(today - platform.read).days} days)" for platform in old
        )
        message = (
            f"the facts about models are old: {dated}\n→ run `omni-release models update`, or upgrade omni-release"
        )
        yield Finding(message, STALE.id, Severity.WARNING)


def suggestion(name: str, registry: Registry, today: date) -> str:
    """A hint at the living model of the nearest name, to append to a message; empty if none is near."""
    near = registry.unknown(name, today).nearest
    return f". Nearest known: {', '.join(near)}" if near else ""


def is_history(path: str) -> bool:
    """Whether a file is a changelog, which may name retired models."""
    file = PurePosixPath(path)
    named = file.suffix in ("", *PROSE) and _CHANGELOG_FILE.match(file.name)  # `history.py` may keep that of a chat
    return bool(named) or not _CHANGELOG_FOLDERS.isdisjoint(file.parts[:-1])


def finding_at(occurrence: Occurrence, message: str, rule: Rule, severity: Severity) -> Finding:
    """A finding about an occurrence of a model name."""
    return Finding(message, rule.id, severity, occurrence.path, occurrence.line, occurrence.column)
