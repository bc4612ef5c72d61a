"""Reads what others publish about models: LiteLLM's price file, and the lists of OpenAI, Anthropic and Mistral."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeVar

from omni_release.core.errors import Inconclusive, UsageError
from omni_release.core.vendors import VENDORS
from omni_release.models import patterns
from omni_release.models.facts import Model, Price, Stage
from omni_release.models.overlay import combined, merged
from omni_release.models.overlay_file import Overlay, Source
from omni_release.models.references import REGION
from omni_release.models.registry import builtin

LITELLM = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
"""The default source: dates, successors and prices of all vendors in one file."""

_SUPPORTED = "LiteLLM's model_prices_and_context_window.json, or a list (/v1/models) of OpenAI, Anthropic or Mistral"

LISTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "openai": ("https://{host}/v1/models", {}),
    "anthropic": ("https://{host}/v1/models?limit=1000", {"anthropic-version": "2023-06-01"}),
    "mistral": ("https://{host}/v1/models", {}),
}
"""The lists of the vendors themselves: the address, and further headers of a call, which costs nothing."""

_LITELLM_PLATFORMS = {
    "gemini": "gemini-api",
    "openai": "openai",
    "text-completion-openai": "openai",
    "anthropic": "anthropic",
    "xai": "xai",
    "mistral": "mistral",
    "codestral": "mistral",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "azure": "azure",
    "azure_ai": "azure",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
}
_EARLIEST = ("gemini-api", "vertex-ai", "azure", "bedrock")
"""The platforms whose dates in LiteLLM's file may be the earliest ones: they publish "not before" and "no earlier"."""

_KINDS = {
    "embedding": "embedding",
    "image_generation": "image",
    "image_edit": "image",
    "audio_transcription": "audio",
    "audio_speech": "tts",
    "video_generation": "video",
    "rerank": "rerank",
    "moderation": "moderation",
    "realtime": "live",
}
_RATES = {
    "input": "input_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "image_input": "input_cost_per_image_token",
    "text_output": "output_cost_per_token",
    "image_output": "output_cost_per_image_token",
}


T = TypeVar("T")


@dataclass(frozen=True)
class Update:
    """The overlay with what a source adds, and the names (`platform/name`) that it adds and that it changes."""

    overlay: Overlay
    added: tuple[str, ...]
    changed: tuple[str, ...]


def parse(data: bytes, origin: str, read: datetime.date) -> Overlay:
    """What a file or an answer states, on the day when it was read. Raises UsageError where it is no known source."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"{origin} is not JSON", f"Name {_SUPPORTED}.") from None
    entries = document.get("data") if isinstance(document, dict) else document
    if isinstance(entries, list):
        items = [item for item in entries if isinstance(item, dict) and isinstance(item.get("id"), str)]
        for name, reader in (("anthropic", _anthropic), ("mistral", _mistral), ("openai", _openai)):
            if items and any(_MARKS[name] & item.keys() for item in items):
                return _overlay(Source(name, origin, read, ()), reader, items)
    elif isinstance(document, dict):
        rows = {key: row for key, row in document.items() if isinstance(row, dict) and "litellm_provider" in row}
        if rows:
            return _overlay(Source("litellm", origin, read, ()), _litellm, rows)
    raise UsageError(f"{origin} is no list of models that is known here", f"Name {_SUPPORTED}.")


_MARKS: Mapping[str, frozenset[str]] = {
    "anthropic": frozenset(("retires_at", "lifecycle", "deprecated_at")),
    "mistral": frozenset(("deprecation", "deprecation_replacement_model")),
    "openai": frozenset(("shutdown_date",)),
}


def vendor_list(vendor: str, environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The address of a vendor's own list, and the headers of the call. Raises Inconclusive without a key.

    It is always the vendor's own address: what a gateway lists is no word of the vendor's.
    """
    known = VENDORS[vendor]
    key = next((value for name in known.keys if (value := environment.get(name, "").strip())), "")
    if not key:
        raise Inconclusive(f"no key of {known.title} is set", f"Set {known.key_names}, or name a file with --from.")
    address, headers = LISTS[vendor]
    header = known.headers[0]
    return address.format(host=known.hosts[0]), {
        **headers,
        header: f"Bearer {key}" if header == "authorization" else key,
    }


def _overlay(source: Source, reader: Callable[[T, str, datetime.date], Iterator[Model]], rows: T) -> Overlay:
    found = {(model.platform, model.name): model for model in reader(rows, source.label, source.read)}
    platforms = tuple(sorted({model.platform for model in found.values()}))
    return Overlay(tuple(found.values()), (replace(source, platforms=platforms),))


def update(before: Overlay, new: Overlay) -> Update:
    """The overlay `before` with what `new` changes in the built-in table.

    A name that a source no longer has keeps its row: sources drop the dead. Of Azure and Bedrock, which serve other
    vendors' models, only names with an end are added.
    """
    names = {source.label: source.name for source in before.sources}
    again = {source.name: source for source in new.sources}
    listed = {(model.platform, model.name) for model in new.models}
    kept = {}
    for model in before.models:
        key, source = (model.platform, model.name), names[model.source]
        if source not in again:
            kept[key] = model
        elif key not in listed:
            kept[key] = replace(model, source=again[source].label)
    base = merged(builtin(), Overlay(tuple(kept.values()), before.sources))
    rows = dict(kept)
    for model in new.models:
        key = (model.platform, model.name)
        known = base.models.get(key)
        if known is None:
            if _is_worth_adding(model):
                rows[key] = model
            continue
        row = combined(known, model)
        priced = known.price is None and row.price is not None and key not in kept
        if (row.end, row.stage) != (known.end, known.stage) or priced:
            rows[key] = model if priced else replace(model, price=None)
    earlier = {(model.platform, model.name): _facts(model) for model in before.models}
    fresh = {key for key, model in rows.items() if earlier.get(key) != _facts(model)}
    added = sorted("/".join(key) for key in fresh if key not in builtin().models and key not in earlier)
    changed = sorted("/".join(key) for key in fresh if key in builtin().models or key in earlier)
    sources = {source.name: source for source in (*before.sources, *new.sources)}
    return Update(Overlay(tuple(rows.values()), tuple(sources.values())), tuple(added), tuple(changed))


