"""Checks that ask the service whether a model responds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from omni_release import file_roles
from omni_release.core import vendors
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.models import Registry
from omni_release.models.checks import (
    PYPROJECT,
    configured_occurrences,
    finding_at,
    is_history,
    registry_for,
    suggestion,
)
from omni_release.models.names import PROSE, Occurrence, find_names

if TYPE_CHECKING:
    from omni_release.images.model import Availability

NO_RESPONSE = Rule("model-does-not-answer", RuleClass.RELEASE, "A model does not respond")
UNVERIFIED = Rule("model-unverified", RuleClass.RELEASE, "A model could not be confirmed")

_GEMINI_PREFIXES = ("gemini-", "nano-banana-")


def probe_models(names: Sequence[str], environment: Mapping[str, str]) -> tuple[Availability, ...]:
    """The availability of each model, in the same order: concurrent calls of a few tokens each.

    Raises ConfigurationError (which is inconclusive) without a key, or without the extra `images`.
    """
    import asyncio

    from omni_release.images.gemini import GeminiImageProvider

    async def probe_all() -> tuple[Availability, ...]:
        async with GeminiImageProvider(names[0], timeout=30.0, environment=environment) as provider:
            return tuple(await asyncio.gather(*(provider.probe(name) for name in names)))

    return asyncio.run(probe_all())


@reports(NO_RESPONSE, UNVERIFIED)
def configured_models(release: Release, world: World) -> Iterator[Finding]:
    """Configured models are known

    Each model in the settings is in the table of models, or responds to a call of a few tokens.

    Fix: correct the model's name in [tool.omni-release], or set GOOGLE_API_KEY (or GEMINI_API_KEY) so that it can be
    called.
    """
    project, today = release.project, world.clock.now().date()
    configured = configured_occurrences(project, find_names(str(project.root), [PYPROJECT]).occurrences)
    if not configured:
        raise NotApplicable("the settings name no model")
    registry = registry_for(release, world)
    unknown = [occurrence for occurrence in configured if not registry.find(occurrence.name)]
    yield from _raise_if_inconclusive(tuple(_probe_findings(unknown, registry, world, today)))


@reports(NO_RESPONSE, UNVERIFIED)
def models_respond(release: Release, world: World) -> Iterator[Finding]:
    """Models in code and settings respond

    Each living Gemini model in code and settings responds to a call of a few tokens; prose, tests, recordings and
    changelogs are left out.

    Fix: replace the model by one that responds. Set GOOGLE_API_KEY (or GEMINI_API_KEY) for this check.
    """
    project, today = release.project, world.clock.now().date()
    registry = registry_for(release, world)
    occurrences = find_names(str(project.root), also=registry.added).occurrences
    configured = configured_occurrences(project, occurrences)
    checked = {occurrence.name for occurrence in configured if not registry.find(occurrence.name)}  # by the check above
    called = []
    for occurrence in (*configured, *occurrences):
        known = registry.find(occurrence.name)
        if occurrence.computed or occurrence.name in checked or (known is not None and not known.lives(today)):
            continue
        if occurrence.name.startswith(_GEMINI_PREFIXES) and _is_executed(occurrence.path):
            called.append(occurrence)
    if not called:
        raise NotApplicable("neither code nor settings name a living model that can be called")
    if not vendors.keys_set(world.environment, ("gemini",)):
        raise NotApplicable(f"no key is set to call the service ({vendors.VENDORS['gemini'].key_names})")
    yield from _raise_if_inconclusive(tuple(_probe_findings(called, registry, world, today)))
    names = sorted({occurrence.name for occurrence in called})
    yield Finding(f"called: {', '.join(names)}", severity=Severity.NOTICE)


def _is_executed(path: str) -> bool:
    """Whether a file is code or settings: not prose, a changelog, a test or a recording."""
    file = PurePosixPath(path)
    return file.suffix.lower() not in PROSE and not file_roles.is_test(file) and not is_history(path)


def _probe_findings(
    occurrences: Sequence[Occurrence], registry: Registry, world: World, today: date
) -> Iterator[Finding]:
    """An error for each model that the service does not know, a warning for each that it could not confirm."""
    first: Mapping[str, Occurrence] = {occurrence.name: occurrence for occurrence in reversed(occurrences)}
    try:
        answers = probe_models(tuple(sorted(first)), world.environment) if first else ()
    except Inconclusive as error:
        for name, occurrence in sorted(first.items()):
            message = f"{name} is not in the table of models, and was not called: {error.message}"
            message = f"{message}{suggestion(name, registry, today)}\n{error.hint}".rstrip()
            yield finding_at(occurrence, message, UNVERIFIED, Severity.WARNING)
        return
    for answer in answers:
        if answer.available:
            continue
        meant = suggestion(answer.model, registry, today) if answer.certain else ""
        rule, severity = (NO_RESPONSE, Severity.ERROR) if answer.certain else (UNVERIFIED, Severity.WARNING)
        why = answer.why.rstrip(".") if meant else answer.why
        yield finding_at(first[answer.model], f"{why}{meant}\n{answer.hint}".rstrip(), rule, severity)


def _raise_if_inconclusive(findings: Sequence[Finding]) -> Iterable[Finding]:
    """The findings. Raises Inconclusive if none is an error and a model could not be confirmed."""
    warnings = [finding for finding in findings if finding.severity is Severity.WARNING]
    unverified = [finding for finding in warnings if finding.rule == UNVERIFIED.id]
    if unverified and not any(finding.severity is Severity.ERROR for finding in findings):
        others = [finding for finding in warnings if finding.rule != UNVERIFIED.id]
        lines = (f"{finding.where}: {finding.message}".strip() for finding in (*unverified, *others))
        raise Inconclusive("\n".join(lines), "Check the network and the key, then run `omni-release models`.")
    return findings
