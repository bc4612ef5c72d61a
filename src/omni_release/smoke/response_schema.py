"""The schema of a service's responses, derived from recordings. What changed between two: see drift.py.

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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from omni_release.cassettes.api_calls import error_of, form_of
from omni_release.cassettes.exchanges import Exchange
from omni_release.core.api_forms import Form
from omni_release.images.api_format import camel_case

STANDARD, URL_SAFE, PADDED, UNPADDED = "standard", "url-safe", "padded", "unpadded"

CONTENT = (
    *("text", "inlineData", "fileData", "functionCall", "functionResponse"),
    *("executableCode", "codeExecutionResult"),
)
"""The fields of which a part of a response of Gemini has one."""

_ITEM_TYPE = re.compile(r"[a-z][a-z0-9_.]*")
_OPAQUE = ("args", "input", "metadata", "parameters", "schema", "logit_bias", "category_scores")
"""Objects whose names are not the service's, such as the arguments of a function."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_BYTES_NAME = re.compile(r"(?:^data$|b64_json|[sS]ignature|encrypted_content)$")
_MIN_BASE64 = 64  # characters, of a string in a field of any name
_MIN_NAMED_BASE64 = 16  # characters, of a string in a field with a name for bytes
_ENUM = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_LOWER_ENUM = re.compile(r"[a-z][a-z0-9_.-]{0,40}")
_ENUM_NAMES = frozenset(
    (
        *("type", "object", "role", "status", "finish_reason", "stop_reason", "service_tier", "quality", "background"),
        *("output_format", "phase", "reason"),
    )
)
"""The fields of OpenAI and Anthropic whose values are words of the service."""

_MIME = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"RIFF", "image/webp"))
_TO_STANDARD = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class Field:
    """One place in a response. Of its `of` parents `seen` had it, with a value that is not null."""

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
        """Whether it was missing, or null, at least once."""
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

    `kind` is `answer`, `answer in chunks`, `answer of METHOD`, `event TYPE of METHOD`, `error STATUS`, `token`,
    `models` or `model`; without a vendor's name it is of the Gemini API.
    """

    kind: str
    samples: int
    fields: Mapping[str, Field]


def schemas_of(exchanges: Iterable[Exchange]) -> dict[str, ResponseSchema]:
    """The schemas of all recorded responses, by kind."""
    bodies: dict[str, list[Any]] = {}
    for exchange in exchanges:
        form = form_of(exchange.bodies, exchange.verb)
        for body in exchange.bodies:
            bodies.setdefault(_kind(exchange, form, body), []).append(body)
    return {kind: schema_of(kind, of_kind) for kind, of_kind in sorted(bodies.items())}


# Of a request without a model's name nothing is known but the body.
_GENERATING = frozenset(("", "list", "generateContent", "streamGenerateContent", "predict", "predictLongRunning"))


def _kind(exchange: Exchange, form: Form | None, body: Any) -> str:
    if not isinstance(body, Mapping):
        return type(body).__name__
    error = error_of(body)
    if error is not None or (exchange.code >= 400 and not exchange.streamed):
        return _error_kind(body, error or {}, exchange.code)
    if "access_token" in body or "id_token" in body:
        return "token"  # of OAuth: an SDK logs in before its first call
    if listed := _models_kind(body):
        return listed
    if form is None or form.wire == "gemini":
        kind = "answer in chunks" if exchange.streamed else "answer"
        is_other = kind == "answer" and exchange.verb not in _GENERATING
        return f"answer of {exchange.verb}" if is_other else kind
    if exchange.streamed and isinstance(body.get("type"), str):
        return f"event {body['type']} of {form.name}"
    name = exchange.verb if form.free and exchange.verb not in _GENERATING else form.name
    return f"answer of {name}{' in chunks' * exchange.streamed}"


def _error_kind(body: Mapping[str, Any], error: Mapping[str, Any], code: int) -> str:
    """`error` and what the service calls it: its status, code or type; else the HTTP code."""
    words = (error.get("status"), error.get("code"), error.get("type"))
    word = next((word for word in words if isinstance(word, str) and word), error.get("code") or code)
    of_anthropic = body.get("type") == "error" and isinstance(body.get("error"), Mapping)
    return f"error {word}" + (" of Anthropic" if of_anthropic else "")


def _models_kind(body: Mapping[str, Any]) -> str:
    """The kind of a list of models, or of one model; empty for anything else."""
    if "models" in body or "supportedGenerationMethods" in body:
        return "models" if "models" in body else "model"
    listed = body.get("data")
    first = listed[0] if isinstance(listed, list) and listed else {}
    for vendor, name in (("OpenAI", "object"), ("Anthropic", "type")):
        if body.get(name) == "model":
            return f"model of {vendor}"
        if isinstance(first, Mapping) and first.get(name) == "model":
            return f"models of {vendor}"
    return ""


def schema_of(kind: str, bodies: Iterable[Any]) -> ResponseSchema:
    """The schema of these parsed bodies."""
    samples = tuple(bodies)
    values: dict[str, list[Any]] = {}
    parents: Counter[str] = Counter()  # by path: how many objects or lists were there
    lists: Counter[str] = Counter()  # by path of an item: how many lists had such an item

    def visit(path: str, value: Any) -> None:
        values.setdefault(path, []).append(value)
        if isinstance(value, Mapping) and path.rpartition(".")[2] in _OPAQUE:
            return
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
            had = sum(value is not None for value in found)
            fields[path] = _field(path, found, lists.get(path, had), parents.get(parent, 1))
    return ResponseSchema(kind, len(samples), fields)


def _item_kind(item: Any) -> str:
    """The kind of a list's item: the content of a part, its type, the type of an error's detail; else empty."""
    if not isinstance(item, Mapping):
        return ""
    if isinstance(kind := item.get("@type"), str):
        return kind.rpartition(".")[2]
    names = {camel_case(name) for name in item}
    if isinstance(kind := item.get("type"), str) and _ITEM_TYPE.fullmatch(kind):
        return kind
    return next((name for name in CONTENT if name in names), "")


def _field(path: str, values: list[Any], seen: int, of: int) -> Field:
    name = path.rpartition(".")[2]
    texts = [value for value in values if isinstance(value, str) and value]
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
        elif (_ENUM.fullmatch(text) and name != "text") or (name in _ENUM_NAMES and _LOWER_ENUM.fullmatch(text)):
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
