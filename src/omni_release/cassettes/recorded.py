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

from omni_release import cassettes
from omni_release.cassettes.yaml_reader import Part, Unexpected, line_of, load
from omni_release.core.errors import UsageError, install_hint

_AGAIN = "Record it anew, or mend that line."
GENERATE, REFINE = "generate", "refine"
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
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: this is no UTF-8, so neither a cassette nor a body", _AGAIN) from None
    except json.JSONDecodeError as error:
        said = f"{path}:{error.lineno}: this is neither a cassette nor a body: no JSON: {error.msg}"
        raise UsageError(said, _AGAIN) from None
    except Unexpected as error:
        line = error.line or _line(data, error)
        said = f"{path}:{line}: this is neither a cassette nor a body: {error.said}"
        raise UsageError(said, _AGAIN) from None
    except RecursionError:
        raise UsageError(f"{path} is neither a cassette nor a body: it is nested without an end", _AGAIN) from None
    if not found:
        raise UsageError(f"{path} holds no answer", "Name a cassette or a body.")
    return found


def _exchanges(path: Path, data: bytes) -> Iterator[Exchange]:
    if path.suffix in (".yaml", ".yml"):
        try:
            document = load(data.decode("utf-8"))
        except ModuleNotFoundError as error:
            raise UsageError(f"{error.name} is not installed, which reads cassettes", install_hint("smoke")) from None
    else:
        bodies, streamed = _parsed(data)
        document = bodies[0] if len(bodies) == 1 and not streamed else None
        if not isinstance(document, Mapping) or not isinstance(document.get("interactions"), list):
            yield Exchange(path, 1, None, "", "", _code(bodies), bodies, streamed)
            return
    whole = Part(document)
    if "http_interactions" not in whole.mapping() and "interactions" not in whole.mapping():
        raise Unexpected("it has no interactions")
    kept = whole.of("interactions" if "interactions" in document else "http_interactions")
    for number, one in enumerate(kept.parts(), 1):
        yield _exchange(path, number, one)


def _exchange(path: Path, number: int, one: Part) -> Exchange:
    request, response = one.of("request"), one.of("response")
    uri = str(request.mapping().get("uri") or request.mapping().get("url") or "")
    model, verb = cassettes.asked(uri)
    asked, _ = _body(request)
    bodies, streamed = _body(response)
    sent = asked[0] if asked and isinstance(asked[0], Mapping) else None
    return Exchange(path, number, sent, model, verb or "list", _status(response), bodies, streamed)


def _status(response: Part) -> int:
    """The code, wherever it stands: `statusCode`, `status.code`, `status`; 200 where it stands nowhere."""
    if response.maybe("statusCode").value:
        return response.of("statusCode").number()
    status = response.maybe("status")
    code = status.maybe("code") if isinstance(status.value, Mapping) else status
    return code.number() if code.value else 200


def _body(side: Part) -> tuple[tuple[Any, ...], bool]:
    """The parsed bodies of a request or a response, and whether they are a stream's."""
    if "parsed_body" in side.mapping():
        return (side.value["parsed_body"],), False
    if "bodySegments" in side.value:
        segments = tuple(part.value for part in side.of("bodySegments").parts())
        return segments, len(segments) > 1
    body = side.value.get("body")
    if isinstance(body, Mapping):
        body = body.get("string") or body.get("base64_string") or ""
    if not body:
        return (), False
    data = body if isinstance(body, bytes) else str(body).encode("utf-8")
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return _parsed(data)
    except (ValueError, EOFError, OSError, zlib.error):
        return (), False  # a proxy's page, say, or what is no gzip: an answer without a shape


def _line(data: bytes, error: Unexpected) -> int:
    """The line of what is wrong. JSON is read as YAML, which it is but for a few odd cases."""
    try:
        return line_of(data.decode("utf-8-sig"), error.keys)
    except (ValueError, ModuleNotFoundError):
        return 1


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
