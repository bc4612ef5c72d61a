"""The check of cassettes: each problem, with its file and line."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from omni_release import cassettes
from omni_release.cassettes import Provenance, Scrubber
from omni_release.cassettes.checks import cassette_findings, cassettes_clean
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding
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
