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
import re
import urllib.parse
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release.cassettes.shrink import Stub, shrunk
from omni_release.cassettes.yaml_reader import InvalidDocument, Node, item_lines, line_of, load
from omni_release.core import redaction
from omni_release.core.errors import OmniReleaseError
from omni_release.core.model import Project

REDACTED = "[redacted]"
_KEY_PARAMETERS = ("key", "api_key", "apikey", "access_token", "token")
_MODEL = re.compile(r"/models/([^/:?]+)(?::(\w+))?")
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
    """Where a recording comes from: `live` or `emulated`, when (ISO 8601, UTC), the SDK, the models, the writer."""

    source: str
    recorded: str
    sdk: str
    models: tuple[str, ...]
    writer: str


@dataclass(frozen=True)
class Interaction:
    """A request and its response. `line` is where it begins in the cassette, from 1. Header names are lower case.

    `stubs` are those of both bodies; their paths begin with `request.` or `response.`.
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
        document = Node(load(text))
        nodes = tuple(document.get("interactions").items())
        found = [_interaction(node, line) for node, line in zip(nodes, item_lines(text, "interactions"), strict=True)]
        provenance = _provenance(document.get_optional("provenance"))
    except InvalidDocument as error:
        raise UnreadableCassette(path, error.problem, error.line or line_of(text, error.keys)) from None
    return Cassette(path, provenance, tuple(found))


def _provenance(node: Node) -> Provenance | None:
    if not node.value:
        return None
    source, recorded, sdk, writer = (node.get(name).text() for name in ("source", "recorded", "sdk", "writer"))
    return Provenance(source, recorded, sdk, tuple(model.text() for model in node.get("models").items()), writer)


def _interaction(node: Node, line: int) -> Interaction:
    request, response = node.get("request"), node.get("response")
    headers = response.get_optional("headers").mapping() if response.get_optional("headers").value else {}
    stubs = [
        _stub(side, stub)
        for side in ("request", "response")
        if (sides := node.get_optional("stubs")).value and sides.get_optional(side).value
        for stub in sides.get(side).items()
    ]
    return Interaction(
        request.get("method").text(),
        request.get("uri").text(),
        _body(request.get_optional("body")),
        response.get("status").get("code").number(),
        {str(name).lower(): ", ".join(map(str, _as_list(value))) for name, value in headers.items()},
        _body(response.get_optional("body")),
        line,
        str(response.get("status").get_optional("message").value or ""),
        tuple(stubs),
    )


def _stub(side: str, node: Node) -> Stub:
    path, sha256, size = node.get("path").text(), node.get("sha256").text(), node.get("size").number()
    mime_type = node.get_optional("mime_type").value or ""
    width, height = (
        number.number() if (number := node.get_optional(name)).value else None for name in ("width", "height")
    )
    return Stub(f"{side}.{path}", sha256, size, str(mime_type), width, height)


def _body(node: Node) -> bytes:
    """A body: nothing, text or bytes, or one of these as `string` of a mapping."""
    value = node.get_optional("string").value if isinstance(node.value, dict) else node.value
    if value is None:
        return b""
    if not isinstance(value, str | bytes):
        raise node.type_error("text, or a mapping with text as its `string`")
    return value if isinstance(value, bytes) else value.encode("utf-8")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def model_and_method(uri: str) -> tuple[str, str]:
    """The model that a request is for, and its method (`generateContent`); both may be empty."""
    match = _MODEL.search(urllib.parse.unquote(uri))
    return (match[1], match[2] or "") if match else ("", "")


def in_folder(folder: Path) -> tuple[Path, ...]:
    """The paths of all cassettes below a folder, sorted."""
    return tuple(sorted((*folder.rglob("*.yaml"), *folder.rglob("*.yml"))))


def of_project(project: Project) -> tuple[Path, ...]:
    """The paths of the project's cassettes, sorted."""
    return in_folder(project.root / project.settings.smoke.cassettes)


# -- writing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scrubber:
    """Removes keys from what is recorded. `secrets` are the values of the keys in use."""

    secrets: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        """The text with each key replaced, in any encoding."""
        for encoded in redaction.key_encodings(self.secrets):
            text = text.replace(encoded, REDACTED)
        return text

    def body(self, body: bytes) -> bytes:
        """The body with each key replaced, in any encoding."""
        for encoded in redaction.key_encodings(self.secrets):
            body = body.replace(encoded.encode(), REDACTED.encode())
        return body

    def uri(self, uri: str) -> str:
        """The URI without a key, without a user, and without the port of a server on this machine."""
        parts = urllib.parse.urlsplit(uri)
        host = parts.netloc.rpartition("@")[2]
        if parts.hostname in ("127.0.0.1", "localhost", "::1"):
            host = re.sub(r":\d+$", "", host)
        query = [
            (name, REDACTED if name.lower() in _KEY_PARAMETERS else value)
            for name, value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        ]
        return self.text(urllib.parse.urlunsplit((parts.scheme, host, parts.path, urllib.parse.urlencode(query), "")))


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
    sent, received = shrunk(scrubber.body(sent_body)), shrunk(scrubber.body(received_body))
    entry: dict[str, Any] = {
        "request": {
            "method": method,
            "uri": scrubber.uri(uri),
            "body": _readable(sent.body),
            "headers": _headers(scrubber, sent_headers, _REQUEST_HEADERS),
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
