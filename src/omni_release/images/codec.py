"""Results → JSON and back, without loss.

A dataclass is an object with its fields' names, a tuple an array, bytes are URL-safe base64 with padding, as the
google-genai SDK dumps them. Read are both alphabets of base64, with and without padding: the service itself writes the
standard one, sometimes unpadded.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import enum
import json
import types
import typing
from typing import Any, TypeVar

from omni_release.images.errors import InvalidRequest

T = TypeVar("T")


def encoded(data: bytes) -> str:
    """URL-safe base64, padded."""
    return base64.urlsafe_b64encode(data).decode("ascii")


def decoded(text: str) -> bytes:
    """The bytes behind base64 in either alphabet, padded or not. Raises ValueError where it is neither."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        # With `validate`: without it, b64decode drops what it does not know, and so corrupts silently.
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not base64: {error}") from None


def printable(text: str) -> str:
    """The text without the halves of characters (lone surrogates), which no file, terminal or request takes."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def to_json(value: object) -> str:
    """A result as JSON, in ASCII: any file takes it, whatever characters a service or a user has come up with."""
    return json.dumps(plain(value))


def from_json(kind: type[T], text: str | bytes) -> T:
    """The result of this kind that `to_json` has written. Raises InvalidRequest where it is none."""
    try:
        return typing.cast(T, _value(kind, json.loads(text), kind.__name__))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"this is no {kind.__name__}: not JSON ({error})", "Read what to_json() wrote.") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidRequest(f"this is no {kind.__name__}: {error}", "Read what to_json() wrote.") from None


def plain(value: object) -> Any:  # JSON has no better type
    """What `json.dumps` takes, for what our results consist of."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, bytes):
        return encoded(value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def _value(kind: Any, value: Any, where: str) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        if value is None:
            return None
        kind = next(one for one in typing.get_args(kind) if one is not type(None))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _table(kind, value, where)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{where} must be an array")
        return tuple(_value(typing.get_args(kind)[0], item, f"{where}[{at}]") for at, item in enumerate(value))
    if kind is float and type(value) is int:
        return float(value)
    if kind is bytes and isinstance(value, str):
        return decoded(value)
    if kind is datetime.datetime and isinstance(value, str):
        return datetime.datetime.fromisoformat(value)
    if kind is datetime.date and isinstance(value, str):
        return datetime.date.fromisoformat(value)
    if isinstance(kind, type) and issubclass(kind, enum.StrEnum):
        return kind(value)
    if type(value) is not kind:
        raise TypeError(f"{where} must be {kind.__name__}, not {type(value).__name__}")
    return value


def _table(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"{where} must be an object")
    hints = typing.get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]
    if unknown := sorted(set(value) - set(names)):
        raise KeyError(f"{where} has no field {unknown[0]!r}")
    given = {name: _value(hints[name], value[name], f"{where}.{name}") for name in names if name in value}
    return kind(**given)
