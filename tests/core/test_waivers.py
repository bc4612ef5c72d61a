"""Waivers in the settings and in comments: what they change, and what they never change."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest

from omni_release.core import waivers
from omni_release.core.model import Finding, Outcome, Project, Severity, Status
from omni_release.core.settings import Settings, Waiver

TODAY = datetime.date(2026, 11, 22)
LATER = datetime.date(2027, 1, 31)
PAST = datetime.date(2026, 11, 21)
FOUND = Finding("the wheel is empty", "hollow-wheel", path="src/acme/api.py", line=2)
FAILED = Outcome("distributions-match", "They match", "check", Status.FAILED, (FOUND,), remedy="Build again.")


def project(root: Path, *chosen: Waiver) -> Project:
    """A project with these waivers in its settings."""
    return Project(root, "acme", (), Settings(waiver=chosen), {})


def with_comment(root: Path, comment: str) -> Project:
    """A project with this comment on the line of `FOUND`."""
    path = root / "src/acme/api.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"first = 1\nsecond = 2  {comment}\nthird = 3\n", encoding="utf-8")
    return project(root)


@pytest.mark.parametrize("name", ["hollow-wheel", "distributions-match"])
def test_by_rule_and_by_check(name: str, tmp_path: Path) -> None:
    """A waiver names a rule or a check: the error becomes a notice with the reason, and the check passes."""
    done = waivers.apply(FAILED, project(tmp_path, Waiver(name, "a stub on purpose", LATER)), TODAY)
    assert done.status is Status.PASSED
    assert done.findings[0].severity is Severity.NOTICE
    assert done.findings[0].message == "the wheel is empty\n(waived until 2027-01-31: a stub on purpose)"
    assert done.findings[0].where == FOUND.where
    assert dataclasses.replace(done, findings=FAILED.findings, status=Status.FAILED) == FAILED


@pytest.mark.parametrize("name", ["hollow", "other-rule", "hollow-*", "", "*"])
def test_other_names(name: str, tmp_path: Path) -> None:
    """A waiver with another name has no effect: a name is not a glob."""
    assert waivers.apply(FAILED, project(tmp_path, Waiver(name, "because", LATER)), TODAY) == FAILED


@pytest.mark.parametrize(
    ("glob", "waived"),
    [("*", True), ("src/*", True), ("src/acme/api.py", True), ("*.py", True), ("tests/*", False), ("api.py", False)],
)
def test_path(glob: str, waived: bool, tmp_path: Path) -> None:
    """The path of a waiver is a glob for the complete path of the finding."""
    done = waivers.apply(FAILED, project(tmp_path, Waiver("hollow-wheel", "because", LATER, glob)), TODAY)
    assert (done.status is Status.PASSED) is waived


def test_path_of_a_finding_without_one(tmp_path: Path) -> None:
    """A finding without a path is waived only by a waiver for all paths."""
    nowhere = dataclasses.replace(FAILED, findings=(Finding("said", "hollow-wheel"),))
    everywhere = project(tmp_path, Waiver("hollow-wheel", "because", LATER))
    somewhere = project(tmp_path, Waiver("hollow-wheel", "because", LATER, "src/*"))
    assert waivers.apply(nowhere, everywhere, TODAY).status is Status.PASSED
    assert waivers.apply(nowhere, somewhere, TODAY) == nowhere


def test_one_of_two_findings(tmp_path: Path) -> None:
    """A check with an error that is not waived is still failed."""
    other = Finding("another", "artifact-name")
    both = dataclasses.replace(FAILED, findings=(FOUND, other))
    done = waivers.apply(both, project(tmp_path, Waiver("hollow-wheel", "because", LATER)), TODAY)
    assert done.status is Status.FAILED
    assert [finding.severity for finding in done.findings] == [Severity.NOTICE, Severity.ERROR]
    assert done.findings[1] == other


def test_warning(tmp_path: Path) -> None:
    """A warning is waived like an error, and the check is still passed."""
    warned = dataclasses.replace(
        FAILED, status=Status.PASSED, findings=(dataclasses.replace(FOUND, severity=Severity.WARNING),)
    )
    done = waivers.apply(warned, project(tmp_path, Waiver("hollow-wheel", "because", LATER)), TODAY)
    assert done.status is Status.PASSED
    assert done.findings[0].severity is Severity.NOTICE


@pytest.mark.parametrize(
    "comment",
    [
        "# omni-release: allow hollow-wheel until 2027-01-31 because a stub on purpose",
        "// omni-release:allow   distributions-match  until 2027-01-31  because a stub on purpose",
        "<!-- omni-release: allow hollow-wheel until 2027-01-31 because a stub on purpose -->",
        "/* omni-release: allow hollow-wheel until 2027-01-31 because a stub on purpose */",
    ],
)
def test_comment(comment: str, tmp_path: Path) -> None:
    """A comment on the line waives the finding, in any language; the end of the comment is not part of the reason."""
    done = waivers.apply(FAILED, with_comment(tmp_path, comment), TODAY)
    assert done.status is Status.PASSED
    assert done.findings[0].message.endswith("(waived until 2027-01-31: a stub on purpose)")


@pytest.mark.parametrize(
    "comment",
    [
        "# omni-release: allow other-rule until 2027-01-31 because it is another one",
        "# omni-release: allow hollow-wheel because it has no date",
        "# omni-release: allow hollow-wheel until 2027-01-31",
        "# omni-release: allow hollow-wheel until 2027-13-31 because there is no such month",
        "# omni-release: allow hollow-wheel until soon because it will be over",
    ],
)
def test_incomplete_comment(comment: str, tmp_path: Path) -> None:
    """A comment without a rule, a date or a reason waives nothing."""
    assert waivers.apply(FAILED, with_comment(tmp_path, comment), TODAY) == FAILED


def test_two_comments(tmp_path: Path) -> None:
    """Two waivers on one line have their own reasons."""
    one = "omni-release: allow other-rule until 2027-01-31 because of this"
    two = "omni-release: allow hollow-wheel until 2027-02-28 because of that"
    for comment in (f"# {one} # {two}", f"# {two} # {one}"):
        done = waivers.apply(FAILED, with_comment(tmp_path, comment), TODAY)
        assert done.findings[0].message.endswith("(waived until 2027-02-28: of that)")


def test_comment_on_another_line(tmp_path: Path) -> None:
    """A comment is for its own line only; a line feed starts a new line, a form feed does not."""
    there = with_comment(tmp_path, "# omni-release: allow hollow-wheel until 2027-01-31 because of this")
    for line in (1, 3, 4, 400):
        other = dataclasses.replace(FAILED, findings=(dataclasses.replace(FOUND, line=line),))
        assert waivers.apply(other, there, TODAY) == other
    path = tmp_path / "src/acme/api.py"
    path.write_text("\f\u2028" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert waivers.apply(FAILED, there, TODAY).status is Status.PASSED


def test_comment_in_a_file_that_is_missing_or_not_utf8(tmp_path: Path) -> None:
    """A file that cannot be read waives nothing; one with another encoding can be read."""
    assert waivers.apply(FAILED, project(tmp_path), TODAY) == FAILED
    there = with_comment(tmp_path, "# omni-release: allow hollow-wheel until 2027-01-31 because of this")
    path = tmp_path / "src/acme/api.py"
    path.write_bytes(b"\xe4" + path.read_bytes())
    assert waivers.apply(FAILED, there, TODAY).status is Status.PASSED
    path.unlink()
    path.mkdir()
    assert waivers.apply(FAILED, there, TODAY) == FAILED


def test_last_day(tmp_path: Path) -> None:
    """A waiver is valid on its last day."""
    assert waivers.apply(FAILED, project(tmp_path, Waiver("hollow-wheel", "b", TODAY)), TODAY).status is Status.PASSED


@pytest.mark.parametrize("severity", [Severity.ERROR, Severity.WARNING])
def test_expired(severity: Severity, tmp_path: Path) -> None:
    """An expired waiver is an error, even for a warning."""
    found = dataclasses.replace(FOUND, severity=severity)
    status = Status.FAILED if severity is Severity.ERROR else Status.PASSED
    before = dataclasses.replace(FAILED, status=status, findings=(found,))
    done = waivers.apply(before, project(tmp_path, Waiver("hollow-wheel", "because", PAST)), TODAY)
    assert done.status is Status.FAILED
    assert done.findings[0].severity is Severity.ERROR
    assert "waived until 2026-11-21, which has passed" in done.findings[0].message
    there = with_comment(tmp_path, "# omni-release: allow hollow-wheel until 2026-11-21 because of this")
    assert waivers.apply(before, there, TODAY).status is Status.FAILED


@pytest.mark.parametrize("until", [PAST, LATER])
def test_notices_are_not_touched(until: datetime.date, tmp_path: Path) -> None:
    """A notice is not changed, neither alone nor with a waived error."""
    notice = Finding("by the way", "hollow-wheel", Severity.NOTICE)
    alone = dataclasses.replace(FAILED, status=Status.PASSED, findings=(notice,))
    waived = project(tmp_path, Waiver("hollow-wheel", "because", until))
    assert waivers.apply(alone, waived, TODAY) == alone
    assert waivers.apply(dataclasses.replace(FAILED, findings=(notice, FOUND)), waived, TODAY).findings[0] == notice


@pytest.mark.parametrize("status", [Status.INCONCLUSIVE, Status.WAITING, Status.SKIPPED, Status.PLANNED])
@pytest.mark.parametrize("severity", list(Severity))
def test_other_statuses_are_not_touched(status: Status, severity: Severity, tmp_path: Path) -> None:
    """A waiver does not change an outcome that has neither passed nor failed."""
    finding = dataclasses.replace(FOUND, severity=severity)
    before = dataclasses.replace(FAILED, status=status, findings=(finding,))
    for until in (PAST, LATER):
        assert waivers.apply(before, project(tmp_path, Waiver("hollow-wheel", "because", until)), TODAY) == before


def test_failed_step_is_not_touched(tmp_path: Path) -> None:
    """A waiver does not change a failed step."""
    step = dataclasses.replace(FAILED, id="upload", kind="step", findings=(Finding("503", "upload"),))
    assert waivers.apply(step, project(tmp_path, Waiver("upload", "because", LATER)), TODAY) == step
