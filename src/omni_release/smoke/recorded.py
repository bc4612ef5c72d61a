"""Recorded answers, in whatever form they were kept: cassettes of vcrpy and its relatives, bodies, streams.

Read are: vcrpy's YAML (with a body as text, as bytes, gzipped, or parsed: `parsed_body`), VCR's (`http_interactions`),
the JSON of Google's own test server (`bodySegments`), a bare JSON body or a list of them, a stream (`data: {…}` lines).
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release.errors import UsageError

INSTALL = 'Install it with: pip install "omni-release[smoke]"'
GENERATE, REFINE = "generate", "refine"
_MODEL = re.compile(r"/models/([^/:?]+)(?::(\w+))?")
_SUFFIXES = (".yaml", ".yml", ".json", ".txt", ".sse")


@dataclass(frozen=True)
class Exchange:
    """An answer and what was asked. `bodies` are the parsed bodies: one, or the chunks of a stream.

    `request` is None where it was not kept; `line` is where it begins in the file, from 1, where that is known.
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
        """`generate`, or `refine` where an answer of the model's own was sent back."""
        contents = (self.request or {}).get("contents")
        turns = contents if isinstance(contents, list) else []
        return REFINE if any(isinstance(turn, Mapping) and turn.get("role") == "model" for turn in turns) else GENERATE


def read(path: Path) -> tuple[Exchange, ...]:
    """All exchanges in a file, or in the files of a folder. Raises UsageError where one cannot be read."""
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.suffix in _SUFFIXES and file.is_file()]
        if not files:
            raise UsageError(f"no recording lies in {path}", f"Looked for {', '.join(_SUFFIXES)}.")
        return tuple(exchange for file in files for exchange in read(file))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "Name a cassette, a body, or a folder.") from None
    try:
        found = tuple(_exchanges(path, data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{path} is neither a cassette nor a body: {said}", "Record it anew.") from None
    if not found:
        raise UsageError(f"{path} holds no answer", "Name a cassette or a body.")
    return found


def _exchanges(path: Path, data: bytes) -> Iterator[Exchange]:
    if path.suffix in (".yaml", ".yml"):
        try:
            from omni_release.smoke.cassettes import load
        except ModuleNotFoundError as error:
            raise UsageError(f"{error.name} is not installed, which reads cassettes", INSTALL) from None
        document = load(data.decode("utf-8"))
    else:
        bodies, streamed = _parsed(data)
        document = bodies[0] if len(bodies) == 1 and not streamed else None
        if not isinstance(document, Mapping) or not isinstance(document.get("interactions"), list):
            yield Exchange(path, 1, None, "", "", _code(bodies), bodies, streamed)
            return
    if not isinstance(document, Mapping):
        raise ValueError("it has no interactions")
    kept = document["interactions"] if "interactions" in document else document["http_interactions"]
    for number, one in enumerate(kept, 1):
        yield _exchange(path, number, one)


def _exchange(path: Path, number: int, one: Mapping[str, Any]) -> Exchange:
    request, response = one["request"], one["response"]
    uri = str(request.get("uri") or request.get("url") or "")
    model, verb = match.groups("") if (match := _MODEL.search(uri)) else ("", "")
    asked, _ = _body(request)
    bodies, streamed = _body(response)
    status = response.get("status")
    code = response.get("statusCode") or (status.get("code") if isinstance(status, Mapping) else status) or 200
    sent = asked[0] if asked and isinstance(asked[0], Mapping) else None
    return Exchange(path, number, sent, model, verb or "list", int(code), bodies, streamed)


def _body(side: Mapping[str, Any]) -> tuple[tuple[Any, ...], bool]:
    """The parsed bodies of a request or a response, and whether they are a stream's."""
    if "parsed_body" in side:
        return (side["parsed_body"],), False
    if "bodySegments" in side:
        return tuple(side["bodySegments"]), len(side["bodySegments"]) > 1
    body = side.get("body")
    if isinstance(body, Mapping):
        body = body.get("string") or body.get("base64_string") or ""
    if not body:
        return (), False
    data = body if isinstance(body, bytes) else str(body).encode("utf-8")
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    try:
        return _parsed(data)
    except ValueError:
        return (), False  # a proxy's page, say: an answer without a shape


def _parsed(data: bytes) -> tuple[tuple[Any, ...], bool]:
    text = data.decode("utf-8-sig")
    if re.match(r"\s*(?:data|event|id|:)", text) and "data:" in text:
        chunks = [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:") and line[5:].strip()]
        return tuple(chunks), True
    parsed = json.loads(text)
    return (tuple(parsed), True) if isinstance(parsed, list) else ((parsed,), False)


def _code(bodies: tuple[Any, ...]) -> int:
    error = bodies[0].get("error") if bodies and isinstance(bodies[0], Mapping) else None
    return int(error.get("code", 500)) if isinstance(error, Mapping) else 200
