"""The shape of the service's answers, derived from recordings.

A shape says of each field of an answer: its types, whether it is always there, how its bytes are encoded (base64 of the
standard or the URL-safe alphabet, padded or not), and which enum values and mime types it was seen with. Answers,
errors and lists have shapes of their own; the parts of an answer are told apart by what they hold.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omni_release.cassettes.recorded import Exchange
from omni_release.core.model import Finding, Severity
from omni_release.images.api_format import camel_case

STANDARD, URL_SAFE, PADDED, UNPADDED = "standard", "url-safe", "padded", "unpadded"

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")

_BYTES = re.compile(r"(?:^data$|b64_json|[sS]ignature)$")

_LEAST_BYTES = 64
"""Characters from which a string that looks like base64 is taken for it, whatever it is called."""

_LEAST_NAMED = 16
"""… and from which it is where its name says that it holds bytes."""

_ENUM = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")

_MIME = re.compile(r"[a-z]+/[a-z0-9.+-]+")

HOLDS = ("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult")
"""What a part of an answer can be."""

_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"RIFF", "image/webp"))


@dataclass(frozen=True)
class Field:
    """What is known of one place in an answer: `seen` times there, where what it stands in was there `of` times."""

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

    def __str__(self) -> str:
        said = [f"{self.path}: {' or '.join(sorted(self.types))}"]
        if self.binary:
            said += ["base64", *sorted(self.alphabets), *sorted(self.paddings)]
        said += [*sorted(self.mime_types), *(f"e.g. {value}" for value in sorted(self.enums))]
        return ", ".join([*said, *(["optional"] if self.optional else [])])


@dataclass(frozen=True)
class Shape:
    """The shape of one kind of answer: `kind` is `answer`, `answer in chunks`, `error STATUS`, `models` or `model`."""

    kind: str
    samples: int
    fields: Mapping[str, Field]


def shapes(exchanges: Iterable[Exchange]) -> dict[str, Shape]:
    """The shapes of all that was recorded, by kind."""
    bodies: dict[str, list[Any]] = {}
    for exchange in exchanges:
        for body in exchange.bodies:
            bodies.setdefault(_kind(body, streamed=exchange.streamed), []).append(body)
    return {kind: shape(kind, found) for kind, found in sorted(bodies.items())}


def shape(kind: str, bodies: Iterable[Any]) -> Shape:
    """The shape of these parsed bodies."""
    gathered = _Gathered()
    samples = 0
    for body in bodies:
        samples += 1
        gathered.take("", body)
    return Shape(kind, samples, gathered.fields())


def _kind(body: Any, *, streamed: bool) -> str:
    if not isinstance(body, Mapping):
        return type(body).__name__
    if isinstance(error := body.get("error"), Mapping):
        return f"error {error.get('status', error.get('code', ''))}".rstrip()
    if "models" in body or "supportedGenerationMethods" in body:
        return "models" if "models" in body else "model"
    return "answer in chunks" if streamed else "answer"


class _Gathered:
    """What was seen so far, by path."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Any]] = {}
        self._parents: dict[str, int] = {}  # how often there was an object, or a list, at a path
        self._lists: dict[str, int] = {}  # in how many lists there was an item of a kind

    def take(self, path: str, value: Any) -> None:
        self._seen.setdefault(path, []).append(value)
        if isinstance(value, Mapping):
            self._parents[path] = self._parents.get(path, 0) + 1
            for name, item in value.items():
                self.take(f"{path}.{name}".lstrip("."), item)
        elif isinstance(value, list):
            self._parents[path] = self._parents.get(path, 0) + 1
            for which in {_which(item) for item in value}:
                self._lists[f"{path}[{which}]"] = self._lists.get(f"{path}[{which}]", 0) + 1
            for item in value:
                self.take(f"{path}[{_which(item)}]", item)

    def fields(self) -> dict[str, Field]:
        return {path: self._field(path, values) for path, values in sorted(self._seen.items()) if path}

    def _field(self, path: str, values: list[Any]) -> Field:
        within = path[: path.rfind("[")] if path.endswith("]") else path.rpartition(".")[0]
        of = self._parents.get(within, 1)
        texts = [value for value in values if isinstance(value, str)]
        name = path.rpartition(".")[2]
        binary = bool(texts) and all(_is_base64(name, text) for text in texts)
        return Field(
            path,
            frozenset(_type(value) for value in values),
            self._lists.get(path, len(values)),
            of,
            frozenset(filter(None, map(_alphabet, texts))) if binary else frozenset(),
            frozenset(filter(None, map(_padding, texts))) if binary else frozenset(),
            frozenset(text for text in texts if not binary and _ENUM.fullmatch(text) and name != "text"),
            frozenset(_mime_types(name, texts, binary=binary)),
            binary,
        )


def _which(item: Any) -> str:
    """What an item of a list is: of a part what it holds, of an error's detail its type; nothing of others."""
    if not isinstance(item, Mapping):
        return ""
    if isinstance(kind := item.get("@type"), str):
        return kind.rpartition(".")[2]
    named = {camel_case(name) for name in item}
    return next((name for name in HOLDS if name in named), "")


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, bytes | str):
        return "string"
    names = ((int, "integer"), (float, "number"), (Mapping, "object"), (list, "array"))
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _is_base64(name: str, text: str) -> bool:
    if not _BASE64.fullmatch(text):
        return False
    if _BYTES.search(name) and (len(text) >= _LEAST_NAMED or "ignature" in name):
        return True
    return len(text) >= _LEAST_BYTES and _type_of_bytes(text) is not None


def _type_of_bytes(text: str) -> str | None:
    """The mime type that the bytes themselves say; empty where they say none, None where it is no base64."""
    try:
        head = base64.b64decode(text[:32].translate(_TO_STANDARD))
    except (binascii.Error, ValueError):
        return None
    return next((mime_type for magic, mime_type in _MAGIC if head.startswith(magic)), "")


_TO_STANDARD = str.maketrans("-_", "+/")


def _alphabet(text: str) -> str | None:
    """The alphabet, where a character tells it."""
    if "+" in text or "/" in text:
        return STANDARD
    return URL_SAFE if "-" in text or "_" in text else None


def _padding(text: str) -> str | None:
    if text.endswith("="):
        return PADDED
    return UNPADDED if len(text) % 4 else None


def _mime_types(name: str, texts: Iterable[str], *, binary: bool) -> Iterator[str]:
    for text in texts:
        if binary and (told := _type_of_bytes(text)):
            yield told
        elif camel_case(name) == "mimeType" and _MIME.fullmatch(text):
            yield text


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
    if camel_case(field.path.rpartition(".")[2]) == "thoughtSignature":
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
