"""The TOML and JSON readers agree with the standard library's, and their spans are exact."""

from __future__ import annotations

import contextlib
import json
import tomllib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omni_release.core import toml
from omni_release.core.toml import LocatedString, Malformed
from omni_release.versions import place

PIECES = st.sampled_from(
    [
        *("[a]", "[a.b]", "[[c]]", "[ d . 'e f' ]", "x = 1", "y = 'l'", 'z = "b"', "\n", "\r\n", "# c", " ", "\t"),
        *(
            "a.b = 'v'",
            'q = """\nm\\\n  n"""',
            "r = '''\nraw'''",
            "s = [1, 'two', [3.0]]",
            "t = { u = 'v', w.x = \"y\" }",
        ),
        *("u = 2026-08-17", "v = true", "=", "'", '"', "[", "]", "{", "}", ",", 'k = "\\u00e9\\n"', '"quoted key" = 1'),
        *("w = 0x1F", "\ufeff"),
    ]
)


def plain(value: Any) -> Any:
    """The shape of a document, with its strings."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) and not isinstance(value, toml.Scalar) else None


def spans(value: Any, text: str) -> None:
    """Each string is the text at its position."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        spans(item, text)
    if isinstance(value, LocatedString) and value.start >= 0 and "\r" not in text:
        assert text[value.start : value.end] == value


@given(st.lists(PIECES, max_size=14), st.sampled_from(["\n", "\r\n", ""]))
def test_toml_as_tomllib_reads_it(pieces: list[str], between: str) -> None:
    """A document that tomllib reads is read the same; of another one, positions are still right."""
    text = between.join(pieces)
    try:
        theirs = tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError:
        with contextlib.suppress(Malformed):
            spans(toml.read(text), text)
        return
    ours = toml.read(text)
    assert plain(ours) == plain(theirs)
    spans(ours, text)


values = st.recursive(
    st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(st.dictionaries(st.text("abcd", min_size=1, max_size=3), values, max_size=4), st.sampled_from([None, 2]))
def test_json_leaves(document: dict[str, Any], indent: int | None) -> None:
    """Every string of a document is found, with its keys and its position."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    for keys, value in place.json_leaves(text):
        found: Any = document
        for key in keys:
            found = found[int(key)] if isinstance(found, list) else found[key]
        if isinstance(value, LocatedString):
            assert isinstance(found, str)
            if value.start >= 0:
                assert (text[value.start : value.end], value) == (found, found)
        else:
            assert not isinstance(found, str)
