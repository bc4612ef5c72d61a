"""Cassettes: recorded traffic as YAML, in vcrpy's format, with a block that says where it comes from.

    provenance: {source: emulated, recorded: …, sdk: …, models: […], writer: …}
    interactions:
    - request: {method: …, uri: …, body: …, headers: …}
      response: {status: …, headers: …, body: {string: …}}
      stubs: {request: […], response: […]}     what the small stubs in the bodies stand for: see shrink.py
    version: 1

What is written has few headers (a header may hold a key under any name), no host's port, and no value of a key.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import urllib.parse
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release.cassettes.shrink import Stub, shrunk
from omni_release.cassettes.yaml_reader import Part, Unexpected, line_of, lines, load
from omni_release.core.errors import OmniReleaseError

REDACTED = "[redacted]"
KEY_PARAMETERS = ("key", "api_key", "apikey", "access_token", "token")
_MODEL = re.compile(r"/models/([^/:?]+)(?::(\w+))?")
_SHORTEST = 8
_REQUEST_HEADERS = ("content-type",)
_RESPONSE_HEADERS = ("content-type", "date", "retry-after")


class UnreadableCassette(OmniReleaseError):
    """A cassette that is none: `said` is what is wrong on `line` (from 1) of the file."""

    def __init__(self, path: Path, said: str, line: int | None) -> None:
        super().__init__(f"{path}:{line}: {said}" if line else f"{path}: {said}", "Record it anew, or mend that line.")
        self.said = said
        self.line = line


@dataclass(frozen=True)
class Provenance:
    """Where a recording comes from: `live` or `emulated`, when (UTC), through which SDK, of which models."""

    source: str
    recorded: str
    sdk: str
    models: tuple[str, ...]
    writer: str


@dataclass(frozen=True)
class Interaction:
    """A request and the answer to it. `line` is where it begins in the cassette, from 1."""

    method: str
    uri: str
    sent: bytes
    code: int
    headers: Mapping[str, str]
    body: bytes
    line: int = 1
    reason: str = ""
    stubs: tuple[Stub, ...] = ()
    """Of both bodies; a path begins with `request.` or `response.`."""


@dataclass(frozen=True)
class Cassette:
    """A recording; `provenance` is None where it does not say where it comes from."""

    path: Path
    provenance: Provenance | None
    interactions: tuple[Interaction, ...]


def read(path: Path) -> Cassette:
    """A cassette, ours or any of vcrpy's. Raises UnreadableCassette."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UnreadableCassette(path, "this is no UTF-8", line) from None
    except OSError as error:
        raise UnreadableCassette(path, error.strerror or "it cannot be read", None) from None
    try:
        document = Part(load(text))
        kept = tuple(document.of("interactions").parts())
        found = [_interaction(one, line) for one, line in zip(kept, lines(text, "interactions"), strict=True)]
        provenance = _provenance(document.maybe("provenance"))
    except Unexpected as error:
        raise UnreadableCassette(path, error.said, error.line or line_of(text, error.keys)) from None
    return Cassette(path, provenance, tuple(found))


def asked(uri: str) -> tuple[str, str]:
    """The model that a request is for, and what of it (`generateContent`); both may be empty."""
    found = _MODEL.search(urllib.parse.unquote(uri))
    return (found[1], found[2] or "") if found else ("", "")


def in_folder(folder: Path) -> tuple[Path, ...]:
    """All cassettes below a folder, sorted."""
    return tuple(sorted((*folder.rglob("*.yaml"), *folder.rglob("*.yml"))))


def _provenance(told: Part) -> Provenance | None:
    if not told.value:
        return None
    source, recorded, sdk, writer = (told.of(name).text() for name in ("source", "recorded", "sdk", "writer"))
    return Provenance(source, recorded, sdk, tuple(one.text() for one in told.of("models").parts()), writer)


def _interaction(one: Part, line: int) -> Interaction:
    request, response = one.of("request"), one.of("response")
    headers = response.maybe("headers").mapping() if response.maybe("headers").value else {}
    stubs = [
        _stub(side, stub)
        for side in ("request", "response")
        if (found := one.maybe("stubs")).value and found.maybe(side).value
        for stub in found.of(side).parts()
    ]
    return Interaction(
        request.of("method").text(),
        request.of("uri").text(),
        _bytes(request.maybe("body")),
        response.of("status").of("code").number(),
        {str(name).lower(): ", ".join(map(str, _list(value))) for name, value in headers.items()},
        _bytes(response.maybe("body")),
        line,
        str(response.of("status").maybe("message").value or ""),
        tuple(stubs),
    )


def _stub(side: str, stub: Part) -> Stub:
    """What a stub stands for; its path is that in the interaction."""
    path, sha256, size = stub.of("path").text(), stub.of("sha256").text(), stub.of("size").number()
    mime_type = stub.maybe("mime_type").value or ""
    width, height = (part.number() if (part := stub.maybe(name)).value else None for name in ("width", "height"))
    return Stub(f"{side}.{path}", sha256, size, str(mime_type), width, height)


