"""The schema of the service's responses, derived from recordings, and the drift between two of them.

A schema says of each field: its types, whether it is always there, how its bytes are encoded (base64 of the standard or
the URL-safe alphabet, padded or not), and its enum values and MIME types. Responses, errors and lists have schemas of
their own; the parts of a response are distinguished by their content.

genson derives a JSON schema, but only types and required fields of it: it merges all items of a list into one schema,
counts nothing, and has no encodings or seen values. Those are what drift is about, so it would replace little.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omni_release.cassettes.exchanges import Exchange
from omni_release.core.model import Finding, Severity
from omni_release.images.api_format import camel_case

STANDARD, URL_SAFE, PADDED, UNPADDED = "standard", "url-safe", "padded", "unpadded"

_CONTENT = (
    *("text", "inlineData", "fileData", "functionCall", "functionResponse"),
    *("executableCode", "codeExecutionResult"),
)
"""The fields of which a part of a response has one."""

_OPTIONAL_CONTENT = ("text", *_CONTENT[2:])

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_BYTES_NAME = re.compile(r"(?:^data$|b64_json|[sS]ignature)$")
_MIN_BASE64 = 64  # characters, of a string in a field of any name
_MIN_NAMED_BASE64 = 16  # characters, of a string in a field with a name for bytes
_ENUM = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_MIME = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"RIFF", "image/webp"))
_TO_STANDARD = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class Field:
    """One place in a response. Of its `of` parents `seen` had it."""

    path: str
    types: frozenset[str]
    seen: int
    of: int
    alphabets: frozenset[str] = frozenset()
    paddings: frozenset[str] = frozenset()
    enums: frozenset[str] = frozenset()
    mime_types: frozenset[str] = frozenset()
    binary: bool = False

    @property
    def optional(self) -> bool:
        """Whether it was missing at least once."""
        return self.seen < self.of

    @property
    def described(self) -> str:
        """What it holds: types, encoding, values seen."""
        words = [" or ".join(sorted(self.types))]
        if self.binary:
            words += ["base64", *sorted(self.alphabets), *sorted(self.paddings)]
        words += [*sorted(self.mime_types), *(f"e.g. {value}" for value in sorted(self.enums))]
        return ", ".join([*words, *(["optional"] if self.optional else [])])

    def __str__(self) -> str:
        return f"{self.path}: {self.described}"


@dataclass(frozen=True)
class ResponseSchema:
    """The schema of one kind of response, from `samples` bodies; fields by path.

    `kind` is `answer`, `answer in chunks`, `answer of METHOD`, `error STATUS`, `token`, `models` or `model`.
    """

    kind: str
    samples: int
    fields: Mapping[str, Field]


def schemas_of(exchanges: Iterable[Exchange]) -> dict[str, ResponseSchema]:
    """The schemas of all recorded responses, by kind."""
    bodies: dict[str, list[Any]] = {}
    for exchange in exchanges:
        for body in exchange.bodies:
            kind = _kind(body, streamed=exchange.streamed)
            if kind == "answer" and exchange.verb not in _GENERATING:
                kind = f"answer of {exchange.verb}"
            bodies.setdefault(kind, []).append(body)
    return {kind: schema_of(kind, of_kind) for kind, of_kind in sorted(bodies.items())}


# Of a request without a model's name nothing is known but the body.
_GENERATING = frozenset(("", "list", "generateContent", "streamGenerateContent", "predict", "predictLongRunning"))


def _kind(body: Any, *, streamed: bool) -> str:
    if not isinstance(body, Mapping):
        return type(body).__name__
    if isinstance(error := body.get("error"), Mapping):
        return f"error {error.get('status', error.get('code', ''))}".rstrip()
    if "access_token" in body or "id_token" in body:
        return "token"  # of OAuth: an SDK logs in before its first call
    if "models" in body or "supportedGenerationMethods" in body:
        return "models" if "models" in body else "model"
    return "answer in chunks" if streamed else "answer"


def schema_of(kind: str, bodies: Iterable[Any]) -> ResponseSchema:
    """The schema of these parsed bodies."""
    samples = tuple(bodies)
    values: dict[str, list[Any]] = {}
    parents: Counter[str] = Counter()  # by path: how many objects or lists were there
    lists: Counter[str] = Counter()  # by path of an item: how many lists had such an item

    def visit(path: str, value: Any) -> None:
        values.setdefault(path, []).append(value)
        if isinstance(value, Mapping):
            parents[path] += 1
            for name, item in value.items():
                visit(f"{path}.{name}".lstrip("."), item)
        elif isinstance(value, list):
            parents[path] += 1
            lists.update({f"{path}[{_item_kind(item)}]" for item in value})
            for item in value:
                visit(f"{path}[{_item_kind(item)}]", item)

    for body in samples:
        visit("", body)
    fields = {}
    for path, found in sorted(values.items()):
        if path:
            parent = path[: path.rfind("[")] if path.endswith("]") else path.rpartition(".")[0]
            fields[path] = _field(path, found, lists.get(path, len(found)), parents.get(parent, 1))
    return ResponseSchema(kind, len(samples), fields)


def _item_kind(item: Any) -> str:
    """The kind of a list's item: the content of a part, the type of an error's detail; empty for all others."""
    if not isinstance(item, Mapping):
        return ""
    if isinstance(kind := item.get("@type"), str):
        return kind.rpartition(".")[2]
    names = {camel_case(name) for name in item}
    return next((name for name in _CONTENT if name in names), "")


def _field(path: str, values: list[Any], seen: int, of: int) -> Field:
    name = path.rpartition(".")[2]
    texts = [value for value in values if isinstance(value, str)]
    binary = bool(texts) and all(_is_base64(name, text) for text in texts)
    alphabets: set[str] = set()
    paddings: set[str] = set()
    enums: set[str] = set()
    mime_types: set[str] = set()
    for text in texts:
        if binary:
            if "+" in text or "/" in text:
                alphabets.add(STANDARD)
            elif "-" in text or "_" in text:
                alphabets.add(URL_SAFE)
            if text.endswith("=") or len(text) % 4:
                paddings.add(PADDED if text.endswith("=") else UNPADDED)
        elif _ENUM.fullmatch(text) and name != "text":
            enums.add(text)
        if binary and (mime_type := _mime_type_of_bytes(text)):
            mime_types.add(mime_type)
        elif camel_case(name) == "mimeType" and _MIME.fullmatch(text):
            mime_types.add(text)
    return Field(
        path,
        frozenset(map(_type, values)),
        seen,
        of,
        frozenset(alphabets),
        frozenset(paddings),
        frozenset(enums),
        frozenset(mime_types),
        binary,
    )


def _type(value: Any) -> str:
    """The type as JSON schema calls it."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, bytes | str):
        return "string"
    names = ((int, "integer"), (float, "number"), (Mapping, "object"), (list, "array"))
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _is_base64(name: str, text: str) -> bool:
    if not _BASE64.fullmatch(text):
        return False
    if _BYTES_NAME.search(name) and (len(text) >= _MIN_NAMED_BASE64 or "ignature" in name):
        return True
    return len(text) >= _MIN_BASE64 and _mime_type_of_bytes(text) is not None


