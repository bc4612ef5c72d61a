"""Report → Markdown, as GitHub shows it."""

from __future__ import annotations

import dataclasses

import pytest

from omni_release.core.model import Artifact, Cached, Finding, Outcome, Report, Severity, Status
from omni_release.core.tasks import Stage
from omni_release.report import markdown
from omni_release.report.api_changes import ApiRow

DONE = Outcome("versions-agree", "They agree", "check", Status.PASSED, seconds=0.26)
DRIFT = Finding("says 1.1.0\nnot 1.2.0", "version-drift", path="src/a.py", line=3, column=7)


def written(*outcomes: Outcome) -> list[str]:
    """The lines of a gate's summary."""
    artifacts = (Artifact("acme-1.0.tar.gz", 12, "ab" * 32),)
    return markdown.document(Report("gate", "acme", "1.0", "rehearsal", 2.0, outcomes, artifacts)).splitlines()


def test_cached() -> None:
    """An outcome of an earlier run says which, and how old it is, above the folded tasks too."""
    cached = dataclasses.replace(DONE, cached=Cached("20261126-051149-000", "2026-11-26T05:12:00+00:00", 7300.0))
    lines = written(cached)
    assert "- cached: versions-agree: from 20261126-051149-000, 2 hours ago" in lines
    assert any("(`versions-agree`), cached, from 20261126-051149-000, 2 hours ago |" in line for line in lines)


def test_document() -> None:
    """The verdict is first, then the problems, then each task."""
    failed = dataclasses.replace(DONE, status=Status.FAILED, findings=(DRIFT,), remedy="Run sync.")
    nothing = dataclasses.replace(DONE, id="other", status=Status.SKIPPED, findings=(Finding("no tests"),))
    lines = written(failed, nothing)
    assert lines[:4] == ["## gate: acme 1.0: failed", "", "**Next:** `fix the problem, then run omni-release gate`", ""]
    assert lines[4:12] == [
        "### ❌ They agree (`version-drift`)",
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


def test_places_and_effects() -> None:
    """A message with many places is shown once, and so is what else reports it."""
    findings = tuple(Finding("odd", "versions-agree/r", path="a.py", line=n + 1) for n in range(25))
    failed = dataclasses.replace(DONE, status=Status.FAILED, findings=findings)
    effect = dataclasses.replace(
        DONE, id="other", status=Status.FAILED, findings=(Finding("so", "other/e", cause="versions-agree/r"),)
    )
    lines = written(failed, effect)
    assert f"- error: `a.py:{', '.join(str(n + 1) for n in range(20))}` odd" in lines
    assert "- and 5 more in 1 file" in lines
    assert "Also reported by `other/e`" in lines
    assert sum(line.startswith("### ") for line in lines) == 1


def test_order() -> None:
    """The order is that of the terminal: the verdict, the problems (the worst first), the folded rest."""
    late = dataclasses.replace(DONE, id="late", title="Late", stage=Stage.CODE, status=Status.FAILED, findings=(DRIFT,))
    early = dataclasses.replace(late, id="early", title="Early", stage=Stage.SOURCE)
    warned = dataclasses.replace(DONE, id="w", findings=(dataclasses.replace(DRIFT, severity=Severity.WARNING),))
    lines = [line for line in written(late, warned, early) if line.startswith(("#", "**Next", "<", "| artifact"))]
    assert lines[:4] == [
        "## gate: acme 1.0: failed",
        "**Next:** `fix the 2 problems, then run omni-release gate`",
        "### ❌ Early (`version-drift`)",
        "### ❌ Late (`version-drift`)",
    ]
    assert lines[4] == "<details><summary>1 warning</summary>"
    assert lines[-3:] == ["<details><summary>All tasks</summary>", "</details>", "| artifact | bytes | sha256 |"]


def test_messages_with_places() -> None:
    """A message is shown once, with its place before it, or its places below; a fix of its own is not in its text."""
    places = (("old\n→ Use b.", "a.py", 1), ("older", "b.py", 2), ("old\n→ Use b.", "c.py", 3))
    findings = tuple(Finding(message, "c/r", path=path, line=line) for message, path, line in places)
    failed = dataclasses.replace(DONE, id="c", status=Status.FAILED, findings=findings, remedy="Read the page.")
    lines = written(failed)
    start = lines.index("- error: old")
    assert lines[start : start + 6] == [
        "- error: old",
        "  - `a.py:1`",
        "  - `c.py:3`",
        "- error: `b.py:2` older",
        "",
        "→ Use b.",
    ]


@pytest.mark.parametrize("status", [Status.FAILED, Status.INCONCLUSIVE, Status.WAITING])
def test_headings(status: Status) -> None:
    """Failed, inconclusive and waiting tasks have a heading; passed ones only with a warning."""
    ended = dataclasses.replace(DONE, status=status, findings=(DRIFT,))
    assert any(line.startswith("### ") for line in written(ended))
    assert not any(line.startswith("### ") for line in written(DONE))
    warned = dataclasses.replace(DONE, findings=(dataclasses.replace(DRIFT, severity=Severity.WARNING),))
    assert any(line.startswith("### ⚠️ ") for line in written(warned))


def test_markup_in_a_message() -> None:
    """Markdown in a message is escaped: cells, links, tags and code."""
    said = "<img src=x> | [a](b) `c`\n````\n# no heading"
    failed = dataclasses.replace(DONE, status=Status.FAILED, findings=(Finding(said),))
    lines = written(failed)
    assert r"- error: \<img src=x\> \| \[a\](b) \`c\`" in lines
    assert lines.count("  `````") == 1 and "  `````text" in lines


@pytest.mark.parametrize(
    ("path", "shown"),
    [("a`b.py", "``a`b.py``"), ("a``b.py", "```a``b.py```"), ("`a`", "`` `a` ``"), ("a\nb.py", "`a b.py`")],
)
def test_code(path: str, shown: str) -> None:
    """No name of a file ends its code."""
    assert markdown.code(path) == shown


def test_changes_of_the_api() -> None:
    """Changes of the API are a table, those that the version does not announce first; other findings are not in it."""
    notice = ApiRow("acme.a", "function was removed", "`acme.a` raises; badly", "1.0 announces it", "").message
    warning = ApiRow(
        "acme.b", "the default of `x` changed from ';' to '|'", "a call", "needs 2.0.0; not 1.0", ""
    ).message
    outcome = Outcome(
        "api-fits-version",
        "API fits the version",
        "check",
        Status.PASSED,
        (
            Finding(notice, severity=Severity.NOTICE, subjects=("acme.a",)),
            Finding(warning, severity=Severity.WARNING, path="acme.py", line=3, subjects=("acme.b",)),
            Finding("compared with 0.9: 2 changes\nmore; all", severity=Severity.NOTICE),
        ),
    )
    lines = written(outcome)
    at = lines.index("<details><summary>Changes of the API</summary>")
    first, second, end = lines[at + 4 : at + 7]
    assert first.startswith(
        "| `acme.b` | the default of \\`x\\` changed from ';' to '\\|' | a call | `acme.py:3` | needs"
    )
    assert second == "| `acme.a` | function was removed | \\`acme.a\\` raises; badly |  | 1.0 announces it |"
    assert end == ""
