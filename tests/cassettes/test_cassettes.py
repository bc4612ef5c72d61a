"""Cassettes are written without keys and read with precise errors."""

from __future__ import annotations

import base64
import urllib.parse
from pathlib import Path

import pytest

from omni_release import cassettes
from omni_release.cassettes import REDACTED, Provenance, Scrubber, UnreadableCassette
from tests.images.conftest import planted_key

PROVENANCE = Provenance("emulated", "2026-11-22T06:00:00+00:00", "google-genai 3.4.0", ("m",), "omni-release 0.1.0")


def written(scrubber: Scrubber, uri: str, sent: bytes, got: bytes, **headers: str) -> str:
    """One interaction's YAML."""
    entry = cassettes.to_entry(
        scrubber, ("POST", uri, sent, {"content-type": "application/json"} | headers), (200, "OK", got, headers)
    )
    return cassettes.to_yaml([entry], PROVENANCE)


def test_round_trip(tmp_path: Path) -> None:
    """Bodies byte for byte, code, provenance, and the first line of each interaction."""
    path = tmp_path / "one.yaml"
    got = '{\n "text": "ein Pröjekt ✓ \\u0001",\n "tail": " "\n}'.encode()
    path.write_text(written(Scrubber(), "http://127.0.0.1:4711/v1beta/models/m:go?a=1", b"{}", got), encoding="utf-8")
    found = cassettes.read(path)
    (one,) = found.interactions
    assert (one.method, one.uri, one.sent, one.code) == ("POST", "http://127.0.0.1/v1beta/models/m:go?a=1", b"{}", 200)
    assert (one.body, found.provenance) == (got, PROVENANCE)
    assert path.read_text(encoding="utf-8").splitlines()[one.line - 1].startswith("- request:")


def test_vcrpy_reads_it(tmp_path: Path) -> None:
    """vcrpy alone reads and replays it."""
    from vcr.persisters.filesystem import FilesystemPersister
    from vcr.serializers import yamlserializer

    path = tmp_path / "one.yaml"
    path.write_text(written(Scrubber(), "http://h/p", b"{}", b'{"a":\n1}'), encoding="utf-8")
    requests, responses = FilesystemPersister.load_cassette(path, yamlserializer)
    assert (requests[0].uri, responses[0]["body"]["string"]) == ("http://h/p", b'{"a":\n1}')


def test_binary_bodies(tmp_path: Path) -> None:
    """A body that is not UTF-8 is kept."""
    path = tmp_path / "one.yaml"
    path.write_text(written(Scrubber(), "http://h/p", b"\xff\x00", b"\xfe\xfd"), encoding="utf-8")
    (one,) = cassettes.read(path).interactions
    assert (one.sent, one.body) == (b"\xff\x00", b"\xfe\xfd")


def encodings(key: str) -> list[str]:
    """A key as it may occur in traffic."""
    coded = [coder(b"user:"[:n] + key.encode()).decode() for n in range(4) for coder in (base64.b64encode,)]
    return [key, urllib.parse.quote(key, safe=""), *coded]


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("key", [planted_key(), "pass word/with+odd%characters"], ids=["usual", "odd"])
def test_no_encoding_of_the_key_is_written(key: str, at: int) -> None:
    """Header, query, both bodies: raw, percent-encoded, in base64 at any offset."""
    encoded = encodings(key)[at]
    text = written(
        Scrubber((key,)),
        f"https://u:{encoded}@h/p?key={encoded}&other={encoded}",
        f'{{"a": "{encoded}"}}'.encode(),
        f'{{"message": "not valid: {encoded}"}}'.encode(),
        authorization=encoded,
        date=encoded,
    )
    assert key not in text and urllib.parse.quote(key, safe="") not in text
    assert base64.b64encode(key.encode())[:-4].decode() not in text
    assert encoded not in text and REDACTED in text


def test_key_parameters() -> None:
    """Values of parameters that are named like a key are never written."""
    assert "unknown-one" not in written(Scrubber(), "https://h/p?key=unknown-one", b"", b"")


WHOLE = """\
provenance: {source: live, recorded: '2026-01-01', sdk: s, models: [m], writer: w}
interactions:
- request: {method: GET, uri: http://h/, body: null, headers: {}}
  response:
    status: {code: 200, message: OK}
    headers: {date: [x]}
    body: {string: x}
- request:
    method: GET
    uri: http://h/
  response: {status: {code: 200}, headers: {}, body: {string: x}}
  stubs:
    response:
    - {path: a, sha256: b, size: 3}
version: 1
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (WHOLE, "", 1, "the document must be a mapping, not nothing"),
        (WHOLE, "a: 1", 1, "the document has no `interactions`"),
        (WHOLE, "- 1", 1, "the document must be a mapping, not a list"),
        (WHOLE, "a: 1\nb: [\nc: 2}", 3, "not YAML"),
        (WHOLE, "a: 1\nb: !!python/object:x {}", 2, "not YAML"),
        (WHOLE, "a: 1\nb: \0", 2, "not YAML"),
        ("interactions:", "interactions: 1\nother:", 2, "`interactions` must be a list, not a number"),
        ("- request: {", "- 7\n- request: {", 3, "`interactions[0]` must be a mapping, not a number"),
        ("    method: GET\n", "", 9, "`interactions[1].request` has no `method`"),
        (
            "code: 200, message",
            "code: two, message",
            5,
            "`interactions[0].response.status.code` must be a whole number",
        ),
        ("code: 200, message", "code: yes, message", 5, "must be a whole number, not true or false"),
        ("{date: [x]}", "[date]", 6, "`interactions[0].response.headers` must be a mapping, not a list"),
        (
            "    body: {string: x}",
            "    body: {string: [1]}",
            7,
            "must be text, or a mapping with text as its `string`",
        ),
        ("    uri: http://h/", "    uri: [1]", 10, "`interactions[1].request.uri` must be text, not a list"),
        ("size: 3", "size: big", 14, "`interactions[1].stubs.response[0].size` must be a whole number, not text"),
        ("sdk: s, ", "", 1, "`provenance` has no `sdk`"),
        ("models: [m]", "models: m", 1, "`provenance.models` must be a list, not text"),
    ],
)
def test_invalid_cassette(old: str, new: str, line: int, message: str, tmp_path: Path) -> None:
    """The error has the problem, the expected type and the line, but not the value."""
    path = tmp_path / "one.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    assert [one.line for one in cassettes.read(path).interactions] == [3, 8]
    assert old in WHOLE
    path.write_text(WHOLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UnreadableCassette) as raised:
        cassettes.read(path)
    assert raised.value.message.startswith(f"{path}:{line}: ")
    assert message in raised.value.message
    assert raised.value.line == line


def test_unreadable_file(tmp_path: Path) -> None:
    """A file that is not UTF-8, with its line; a folder."""
    path = tmp_path / "one.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(UnreadableCassette, match=r"one\.yaml:2: not UTF-8"):
        cassettes.read(path)
    with pytest.raises(UnreadableCassette, match="Is a directory"):
        cassettes.read(tmp_path)
