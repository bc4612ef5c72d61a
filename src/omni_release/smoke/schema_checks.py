"""The checks of responses: the project's classes accept them, and the live ones match the recorded ones.

What reads recordings is imported where there are some: it is a tenth of the start of a rehearsal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omni_release import cassettes, environments, programs
from omni_release.core.actions import Write
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.settings import TABLE, SmokeModel
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import counted
from omni_release.core.world import World
from omni_release.distributions.checks import INCOMPLETE
from omni_release.smoke import EMULATED, LIVE, LOCAL
from omni_release.smoke.evidence import rerun_hint
from omni_release.smoke.runner import RECORDER_OFF, mode_folder, require_smoke_tests
from omni_release.testing.checks import lost_module
from omni_release.testing.deprecations import code_places

if TYPE_CHECKING:
    from omni_release.cassettes.exchanges import Exchange
    from omni_release.smoke.drift import Drift

_DEADLINE = 300.0
_PYPROJECT = "pyproject.toml"
_NO_PROXY = "127.0.0.1,localhost"
_BY_SEVERITY = (Severity.NOTICE, Severity.WARNING, Severity.ERROR)

RESPONSE_CLASS = Rule(
    "response-class", RuleClass.RELEASE, "Class cannot be filled with responses", caused_by=INCOMPLETE
)
RESPONSE_MODEL = Rule("response-model", RuleClass.RELEASE, "Field cannot hold the recorded value")
RESPONSE_UNRECORDED = Rule("response-unrecorded", RuleClass.QUALITY, "No recorded response for a kind of call")
RESPONSE_UNREAD = Rule("response-unread", RuleClass.QUALITY, "SDK cannot read a recorded response")
CONTRACT_EMULATED = Rule("contract-emulated", RuleClass.QUALITY, "Recordings are from the emulator")


@reports(RESPONSE_CLASS, RESPONSE_MODEL, RESPONSE_UNRECORDED, RESPONSE_UNREAD)
def response_models(release: Release, world: World) -> Iterator[Finding]:
    """Response models accept the recorded responses

    Each class in [[tool.omni-release.smoke.model]] is filled from recorded responses as the SDK returns them, for each
    kind of call (generate and refine), in the candidate environment and without a call.

    Fix: declare a field as the type that the SDK returns (`bytes` for a signature, not `str`), or convert the value
    before it is stored.
    """
    models = release.project.settings.smoke.model
    if not models:
        raise NotApplicable("the settings name no class to fill: [[tool.omni-release.smoke.model]]")
    responses = _recorded_responses(release)
    result = _fill(release, world, models, responses)
    findings = tuple(_class_findings(release, result))
    yield from findings
    missing = tuple(_missing_recordings(models, responses, result))
    if missing and not findings:
        hint = "Record the missing responses: `omni-release record`."
        raise Inconclusive("\n".join(missing), hint)
    for message in missing:
        yield Finding(message, RESPONSE_UNRECORDED.id, Severity.WARNING, _PYPROJECT, _setting_line(release))
    for unread in result["unread"]:
        message = f"the SDK cannot read {unread['answer']}: {unread['problem']}"
        yield Finding(message, RESPONSE_UNREAD.id, Severity.WARNING)
    if not findings:
        count = sum(sum(model["filled"].values()) for model in result["filled"])
        source = result["sdk"] or "parsed JSON, as no SDK is installed"
        message = f"{counted(len(models), 'class')} filled {counted(count, 'time')} ({source})"
        yield Finding(message, severity=Severity.NOTICE)


@reports(
    Rule("drift-gone", RuleClass.RELEASE, "Field is gone"),
    Rule("drift-type", RuleClass.RELEASE, "Type of a field changed"),
    Rule("drift-mime-type", RuleClass.RELEASE, "MIME type changed"),
    Rule("drift-alphabet", RuleClass.RELEASE, "Alphabet of base64 changed"),
    Rule("drift-encoding", RuleClass.RELEASE, "Field is not base64 any more"),
    Rule("drift-signature", RuleClass.RELEASE, "New signature, which the next turn must send back"),
    Rule("drift-optional", RuleClass.RELEASE, "Field became optional"),
    Rule("drift-new", RuleClass.QUALITY, "New field"),
    Rule("drift-value", RuleClass.QUALITY, "New enum value"),
    Rule("drift-padding", RuleClass.QUALITY, "Padding of base64 changed"),
    Rule("drift-unseen", RuleClass.QUALITY, "Response kind appears in only one recording"),
    CONTRACT_EMULATED,
)
def response_schema(release: Release, world: World) -> Iterator[Finding]:
    """Live responses match the recorded schema

    The responses of the live run have the fields, types, encodings and MIME types of the recorded ones.

    Fix: adapt the code to the changed responses, then record them again with `omni-release record`. What is gone or
    of another type is an error; a new field is a notice.
    """
    require_smoke_tests(release.project)
    live = mode_folder(release, LIVE) / "traffic"
    if not live.is_dir() or not any(live.rglob("*.*")):
        raise Inconclusive("this run has no traffic of a live run", rerun_hint(release))
    recordings = cassettes.of_project(release.project)
    if not recordings:
        raise Inconclusive("nothing is recorded to compare with", "Record responses: `omni-release record`.")
    findings = tuple(change.finding for change in live_changes(release))
    sources = [cassette.provenance and cassette.provenance.source for cassette in map(cassettes.read, recordings)]
    if set(sources) <= {EMULATED, LOCAL}:
        message = "the recordings are not from the service, so differences are warnings: record its responses"
        yield Finding(message, CONTRACT_EMULATED.id, Severity.NOTICE)
        limit = Severity.WARNING
        findings = tuple(replace(f, severity=min(f.severity, limit, key=_BY_SEVERITY.index)) for f in findings)
    yield from findings


def live_changes(release: Release) -> tuple[Drift, ...]:
    """How the responses of the run's live smoke tests differ from the recorded ones. Both must be there."""
    from omni_release.cassettes import exchanges
    from omni_release.smoke.drift import changes_between
    from omni_release.smoke.response_schema import schemas_of

    recordings = cassettes.of_project(release.project)
    recorded = schemas_of(exchange for path in recordings for exchange in exchanges.read(path))
    return changes_between(recorded, schemas_of(exchanges.read(mode_folder(release, LIVE) / "traffic")))


