"""`cassettes shrink` shrinks and cleans cassettes of other tools."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml

from omni_release import cassettes
from omni_release.cli import main
from tests.cassettes.test_shrink import body, noise

KEY = "AI" + "zaSy" + "B" * 33


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a cassette as vcrpy alone writes it: the key in a header and in the address, a whole image."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")
    request = {
        "method": "POST",
        "uri": f"https://example.invalid/v1/models/some-model:generateContent?key={KEY}",
        "headers": {"x-goog-api-key": [KEY], "content-type": ["application/json"]},
        "body": json.dumps({"contents": [{"parts": [{"text": "a tree"}]}]}),
    }
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"content-type": ["application/json"]},
        "body": {"string": body(noise("PNG"), "image/png").decode()},
    }
    (tmp_path / "cassettes").mkdir()
    document = {"version": 1, "interactions": [{"request": request, "response": response}]}
    (tmp_path / "cassettes" / "tree.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path


def shrink(root: Path, *more: str) -> int:
    """`cassettes shrink` in this process."""
    return main.main(["cassettes", "shrink", "--project", str(root), *more])


def test_small_and_clean(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The image becomes a stub with the size of its original, the key is gone, and a second run changes nothing."""
    path = root / "cassettes" / "tree.yaml"
    before = path.stat().st_size
    assert shrink(root) == 0
    after = path.stat().st_size
    printed = capsys.readouterr()
    assert printed.out == f"cassettes/tree.yaml: {before} → {after} bytes\n"
    assert KEY not in printed.out + printed.err + path.read_text(encoding="utf-8")
    assert after < 10_000 < before
    (one,) = cassettes.read(path).interactions
    part = json.loads(one.body)["candidates"][0]["content"]["parts"][1]
    assert base64.b64decode(part["inlineData"]["data"]).startswith(b"\x89PNG")
    assert json.loads(one.sent)["contents"][0]["parts"][0]["text"] == "a tree"
    written = path.read_bytes()
    assert (shrink(root), path.read_bytes()) == (0, written)
    assert capsys.readouterr().err == "0 cassettes changed\n"


def test_dry_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints what would change, and changes nothing."""
    path = root / "cassettes" / "tree.yaml"
    before = path.read_bytes()
    assert shrink(root, "--dry-run", "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["dry_run"], [entry["path"] for entry in document["changed"]]) == (True, ["cassettes/tree.yaml"])
    assert document["changed"][0]["before"] == len(before) > document["changed"][0]["after"]
    assert path.read_bytes() == before
