"""Cassettes: recorded traffic as YAML, in vcrpy's format, with a block that says where it comes from.

    provenance: {source: emulated, recorded: …, sdk: …, models: […], writer: …}
    interactions:
    - request: {method: …, uri: …, body: …, headers: …}
      response: {status: …, headers: …, body: {string: …}}
      stubs: {request: […], response: […]}     the originals of the small stubs in the bodies: see shrink.py
    version: 1

A cassette that we write has few headers (any header may hold a key), no port of this machine, and no value of a key.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omni_release.cassettes import multipart
from omni_release.cassettes.bodies import body_of, header
from omni_release.cassettes.content_coding import NotDecodable
from omni_release.cassettes.scrubbing import REDACTED as REDACTED
from omni_release.cassettes.scrubbing import Scrubber as Scrubber
from omni_release.cassettes.shrink import Stub, shrunk
from omni_release.cassettes.yaml_reader import InvalidDocument, Node, item_lines, line_of, load
from omni_release.core.errors import OmniReleaseError
from omni_release.core.model import Project

_REQUEST_HEADERS = ("content-type",)
_RESPONSE_HEADERS = ("content-type", "date", "retry-after")


class UnreadableCassette(OmniReleaseError):
    """A file that is not a cassette: `problem` says why, on `line` (from 1) of the file, where that is known."""

    def __init__(self, path: Path, problem: str, line: int | None) -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {problem}", "Record it again, or fix that line.")
        self.problem = problem
        self.line = line


@dataclass(frozen=True)
class Provenance:
    """Where a recording comes from, when (ISO 8601, UTC), the SDK, the models, the writer.

    `source` is `live`, `emulated`, or `local`: a server on the machine that recorded.
    """

    source: str
    recorded: str
    sdk: str
    models: tuple[str, ...]
    writer: str


@dataclass(frozen=True)
class Interaction:
    """A request and its response. `line` is where it begins in the cassette, from 1. Header names are lower case.

    The bodies are decompressed. `stubs` are those of both; their paths begin with `request.` or `response.`.
    """

    method: str
    uri: str
    sent: bytes
    code: int
    headers: Mapping[str, str]
    body: bytes
    line: int = 1
    reason: str = ""
    stubs: tuple[Stub, ...] = ()
    sent_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cassette:
    """A recording; `provenance` is None where the file has none."""

    path: Path
    provenance: Provenance | None
    interactions: tuple[Interaction, ...]


def read(path: Path) -> Cassette:
    """Read a cassette, one of ours or of vcrpy's. Raises UnreadableCassette."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UnreadableCassette(path, "not UTF-8", line) from None
    except OSError as error:
        raise UnreadableCassette(path, error.strerror or "cannot be read", None) from None
    try:
        document = Node(parse(path, text))
        name = interactions_key(document)
        nodes = tuple(document.get(name).items())
        starts = [1] * len(nodes) if path.suffix == ".json" else item_lines(text, name)
        found = [_interaction(node, start) for node, start in zip(nodes, starts, strict=True)]
        provenance = _provenance(document.get_optional("provenance"))
    except InvalidDocument as error:
        where = error.line or (None if path.suffix == ".json" else line_of(text, error.keys))
        raise UnreadableCassette(path, error.problem, where) from None
    return Cassette(path, provenance, tuple(found))


def parse(path: Path, text: str) -> Any:
    """The content of a cassette, which is YAML or JSON by its name. Raises InvalidDocument."""
    if path.suffix != ".json":
        return load(text)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidDocument(f"not JSON: {error.msg}", line=error.lineno) from None
    except RecursionError:
        raise InvalidDocument("nested too deeply") from None


def interactions_key(document: Node) -> str:
    """The key of the interactions: VCR for Ruby writes `http_interactions`."""
    both = ("interactions", "http_interactions")
    return next((name for name in both if name in document.mapping()), both[0])


def _provenance(node: Node) -> Provenance | None:
    if not node.value:
        return None
    source, recorded, sdk, writer = (node.get(name).text() for name in ("source", "recorded", "sdk", "writer"))
    return Provenance(source, recorded, sdk, tuple(model.text() for model in node.get("models").items()), writer)


def _interaction(node: Node, line: int) -> Interaction:
    request, response = node.get("request"), node.get("response")
    stubs = [
        _stub(side, stub)
        for side in ("request", "response")
        if (sides := node.get_optional("stubs")).value and sides.get_optional(side).value
        for stub in sides.get(side).items()
    ]
    status = response.get("status")
    sent_headers, sent = _headers_and_body(request)
    headers, body = _headers_and_body(response)
    return Interaction(
        request.get("method").text(),
        (request.get("uri") if "uri" in request.mapping() else request.get("url")).text(),
        sent,
        status.get("code").number(),
        headers,
        body,
        line,
        str(status.get_optional("message").value or ""),
        tuple(stubs),
        sent_headers,
    )


