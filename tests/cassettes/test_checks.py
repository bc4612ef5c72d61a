"""The check of cassettes: each problem, with its file and line."""

from __future__ import annotations

import base64
import datetime
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from omni_release import cassettes
from omni_release.cassettes import Provenance, Scrubber
from omni_release.cassettes.checks import cassette_findings, cassettes_clean
from omni_release.cassettes.rewriting import rewritten
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Severity
from omni_release.core.settings import Smoke
from omni_release.emulators.service import response_id
from tests.conftest import RunCheck
from tests.images.conftest import planted_key

TODAY = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
YOUNG, OLD = TODAY - datetime.timedelta(days=3), TODAY - datetime.timedelta(days=400)


def write_cassette(
    root: Path, *codes: int, when: datetime.datetime = YOUNG, text: str = "fine", date: bool = True
) -> Path:
    """A cassette with responses of these codes."""
    headers = {"date": when.strftime("%a, %d %b %Y %H:%M:%S GMT")} if date else {}
    entries = [
        cassettes.to_entry(
            Scrubber(),
            ("POST", "http://h/models/m:generateContent", b"{}", {}),
            (code, "", json.dumps({"text": text, "responseId": response_id(when, b"")}).encode(), headers),
        )
        for code in codes
    ]
    provenance = Provenance("emulated", when.isoformat(), "", (), "")
    path = root / "cassettes" / "one.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(cassettes.to_yaml(entries, provenance), encoding="utf-8")
    return path


def findings_of(path: Path, settings: Smoke | None = None, *secrets: str) -> list[Finding]:
    """The findings for a cassette."""
    return list(cassette_findings(path, settings or Smoke(), TODAY, secrets))


def test_clean_cassette(tmp_path: Path) -> None:
    """It has no findings."""
    assert findings_of(write_cassette(tmp_path, 200, 404)) == []


@pytest.mark.parametrize("live", [False, True], ids=["by its shape", "by its value"])
def test_key(live: bool, tmp_path: Path) -> None:
    """A key is reported on its line, and not shown."""
    key = "a-key-of-no-known-shape" if live else planted_key()
    path = write_cassette(tmp_path, 200, text=f"your key {key}")
    (one,) = findings_of(path, None, key)[:1]
    line = path.read_text(encoding="utf-8").splitlines()[(one.line or 0) - 1]
    assert (one.rule, key in line) == ("cassette-secret", True)
    assert key not in one.message


@pytest.mark.parametrize("code", [500, 503, 429])
def test_recorded_fault(code: int, tmp_path: Path) -> None:
    """It is reported on the line of its interaction."""
    path = write_cassette(tmp_path, 200, code)
    (one,) = findings_of(path)
    assert one.rule == "cassette-fault" and str(code) in one.message
    assert one.line == cassettes.read(path).interactions[1].line


def test_too_large(tmp_path: Path) -> None:
    """The message has its size and the limit."""
    (one,) = findings_of(write_cassette(tmp_path, 200), Smoke(largest_cassette=100))
    assert one.rule == "cassette-size" and "100 are allowed" in one.message


@pytest.mark.parametrize("date", [True, False], ids=["by the date header", "by responseId"])
def test_too_old(date: bool, tmp_path: Path) -> None:
    """The age is that of the response, by its id where its date was removed."""
    (one,) = findings_of(write_cassette(tmp_path, 200, when=OLD, date=date))
    assert one.rule == "cassette-age" and "400 days" in one.message and one.line


def test_empty_cassette(tmp_path: Path) -> None:
    """An empty cassette is a finding."""
    (one,) = findings_of(write_cassette(tmp_path))
    assert one.rule == "cassette-empty"


def test_unreadable_cassette(tmp_path: Path) -> None:
    """A key in an invalid file is reported, and so is the syntax error."""
    path = tmp_path / "broken.yaml"
    path.write_text(f"a: 1\nb: [{planted_key()}\nc: 2", encoding="utf-8")
    secret, unreadable = findings_of(path)
    assert (secret.rule, secret.line) == ("cassette-secret", 2)
    assert (unreadable.rule, unreadable.line) == ("cassette-unreadable", 3)
    assert unreadable.message.startswith("not YAML: ")


