"""The bodies of recorded requests and responses, in each form that recorders give them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omni_release.cassettes import content_coding
from omni_release.cassettes.content_coding import NotDecodable

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Body:
    """A body as a cassette has it: `value`, at `keys` in its request or response. `coding` is its content-encoding.

    Forms: text or bytes; a mapping with one of these as `string`, or with `base64_string`; the parsed document as
    `parsed_body` (then `is_parsed`).
    """

    keys: Keys
    value: Any
    coding: str = ""

    @property
    def is_parsed(self) -> bool:
        return self.keys == ("parsed_body",)

    def raw(self) -> bytes:
        """The bytes that were sent. Raises NotDecodable."""
        if self.is_parsed:
            return json.dumps(self.value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        if self.keys[-1] == "base64_string":
            try:
                return base64.b64decode(self.value)
            except (binascii.Error, ValueError):
                raise NotDecodable("its body is not base64, as `base64_string` says") from None
        return self.value if isinstance(self.value, bytes) else str(self.value).encode("utf-8", "surrogatepass")

    def decoded(self) -> bytes:
        """The bytes that a client gets to see: without content coding. Raises NotDecodable."""
        raw = self.raw()
        # Some recorders decompress a body and keep the header: what is text already was not compressed.
        if not raw or not self.coding or (isinstance(self.value, str) and self.keys[-1] != "base64_string"):
            return raw
        return content_coding.decode(raw, self.coding)

    def with_decoded(self, decoded: bytes) -> Any:
        """The value in the same form for other decoded bytes. Raises NotDecodable where there is none."""
        if self.decoded() != self.raw():
            decoded = content_coding.encode(decoded, self.coding)
        if self.keys[-1] == "base64_string":
            return base64.b64encode(decoded).decode("ascii")
        return decoded if isinstance(self.value, bytes) else decoded.decode("utf-8")


def body_of(side: Mapping[str, Any]) -> Body | None:
    """The body of a request or a response; None where there is none in a form that is known."""
    coding = header(side, "content-encoding")
    if "parsed_body" in side:
        return Body(("parsed_body",), side["parsed_body"], "")
    body = side.get("body")
    if isinstance(body, str | bytes):
        return Body(("body",), body, coding)
    if isinstance(body, Mapping):
        for name in ("string", "base64_string"):
            if isinstance(body.get(name), str | bytes):
                return Body(("body", name), body[name], coding)
    return None


def header(side: Mapping[str, Any], name: str) -> str:
    """A header of a request or a response; empty where it has none. Its name is in lower case."""
    headers = side.get("headers")
    if isinstance(headers, Mapping):
        for key, value in headers.items():
            if str(key).lower() == name:
                values = value if isinstance(value, list) else [value]
                return ", ".join(v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in values)
    return ""
