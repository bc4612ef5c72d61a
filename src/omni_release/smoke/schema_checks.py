"""Does the service answer as it was recorded, and do the project's own classes hold it?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omni_release import cassettes, programs, testing
from omni_release import environments as environments_module
from omni_release.cassettes import recorded
from omni_release.cassettes.recorded import GENERATE, REFINE, Exchange
from omni_release.core import redaction
from omni_release.core.actions import Write
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.settings import TABLE, SmokeModel
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.world import World
from omni_release.smoke import outcomes
from omni_release.smoke.evidence import again
from omni_release.smoke.response_schema import drifted, shapes
from omni_release.smoke.runner import UNRECORDED, folder, must_be_wanted

_DEADLINE = 300.0
_FILE = "pyproject.toml"
_LOCAL = "127.0.0.1,localhost"


def response_models(release: Release, world: World) -> Iterator[Finding]:
    """Each class of the project that the settings name holds what recorded answers have, as the SDK gives it.

    It is filled in the candidate environment, for every kind of call (generate and refine), without one being made.
    Declare a field as what the SDK gives (`bytes` for a signature, not `str`), or convert it where it comes in. The
    classes are named in [[tool.omni-release.smoke.model]].
    """
    models = release.project.settings.smoke.model
    if not models:
        raise NotApplicable("the settings name no class to fill: [[tool.omni-release.smoke.model]]")
    answers = _answers(release)
    told = _filled(release, world, models, answers)
    findings = [*_broken(release, told), *_troubles(release, told)]
    yield from findings
    untold = tuple(_untold(release, models, answers, told))
    if untold and not findings:
        raise Inconclusive("\n".join(untold), "Record what is missing: `omni-release record`; see docs/contract.md.")
    for said in untold:
        yield Finding(said, "response-unrecorded", Severity.WARNING, _FILE, _line(release))
    for said in told["unread"]:
        yield Finding(f"the SDK cannot read {said['answer']}: {said['said']}", "response-unread", Severity.WARNING)
    if not findings:
        filled = sum(sum(one["filled"].values()) for one in told["filled"])
        by = told["sdk"] or "no google-genai there: the parsed JSON"
        classes = "1 class" if len(models) == 1 else f"{len(models)} classes"
        yield Finding(f"{classes} filled {filled} times ({by})", severity=Severity.NOTICE)


def response_schema(release: Release, world: World) -> Iterator[Finding]:
    """What the live service answers has the shape of what was recorded.

    Field by field: gone, new, of another type, encoding, alphabet or mime type. Where the code can take it, record
    anew: `omni-release record`. docs/contract.md says what is told of what.
    """
    must_be_wanted(release.project)
    live = folder(release, outcomes.LIVE) / "traffic"
    if not live.is_dir() or not any(live.rglob("*.*")):
        raise Inconclusive("no live run has left its traffic in this run", again(release))
    kept = cassettes.in_folder(release.project.root / release.project.settings.smoke.cassettes)
    if not kept:
        raise Inconclusive("nothing is recorded to compare with", "Record it: `omni-release record`.")
    old = shapes(exchange for path in kept for exchange in recorded.read(path))
    found = drifted(old, shapes(recorded.read(live)))
    if all(_emulated(path) for path in kept):
        said = "the recordings are the emulator's: what differs may be its doing. Record the service's own answers"
        yield Finding(said, "contract-emulated", Severity.NOTICE)
        found = tuple(replace(one, severity=min(one.severity, Severity.WARNING, key=_MILD.index)) for one in found)
    yield from found


_MILD = (Severity.NOTICE, Severity.WARNING, Severity.ERROR)


def _emulated(path: Path) -> bool:
    told = cassettes.read(path).provenance
    return told is not None and told.source == outcomes.EMULATED


def _answers(release: Release) -> tuple[tuple[str, Exchange], ...]:
    """All recorded answers, with names. Raises CannotTell where there is none."""
    project = release.project
    folder = project.root / project.settings.smoke.cassettes
    found = recorded.read(folder) if folder.is_dir() and any(folder.rglob("*.*")) else ()
    named = [
        (f"{exchange.path.relative_to(project.root).as_posix()} ({exchange.number})", exchange)
        for exchange in found
        if any(isinstance(body, dict) and body.get("candidates") for body in exchange.bodies)
    ]
    if not named:
        said = f"no answer is recorded in {project.settings.smoke.cassettes}/"
        raise Inconclusive(said, "Record some: `omni-release record`, or with vcrpy. See docs/contract.md.")
    return tuple(named)


def _filled(
    release: Release, world: World, models: Sequence[SmokeModel], answers: Sequence[tuple[str, Exchange]]
) -> dict[str, Any]:
    """What the child program found. Raises ActionFailed where it ended before it had written its answer."""
    task = release.work_dir / "filling.json"
    content = {
        "models": [
            {"class": m.class_, "path": m.path, "where": m.where, "calls": list(m.calls), "fields": dict(m.fields)}
            for m in models
        ],
        "answers": [
            {"name": name, "kind": one.kind, "model": one.model or "recorded", "body": body}
            for name, one in answers
            for body in one.bodies
        ],
    }
    world.files.write(Write(task, json.dumps(content).encode()))
    inner = programs.test_env(world.environment, release.folder)
    inner = {name: value for name, value in inner.items() if name not in redaction.KEY_VARIABLES}
    return environments_module.run_script(
        release,
        world,
        "candidate",
        "fill_models",
        str(task),
        variables=inner | {UNRECORDED: "1", "NO_PROXY": _LOCAL, "no_proxy": _LOCAL},
        deadline=_DEADLINE,
        doing="filling the classes",
    )


def _broken(release: Release, told: dict[str, Any]) -> Iterator[Finding]:
    for one in told["broken"]:
        yield Finding(f"{one['class']} {one['said']}", "response-class", path=_FILE, line=_line(release, one["class"]))


def _troubles(release: Release, told: dict[str, Any]) -> Iterator[Finding]:
    """One finding for each field and kind of call, with the first answer that shows it."""
    places = testing.places(release)
    seen: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
    for one in told["troubles"]:
        seen.setdefault((one["class"], one["field"], one["kind"], one["said"]), []).append(one)
    for (cls, field, kind, said), found in seen.items():
        first = found[0]
        name = f"{cls}.{field}" if field else cls
        times = f", and {len(found) - 1} times more" if len(found) > 1 else ""
        path = places.in_checkout(first["file"]) if first["file"] else None
        yield Finding(
            f"{name} cannot hold what {kind} answers: {said} ({first['answer']}: {first['where']}{times})",
            "response-model",
            path=path or _FILE,
            line=first["line"] if path else _line(release, cls),
        )


def _untold(
    release: Release, models: Sequence[SmokeModel], answers: Sequence[tuple[str, Exchange]], told: dict[str, Any]
) -> Iterator[str]:
    """What no recording has shown: a kind of call, or anything at a class's path."""
    there = {exchange.kind for _, exchange in answers}
    for kind in sorted({kind for model in models for kind in (model.calls or (GENERATE, REFINE))} - there):
        yield f"no answer to a call of the kind `{kind}` is recorded, so nothing is known of it"
    for one in told["filled"]:
        if not one["filled"]:
            yield f"{one['class']} was not filled: nothing stands at `{one['path']}` in any recorded answer"


def _line(release: Release, cls: str = "") -> int | None:
    """The line of a class's setting."""
    number = next((n for n, model in enumerate(release.project.settings.smoke.model) if model.class_ == cls), 0)
    return pyproject_line(release.project.root, (TABLE, "smoke", "model", number, "class"))