def test_without_provenance(tmp_path: Path) -> None:
    """A cassette of vcrpy has warnings only."""
    path = tmp_path / "theirs.yaml"
    path.write_text(
        "interactions:\n- request: {body: null, headers: {}, method: GET, uri: 'http://h/'}\n"
        "  response: {body: {string: x}, headers: {}, status: {code: 200, message: OK}}\nversion: 1\n",
        encoding="utf-8",
    )
    assert [(one.rule, one.severity.value) for one in findings_of(path)] == [
        ("cassette-provenance", "warning"),
        ("cassette-age", "warning"),
    ]


def test_check_of_a_project(run_check: RunCheck) -> None:
    """The check has the path of each cassette in the project, and is skipped without cassettes."""
    with pytest.raises(NotApplicable, match="there are no cassettes in cassettes/"):
        run_check(cassettes_clean)
    (finding,) = run_check(cassettes_clean, {"cassettes/broken.yaml": "a: [\n"})
    assert (finding.rule, finding.where) == ("cassette-unreadable", "cassettes/broken.yaml:1")


def foreign(tmp_path: Path, response: dict[str, Any], sent: dict[str, list[str]] | None = None) -> list[Finding]:
    """The findings for a cassette of vcrpy with this response and these headers of the request, without its origin."""
    request = {"method": "POST", "uri": "https://example.invalid/v1", "body": "{}", "headers": sent or {}}
    whole = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "{}"}} | response
    path = tmp_path / "foreign.yaml"
    path.write_text(yaml.safe_dump({"interactions": [{"request": request, "response": whole}], "version": 1}))
    return [finding for finding in findings_of(path) if finding.rule != "cassette-provenance"]


def compressed(text: str) -> dict[str, Any]:
    """A gzipped response."""
    return {"body": {"string": gzip.compress(text.encode())}, "headers": {"content-encoding": ["gzip"]}}


def echo() -> str:
    """A body with a key in it."""
    return json.dumps({"echo": planted_key()})


TOKEN = "ya29." + "a0AfB1234567890-abcdefghijklmnop"
HIDDEN: dict[str, Callable[[Path], list[Finding]]] = {
    "gzip": lambda folder: foreign(folder, compressed(echo())),
    "bytes": lambda folder: foreign(folder, {"body": {"string": echo().encode("utf-8") + b"\xff"}}),
    "base64_string": lambda folder: foreign(
        folder, {"body": {"base64_string": base64.b64encode(echo().encode()).decode()}}
    ),
    "a token of Google": lambda folder: foreign(folder, {}, {"Authorization": [f"Bearer {TOKEN}"]}),
    "a token of no known shape": lambda folder: foreign(folder, {}, {"Authorization": ["Bearer q8Zr1nT5wX0cV7bM3kJ9"]}),
    "another header": lambda folder: foreign(folder, {}, {"x-gateway-api-key": ["q8Zr1nT5wX0cV7bM3kJ9"]}),
}


@pytest.mark.parametrize("where", HIDDEN)
def test_hidden_keys(where: str, tmp_path: Path) -> None:
    """A key is found in compressed bodies, in base64, and in headers, and is not shown."""
    found = [finding for finding in HIDDEN[where](tmp_path) if finding.rule == "cassette-secret"]
    assert found and all(finding.severity is Severity.ERROR for finding in found)
    assert not any(planted_key() in finding.message or "q8Zr" in finding.message for finding in found)


@pytest.mark.parametrize(
    "value", ["Bearer <AUTH_TOKEN>", "Bearer test-api-key-0123456789", "[redacted]", "REDACTED", "Bearer dummy", "***"]
)
def test_placeholders(value: str, tmp_path: Path) -> None:
    """What recorders write in place of a key is no key."""
    found = foreign(tmp_path, {"headers": {"set-cookie": [value]}}, {"authorization": [value], "x-api-key": [value]})
    assert not [finding for finding in found if finding.rule == "cassette-secret"]


