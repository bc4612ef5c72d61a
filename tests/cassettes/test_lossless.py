"""`cassettes shrink` loses nothing: what a client decodes is the same before and after, or the file is left alone."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
import requests
import vcr
import yaml
import zstandard

from omni_release import cassettes
from omni_release.cassettes.rewriting import rewritten
from omni_release.cassettes.scrubbing import REDACTED, Scrubber
from omni_release.cassettes.shrink import split_data_url
from omni_release.cli import main
from omni_release.images.api_format import decode_base64
from tests.cassettes.test_shrink import body, noise

EVIDENCE = Path(os.environ.get("OMNI_RELEASE_EVIDENCE", Path(__file__).parents[3] / "shared/evidence/gemini")).parent
URI = "https://example.invalid/v1/models/some-model:generateContent"
ANSWER = body(noise("PNG", 96, 54), "image/png")
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "gzip, br": lambda data: brotli.compress(gzip.compress(data)),
}


DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().stream_reader(data).read(),
}


def interaction(response: dict[str, Any], headers: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """A recorded call with this response."""
    request = {"method": "GET", "uri": URI, "body": None, "headers": {"accept": ["*/*"]}}
    return {
        "request": request,
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"content-type": ["application/json"], "x-kept": ["yes"], **(headers or {})},
            **response,
        },
    }


def raw_deflate(data: bytes) -> bytes:
    """Without the header of zlib, as some servers send it."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


FORMS: dict[str, dict[str, Any]] = {
    "text": interaction({"body": {"string": ANSWER.decode()}}, {"content-length": [str(len(ANSWER))]}),
    "bytes": interaction({"body": {"string": ANSWER}}),
    "body without a mapping": interaction({"body": ANSWER.decode()}),
    "parsed body": interaction({"parsed_body": json.loads(ANSWER)}, {"content-length": ["99"]}),
    "base64_string": interaction({"body": {"encoding": "UTF-8", "base64_string": base64.b64encode(ANSWER).decode()}}),
    "stream": interaction({"body": {"string": f"data: {json.dumps(json.loads(ANSWER))}\r\n\r\ndata: [DONE]\r\n\r\n"}}),
    "raw deflate": interaction({"body": {"string": raw_deflate(ANSWER)}}, {"content-encoding": ["deflate"]}),
    "image": interaction({"body": {"string": noise("JPEG", 320, 180)}}, {"content-type": ["image/jpeg"]}),
    **{
        name: interaction(
            {"body": {"string": coder(ANSWER)}},
            {"Content-Encoding": [name], "content-length": [str(len(coder(ANSWER)))]},
        )
        for name, coder in CODINGS.items()
    },
}


def written(tmp_path: Path, *interactions: dict[str, Any], name: str = "a.yaml") -> Path:
    """A cassette with these interactions, with a comment of the user's."""
    path = tmp_path / "cassettes" / name
    path.parent.mkdir(exist_ok=True)
    document = {"version": 1, "interactions": list(interactions)}
    path.write_text("# recorded by hand\n" + yaml.safe_dump(document), encoding="utf-8")
    return path


def same(before: Any, after: Any) -> None:
    """Compare two documents: a string that differs must be the stub of the other."""
    if isinstance(before, dict):
        assert list(before) == list(after)
        for name, value in before.items():
            same(value, after[name])
    elif isinstance(before, list):
        assert len(before) == len(after)
        for one, other in zip(before, after, strict=True):
            same(one, other)
    elif before != after:
        (head, before), (other, after) = split_data_url(before), split_data_url(after)
        assert head == other
        label = hashlib.sha256(decode_base64(before)).hexdigest().encode()
        assert label in decode_base64(after)


def event(line: bytes) -> Any:
    """The document of a stream's line, or the line itself."""
    try:
        return json.loads(line[6:]) if line.startswith(b"data: {") else line
    except ValueError:
        return line


def traffic(path: Path) -> list[Any]:
    """What a client decodes: method, URI, status, headers that matter, and the body as JSON, as lines, or as bytes."""
    found = []
    for call in cassettes.read(path).interactions:
        bodies = [documents(body) for body in (call.sent, call.body)]
        found.append([call.method, call.uri, call.code, call.headers.get("content-type"), *bodies])
    return found


def documents(body: bytes) -> Any:
    """The document in a body, or its lines."""
    try:
        return json.loads(body)
    except ValueError:
        return [event(line) for line in body.split(b"\n")]