def _bytes(body: Part) -> bytes:
    """A body: nothing, text or bytes, or such a one as `string` of a mapping."""
    value = body.maybe("string").value if isinstance(body.value, dict) else body.value
    if value is None:
        return b""
    if not isinstance(value, str | bytes):
        raise body.instead_of("a text, or a mapping with a text as its `string`")
    return value if isinstance(value, bytes) else value.encode("utf-8")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# -- what is written -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scrubber:
    """Takes keys out of what is recorded. `secrets` are the values of the keys that are in use."""

    secrets: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        """The text without a key's value, in whatever way it is spelled there."""
        for value in spellings(self.secrets):
            text = text.replace(value, REDACTED)
        return text

    def body(self, body: bytes) -> bytes:
        """A body without a key's value."""
        for value in spellings(self.secrets):
            body = body.replace(value.encode(), REDACTED.encode())
        return body

    def uri(self, uri: str) -> str:
        """A URI without a key, without a user, and without the port of a server on this machine."""
        parts = urllib.parse.urlsplit(uri)
        host = parts.netloc.rpartition("@")[2]
        if parts.hostname in ("127.0.0.1", "localhost", "::1"):
            host = re.sub(r":\d+$", "", host)
        query = [
            (name, REDACTED if name.lower() in KEY_PARAMETERS else value)
            for name, value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        ]
        return self.text(urllib.parse.urlunsplit((parts.scheme, host, parts.path, urllib.parse.urlencode(query), "")))


def spellings(secrets: Iterable[str]) -> tuple[str, ...]:
    """A key's value and how it looks percent-encoded, JSON-escaped and in base64 (at any offset); the longest first."""
    found: set[str] = set()
    for secret in secrets:
        if len(secret) < _SHORTEST:  # no key is as short, and it would be found in everything
            continue
        found |= {secret, urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1]}
        for offset in range(3):
            data = b"\0" * offset + secret.encode()
            data = data[: len(data) - len(data) % 3]
            if len(data) < 12:
                continue
            skipped = 4 if offset else 0  # the characters that hold bytes of whatever stands before it
            found |= {coded(data).decode()[skipped:] for coded in (base64.b64encode, base64.urlsafe_b64encode)}
    return tuple(sorted(found, key=len, reverse=True))


def written(interactions: Iterable[Mapping[str, Any]], provenance: Provenance | None) -> str:
    """The YAML of interactions as `entry` makes them."""
    import yaml

    told = None if provenance is None else dataclasses.asdict(provenance) | {"models": list(provenance.models)}
    document = {**({"provenance": told} if told else {}), "interactions": list(interactions), "version": 1}
    base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper: Any = type("Dumper", (base,), {"ignore_aliases": lambda *_: True})  # stubs that recur are written out
    dumper.add_representer(str, _represented)
    return str(yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=4000))


def _represented(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None  # JSON over several lines is read as it is
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def entry(
    scrubber: Scrubber,
    request: tuple[str, str, bytes, Mapping[str, Any]],
    response: tuple[int, str, bytes, Mapping[str, Any]],
) -> dict[str, Any]:
    """One interaction as it is written: method, URI, body and headers; code, reason, body and headers."""
    method, uri, sent, sent_headers = request
    code, reason, got, got_headers = response
    asked, answered = shrunk(scrubber.body(sent)), shrunk(scrubber.body(got))
    stubs = {"request": _plain(asked.stubs), "response": _plain(answered.stubs)}
    made: dict[str, Any] = {
        "request": {
            "method": method,
            "uri": scrubber.uri(uri),
            "body": _readable(asked.body),
            "headers": _kept(scrubber, sent_headers, _REQUEST_HEADERS),
        },
        "response": {
            "status": {"code": code, "message": reason},
            "headers": _kept(scrubber, got_headers, _RESPONSE_HEADERS),
            "body": {"string": _readable(answered.body)},
        },
    }
    if asked.stubs or answered.stubs:
        made["stubs"] = {side: found for side, found in stubs.items() if found}
    return made


def _plain(stubs: Iterable[Stub]) -> list[dict[str, Any]]:
    return [{k: v for k, v in dataclasses.asdict(stub).items() if v not in ("", None)} for stub in stubs]


def _kept(scrubber: Scrubber, headers: Mapping[str, Any], names: Collection[str]) -> dict[str, list[str]]:
    return {
        name.lower(): [scrubber.text(str(one)) for one in _list(value)]
        for name, value in headers.items()
        if name.lower() in names
    }


def _readable(body: bytes) -> str | bytes:
    """Text where it is text: YAML would write bytes as base64."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body
