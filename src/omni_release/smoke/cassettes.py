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

from omni_release.errors import OmniReleaseError
from omni_release.smoke.shrink import Stub, shrunk

REDACTED = "[redacted]"
LIVE, EMULATED = "live", "emulated"
KEY_PARAMETERS = ("key", "api_key", "apikey", "access_token", "token")
_SHORTEST = 8
_REQUEST_HEADERS = ("content-type",)
_RESPONSE_HEADERS = ("content-type", "date", "retry-after")


class UnreadableCassette(OmniReleaseError):
    """A cassette that is none."""


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
        document = load(text)
        lines = _lines(text)
        found = [_interaction(one, line) for one, line in zip(document["interactions"], lines, strict=True)]
        told = document.get("provenance")
        provenance = Provenance(**told | {"models": tuple(told["models"])}) if told else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableCassette(f"{path} is no cassette: {_first_line(error)}", "Record it anew.") from None
    return Cassette(path, provenance, tuple(found))


def in_folder(folder: Path) -> tuple[Path, ...]:
    """All cassettes below a folder, sorted."""
    return tuple(sorted((*folder.rglob("*.yaml"), *folder.rglob("*.yml"))))


def load(text: str) -> Any:
    """What stands in the YAML. Raises ValueError."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - it is the safe one, in C where there is libyaml
    except yaml.YAMLError as error:
        raise ValueError(_first_line(error)) from None


def _lines(text: str) -> list[int]:
    """The line on which each interaction begins."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    root = yaml.compose(text, Loader=loader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    items = next((value for key, value in pairs if key.value == "interactions"), None)
    return [node.start_mark.line + 1 for node in items.value] if isinstance(items, yaml.SequenceNode) else []


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _interaction(one: Any, line: int) -> Interaction:
    request, response = one["request"], one["response"]
    headers = {name.lower(): ", ".join(map(str, _list(value))) for name, value in response["headers"].items()}
    stubs = [
        dataclasses.replace(Stub(**stub), path=f"{side}.{stub['path']}")
        for side, found in (one.get("stubs") or {}).items()
        for stub in found
    ]
    body = response["body"]
    return Interaction(
        request["method"],
        request["uri"],
        _bytes(request.get("body")),
        response["status"]["code"],
        headers,
        _bytes(body.get("string") if isinstance(body, dict) else body),
        line,
        str(response["status"].get("message") or ""),
        tuple(stubs),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else ("" if value is None else str(value)).encode("utf-8")


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