def _facts(model: Model) -> object:
    """What is worth a line of a report: all but where and when it was read."""
    price = model.price and replace(model.price, source="", checked=None)
    return replace(model, source="", checked=datetime.date.min, price=price)


def _is_worth_adding(model: Model) -> bool:
    """Whether its name is one that the scanner finds: any other word would be searched for in all files.

    An id of Bedrock with a region has the row of the one without, unless its end is another.
    """
    if model.platform in ("azure", "bedrock") and model.end is None:
        return False
    everywhere = builtin().models.get((model.platform, REGION.sub("", model.name)))
    if model.platform == "bedrock" and everywhere is not None and everywhere.end == model.end:
        return False
    name = model.name.encode("utf-8", "replace")
    known = model.name in builtin().by_name
    return known or any(pattern.fullmatch(name) for pattern in (patterns.NAME, patterns.GENERIC))


def _openai(items: list[dict[str, Any]], origin: str, read: datetime.date) -> Iterator[Model]:
    for item in items:
        if str(item["id"]).startswith("ft:"):
            continue
        end = _day(item.get("shutdown_date"))
        stage = Stage.LISTED if end is None else Stage.SCHEDULED
        yield _model("openai", item["id"], stage, origin, read, end=end, released=_day_of_time(item.get("created")))


def _anthropic(items: list[dict[str, Any]], origin: str, read: datetime.date) -> Iterator[Model]:
    stages = {"deprecated": Stage.DEPRECATED, "retired": Stage.SHUT_DOWN, "active": Stage.STABLE}
    for item in items:
        end, deprecated = _day(item.get("retires_at")), _day(item.get("deprecated_at"))
        stage = stages.get(str(item.get("lifecycle")), Stage.LISTED)
        if end is not None and stage in (Stage.STABLE, Stage.LISTED):
            stage = Stage.SCHEDULED
        released = str(item.get("created_at") or "")[:10]
        model = _model("anthropic", item["id"], stage, origin, read, end=end, released=released)
        yield replace(model, deprecated=deprecated)


def _mistral(items: list[dict[str, Any]], origin: str, read: datetime.date) -> Iterator[Model]:
    for item in items:
        end = _day(item.get("deprecation"))
        heir = item.get("deprecation_replacement_model")
        stage = Stage.LISTED if end is None else Stage.SCHEDULED
        model = _model("mistral", item["id"], stage, origin, read, end=end)
        yield replace(model, successors=(str(heir),) if heir else ())


def _litellm(rows: Mapping[str, dict[str, Any]], origin: str, read: datetime.date) -> Iterator[Model]:
    """The rows of LiteLLM's file: a Google name without `gemini/` is one of Vertex AI."""
    for key, row in rows.items():
        provider = str(row["litellm_provider"])
        platform = "vertex-ai" if provider.startswith("vertex_ai") else _LITELLM_PLATFORMS.get(provider, "")
        head, slash, rest = key.partition("/")
        name = rest if slash and (head == provider or head in ("vertex_ai", "gemini", *_LITELLM_PLATFORMS)) else key
        if not platform or "/" in name or not re.fullmatch(r"[\w.:@-]+", name):
            continue  # a size in front of a name, a region, a provider that is not in the table
        end = _day(row.get("deprecation_date"))
        stage = Stage.UNCONFIRMED if platform in _EARLIEST else Stage.SCHEDULED
        if end is None:
            stage = Stage.ALIAS if name.endswith("-latest") else Stage.LISTED
        heir = row.get("successor_model")
        model = _model(platform, name, stage, origin, read, end=end, first_hand="no")
        yield replace(
            model,
            kind=_KINDS.get(str(row.get("mode")), "text"),
            successors=(str(heir).rpartition("/")[2],) if heir else (),
            price=_litellm_price(row, origin, read),
        )


def _litellm_price(row: Mapping[str, Any], origin: str, read: datetime.date) -> Price | None:
    rates: dict[str, float] = {}
    for name, key in _RATES.items():
        value = row.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            rates[name] = round(value * 1_000_000, 6)
    if not rates:
        return None
    return Price(
        input=rates.get("input"),
        cached_input=rates.get("cached_input"),
        image_input=rates.get("image_input"),
        text_output=rates.get("text_output"),
        image_output=rates.get("image_output"),
        per_image=MappingProxyType({}),
        source=origin,
        checked=read,
        second_hand=True,
    )


def _model(
    platform: str,
    name: str,
    stage: Stage,
    origin: str,
    read: datetime.date,
    *,
    end: datetime.date | None,
    released: str = "",
    first_hand: str = "yes",
) -> Model:
    if end is not None and end <= read and stage is Stage.SCHEDULED:
        stage = Stage.SHUT_DOWN
    return Model(name, platform, platform, "text", stage, origin, read, first_hand, released, end=end)


def _day_of_time(seconds: object) -> str:
    """The day of a Unix time; empty where it is none."""
    if not isinstance(seconds, int) or seconds <= 0:
        return ""
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):  # out of range, by the system
        return ""


def _day(value: object) -> datetime.date | None:
    """A date, from a date or a time as text; None where it is neither."""
    try:
        return datetime.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
