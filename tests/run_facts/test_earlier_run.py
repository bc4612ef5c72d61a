"""A run beside the one before it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.core.journal import RunFolder
from omni_release.core.model import Artifact, Finding, Outcome, Release, Report, Severity, Status
from omni_release.report import json_report
from omni_release.run_facts import earlier_run

EARLIER, NOW = "20261125-101010-000", "20261126-101010-000"


def failed(*messages: str, status: Status = Status.FAILED, artifacts: tuple[Artifact, ...] = ()) -> Report:
    """A report with a finding for each message."""
    findings = tuple(Finding(message, "a/rule", path="a.py", line=len(message)) for message in messages)
    return Report("gate", "acme", "1.0", "rehearsal", 1.0, (Outcome("a", "A", "check", status, findings),), artifacts)


def run(tmp_path: Path, name: str, content: str) -> RunFolder:
    """A run with this report."""
    folder = tmp_path / name
    folder.mkdir()
    (folder / "report.json").write_text(content, encoding="utf-8")
    return RunFolder(folder, LocalFiles())


def test_new_gone_and_same(tmp_path: Path, release: Release) -> None:
    """Findings are compared by rule, file and first line; not by line, and not by what differs in every run."""
    before = failed("kept", "took 1.25 s", "is fixed", "twice", artifacts=(Artifact("w", 1, "aa"),))
    earlier = run(tmp_path, EARLIER, json_report.document(before))
    earlier.record("ended", lane="gate", verdict="failed")
    later = failed("kept\nmore", "took 2.5 s", "twice", "twice", "is new", artifacts=(Artifact("w", 1, "bb"),))
    found = earlier_run.compare(later, dataclasses.replace(release, folder=tmp_path / NOW), [earlier])
    assert found is not None
    assert [finding.message for finding in found.new] == ["twice", "is new"]
    assert [finding.message for finding in found.gone] == ["is fixed"]
    assert (found.same, found.run, found.verdict, found.same_bytes) == (3, EARLIER, "failed", False)
    assert found.ended


def test_changed_task(tmp_path: Path, release: Release) -> None:
    """A task with another status is named."""
    earlier = run(tmp_path, EARLIER, json_report.document(failed("wrong")))
    now = dataclasses.replace(release, folder=tmp_path / NOW)
    found = earlier_run.compare(failed(status=Status.PASSED), now, [earlier])
    assert found is not None and found.tasks == (("a", "failed", "passed"),)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"lane": "gate"}',
        '{"lane": "gate", "outcomes": [{"id": "a"}]}',
        '{"lane": "rehearse", "outcomes": []}',
    ],
)
def test_nothing_to_compare_with(content: str, tmp_path: Path, release: Release) -> None:
    """A report of another lane or of another version, or none, is not compared with; nor is a later run."""
    now = dataclasses.replace(release, folder=tmp_path / NOW)
    assert earlier_run.compare(failed(), now, [run(tmp_path, EARLIER, content)]) is None
    later = run(tmp_path, "20261127-101010-000", json_report.document(failed()))
    assert earlier_run.compare(failed(), now, [later]) is None


def test_warnings_count(tmp_path: Path, release: Release) -> None:
    """A warning is compared, a notice is not."""
    earlier = run(tmp_path, EARLIER, json_report.document(failed()))
    now = dataclasses.replace(release, folder=tmp_path / NOW)
    findings = (Finding("odd", "a/w", Severity.WARNING), Finding("note", "a", Severity.NOTICE))
    report = dataclasses.replace(failed(), outcomes=(Outcome("a", "A", "check", Status.PASSED, findings),))
    found = earlier_run.compare(report, now, [earlier])
    assert found is not None and [finding.severity for finding in found.new] == ["warning"]