def _recorded_responses(release: Release) -> tuple[tuple[str, Exchange], ...]:
    """All recorded exchanges with a response of a model, by name. Raises Inconclusive where there is none."""
    from omni_release.cassettes import exchanges

    project = release.project
    folder = project.root / project.settings.smoke.cassettes
    found = exchanges.read(folder) if folder.is_dir() and any(folder.rglob("*.*")) else ()
    named = [
        (f"{exchange.path.relative_to(project.root).as_posix()} ({exchange.number})", exchange)
        for exchange in found
        if any(map(_form_of, exchange.bodies)) and exchange.code < 400
    ]
    if not named:
        message = f"no response is recorded in {project.settings.smoke.cassettes}/"
        raise Inconclusive(message, "Record responses: `omni-release record`, or use vcrpy.")
    return tuple(named)


def _form_of(body: Any) -> str:
    """The form of a whole answer of a model, which its SDK can read; empty for an event of a stream, and all others."""
    from omni_release.cassettes.api_calls import form_of

    form = form_of([body]) if isinstance(body, dict) else None
    if form is None or form.free or (form.wire == "gemini" and not body.get("candidates")):
        return ""
    return "" if str(body.get("object", "")).endswith(".chunk") or "message" in body else form.name


def _fill(
    release: Release, world: World, models: Sequence[SmokeModel], responses: Sequence[tuple[str, Exchange]]
) -> dict[str, Any]:
    """The result of scripts/fill_models.py in the candidate environment. Raises ActionFailed where it has none."""
    task = release.work_dir / "fill-models.json"
    content = {
        "models": [
            {"class": m.class_, "path": m.path, "where": m.where, "calls": list(m.calls), "fields": dict(m.fields)}
            for m in models
        ],
        "answers": [
            {"name": name, "kind": exchange.kind, "model": exchange.model or "recorded", "form": form, "body": body}
            for name, exchange in responses
            for body in exchange.bodies
            if (form := _form_of(body))
        ],
    }
    world.files.write(Write(task, json.dumps(content).encode()))
    variables = programs.test_env(world.environment, release.folder)
    return environments.run_script(
        release,
        world,
        "candidate",
        "fill_models",
        str(task),
        variables=variables | {RECORDER_OFF: "1", "NO_PROXY": _NO_PROXY, "no_proxy": _NO_PROXY},
        deadline=_DEADLINE,
        doing="filling the classes",
    )


def _class_findings(release: Release, result: dict[str, Any]) -> Iterator[Finding]:
    """A finding for each unusable class; and for each field, kind of call and problem, with its first response."""
    for unusable in result["broken"]:
        message = f"{unusable['class']} {unusable['problem']}"
        line, (wheel, modules) = _setting_line(release, unusable["class"]), lost_module(release, message)
        fix = "→ Correct `class` in [[tool.omni-release.smoke.model]]: a module of the wheel, a colon, a class in it."
        yield Finding(
            f"{message}\n{fix}", RESPONSE_CLASS.id, path=_PYPROJECT, line=line, distribution=wheel, subjects=modules
        )
    places = code_places(release)
    groups: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
    for mismatch in result["mismatches"]:
        key = (mismatch["class"], mismatch["field"], mismatch["kind"], mismatch["problem"])
        groups.setdefault(key, []).append(mismatch)
    for (cls, field, kind, problem), group in groups.items():
        first = group[0]
        name = f"{cls}.{field}" if field else cls
        others = f", and {len(group) - 1} more" if len(group) > 1 else ""
        path = places.in_checkout(first["file"]) if first["file"] else None
        recorded = f"Recorded in {first['answer']}: {first['where']}{others}"
        yield Finding(
            f"{name} cannot hold a response to {kind}: {problem}\n{recorded}",
            RESPONSE_MODEL.id,
            path=path or _PYPROJECT,
            line=first["line"] if path else _setting_line(release, cls),
        )


def _missing_recordings(
    models: Sequence[SmokeModel], responses: Sequence[tuple[str, Exchange]], result: dict[str, Any]
) -> Iterator[str]:
    """A message for each kind of call without a response, and each class without a value at its path."""
    from omni_release.cassettes.exchanges import GENERATE, REFINE

    recorded = {exchange.kind for _, exchange in responses}
    for kind in sorted({kind for model in models for kind in (model.calls or (GENERATE, REFINE))} - recorded):
        yield f"no response to a `{kind}` call is recorded"
    for model in result["filled"]:
        if not model["filled"]:
            yield f"{model['class']} was not filled: no recorded response has a value at `{model['path']}`"


def _setting_line(release: Release, cls: str = "") -> int | None:
    """The line of a class in the settings; that of the first one for a class that is not named."""
    number = next((n for n, model in enumerate(release.project.settings.smoke.model) if model.class_ == cls), 0)
    return pyproject_line(release.project.root, (TABLE, "smoke", "model", number, "class"))
