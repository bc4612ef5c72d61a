"""Recorded requests and responses, read from any of the usual formats.

vcrpy's YAML (with a body as text, as bytes, gzipped, or parsed: `parsed_body`), VCR's (`http_interactions`), the JSON
of Google's own test server (`bodySegments`), a JSON body or a list of them, and a stream (`data: {…}` lines).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release.cassettes import api_calls, content_coding
from omni_release.cassettes.bodies import body_of
from omni_release.cassettes.yaml_reader import InvalidDocument, Node, line_of, load
from omni_release.core.errors import UsageError, install_hint

GENERATE, REFINE = "generate", "refine"
TURNS = ("contents", "messages", "input")
"""The turns of a conversation in a request: of Gemini, of Anthropic and OpenAI's chat, of OpenAI's responses."""

_SUFFIXES = (".yaml", ".yml", ".json", ".txt", ".sse")
_HINT = "Record it again, or fix that line."


@dataclass(frozen=True)
class Exchange:
    """A request and its response. `bodies` are the parsed bodies of the response: one, or the chunks of a stream.

    `request` is the parsed body of the request, None where it was not recorded; `number` counts from 1 in the file.
    """

    path: Path
    number: int
    request: Mapping[str, Any] | None
    model: str
    verb: str
    code: int
    bodies: tuple[Any, ...]
    streamed: bool = False

    @property
    def kind(self) -> str:
        """`generate`, or `refine` where a response of the model was sent back."""
        request = self.request or {}
        turns = [turn for name in TURNS if isinstance(request.get(name), list) for turn in request[name]]
        sent_back = any(isinstance(turn, Mapping) and turn.get("role") in ("model", "assistant") for turn in turns)
        return REFINE if sent_back or request.get("previous_response_id") else GENERATE


def read(path: Path) -> tuple[Exchange, ...]:
    """All exchanges in a file, or in the files of a folder. Raises UsageError where a file cannot be read."""
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.suffix in _SUFFIXES and file.is_file()]
        if not files:
            raise UsageError(f"no recordings in {path}", f"Looked for {', '.join(_SUFFIXES)}.")
        return tuple(exchange for file in files for exchange in read(file))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "Name a cassette, a body, or a folder.") from None
    kind = "neither a cassette nor a body"
    try:
        found = tuple(_exchanges(path, data))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: {kind}: not UTF-8", _HINT) from None
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}: {kind}: not JSON: {error.msg}", _HINT) from None
    except InvalidDocument as error:
        line = error.line or _line(data, error)
        raise UsageError(f"{path}:{line}: {kind}: {error.problem}", _HINT) from None
    except RecursionError:
        raise UsageError(f"{path}: {kind}: nested too deeply", _HINT) from None
    if not found:
        raise UsageError(f"{path} has no responses", "Name a cassette or a body.")
    return found


def _line(data: bytes, error: InvalidDocument) -> int:
    """The line of an invalid value. JSON is read as YAML here, as nearly all of it is YAML."""
    if not error.keys:
        return 1
    try:
        return line_of(data.decode("utf-8-sig"), error.keys)
    except (ValueError, ModuleNotFoundError):
        return 1


def _exchanges(path: Path, data: bytes) -> Iterator[Exchange]:
    if path.suffix in (".yaml", ".yml"):
        try:
            document = load(data.decode("utf-8"))
        except ModuleNotFoundError as error:
            raise UsageError(
                f"{error.name} is not installed, which is needed to read cassettes", install_hint()
            ) from None
    else:
        bodies, streamed = api_calls.parsed(data)
        document = bodies[0] if len(bodies) == 1 and not streamed else None
        if isinstance(document, Mapping) and isinstance(document.get("log"), Mapping) and "entries" in document["log"]:
            raise InvalidDocument("it is an HTTP archive (HAR): record a cassette instead")
        if not isinstance(document, Mapping) or not isinstance(document.get("interactions"), list):
            failure = bodies[0].get("error") if bodies and isinstance(bodies[0], Mapping) else None
            code = int(failure.get("code", 500)) if isinstance(failure, Mapping) else 200
            if not bodies:
                raise InvalidDocument("it is a stream without a document")
            yield Exchange(path, 1, None, "", "", code, bodies, streamed)
            return
    root = Node(document)
    if "http_interactions" not in root.mapping() and "interactions" not in root.mapping():
        raise InvalidDocument("it has no interactions")
    interactions = root.get("interactions" if "interactions" in document else "http_interactions")
    for number, interaction in enumerate(interactions.items(), 1):
        yield _exchange(path, number, interaction)


def _exchange(path: Path, number: int, interaction: Node) -> Exchange:
    request, response = interaction.get("request"), interaction.get("response")
    uri = str(request.mapping().get("uri") or request.mapping().get("url") or "")
    sent, _ = _bodies(request)
    body = sent[0] if sent and isinstance(sent[0], Mapping) else None
    asked = api_calls.asked(str(request.mapping().get("method") or "POST"), uri, body or {})
    bodies, streamed = _bodies(response)
    return Exchange(path, number, body, asked.model, asked.verb or "list", _status(response), bodies, streamed)


def _status(response: Node) -> int:
    """The HTTP code from `statusCode`, `status.code` or `status`; 200 where there is none."""
    if response.get_optional("statusCode").value:
        return response.get("statusCode").number()
    status = response.get_optional("status")
    code = status.get_optional("code") if isinstance(status.value, Mapping) else status
    return code.number() if code.value else 200


def _bodies(side: Node) -> tuple[tuple[Any, ...], bool]:
    """The parsed bodies of a request or a response, and whether they are those of a stream."""
    if "parsed_body" in side.mapping():
        return (side.value["parsed_body"],), False
    if "bodySegments" in side.value:
        segments = tuple(segment.value for segment in side.get("bodySegments").items())
        return segments, len(segments) > 1
    body = body_of(side.value)
    try:
        data = body.decoded() if body else b""
        if data[:2] == b"\x1f\x8b":  # a recorder that drops the header
            data = content_coding.decode(data, "gzip")
        return api_calls.parsed(data) if data else ((), False)
    except ValueError:
        return (), False  # not JSON or broken gzip, such as the page of a proxy: a response without a schema
