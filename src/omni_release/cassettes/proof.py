"""Proves that two cassettes are the same to a client, but for stubs in place of large data, and for keys."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from omni_release.cassettes import multipart
from omni_release.cassettes.bodies import body_of
from omni_release.cassettes.content_coding import NotDecodable
from omni_release.cassettes.scrubbing import REDACTED, Scrubber
from omni_release.cassettes.shrink import binary_type, label_of, split_data_url
from omni_release.images.api_format import decode_base64

_BODIES = ("body", "parsed_body")


class NotTheSame(ValueError):
    """Two cassettes differ in something that a client gets to see."""


def require_same(before: Any, after: Any, where: str = "the document") -> None:
    """Raise NotTheSame where two documents differ, in a type or in the order of keys, too."""
    if type(before) is not type(after):
        raise NotTheSame(f"{where} is of another type")
    if isinstance(before, dict):
        if list(before) != list(after):
            raise NotTheSame(f"{where} has other keys")
        for name, value in before.items():
            require_same(value, after[name], f"{where}.{name}")
    elif isinstance(before, list):
        if len(before) != len(after):
            raise NotTheSame(f"{where} has another length")
        for at, (one, other) in enumerate(zip(before, after, strict=True)):
            require_same(one, other, f"{where}[{at}]")
    elif before != after and not (before != before and after != after):  # NaN differs from itself
        raise NotTheSame(f"{where} differs")


def require_same_traffic(before: Mapping[str, Any], after: Mapping[str, Any], scrubber: Scrubber) -> None:
    """Raise NotTheSame where a client would decode something else from the second cassette than from the first."""
    for name in before.keys() | after.keys():
        if name not in ("interactions", "http_interactions"):
            require_same(before.get(name), after.get(name), name)
            continue
        if len(before[name]) != len(after[name]):
            raise NotTheSame("it has another number of interactions")
        for at, (one, other) in enumerate(zip(before[name], after[name], strict=True)):
            where = f"{name}[{at}]"
            for side in (one.keys() | other.keys()) - {"stubs"}:
                if side in ("request", "response") and isinstance(one.get(side), dict):
                    _require_same_side(one[side], other[side], scrubber, f"{where}.{side}")
                else:
                    require_same(one.get(side), other.get(side), f"{where}.{side}")


def _require_same_side(before: Mapping[str, Any], after: Mapping[str, Any], scrubber: Scrubber, where: str) -> None:
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if name in _BODIES:
            _require_same_body(before, after, scrubber, where)
        elif name == "headers" and isinstance(one, dict) and isinstance(other, dict):
            _require_same_headers(one, other, scrubber, f"{where}.headers")
        elif name in ("uri", "url") and isinstance(one, str):
            require_same(scrubber.key_free_uri(one), other, f"{where}.{name}")
        else:
            require_same(one, other, f"{where}.{name}")


def _require_same_headers(before: dict[str, Any], after: dict[str, Any], scrubber: Scrubber, where: str) -> None:
    if list(before) != list(after):
        raise NotTheSame(f"{where} has other names")
    for name, value in before.items():
        if str(name).lower() == "content-length":
            continue
        one, other = (item if isinstance(item, list) else [item] for item in (value, after[name]))
        if len(one) != len(other):
            raise NotTheSame(f"{where}.{name} has another number of values")
        for old, new in zip(one, other, strict=True):
            if new != REDACTED and new != (scrubber.text(old) if isinstance(old, str) else old):
                raise NotTheSame(f"{where}.{name} differs")


def _require_same_body(before: Mapping[str, Any], after: Mapping[str, Any], scrubber: Scrubber, where: str) -> None:
    """Compare what a client decodes: the bytes, or the documents in them with stubs."""
    one, other = body_of(before), body_of(after)
    if one is None or other is None or one.keys != other.keys or type(one.value) is not type(other.value):
        for name in _BODIES:
            require_same(before.get(name), after.get(name), f"{where}.{name}")
        return
    if one.value == other.value:
        return
    if one.is_parsed:
        _require_same_values(scrubber.value(one.value), other.value, where, "")
        return
    try:
        old, new = scrubber.body(one.decoded()), other.decoded()
    except NotDecodable as error:
        raise NotTheSame(f"{where}: {error}") from None
    if old == new or label_of(new) == (hashlib.sha256(old).hexdigest(), len(old)):
        return
    if (forms := (multipart.split(old), multipart.split(new))) != (None, None):
        _require_same_form(*forms, where)
        return
    documents = _documents(old, where), _documents(new, where)
    if len(documents[0]) != len(documents[1]):
        raise NotTheSame(f"{where} has another number of lines")
    for first, second in zip(*documents, strict=True):
        _require_same_values(first, second, where, "")


_Form = tuple[bytes, list[multipart.Part]] | None


def _require_same_form(before: _Form, after: _Form, where: str) -> None:
    """Raise NotTheSame where two forms differ in anything but stubs in place of files."""
    if before is None or after is None or before[0] != after[0] or len(before[1]) != len(after[1]):
        raise NotTheSame(f"{where} is another form")
    for (head, content), (other, small) in zip(before[1], after[1], strict=True):
        if head != other:
            raise NotTheSame(f"{where} has a part with other headers")
        if content != small and label_of(small) != (hashlib.sha256(content).hexdigest(), len(content)):
            raise NotTheSame(f"{where} has a part with other content")


class _Pairs(list[tuple[str, Any]]):
    """An object of a JSON document with all of its pairs, also those with a name that was there already."""


def _documents(body: bytes, where: str) -> list[Any]:
    """A JSON document, or the lines of a stream of them: a parsed document, or the line where it is none."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotTheSame(f"{where} is not UTF-8") from None
    try:
        return [json.loads(text, object_pairs_hook=_Pairs)]
    except ValueError:
        return [_line(line) for line in text.split("\n")]


def _line(line: str) -> Any:
    match = re.match(r"data: ?", line)
    try:
        return json.loads(line[match.end() :], object_pairs_hook=_Pairs) if match else line
    except ValueError:
        return line


def _require_same_values(before: Any, after: Any, where: str, name: str, siblings: Any = None) -> None:
    """Compare two values of a body; `siblings` are the pairs of the object in which they have this name."""
    if isinstance(before, dict) and isinstance(after, dict):
        before, after = _Pairs(before.items()), _Pairs(after.items())
    if isinstance(before, _Pairs) and isinstance(after, _Pairs):
        if [key for key, _ in before] != [key for key, _ in after]:
            raise NotTheSame(f"{where} has an object with other names")
        for (key, one), (_, other) in zip(before, after, strict=True):
            _require_same_values(one, other, where, key, before)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            _require_same_values(one, other, where, "")
    elif isinstance(before, str) and isinstance(after, str) and before != after:
        if binary_type(name, dict(siblings or ()), before) is None or not _is_stub_of(before, after):
            raise NotTheSame(f"{where} has other text in {name or 'a list'}")
    else:
        require_same(before, after, where)


def _is_stub_of(before: str, after: str) -> bool:
    """Whether a string holds the stub of the data in another, in the same alphabet and with the same padding."""
    (head, before), (other, after) = split_data_url(before), split_data_url(after)
    try:
        data, stub = decode_base64(before), decode_base64(after)
    except ValueError:
        return False
    same_padding = before.endswith("=") == after.endswith("=")
    return head == other and same_padding and label_of(stub) == (hashlib.sha256(data).hexdigest(), len(data))
