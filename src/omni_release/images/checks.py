"""TODO"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from omni_release import models
from omni_release.core import redaction
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import World
from omni_release.models import scan
from omni_release.models.checks import FILE, finding_at, history, in_settings, near
from omni_release.models.scan import Named

if TYPE_CHECKING:
    from omni_release.images.model import Availability


def ask(models: Sequence[str], environment: Mapping[str, str]) -> tuple[Availability, ...]:
    """What each of the models came to, in their order: a call of a few tokens each, side by side.

    Raises NotSetUp (it is inconclusive) without a key, or without the extra `images`.
    """
    from omni_release.images.gemini import GeminiImageProvider

    async def asked() -> tuple[Availability, ...]:
        async with GeminiImageProvider(models[0], timeout=30.0, environment=environment) as provider:
            return tuple(await asyncio.gather(*(provider.probe(model) for model in models)))

    return asyncio.run(asked())


_TESTS = {"test", "tests", "testing", "cassettes", "fixtures", "__tests__"}

_CALLED = ("gemini-", "nano-banana-")


def configured_models(release: Release, world: World) -> Iterator[Finding]:
    """Each model that the settings name is in the table of life spans, or answers a call.

    With a key (GOOGLE_API_KEY or GEMINI_API_KEY) one that the table does not know is called, with a few tokens of text.
    """
    project, today = release.project, world.clock.now().date()
    stated = in_settings(project, scan.find(str(project.root), [FILE]).names)
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


def _runs(named: Named) -> bool:
    """Whether a name stands in what runs: not in prose, a test or a recording."""
    path = PurePosixPath(named.path)
    prose = path.suffix.lower() in (".md", ".mdx", ".rst", ".txt")
    return not prose and not history(named.path) and _TESTS.isdisjoint(path.parts) and not path.name.startswith("test_")


def _asked(places: Sequence[Named], world: World, today: date) -> Iterator[Finding]:
    """What the service says of these models: an error where it has none of that name, a warning where nobody knows."""

    where: Mapping[str, Named] = {named.name: named for named in reversed(places)}
    try:
        answers = ask(tuple(sorted(where)), world.environment) if where else ()
    except Inconclusive as error:
        for name, named in sorted(where.items()):
            said = f"{name} is not in our table of models{near(name, today)}, and the service was not asked"
            yield finding_at(named, f"{said}: {error.message}\n{error.hint}".rstrip(), _UNTOLD, Severity.WARNING)
        return
    for told in answers:
        if not told.available:
            meant = near(told.model, today) if told.certain else ""
            rule, severity = ("model-does-not-answer", Severity.ERROR) if told.certain else (_UNTOLD, Severity.WARNING)
            yield finding_at(where[told.model], f"{told.why}{meant}\n{told.hint}".rstrip(), rule, severity)


_UNTOLD = "model-untold"


def _or_cannot_tell(told: Sequence[Finding]) -> Iterator[Finding]:
    """The findings; where none is an error and something could not be told, that is the outcome."""
    untold = [finding for finding in told if finding.rule == _UNTOLD]
    if untold and not any(finding.severity is Severity.ERROR for finding in told):
        raise Inconclusive(
            "\n".join(f"{finding.where}: {finding.message}".strip() for finding in (*untold, *_others(told)))
        )
    yield from told


def _others(told: Iterable[Finding]) -> Iterator[Finding]:
    return (finding for finding in told if finding.rule != _UNTOLD and finding.severity is Severity.WARNING)