def test_cookies(tmp_path: Path) -> None:
    """A cookie that a gateway set is advice."""
    found = foreign(tmp_path, {"headers": {"set-cookie": ["__cf_bm=q8Zr1nT5wX0cV7bM3kJ9; path=/"]}})
    assert [(f.rule, f.severity.value) for f in found if f.rule == "cassette-secret"] == [
        ("cassette-secret", "warning")
    ]


def test_json_cassettes(tmp_path: Path) -> None:
    """vcrpy's JSON cassettes are found, other JSON files are not."""
    path = write_cassette(tmp_path, 200, text=planted_key())
    document = yaml.safe_load(path.read_text())
    path.with_name("two.json").write_text(json.dumps(document))
    path.with_name("other.json").write_text('{"interactions": [{"response": {"statusCode": 200}}]}')
    found = cassettes.in_folder(tmp_path)
    assert [each.name for each in found] == ["one.yaml", "two.json"]
    assert findings_of(found[1])[0].rule == "cassette-secret"


@pytest.mark.parametrize(
    ("response", "empty"),
    [
        ({"body": {"string": ""}}, True),
        ({"body": {"string": ""}, "headers": {"content-length": ["17"]}}, True),
        ({"body": {"string": ""}, "headers": {"content-length": ["0"]}}, False),
        ({"body": {"string": ""}, "status": {"code": 204, "message": "No Content"}}, False),
        ({"parsed_body": {"a": 1}}, False),
    ],
    ids=["emptied", "with a length", "meant", "no content", "parsed"],
)
def test_empty_response(response: dict[str, Any], empty: bool, tmp_path: Path) -> None:
    """A 200 that lost its body is a finding; one that never had any is not."""
    assert ("cassette-empty" in [finding.rule for finding in foreign(tmp_path, response)]) == empty


@pytest.mark.parametrize("form", ["parsed", "gzip", "stream"])
def test_age_of_each_form(form: str, tmp_path: Path) -> None:
    """The responseId is found in a parsed body, a compressed one, and the events of a stream."""
    document = {"responseId": response_id(OLD, b"")}
    text = json.dumps(document)
    forms = {
        "parsed": {"parsed_body": document},
        "gzip": compressed(text),
        "stream": {"body": {"string": f"data: {text}\r\n\r\n"}},
    }
    assert any("recorded 400 days ago" in finding.message for finding in foreign(tmp_path, forms[form]))


@pytest.mark.parametrize("name", ["created", "created_at"])
@pytest.mark.parametrize(("value", "found"), [(int(OLD.timestamp()), True), (17, False), (None, False)])
def test_age_of_answers_of_openai(name: str, value: int | None, found: bool, tmp_path: Path) -> None:
    """An answer without a date states when it was made, in seconds; a number that is no time is none."""
    said = [finding.message for finding in foreign(tmp_path, {"parsed_body": {name: value, "object": "response"}})]
    assert any("recorded 400 days ago" in message for message in said) is found


def test_a_bomb_of_aliases(tmp_path: Path) -> None:
    """Aliases that stand for thousands of millions of values are refused, by the check and by `shrink`."""
    levels = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 12)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(("a0: &a0 [xxxxxxxxxx]", *levels, "interactions: *a11", "version: 1")))
    (one,) = [finding for finding in findings_of(path) if finding.rule == "cassette-unreadable"]
    assert "its aliases stand for more values" in one.message
    assert rewritten(path, Scrubber()).refused


def test_a_value_in_itself(tmp_path: Path) -> None:
    """A value that contains itself is refused."""
    path = tmp_path / "loop.yaml"
    path.write_text("interactions: &a [*a]\nversion: 1\n")
    (one,) = [finding for finding in findings_of(path) if finding.rule == "cassette-unreadable"]
    assert "contains itself" in one.message


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, '{"a":' * 100_000], ids=["list", "block", "object"])
def test_deep_nesting(text: str, tmp_path: Path) -> None:
    """It is a finding, in YAML and in JSON."""
    for name in ("deep.yaml", "deep.json"):
        (tmp_path / name).write_text(text)
        assert "cassette-unreadable" in [finding.rule for finding in findings_of(tmp_path / name)]
