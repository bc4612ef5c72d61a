"""What has changed between two shapes of the service's answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from omni_release.core.model import Finding, Severity
from omni_release.smoke.response_schema import HOLDS, Field, Shape, camel

COME_AND_GO = frozenset(
    (
        *("text", "index", "thought", "avgLogprobs", "finishMessage", "promptFeedback", "safetyRatings", "modelStatus"),
        *("citationMetadata", "groundingMetadata", "urlContextMetadata", "logprobsResult", "tokenCount", "createTime"),
        *("candidatesTokenCount", "cachedContentTokenCount", "cacheTokensDetails", "thoughtsTokenCount"),
        *(
            "toolUsePromptTokenCount",
            "toolUsePromptTokensDetails",
            "trafficType",
            "serviceTier",
            "nextPageToken",
            "details",
        ),
    )
)
"""Fields that the service leaves out where they have nothing to say: zeros and empty texts (proto3's JSON), and what
belongs to some outcomes alone. Of these, one recording without it is no proof that it is gone."""


def drifted(old: Mapping[str, Shape], new: Mapping[str, Shape]) -> tuple[Finding, ...]:
    """What has changed between two sets of recordings, kind by kind; a kind that one of them lacks is a notice."""
    found: list[Finding] = []
    for kind in sorted({*old, *new}):
        if kind in old and kind in new:
            found += drift(old[kind], new[kind])
        else:
            side = "old" if kind in old else "new"
            found.append(_notice(f"`{kind}` stands only in the {side} recordings: nothing to compare", "drift-unseen"))
    return tuple(found)


def drift(old: Shape, new: Shape) -> tuple[Finding, ...]:
    """What has changed between two shapes of one kind: gone or changed is an error, new a warning or a notice."""
    gone = _tops(path for path in old.fields if path not in new.fields)
    come = _tops(path for path in new.fields if path not in old.fields)
    told = [_gone(old.fields[path]) for path in gone]
    told += [_new(new.fields[path]) for path in come]
    for path in sorted({*old.fields} & {*new.fields}):
        told += _changed(old.fields[path], new.fields[path])
    return tuple(told)


def _tops(paths: Iterable[str]) -> list[str]:
    """Of paths below one another only the topmost."""
    tops: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith((f"{top}.", f"{top}[")) for top in tops):
            tops.append(path)
    return tops


def _gone(field: Field) -> Finding:
    name = re.sub(r"\[.*?\]$", "", field.path.rpartition(".")[2])
    kind = field.path[field.path.rfind("[") + 1 : -1] if field.path.endswith("]") else ""
    said = f"gone: {field}"
    if field.optional or name in COME_AND_GO or kind in ("text", *HOLDS[2:]):
        return _notice(f"{said}; it comes and goes", "drift-gone")
    return Finding(said, "drift-gone")


def _new(field: Field) -> Finding:
    if camel(field.path.rpartition(".")[2]) == "thoughtSignature":
        said = f"a signature where there was none: {field}; a next turn has to send it back"
        return Finding(said, "drift-signature", Severity.WARNING)
    return _notice(f"new: {field}", "drift-new")


def _changed(old: Field, new: Field) -> Iterator[Finding]:
    types = new.types - old.types - ({"integer"} if "number" in old.types else set())
    if types:
        yield Finding(f"type changed: {old.path} was {_or(old.types)}, is {_or(new.types)}", "drift-type")
    if old.mime_types and (mime_types := new.mime_types - old.mime_types):
        said = f"{old.path} was {_or(old.mime_types)}, is {_or(mime_types)}"
        yield Finding(f"mime type changed: {said}", "drift-mime-type")
    if old.alphabets and (alphabets := new.alphabets - old.alphabets):
        said = f"{old.path} was {_or(old.alphabets)}, is {_or(alphabets)}"
        yield Finding(f"base64 alphabet changed: {said}", "drift-alphabet")
    if old.binary and not new.binary and "string" in new.types:
        yield Finding(f"encoding changed: {old.path} was base64, and is not", "drift-encoding")
    if old.paddings and (paddings := new.paddings - old.paddings):
        said = f"base64 padding: {old.path} was {_or(old.paddings)}, is {_or(paddings)} too; read it either way"
        yield _notice(said, "drift-padding")
    if old.enums and (enums := new.enums - old.enums):
        yield _notice(f"new value: {old.path} is {_or(enums)}, and was {_or(old.enums)}", "drift-value")
    if old.of > 1 and not old.optional and new.optional:
        yield Finding(f"has become optional: {old.path}", "drift-optional", Severity.WARNING)


def _or(names: Iterable[str]) -> str:
    return " or ".join(sorted(names))


def _notice(said: str, rule: str) -> Finding:
    return Finding(said, rule, Severity.NOTICE)
