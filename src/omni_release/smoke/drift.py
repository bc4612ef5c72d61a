"""The drift between two sets of recorded responses: fields that are gone, new, or changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from omni_release.core.model import Finding, Severity
from omni_release.images.api_format import camel_case
from omni_release.smoke.response_schema import CONTENT, Field, ResponseSchema

_OPTIONAL_CONTENT = ("text", *CONTENT[2:])
_SENT_BACK = ("thoughtSignature", "signature", "encryptedContent")
"""What the next turn of a conversation must send back: of Gemini, of Anthropic, of OpenAI."""

_NEEDED_ITEMS = ("text", "message", "output_text", "image_generation_call")
"""The types of items without which an answer of OpenAI or Anthropic is of no use; it may lack all others."""

_OFTEN_MISSING = frozenset(
    (
        *("text", "index", "thought", "avgLogprobs", "finishMessage", "promptFeedback", "safetyRatings", "modelStatus"),
        *("citationMetadata", "groundingMetadata", "urlContextMetadata", "logprobsResult", "tokenCount", "createTime"),
        *("candidatesTokenCount", "cachedContentTokenCount", "cacheTokensDetails", "thoughtsTokenCount"),
        *("toolUsePromptTokenCount", "toolUsePromptTokensDetails", "trafficType", "serviceTier", "nextPageToken"),
        *("details", "refusal", "annotations", "audio", "toolCalls", "functionCall", "systemFingerprint", "logprobs"),
        *("obfuscation", "moderation", "citations", "container", "contextManagement", "stopDetails", "iterations"),
        *("serverToolUse", "cacheCreation", "inferenceGeo", "outputTokensDetails", "reasoningContent", "param"),
        *("revisedPrompt", "background", "requestId", "delta", "tier"),
    )
)
"""Fields that a service omits when they are zero or empty (JSON of proto3), or that only some results have.

A single recording without one does not show that it is gone.
"""


@dataclass(frozen=True)
class Drift:
    """A change of a kind of response: a field is `gone`, `new` or `changed`; what it was, what it is, and the finding.

    `path` is empty for a kind of response that only one side has.
    """

    response: str
    kind: str
    path: str
    was: str
    now: str
    finding: Finding


def drift_between(old: Mapping[str, ResponseSchema], new: Mapping[str, ResponseSchema]) -> tuple[Finding, ...]:
    """The changes between two sets of recordings, as findings."""
    return tuple(change.finding for change in changes_between(old, new))


def changes_between(old: Mapping[str, ResponseSchema], new: Mapping[str, ResponseSchema]) -> tuple[Drift, ...]:
    """The changes between two sets of recordings, by kind of response; a kind that only one has is a notice."""
    changes: list[Drift] = []
    for kind in sorted({*old, *new}):
        if kind in old and kind in new:
            changes += _changes_of_kind(old[kind], new[kind])
        else:
            side = "old" if kind in old else "new"
            message = f"only the {side} recordings have `{kind}`: nothing to compare"
            changes.append(Drift(kind, "unseen", "", "", "", _notice(message, "drift-unseen")))
    return tuple(changes)


def _changes_of_kind(old: ResponseSchema, new: ResponseSchema) -> Iterator[Drift]:
    """The changes between two schemas of one kind: a field gone or changed is an error, a new one is not."""
    for field in (old.fields[path] for path in _topmost({*old.fields} - {*new.fields})):
        if _may_be_missing(field, new):
            finding = _notice(f"gone: {field}; responses often lack it", "drift-gone")
        else:
            finding = Finding(f"gone: {field}", "drift-gone")
        yield Drift(old.kind, "gone", field.path, field.described, "", finding)
    for field in (new.fields[path] for path in _topmost({*new.fields} - {*old.fields})):
        if camel_case(field.path.rpartition(".")[2]) in _SENT_BACK:
            message = f"new signature: {field}; the next turn of a conversation must send it back"
            finding = Finding(message, "drift-signature", Severity.WARNING)
        else:
            finding = _notice(f"new: {field}", "drift-new")
        yield Drift(old.kind, "new", field.path, "", field.described, finding)
    for path in sorted({*old.fields} & {*new.fields}):
        before, after = old.fields[path], new.fields[path]
        for finding in _changes(before, after):
            yield Drift(old.kind, "changed", path, before.described, after.described, finding)


def _may_be_missing(field: Field, new: ResponseSchema) -> bool:
    """Whether a response may lack a field, or an item of a list, without a change of the service."""
    above, _, last = field.path.rpartition(".")
    name = camel_case(re.sub(r"\[.*?\]$", "", last))
    parent = new.fields.get(above)
    if field.optional or name in _OFTEN_MISSING or (parent is not None and "object" not in parent.types):
        return True
    item = field.path[field.path.rfind("[") + 1 : -1] if field.path.endswith("]") else ""
    return item in _OPTIONAL_CONTENT if name == "parts" else bool(item) and item not in (*_NEEDED_ITEMS, *CONTENT)


def _topmost(paths: Iterable[str]) -> list[str]:
    """The paths that are not below another one, sorted."""
    tops: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith((f"{top}.", f"{top}[")) for top in tops):
            tops.append(path)
    return tops


def _changes(old: Field, new: Field) -> Iterator[Finding]:
    path = old.path
    types = new.types - old.types - {"null"} - ({"integer"} if "number" in old.types else set())
    if types and old.types == {"null"}:
        yield _notice(f"new value: {path} was null, is {_or(types)}", "drift-value")
    elif types:
        yield Finding(f"type changed: {path} was {_or(old.types)}, is {_or(new.types)}", "drift-type")
    elif new.types == {"null"} and not old.optional:
        yield Finding(f"null: {path} was {_or(old.types)}", "drift-optional", Severity.WARNING)
    if old.mime_types and (mime_types := new.mime_types - old.mime_types):
        message = f"MIME type changed: {path} was {_or(old.mime_types)}, is {_or(mime_types)}"
        yield Finding(message, "drift-mime-type")
    if old.alphabets and (alphabets := new.alphabets - old.alphabets):
        message = f"base64 alphabet changed: {path} was {_or(old.alphabets)}, is {_or(alphabets)}"
        yield Finding(message, "drift-alphabet")
    if old.binary and not new.binary and "string" in new.types:
        yield Finding(f"encoding changed: {path} was base64, is not any more", "drift-encoding")
    if old.paddings and (paddings := new.paddings - old.paddings):
        message = f"base64 padding changed: {path} was {_or(old.paddings)}, is also {_or(paddings)}: accept both"
        yield _notice(message, "drift-padding")
    if old.enums and (enums := new.enums - old.enums):
        yield _notice(f"new value: {path} is {_or(enums)}, was {_or(old.enums)}", "drift-value")
    if old.of > 1 and not old.optional and new.optional and new.types != {"null"}:
        yield Finding(f"became optional: {path}", "drift-optional", Severity.WARNING)


def _or(names: Iterable[str]) -> str:
    return " or ".join(sorted(names))


def _notice(message: str, rule: str) -> Finding:
    return Finding(message, rule, Severity.NOTICE)
