"""What the emulators of text APIs share: the text of an answer, its tokens, and streams of events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from omni_release import models
from omni_release.emulators.responses import Reply
from omni_release.models.facts import Model

ANSWER = "Yes"
_TOKEN = 4  # characters
_LEAST = 2  # tokens of an answer


def answer_of(schema: Any) -> str:
    """The text of an answer: `Yes`, or the smallest document of a JSON schema if the request asks for one."""
    return json.dumps(example_of(schema)) if isinstance(schema, Mapping) else ANSWER


def example_of(schema: Any) -> Any:
    """A value that a JSON schema allows: of an enumeration the first, of a list one item, of an object all fields."""
    if not isinstance(schema, Mapping):
        return ANSWER
    if isinstance(choices := schema.get("enum"), list) and choices:
        return choices[0]
    either = next((schema[name] for name in ("anyOf", "oneOf") if isinstance(schema.get(name), list)), None)
    if either:
        return example_of(either[0])
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    kind = kind.lower() if isinstance(kind, str) else ""  # Gemini writes OBJECT
    if kind == "array":
        return [example_of(schema.get("items"))]
    fields = schema.get("properties")
    if isinstance(fields, Mapping):
        return {name: example_of(part) for name, part in fields.items()}
    simple: dict[str, Any] = {"object": {}, "integer": 1, "number": 1.0, "boolean": True, "null": None}
    return simple.get(kind, ANSWER)


def tokens(value: Any) -> int:
    """About how many tokens the texts of a request, or of an answer, have."""
    text = value if isinstance(value, str) else json.dumps(value)
    return max(_LEAST, len(text) // _TOKEN)


def served(name: str, *platforms: str) -> Model | None:
    """The model of this name on one of these platforms, or of the project; None if the registry has none."""
    return next(filter(None, (models.find(name, platform) for platform in (models.PROJECT, *platforms))), None)


def as_events(documents: Iterable[Mapping[str, Any]], end: str = "", *, named: bool) -> Reply:
    """A stream of server-sent events; with `named`, each has the type of its document as its name."""
    pairs = ((f"event: {document['type']}\n" if named else "", json.dumps(document)) for document in documents)
    lines = (f"{name}data: {data}\n\n" for name, data in pairs)
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
    return Reply(200, ("".join(lines) + end).encode(), headers)
