"""What is written as a cassette, and what is not."""

from __future__ import annotations

import base64
import urllib.parse
from pathlib import Path

import pytest

from omni_release import cassettes
from omni_release.cassettes import REDACTED, Provenance, Scrubber, UnreadableCassette
from tests.images.conftest import planted_key

TOLD = Provenance("emulated", "2026-11-22T06:00:00+00:00", "google-genai 3.4.0", ("m",), "omni-release 0.1.0")


def written(scrubber: Scrubber, uri: str, sent: bytes, got: bytes, **headers: str) -> str:
    """One interaction's YAML."""
    entry = cassettes.entry(
        scrubber, ("POST", uri, sent, {"content-type": "application/json"} | headers), (200, "OK", got, headers)
    )
    return cassettes.written([entry], TOLD)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Bodies byte for byte, code, provenance, and the line on which each interaction begins."""
    path = tmp_path / "one.yaml"
    got = '{\n "text": "ein Pröjekt ✓ \\u0001",\n "tail": " "\n}'.encode()
    path.write_text(written(Scrubber(), "http://127.0.0.1:4711/v1beta/models/m:go?a=1", b"{}", got), encoding="utf-8")
    found = cassettes.read(path)
    (one,) = found.interactions
    assert (one.method, one.uri, one.sent, one.code) == ("POST", "http://127.0.0.1/v1beta/models/m:go?a=1", b"{}", 200)
    assert (one.body, found.provenance) == (got, TOLD)
    assert path.read_text(encoding="utf-8").splitlines()[one.line - 1].startswith("- request:")


def test_vcrpy_reads_it(tmp_path: Path) -> None:
    """Whoever has vcrpy alone can read and replay it."""
    from vcr.persisters.filesystem import FilesystemPersister
    from vcr.serializers import yamlserializer

    path = tmp_path / "one.yaml"
    path.write_text(written(Scrubber(), "http://h/p", b"{}", b'{"a":\n1}'), encoding="utf-8")
    requests, responses = FilesystemPersister.load_cassette(path, yamlserializer)
    assert (requests[0].uri, responses[0]["body"]["string"]) == ("http://h/p", b'{"a":\n1}')


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A body that is no UTF-8 survives."""
    path = tmp_path / "one.yaml"
    path.write_text(written(Scrubber(), "http://h/p", b"\xff\x00", b"\xfe\xfd"), encoding="utf-8")
    (one,) = cassettes.read(path).interactions
    assert (one.sent, one.body) == (b"\xff\x00", b"\xfe\xfd")


def spelled(key: str) -> list[str]:
    """A key as it may stand in traffic."""
    coded = [coder(b"user:"[:n] + key.encode()).decode() for n in range(4) for coder in (base64.b64encode,)]
    return [key, urllib.parse.quote(key, safe=""), *coded]


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("key", [planted_key(), "pass word/with+odd%characters"], ids=["usual", "odd"])
def test_no_spelling_of_the_key_is_written(key: str, at: int) -> None:
    """Header, query, both bodies: raw, percent-encoded, in base64 at any offset."""
    spelling = spelled(key)[at]
    text = written(
        Scrubber((key,)),
        f"https://u:{spelling}@h/p?key={spelling}&other={spelling}",
        f'{{"a": "{spelling}"}}'.encode(),
        f'{{"message": "not valid: {spelling}"}}'.encode(),
        authorization=spelling,
        date=spelling,
    )
    assert key not in text and urllib.parse.quote(key, safe="") not in text
    assert base64.b64encode(key.encode())[:-4].decode() not in text
    assert spelling not in text and REDACTED in text


def test_a_key_in_the_query_needs_no_value() -> None:
    """Parameters that are called like a key are never written, whoever's they are."""
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
    ("old", "new", "line", "said"),
    [
        (WHOLE, "", 1, "the whole of it must be a mapping, not nothing"),
        (WHOLE, "a: 1", 1, "the whole of it has no `interactions`"),
        (WHOLE, "- 1", 1, "the whole of it must be a mapping, not a list"),
        (WHOLE, "a: 1\nb: [\nc: 2}", 3, "this is no YAML"),
        (WHOLE, "a: 1\nb: !!python/object:x {}", 2, "this is no YAML"),
        (WHOLE, "a: 1\nb: \0", 2, "this is no YAML"),
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
            "must be a text, or a mapping with a text as its `string`",
        ),
        ("    uri: http://h/", "    uri: [1]", 10, "`interactions[1].request.uri` must be a text, not a list"),
        ("size: 3", "size: big", 14, "`interactions[1].stubs.response[0].size` must be a whole number, not a text"),
        ("sdk: s, ", "", 1, "`provenance` has no `sdk`"),
        ("models: [m]", "models: m", 1, "`provenance.models` must be a list, not a text"),
    ],
)
def test_what_is_no_cassette(old: str, new: str, line: int, said: str, tmp_path: Path) -> None:
    """What is wrong, what is expected, and on which line; the value is not shown."""
    path = tmp_path / "one.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    assert [one.line for one in cassettes.read(path).interactions] == [3, 8]
    assert old in WHOLE
    path.write_text(WHOLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UnreadableCassette) as raised:
        cassettes.read(path)
    assert raised.value.message.startswith(f"{path}:{line}: ")
    assert said in raised.value.message
    assert raised.value.line == line


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """No UTF-8, with its line; a folder in a cassette's place."""
    path = tmp_path / "one.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(UnreadableCassette, match=r"one\.yaml:2: this is no UTF-8"):
        cassettes.read(path)
    with pytest.raises(UnreadableCassette, match="Is a directory"):
        cassettes.read(tmp_path)
