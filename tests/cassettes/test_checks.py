"""The gate on cassettes: each thing that can be wrong, with its file and line."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from omni_release import cassettes
from omni_release.cassettes import Provenance, Scrubber
from omni_release.cassettes.checks import Gate
from omni_release.core.model import Finding
from omni_release.core.settings import Smoke
from omni_release.emulators.service import response_id
from tests.images.conftest import planted_key

TODAY = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
YOUNG, OLD = TODAY - datetime.timedelta(days=3), TODAY - datetime.timedelta(days=400)


def made(root: Path, *codes: int, when: datetime.datetime = YOUNG, text: str = "fine", date: bool = True) -> Path:
    """A cassette with answers of these codes."""
    headers = {"date": when.strftime("%a, %d %b %Y %H:%M:%S GMT")} if date else {}
    entries = [
        cassettes.entry(
            Scrubber(),
            ("POST", "http://h/models/m:generateContent", b"{}", {}),
            (code, "", json.dumps({"text": text, "responseId": response_id(when, b"")}).encode(), headers),
        )
        for code in codes
    ]
    told = Provenance("emulated", when.isoformat(), "", (), "")
    path = root / "cassettes" / "one.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(cassettes.written(entries, told), encoding="utf-8")
    return path


def found(root: Path, path: Path, settings: Smoke | None = None, *secrets: str) -> list[Finding]:
    """What the gate says."""
    return list(Gate(root, settings or Smoke(), TODAY, secrets).findings([path]))


def test_a_clean_one(tmp_path: Path) -> None:
    """Nothing is found where nothing is wrong."""
    assert found(tmp_path, made(tmp_path, 200, 404)) == []


@pytest.mark.parametrize("live", [False, True], ids=["by its shape", "by its value"])
def test_a_key(live: bool, tmp_path: Path) -> None:
    """A key is found in the bytes, on its line, and not shown."""
    key = "a-key-of-no-known-shape" if live else planted_key()
    path = made(tmp_path, 200, text=f"your key {key}")
    (one,) = found(tmp_path, path, None, key)[:1]
    line = path.read_text(encoding="utf-8").splitlines()[(one.line or 0) - 1]
    assert (one.rule, one.path, key in line) == ("cassette-secret", "cassettes/one.yaml", True)
    assert key not in one.message


@pytest.mark.parametrize("code", [500, 503, 429])
def test_a_fault_recorded_by_accident(code: int, tmp_path: Path) -> None:
    """The line is the interaction's."""
    path = made(tmp_path, 200, code)
    (one,) = found(tmp_path, path)
    assert one.rule == "cassette-fault" and str(code) in one.message
    assert one.line == cassettes.read(path).interactions[1].line


def test_too_large(tmp_path: Path) -> None:
    """Its size and the cap are told."""
    (one,) = found(tmp_path, made(tmp_path, 200), Smoke(largest_cassette=100))
    assert one.rule == "cassette-size" and "100 are allowed" in one.message


@pytest.mark.parametrize("date", [True, False], ids=["by the date header", "by responseId"])
def test_too_old(date: bool, tmp_path: Path) -> None:
    """The age is the answer's own, also where its date was scrubbed."""
    (one,) = found(tmp_path, made(tmp_path, 200, when=OLD, date=date))
    assert one.rule == "cassette-age" and "400 days" in one.message and one.line


def test_nothing_in_it(tmp_path: Path) -> None:
    """An empty recording proves nothing."""
    (one,) = found(tmp_path, made(tmp_path))
    assert one.rule == "cassette-empty"


def test_not_readable(tmp_path: Path) -> None:
    """A key is found even there, and the file is told as none."""
    path = tmp_path / "broken.yaml"
    path.write_text(f"a: 1\nb: [{planted_key()}\nc: 2", encoding="utf-8")
    secret, unreadable = found(tmp_path, path)
    assert (secret.rule, secret.line) == ("cassette-secret", 2)
    assert (unreadable.rule, unreadable.line, unreadable.where) == ("cassette-unreadable", 3, "broken.yaml:3")
    assert unreadable.message.startswith("this is no YAML: ")


def test_without_provenance(tmp_path: Path) -> None:
    """A cassette of vcrpy's own is taken, with a warning."""
    path = tmp_path / "theirs.yaml"
    path.write_text(
        "interactions:\n- request: {body: null, headers: {}, method: GET, uri: 'http://h/'}\n"
        "  response: {body: {string: x}, headers: {}, status: {code: 200, message: OK}}\nversion: 1\n",
        encoding="utf-8",
    )
    assert [(one.rule, one.severity.value) for one in found(tmp_path, path)] == [
        ("cassette-provenance", "warning"),
        ("cassette-age", "warning"),
    ]
