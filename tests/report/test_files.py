"""A report as files: no form of it contains a secret, escaped or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.adapters.secrets import Secrets
from omni_release.core.model import Artifact, Finding, Outcome, Report, Status
from omni_release.report import files as report

PLANTED = 'ab_cd*ef"gh&12\\<%\n' + "planted"
SECRETS = Secrets.of({"TWINE_PASSWORD": PLANTED})


def said(status: Status = Status.FAILED) -> Report:
    """A report of an index that repeats a password."""
    finding = Finding(f"it said: {PLANTED} is wrong", "said-again")
    done = Outcome("upload", "All is there", "step", status, (finding,), f"not {PLANTED}", 1.0, {"why": PLANTED})
    return Report("release", "acme", "1.0", "pypi", 1.0, (done,), (Artifact("acme-1.0.tar.gz", 12, "ab" * 32),))


@pytest.mark.parametrize("status", [Status.FAILED, Status.INCONCLUSIVE, Status.PASSED, Status.SKIPPED])
@pytest.mark.parametrize("format", report.FORMATS)
def test_no_secret_in_any_form(format: str, status: Status) -> None:
    """A secret is redacted even if a form escapes its characters."""
    written = report.rendered(said(status), format, SECRETS.redact)
    assert "planted" not in written
    silent = {"sarif": Status.SKIPPED, "md": Status.PASSED}  # what these forms leave out
    if status is not silent.get(format):
        assert "redacted" in written


def test_vocabulary_is_not_redacted() -> None:
    """The vocabulary of a report is not redacted, even if a password is one of its words."""
    known = Secrets.of({"TWINE_PASSWORD": "said-again", "OTHER_PASSWORD": "release", "THIRD_PASSWORD": "inconclusive"})
    written = report.rendered(said(Status.INCONCLUSIVE), "json", known.redact)
    for own in ('"rule": "said-again"', '"lane": "release"', '"verdict": "inconclusive"', '"target": "pypi"'):
        assert own in written


def test_files_and_summary(tmp_path: Path) -> None:
    """No secret is in the files, or in the summary of a step."""
    report.write_forms(said(), report.FORMATS, tmp_path, LocalFiles(), SECRETS.redact)
    written = report.rendered(said(), "md", SECRETS.redact)
    report.write_step_summary(lambda: written, {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")})
    there = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert set(there) == {*(format.file for format in report.FORMATS.values()), "summary.md"}
    for name, content in there.items():
        assert "planted" not in content, name
        assert "redacted" in content, name