@pytest.mark.parametrize("form", FORMS)
def test_each_form(form: str, tmp_path: Path) -> None:
    """Each form stays what it is, becomes small, keeps its comment and headers; shrinking it twice changes nothing."""
    path = written(tmp_path, FORMS[form])
    before, data = traffic(path), path.read_bytes()
    made = rewritten(path, Scrubber())
    assert made.refused == ()
    assert len(made.after) < 8_000 < len(data)
    path.write_bytes(made.after)
    if form != "image":
        same(before, traffic(path))
    assert rewritten(path, Scrubber()).after == made.after
    assert made.after.startswith(b"# recorded by hand\n")
    (one,) = yaml.safe_load(made.after)["interactions"]
    assert one["response"]["headers"]["x-kept"] == ["yes"]
    assert one["stubs"]["response"]
    assert type(one["response"].get("body")) is type(FORMS[form]["response"].get("body"))


@pytest.mark.parametrize("form", ["text", "bytes", "gzip", "deflate", "br", "zstd", "gzip, br"])
def test_replay_by_a_client(form: str, tmp_path: Path) -> None:
    """vcrpy and requests decode the same from both files."""
    path = written(tmp_path, FORMS[form])
    answers = []
    for _ in range(2):
        with vcr.use_cassette(str(path), record_mode="none"):
            answer = requests.get(URI, timeout=5)
        data = answer.content  # vcrpy hands out the bytes as they are in the file, whatever requests would do
        for coding in reversed(answer.headers.get("content-encoding", "").split(", ")):
            data = DECODERS[coding](data)
        answers.append(json.loads(data))
        path.write_bytes(rewritten(path, Scrubber()).after)
    same(*answers)
    assert answers[0] != answers[1]


def test_other_recorders(tmp_path: Path) -> None:
    """Ruby's VCR, with its own tag for bytes, and vcrpy's JSON."""
    ruby = written(tmp_path, FORMS["gzip"], name="ruby.yml")
    text = ruby.read_text().replace("interactions:", "http_interactions:").replace("!!binary", "!binary")
    ruby.write_text(text)
    document = {"version": 1, "interactions": [FORMS["text"]]}
    (tmp_path / "cassettes" / "a.json").write_text(json.dumps(document, indent=4))
    for path in cassettes.in_folder(tmp_path):
        before = traffic(path)
        made = rewritten(path, Scrubber())
        assert (made.refused, len(made.after) < 8_000) == ((), True)
        path.write_bytes(made.after)
        same(before, traffic(path))
        assert rewritten(path, Scrubber()).after == made.after
    assert b"!binary" in ruby.read_bytes() and b"!!binary" not in ruby.read_bytes()


