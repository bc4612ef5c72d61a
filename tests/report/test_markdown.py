"""Report → Markdown, as GitHub shows it."""

from __future__ import annotations

import dataclasses

import pytest

from omni_release.core.model import Artifact, Finding, Outcome, Report, Severity, Status
from omni_release.report import markdown

DONE = Outcome("versions-agree", "They agree", "check", Status.PASSED, seconds=0.26)
DRIFT = Finding("says 1.1.0\nnot 1.2.0", "version-drift", path="src/a.py", line=3, column=7)


def written(*outcomes: Outcome) -> list[str]:
    """The lines of a gate's summary."""
    artifacts = (Artifact("acme-1.0.tar.gz", 12, "ab" * 32),)
    return markdown.document(Report("gate", "acme", "1.0", "rehearsal", 2.0, outcomes, artifacts)).splitlines()


def test_document() -> None:
    """The verdict is first, then the problems, then each task."""
    failed = dataclasses.replace(DONE, status=Status.FAILED, findings=(DRIFT,), remedy="Run sync.")
    nothing = dataclasses.replace(DONE, id="other", status=Status.SKIPPED, findings=(Finding("no tests"),))
    lines = written(failed, nothing)
    assert lines[0] == "## gate: acme 1.0: failed"
    assert lines[2:10] == [
        "### ❌ They agree (`versions-agree`)",
        "",
        "- error: `src/a.py:3:7` says 1.1.0",
        "",
        "  ```text",
        "  not 1.2.0",
        "  ```",
        "",
    ]
    assert "→ Run sync." in lines
    assert "| ❌ failed | source | They agree (`versions-agree`) | 0.3 |" in lines
    assert "| ⏭️ skipped | source | They agree (`other`): no tests | 0.3 |" in lines
    assert lines[-1] == f"| `acme-1.0.tar.gz` | 12 | `{'ab' * 32}` |"


@pytest.mark.parametrize("status", [Status.FAILED, Status.INCONCLUSIVE, Status.WAITING])
def test_headings(status: Status) -> None:
    """Failed, inconclusive and waiting tasks have a heading; passed ones only with a warning."""
    assert any(line.startswith("### ") for line in written(dataclasses.replace(DONE, status=status)))
    assert not any(line.startswith("### ") for line in written(DONE))
    warned = dataclasses.replace(DONE, findings=(dataclasses.replace(DRIFT, severity=Severity.WARNING),))
    assert any(line.startswith("### ") for line in written(warned))


def test_markup_in_a_message() -> None:
    """Markdown in a message is escaped: cells, links, tags and code."""
    said = "<img src=x> | [a](b) `c`\n````\n# no heading"
    failed = dataclasses.replace(DONE, status=Status.FAILED, findings=(Finding(said),))
    lines = written(failed)
    assert r"- error: \<img src=x\> \| \[a\](b) \`c\`" in lines
    assert lines.count("  `````") == 1 and "  `````text" in lines
