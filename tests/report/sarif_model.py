"""Holds a SARIF document to the object model that pysarif has generated from the standard's schema.

Each object has no other properties than its class, all those that it requires, and values of their types: what the
schema says of properties, required ones, types and enumerations.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

import pysarif


def check_document(document: dict[str, Any]) -> None:
    """Raises AssertionError, with the place, if the document is not a SARIF log."""
    assert document["version"] == "2.1.0"
    log = typing.get_type_hints(pysarif.load_from_dict)["return"]
    _object({key: value for key, value in document.items() if key != "$schema"}, log, "$")


def _object(found: Any, shape: Any, at: str) -> None:
    assert isinstance(found, dict), f"{at} is no object"
    hints = typing.get_type_hints(shape)
    known = {_camel(field.name): field for field in dataclasses.fields(shape)}
    assert not set(found) - set(known), f"{at} has {sorted(set(found) - set(known))}, which {shape.__name__} has not"
    for name, field in known.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        assert name in found or not required, f"{at} lacks {name}"
        if name in found:
            _value(found[name], hints[field.name], f"{at}.{name}")


def _value(found: Any, kind: Any, at: str) -> None:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        (kind,) = (argument for argument in arguments if argument is not type(None))
        _value(found, kind, at)
    elif origin is list:
        assert isinstance(found, list), f"{at} is no list"
        for number, item in enumerate(found):
            _value(item, arguments[0], f"{at}[{number}]")
    elif origin is typing.Literal:
        assert found in arguments, f"{at} is {found!r}, none of {arguments}"
    elif dataclasses.is_dataclass(kind):
        _object(found, kind, at)
    elif kind is not Any:
        assert type(found) is kind, f"{at} is {found!r}, no {kind.__name__}"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