def _headers_and_body(side: Node) -> tuple[dict[str, str], bytes]:
    """The headers and the decompressed body of a request or a response.

    The headers of a body that was decompressed no longer say that it is; one that cannot be is returned as it is.
    """
    found = side.get_optional("headers").mapping() if side.get_optional("headers").value else {}
    headers = {str(name).lower(): header(side.mapping(), str(name).lower()) for name in found}
    recorded = body_of(side.mapping())
    if recorded is None:
        value = side.get_optional("body")
        if value.value is None or (isinstance(value.value, dict) and value.get_optional("string").value is None):
            return headers, b""
        string = value.get("string") if isinstance(value.value, dict) else value
        raise string.type_error("text, or a mapping with text as its `string`")
    try:
        raw, body = recorded.raw(), recorded.decoded()
    except NotDecodable:
        return headers, recorded.value if isinstance(recorded.value, bytes) else str(recorded.value).encode()
    if body != raw or recorded.is_parsed:
        headers = {name: value for name, value in headers.items() if name not in ("content-encoding", "content-length")}
    return headers, body


def _stub(side: str, node: Node) -> Stub:
    path, sha256, size = node.get("path").text(), node.get("sha256").text(), node.get("size").number()
    mime_type = node.get_optional("mime_type").value or ""
    width, height = (
        number.number() if (number := node.get_optional(name)).value else None for name in ("width", "height")
    )
    return Stub(f"{side}.{path}", sha256, size, str(mime_type), width, height)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def in_folder(folder: Path) -> tuple[Path, ...]:
    """The paths of all cassettes below a folder, sorted: YAML files, and JSON files with interactions."""
    found = [path for suffix in ("yaml", "yml", "json") for path in folder.rglob(f"*.{suffix}")]
    files = (path for path in found if path.is_file())  # a pipe or a device would never end
    return tuple(sorted(path for path in files if path.suffix != ".json" or _is_json_cassette(path)))


def _is_json_cassette(path: Path) -> bool:
    """Whether a JSON file is a cassette of vcrpy: others keep interactions too, in another form."""
    try:
        data = path.read_bytes()
        document = json.loads(data) if b'"interactions"' in data else None
        return isinstance(document, dict) and "status" in document["interactions"][0]["response"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False


def of_project(project: Project) -> tuple[Path, ...]:
    """The paths of the project's cassettes, sorted."""
    return in_folder(project.root / project.settings.smoke.cassettes)


# -- writing ---------------------------------------------------------------------------------------------------------


def to_entry(
    scrubber: Scrubber,
    request: tuple[str, str, bytes, Mapping[str, Any]],
    response: tuple[int, str, bytes, Mapping[str, Any]],
) -> dict[str, Any]:
    """One interaction for `to_yaml`, scrubbed and shrunk.

    `request` is method, URI, body and headers; `response` is code, reason, body and headers.
    """
    method, uri, sent_body, sent_headers = request
    code, reason, received_body, received_headers = response
    stated = _headers(scrubber, sent_headers, _REQUEST_HEADERS)
    content_type = next(iter(stated.get("content-type", ())), "")
    request_body, content_type = multipart.with_stable_boundary(scrubber.body(sent_body), content_type)
    sent, received = shrunk(request_body), shrunk(scrubber.body(received_body))
    entry: dict[str, Any] = {
        "request": {
            "method": method,
            "uri": scrubber.uri(uri),
            "body": _readable(sent.body),
            "headers": stated | ({"content-type": [content_type]} if content_type else {}),
        },
        "response": {
            "status": {"code": code, "message": reason},
            "headers": _headers(scrubber, received_headers, _RESPONSE_HEADERS),
            "body": {"string": _readable(received.body)},
        },
    }
    stubs = {
        side: [{k: v for k, v in dataclasses.asdict(stub).items() if v not in ("", None)} for stub in body.stubs]
        for side, body in (("request", sent), ("response", received))
        if body.stubs
    }
    return entry | ({"stubs": stubs} if stubs else {})


def _headers(scrubber: Scrubber, headers: Mapping[str, Any], names: Collection[str]) -> dict[str, list[str]]:
    return {
        name.lower(): [scrubber.text(str(item)) for item in _as_list(value)]
        for name, value in headers.items()
        if name.lower() in names
    }


def _readable(body: bytes) -> str | bytes:
    """Text if it is text, as YAML would write bytes as base64."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body


def to_yaml(entries: Iterable[Mapping[str, Any]], provenance: Provenance | None) -> str:
    """The YAML of a cassette with these entries of `to_entry`."""
    import yaml

    origin = None if provenance is None else dataclasses.asdict(provenance) | {"models": list(provenance.models)}
    document = {**({"provenance": origin} if origin else {}), "interactions": list(entries), "version": 1}
    base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper: Any = type("Dumper", (base,), {"ignore_aliases": lambda *_: True})  # repeated stubs are written in full

    def represent_text(dumper: Any, text: str) -> Any:
        style = "|" if "\n" in text else None  # JSON over several lines stays readable
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    dumper.add_representer(str, represent_text)
    return str(yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=4000))
