"""Removes keys from recorded requests and responses."""

from __future__ import annotations

import functools
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

from omni_release.core import redaction
from omni_release.core.secret_variables import is_named_like_secret
from omni_release.core.vendors import KEY_HEADERS, KEY_PARAMETERS

REDACTED = "[redacted]"
_KEY_PARAMETERS = tuple(dict.fromkeys((*KEY_PARAMETERS, "key", "api_key", "apikey", "access_token", "token")))
_KEY_IN_QUERY = re.compile(rf"(?<=[?&])({'|'.join(_KEY_PARAMETERS)})=([^&#]*)", re.IGNORECASE)
_SECRET_HEADERS = KEY_HEADERS | {"authorization", "cookie", "set-cookie", "proxy-authorization", "x-amz-security-token"}
# What recorders and people write in place of a secret.
_PLACEHOLDER = re.compile(
    r"^\W*(?:(?:bearer|basic|token)\s+)?(?:<.*>|\[.*\]|\{.*\}|\W*|x+|none|null)\W*$"
    r"|redacted|filtered|invalid|scrubbed|removed|hidden|dummy|fake|mock|test|example|placeholder"
    r"|your[-_ ]|my[-_]|api[-_]?key",
    re.IGNORECASE,
)
_RANDOM = re.compile(r"(?=[^\s]*[0-9])(?=[^\s]*[A-Za-z])[\w.~+/=%-]{20,}")


def is_secret_header(name: str) -> bool:
    """Does a header of this name hold a secret?"""
    return name.lower() in _SECRET_HEADERS or is_named_like_secret(name.replace("-", "_"))


def is_placeholder(value: str) -> bool:
    """Is this what recorders and people write in place of a secret?"""
    return _PLACEHOLDER.search(value) is not None


def may_be_secret(value: str) -> bool:
    """May the value of a secret's header be a real one: long, of letters and digits, and no placeholder?"""
    return not is_placeholder(value) and _RANDOM.search(value) is not None


@functools.lru_cache(maxsize=4)
def _encodings(secrets: tuple[str, ...]) -> tuple[str, ...]:
    return redaction.key_encodings(secrets)


@dataclass(frozen=True)
class Scrubber:
    """Removes keys from what is recorded. `secrets` are the values of the keys in use."""

    secrets: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        """The text with each key replaced, in any encoding."""
        for encoded in _encodings(self.secrets):
            text = text.replace(encoded, REDACTED)
        return text

    def body(self, body: bytes) -> bytes:
        """The body with each key replaced, in any encoding."""
        for encoded in _encodings(self.secrets):
            body = body.replace(encoded.encode(), REDACTED.encode())
        return body

    def value(self, value: Any) -> Any:
        """A parsed document with each key in its texts replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self.value(item) for name, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value

    def key_free_uri(self, uri: str) -> str:
        """The URI with the keys in it replaced; nothing else in it changes."""

        def replaced(match: re.Match[str]) -> str:
            return match[0] if is_placeholder(match[2]) else f"{match[1]}={REDACTED}"

        return self.text(_KEY_IN_QUERY.sub(replaced, uri))

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