TWICE = ANSWER.replace(b'"role"', b'"role": "x", "role"')
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown coding": (
        interaction({"body": {"string": gzip.compress(ANSWER)}}, {"content-encoding": ["lzma"]}),
        "its content-encoding is 'lzma'",
    ),
    "cut short": (
        interaction({"body": {"string": gzip.compress(ANSWER)[:900]}}, {"content-encoding": ["gzip"]}),
        "its body is not gzip, as its header says",
    ),
    "not compressed": (
        interaction({"body": {"string": ANSWER}}, {"content-encoding": ["br"]}),
        "its body is not br, as its header says",
    ),
    "a byte order mark": (interaction({"body": {"string": b"\xef\xbb\xbf" + ANSWER}}), "byte order mark"),
    "a name twice": (interaction({"body": {"string": TWICE}}), "would not be the same for a client"),
    "a bomb": (
        interaction({"body": {"string": gzip.compress(b" " * 70_000_000)}}, {"content-encoding": ["gzip"]}),
        "more than 64000000 bytes when it is decompressed",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_carried_over(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left as it is, to the byte, with the reason; other cassettes are shrunk all the same."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n')
    broken = written(tmp_path, REFUSED[kind][0])
    other = written(tmp_path, FORMS["text"], name="b.yaml")
    data = broken.read_bytes()
    assert main.main(["cassettes", "shrink"]) == 1
    printed = capsys.readouterr()
    assert REFUSED[kind][1] in printed.err
    assert broken.read_bytes() == data
    assert "cassettes/b.yaml: " in printed.out and other.stat().st_size < 8_000


def test_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the second file cannot be written, the first has its old content, too; no copy is left."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n')
    paths = [written(tmp_path, FORMS["text"], name=name) for name in ("a.yaml", "b.yaml")]
    before, real = [path.read_bytes() for path in paths], os.replace

    def failing(source: str | Path, target: str | Path) -> None:
        if Path(target).name == "b.yaml" and str(source).endswith(".new"):
            raise OSError(28, "No space left on device", str(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    assert main.main(["cassettes", "shrink"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert [path.read_bytes() for path in paths] == before
    assert sorted(path.name for path in (tmp_path / "cassettes").iterdir()) == ["a.yaml", "b.yaml"]


def test_keys_go_and_nothing_else(tmp_path: Path) -> None:
    """Keys in headers and in the address are replaced; an address without one, and other headers, stay."""
    call = interaction({"body": {"string": "{}"}}, {"set-cookie": ["__cf_bm=abcdefgh12345678ijklmnop"]})
    call["request"]["headers"] |= {"Authorization": ["Bearer ya29." + "a0AfB_byC1234567890abcdefghijklmn"]}
    call["request"]["uri"] += "?a=%20x&key=abcdefgh12345678ijklmnop&b=1+2"
    kept = interaction({"body": {"string": "{}"}})
    kept["request"]["headers"] |= {"authorization": ["Bearer <AUTH_TOKEN>"]}
    path = written(tmp_path, call, kept)
    made = rewritten(path, Scrubber())
    one, other = yaml.safe_load(made.after)["interactions"]
    assert other == kept
    assert one["response"]["headers"]["set-cookie"] == [REDACTED]
    assert one["request"]["headers"]["Authorization"] == [REDACTED]
    assert one["request"]["uri"].endswith(f"?a=%20x&key={REDACTED}&b=1+2")


def test_keys_in_a_compressed_body(tmp_path: Path) -> None:
    """The key in use is replaced in there, too."""
    key = "a-key-of-some-gateway-0123456789"
    answer = json.dumps({"echo": key}).encode()
    path = written(tmp_path, interaction({"body": {"string": gzip.compress(answer)}}, {"content-encoding": ["gzip"]}))
    path.write_bytes(rewritten(path, Scrubber((key,))).after)
    (call,) = cassettes.read(path).interactions
    assert json.loads(call.body) == {"echo": REDACTED}


@pytest.mark.skipif(not EVIDENCE.is_dir(), reason="the recorded traffic is not available")
def test_real_recordings(tmp_path: Path) -> None:
    """Real recordings of four recorders: small, the same to a client, and unchanged by a second run."""
    found = cassettes.in_folder(EVIDENCE)
    assert len(found) > 30
    for source in found:
        path = tmp_path / source.name
        path.write_bytes(source.read_bytes())
        before = traffic(path)
        made = rewritten(path, Scrubber())
        assert made.refused == (), source
        path.write_bytes(made.after)
        assert len(made.after) < 60_000, source
        if "grok-imagine" not in source.name:  # an image is a whole body there
            same(before, traffic(path))
        assert rewritten(path, Scrubber()).after == made.after, source


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a few changes: flipped, removed, repeated, swapped, or pieces of YAML put in."""
    pieces = (b"!!binary ", b"&a ", b"*a", b"null", b"[", b"}", b"'", b'"', b"\n", b"    ", b": ", b"- ", b"|", b"\xff")
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at, size = chance.randrange(len(changed)), chance.choice((1, 1, 1, 8, 200))
        match chance.randrange(5):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                del changed[at : at + size]
            case 2:
                changed[at:at] = changed[at : at + size]
            case 3:
                changed[at:at] = chance.choice(pieces)
            case _:
                other = chance.randrange(len(changed))
                one, two = changed[at : at + size], changed[other : other + size]
                changed[at : at + size], changed[other : other + size] = two, one
        if len(changed) < 2:
            break
    return bytes(changed)


def fuzz(tmp_path: Path, count: int, seed: int) -> None:
    """Shrink mutated cassettes: each is refused and left alone, or is the same to a client."""
    chance = random.Random(seed)
    bases = [written(tmp_path, form, FORMS["text"]).read_bytes() for form in FORMS.values()]
    path = tmp_path / "cassettes" / "mutated.yaml"
    changed = 0
    for _ in range(count):
        path.write_bytes(mutated(chance.choice(bases), chance))
        try:
            before = traffic(path)
        except cassettes.UnreadableCassette:
            before = None
        made = rewritten(path, Scrubber())
        assert made.before == path.read_bytes()
        if made.after != made.before:
            changed += 1
            path.write_bytes(made.after)
            assert rewritten(path, Scrubber()).after == made.after
            if before is not None:
                for one, other in zip(before, traffic(path), strict=True):
                    if not (isinstance(one[-1], list) and one[-1][:1] and isinstance(one[-1][0], bytes)):
                        same(one, other)
    assert changed > count // 20


def test_mutated(tmp_path: Path) -> None:
    """Three hundred of them."""
    fuzz(tmp_path, 300, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_ten_thousand_mutated(tmp_path: Path) -> None:
    """Ten thousand of them."""
    fuzz(tmp_path, 10_000, seed=2)