def _mime_type_of_bytes(text: str) -> str | None:
    """The MIME type by the first bytes of base64: empty for an unknown one, None where it is not base64."""
    try:
        head = base64.b64decode(text[:32].translate(_TO_STANDARD))
    except (binascii.Error, ValueError):
        return None
    return next((mime_type for magic, mime_type in _MAGIC if head.startswith(magic)), "")


# -- drift -----------------------------------------------------------------------------------------------------------

_OFTEN_MISSING = frozenset(
    (
        *("text", "index", "thought", "avgLogprobs", "finishMessage", "promptFeedback", "safetyRatings", "modelStatus"),
        *("citationMetadata", "groundingMetadata", "urlContextMetadata", "logprobsResult", "tokenCount", "createTime"),
        *("candidatesTokenCount", "cachedContentTokenCount", "cacheTokensDetails", "thoughtsTokenCount"),
        *("toolUsePromptTokenCount", "toolUsePromptTokensDetails", "trafficType", "serviceTier", "nextPageToken"),
        "details",
    )
)
"""Fields that the service omits when they are zero or empty (JSON of proto3), or that only some results have.

A single recording without one does not show that it is gone.
"""


@dataclass(frozen=True)
class Change:
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


def changes_between(old: Mapping[str, ResponseSchema], new: Mapping[str, ResponseSchema]) -> tuple[Change, ...]:
    """The changes between two sets of recordings, by kind of response; a kind that only one has is a notice."""
    changes: list[Change] = []
    for kind in sorted({*old, *new}):
        if kind in old and kind in new:
            changes += _changes_of_kind(old[kind], new[kind])
        else:
            side = "old" if kind in old else "new"
            message = f"only the {side} recordings have `{kind}`: nothing to compare"
            changes.append(Change(kind, "unseen", "", "", "", _notice(message, "drift-unseen")))
    return tuple(changes)


def _changes_of_kind(old: ResponseSchema, new: ResponseSchema) -> Iterator[Change]:
    """The changes between two schemas of one kind: a field gone or changed is an error, a new one is not."""
    for field in (old.fields[path] for path in _topmost({*old.fields} - {*new.fields})):
        name = re.sub(r"\[.*?\]$", "", field.path.rpartition(".")[2])
        content = field.path[field.path.rfind("[") + 1 : -1] if field.path.endswith("]") else ""
        if field.optional or name in _OFTEN_MISSING or content in _OPTIONAL_CONTENT:
            finding = _notice(f"gone: {field}; responses often lack it", "drift-gone")
        else:
            finding = Finding(f"gone: {field}", "drift-gone")
        yield Change(old.kind, "gone", field.path, field.described, "", finding)
    for field in (new.fields[path] for path in _topmost({*new.fields} - {*old.fields})):
        if camel_case(field.path.rpartition(".")[2]) == "thoughtSignature":
            message = f"new signature: {field}; the next turn of a conversation must send it back"
            finding = Finding(message, "drift-signature", Severity.WARNING)
        else:
            finding = _notice(f"new: {field}", "drift-new")
        yield Change(old.kind, "new", field.path, "", field.described, finding)
    for path in sorted({*old.fields} & {*new.fields}):
        before, after = old.fields[path], new.fields[path]
        for finding in _changes(before, after):
            yield Change(old.kind, "changed", path, before.described, after.described, finding)


def _topmost(paths: Iterable[str]) -> list[str]:
    """The paths that are not below another one, sorted."""
    tops: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith((f"{top}.", f"{top}[")) for top in tops):
            tops.append(path)
    return tops


def _changes(old: Field, new: Field) -> Iterator[Finding]:
    path = old.path
    types = new.types - old.types - ({"integer"} if "number" in old.types else set())
    if types:
        yield Finding(f"type changed: {path} was {_or(old.types)}, is {_or(new.types)}", "drift-type")
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
    if old.of > 1 and not old.optional and new.optional:
        yield Finding(f"became optional: {path}", "drift-optional", Severity.WARNING)


def _or(names: Iterable[str]) -> str:
    return " or ".join(sorted(names))


def _notice(message: str, rule: str) -> Finding:
    return Finding(message, rule, Severity.NOTICE)
