"""What a call to an AI service asks for, and what its answer says: the model, the tokens, an error in a stream.

By the tables of vendors and of their forms: see core/vendors.py and core/api_forms.py.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omni_release.core import vendors
from omni_release.core.api_forms import FORMS, LIST_TIERS, Form, Tokens, form_at
from omni_release.images.api_format import field
from omni_release.images.pricing import TokenCounts

_MODEL = re.compile(r"/models/([^/:?]+)(?::(\w+))?")
_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")
_MOST_TOKENS = 10**9


@dataclass(frozen=True)
class Asked:
    """What a request asks for. `vendor` is empty where it goes to none of the table, and has no form of one.

    `platform` is where its model is looked up: that of the service; empty for any other host, such as a gateway.

    `verb` is the name of its form, or the method in a path of Google's (`countTokens`); empty for all others.
    """

    vendor: str
    form: Form | None
    model: str
    verb: str
    platform: str = ""
    is_free: bool = True
    """It costs nothing: no call of a model, or one that is not billed."""


def asked(method: str, uri: str, body: Mapping[str, Any]) -> Asked:
    """What a request asks for, by its address and its parsed body."""
    parts = urllib.parse.urlsplit(uri)
    path = urllib.parse.unquote(parts.path).rstrip("/")
    form, model = form_at(path)
    host = vendors.vendor_at(parts.hostname or "")
    vendor = host or (form.wire if form else "")
    named, found = body.get("model"), _MODEL.search(path)
    deployment = _DEPLOYMENT.search(path)
    if not model and found:
        model = found[1]
    model = model or (named if isinstance(named, str) else "") or (deployment[1] if deployment else "")
    of_google = form is None or form.free or form.wire == "gemini"
    verb = found[2] if found and found[2] and of_google else form.name if form else ""
    if method.upper() in ("GET", "HEAD", "DELETE", "OPTIONS"):
        return Asked("", form, model, verb)  # it runs no model
    is_billed = bool(vendor) or vendors.is_other_service(parts.hostname or "")
    platform = vendors.VENDORS[host].platform or host if host else ""
    return Asked(vendor, form, model, verb, platform, not is_billed or (form is not None and form.free))


def request_fields(body: bytes, content_type: str = "") -> dict[str, Any]:
    """The fields of a request: a JSON object, or the texts of a form; empty for anything else."""
    if body[:2] == b"--" or content_type.lower().startswith("multipart/"):
        return dict(_form_texts(body))
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _form_texts(body: bytes) -> Iterator[tuple[str, str]]:
    """The fields of a multipart form that are not files."""
    boundary = body.split(b"\r\n", 1)[0].removeprefix(b"--")
    head = b'Content-Type: multipart/form-data; boundary="%s"\r\n\r\n' % boundary
    for part in email.message_from_bytes(head + body, policy=email.policy.HTTP).walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str) and part.get_filename() is None:
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield name, payload.decode("utf-8", "replace").removesuffix("\r\n")


# -- answers ---------------------------------------------------------------------------------------------------------


def parsed(data: bytes) -> tuple[tuple[Any, ...], bool]:
    """The JSON documents in a body, and whether it is a stream. Raises ValueError where it is neither.

    A stream may end too early: what came whole counts. An error in the middle of one has no `data:` before it.
    """
    text = data.decode("utf-8-sig")
    if _EVENT.match(text):
        return tuple(_events(text)), True
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        if text.lstrip().startswith("[") and (whole := tuple(_items(text))):
            return whole, True
        raise
    return (tuple(document), True) if isinstance(document, list) else ((document,), False)


_EVENT = re.compile(r"\s*(?:(?:event|id|retry)?:[^\n]*\n\s*)*data:")
_FIELD = re.compile(r"(?:event|id|retry)?:")


def _events(text: str) -> Iterator[Any]:
    """The documents of a stream of server-sent events, and of what stands between them."""
    for event in re.split(r"\r?\n[ \t]*\r?\n", text):
        lines = event.splitlines()
        given = [line[5:].strip() for line in lines if line.startswith("data:")]
        rest = "\n".join(line for line in lines if not line.startswith("data:") and not _FIELD.match(line))
        pieces = [rest, *(given if all(map(_is_whole, given)) else ["\n".join(given)])]
        yield from (json.loads(piece) for piece in pieces if _is_whole(piece) and piece not in ("", "[DONE]"))


def _is_whole(text: str) -> bool:
    if text in ("", "[DONE]"):
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _items(text: str) -> Iterator[Any]:
    """The whole items at the beginning of a JSON list that is cut."""
    decoder, at = json.JSONDecoder(), text.index("[") + 1
    while match := re.compile(r"[\s,]*(?=\{)").match(text, at):
        try:
            item, at = decoder.raw_decode(text, match.end())
        except ValueError:
            return
        yield item


def form_of(documents: Iterable[Any], verb: str = "") -> Form | None:
    """The form of an answer, by the verb of its request, or else by what one of its documents is."""
    named = next((form for form in FORMS if form.name == verb), None)
    if named is not None:
        return named
    for document in documents:
        for form in FORMS:
            if any(_has_mark(document, *mark) for mark in form.marks):
                return form
    return None


def _has_mark(document: Any, place: str, value: str) -> bool:
    found = at_path(document, place)
    return found is not None if not value else found == value


@dataclass(frozen=True)
class Answer:
    """What an answer says. `model` is empty where it names none; `error` is what ended a stream, or a 200 without one.

    `counts` are the tokens by model (empty: the one that answered), and None where the usage is missing, is not that of
    a whole answer, or has something in it that is billed apart. `usd` is the cost, where the answer states it.
    """

    model: str
    counts: tuple[tuple[str, TokenCounts], ...] | None
    usd: float | None
    error: Mapping[str, Any] | None = None


def read(form: Form, documents: Sequence[Any]) -> Answer:
    """What the documents of an answer say: one, or the events of a stream."""
    objects = _objects(list(documents))
    model = ""
    usage: dict[str, Any] = {}
    for document in objects:
        model = next((m for at in form.answered if isinstance(m := at_path(document, at), str) and m), model)
        for place in form.usage:
            found = at_path(document, place)
            if isinstance(found, Mapping):
                usage |= {name: value for name, value in found.items() if value is not None}
    error = next(filter(None, map(error_of, objects)), None)
    whole = not form.ended or any(at_path(document, at) is not None for document in objects for at in form.ended)
    usd = _stated(usage, form.tokens)
    listed = all(str(at_path(d, at) or "").lower() in LIST_TIERS for d in objects for at in form.tier)
    counts = _counts(usage, form.tokens) if whole and listed and not _has_extras(objects, form) else None
    return Answer(model, counts, usd if whole else None, error)


def at_path(document: object, path: str) -> Any:
    """The value at a path such as `choices.0.delta`, in camelCase or snake_case; None where there is none."""
    value: Any = document
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = field(value, name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def error_of(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The error in a document: of an answer, of an event of a stream, or of a response that failed."""
    for place in ("error", "response.error"):
        found = at_path(document, place)
        if isinstance(found, Mapping):
            return found
        if isinstance(found, str) and found:  # xAI: a code, and a text
            return {"message": found, "code": document.get("code")}
    return document if document.get("type") == "error" and "message" in document else None


