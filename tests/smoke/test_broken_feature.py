"""A project with the bugs of a failed release: each is found by its check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import omni

CASE = "broken-feature"
PLACES = {
    (".env.example", 3): "gemini-3-pro-image-preview",
    ("src/acme_painter/config.py", 3): "gemini-3-pro-image-preview",
    ("src/acme_painter/titles.py", 10): "gemini-2.0-flash-lite",
    ("web/src/api.ts", 1): "gemini-2.5-flash-image-preview",
    ("web/src/components/HistoryList.vue", 13): "gemini-3-pro-image-preview",
}


def test_retired_models(case: Callable[[str], Path]) -> None:
    """They are found in Python, TypeScript, a script of Vue and an env file; the cassettes are correct."""
    ran = omni("models", "check", "--format", "json", cwd=case(CASE))
    found = ran.outcome("retired-models")["findings"]
    assert {(f["path"], f["line"]): f["message"].partition(":")[0] for f in found if f["severity"] == "error"} == PLACES
    assert ran.code == 1


def test_bug_patterns(case: Callable[[str], Path]) -> None:
    """Bytes that become text in generate and in refine, and silent catches in Vue, are found."""
    ran = omni("gate", "--only", "bug-patterns", "--format", "json", cwd=case(CASE))
    found = {(f["path"], f["line"], f["rule"]) for f in ran.outcome("bug-patterns")["findings"]}
    assert {
        ("src/acme_painter/painter.py", 32, "bug-patterns/bytes-as-text"),
        ("src/acme_painter/painter.py", 41, "bug-patterns/bytes-as-text"),
        ("web/src/components/HistoryList.vue", 19, "bug-patterns/catch-is-silent"),
        ("web/src/components/PaintBox.vue", 17, "bug-patterns/catch-is-silent"),
        ("web/src/components/PaintBox.vue", 28, "bug-patterns/catch-is-silent"),
    } <= found
    assert ran.code == 1


@pytest.mark.rehearsal
def test_signature_in_both_calls(case: Callable[[str], Path]) -> None:
    """The wrong type is found for generate and for refine, without a call, although the project's tests pass."""
    root = case(CASE)
    ran = omni("rehearse", "--only", "response-models", "--format", "json", cwd=root)
    found = ran.outcome("response-models")["findings"]
    assert [(f["path"], f["line"], f["rule"], f["severity"]) for f in found] == [
        ("src/acme_painter/answers.py", 14, "response-models/response-model", "error"),
        ("src/acme_painter/answers.py", 14, "response-models/response-model", "error"),
        ("src/acme_painter/answers.py", 23, "response-models/response-model", "error"),
    ]
    for kind, finding in zip(("generate", "refine"), found, strict=False):
        assert f"Part.thought_signature cannot hold a response to {kind}:" in finding["message"]
    assert "RefinedImage.thought_signature cannot hold a response to refine" in found[2]["message"]
    fixed = (
        (root / "src/acme_painter/answers.py").read_text(encoding="utf-8").replace("signature: str", "signature: bytes")
    )
    (root / "src/acme_painter/answers.py").write_text(fixed, encoding="utf-8")
    ran = omni("rehearse", "--only", "response-models", "--format", "json", cwd=root)
    outcome = ran.outcome("response-models")
    assert (ran.code, outcome["status"]) == (0, "passed"), outcome
    assert "2 classes filled 5 times (google-genai" in outcome["findings"][0]["message"]
