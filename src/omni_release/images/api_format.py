"""The API's JSON: names in camelCase and snake_case, base64 in both alphabets.

proto3's JSON reads either spelling of a name and either alphabet of base64, padded or not. The service writes camelCase
and the standard alphabet, sometimes unpadded; the google-genai SDK dumps snake_case and the URL-safe alphabet.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from collections.abc import Mapping
from typing import Any


@functools.cache
def snake_case(name: str) -> str:
    """`inlineData` as `inline_data`."""
    return re.sub(r"([A-Z])", r"_\1", name).lower()


@functools.cache
def camel_case(name: str) -> str:
    """`inline_data` as `inlineData`, as the API itself spells names."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def field(table: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """The field `name` (in camelCase) of an object, in either spelling; `default` if it is missing or null."""
    value = table.get(name)
    if value is None:
        value = table.get(snake_case(name))
    return default if value is None else value


def nested_field(document: object, *names: str) -> Any:
    """The value below `names` (in camelCase), or None if any level is missing or is not an object."""
    value = document
    for name in names:
        value = field(value, name) if isinstance(value, Mapping) else None
    return value


def encode_base64(data: bytes) -> str:
    """URL-safe base64 with padding, as the google-genai SDK dumps bytes."""
    return base64.urlsafe_b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes of base64 in either alphabet, padded or not. Raises ValueError for any other text."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        # Without `validate`, b64decode drops unknown characters, which corrupts the bytes silently.
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"invalid base64: {error}") from None


def replace_surrogates(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD: no file, terminal or request accepts a surrogate.

    Control characters stay, since this is data; `core.redaction.printable` escapes them for terminals and reports.
    """
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