def _stated(usage: Mapping[str, Any], tokens: Tokens) -> float | None:
    """The cost in USD that a usage states, where it is one."""
    for name, unit in tokens.stated.items():
        value = usage.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value * unit < 10**6:
            upstream = at_path(usage, "cost_details.upstream_inference_cost") if usage.get("is_byok") else None
            return value * unit + (upstream if isinstance(upstream, int | float) else 0)
    return None


def _counts(usage: Mapping[str, Any], tokens: Tokens) -> tuple[tuple[str, TokenCounts], ...] | None:
    """The tokens of a usage, by model; None where a count is missing or invalid, or is of another price."""
    main = _count(usage, tokens)
    if main is None:
        return None
    found = [("", main)]
    # Of Anthropic: the calls behind an answer. Those of another model, such as an adviser's, are not in its sum.
    for each in _objects(usage.get("iterations")):
        if isinstance(each.get("model"), str):
            other = _count(each, tokens)
            if other is None:
                return None
            found.append((each["model"], other))
    return tuple(found)


def _count(usage: Mapping[str, Any], tokens: Tokens) -> TokenCounts | None:
    paths = (*tokens.input, *tokens.output, *tokens.cached, *tokens.written, *tokens.unpriced)
    paths = (*paths, *filter(None, (tokens.total, tokens.written_total)))
    found = {path: at_path(usage, path) for path in paths}
    if any(n is not None and (type(n) is not int or not 0 <= n < _MOST_TOKENS) for n in found.values()):
        return None
    required = () if tokens.may_lack else (*tokens.input[:1], *tokens.output[:1])
    if not tokens.input or all(n is None for n in found.values()) or any(found[path] is None for path in required):
        return None
    if any(found[path] for path in tokens.unpriced) or _has_other_modality(usage):
        return None

    def sum_of(paths: Iterable[str]) -> int:
        return sum(found[path] or 0 for path in paths)

    read_from_cache = max((found[path] or 0 for path in tokens.cached), default=0)
    written = sum_of(tokens.written)
    rest = max(0, (found.get(tokens.written_total) or 0) - written)
    dearest = max(tokens.written.values(), default=1.0)
    surcharge = sum((found[path] or 0) * (factor - 1) for path, factor in tokens.written.items())
    sent = sum_of(tokens.input) + (read_from_cache + written + rest if tokens.cached_apart else 0)
    output = sum_of(tokens.output)
    output = max(output, (found[tokens.total] or 0) - sent) if tokens.total else output
    return TokenCounts(sent, output, read_from_cache, tokens.cached_at, surcharge + rest * (dearest - 1))


def _has_other_modality(usage: Mapping[str, Any]) -> bool:
    """Whether tokens of sound or moving pictures are in a usage of Gemini: their prices are others."""
    return any(
        detail.get("modality") in ("AUDIO", "VIDEO") and field(detail, "tokenCount") != 0
        for name in ("promptTokensDetails", "candidatesTokensDetails", "toolUsePromptTokensDetails")
        for detail in _objects(field(usage, name))
    )


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _has_extras(documents: Iterable[Mapping[str, Any]], form: Form) -> bool:
    """Whether an answer has items that are billed apart from its tokens, such as a search."""
    for document in documents:
        for place in ("output", "response.output"):
            items = at_path(document, place)
            kinds = {str(item.get("type")) for item in _objects(items)}
            if not kinds.isdisjoint(form.extras):
                return True
        if at_path(document, "candidates.0.groundingMetadata.webSearchQueries"):
            return True
    return False
