"""Report → lines for a terminal, and workflow commands for GitHub."""

from __future__ import annotations

import dataclasses

import pytest

from omni_release.core.errors import UsageError
from omni_release.core.model import BLOCKED_BY, Artifact, Finding, Outcome, Report, Severity, Status
from omni_release.report import text

DONE = Outcome("versions-agree", "They agree", "check", Status.PASSED)


def report(*outcomes: Outcome, run: str | None = None, version: str | None = "1.0") -> Report:
    """A report of these outcomes."""
    artifacts = (Artifact("acme-1.0.tar.gz", 12, "ab" * 32),)
    return Report("rehearse", "acme", version, "rehearsal", 2.25, outcomes, artifacts, run)


def commands(*findings: Finding, status: Status = Status.FAILED) -> list[str]:
    """The workflow commands of one outcome."""
    return list(text.workflow_commands(report(dataclasses.replace(DONE, status=status, findings=findings))))


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (Status.PASSED, "ok    They agree  [versions-agree]"),
        (Status.FAILED, "FAIL  They agree  [versions-agree]"),
        (Status.INCONCLUSIVE, "?     They agree  [versions-agree]"),
        (Status.SKIPPED, "skip  They agree  [versions-agree]"),
        (Status.PLANNED, "plan  They agree  [versions-agree]"),
        (Status.WAITING, "wait  They agree  [versions-agree]"),
    ],
)
def test_each_status(status: Status, line: str) -> None:
    """Each status has its own mark, and the titles are aligned."""
    assert list(text.outcome_lines(dataclasses.replace(DONE, status=status))) == [line]


def test_skipped() -> None:
    """A skipped task is one line with the reason."""
    why = Finding("there are no cassettes", severity=Severity.NOTICE)
    skipped = dataclasses.replace(DONE, status=Status.SKIPPED, findings=(why,))
    assert list(text.outcome_lines(skipped)) == ["skip  They agree  [versions-agree]: there are no cassettes"]


def test_time() -> None:
    """The duration is shown from 0.1 s on."""
    assert list(text.outcome_lines(dataclasses.replace(DONE, seconds=0.09))) == ["ok    They agree  [versions-agree]"]
    assert list(text.outcome_lines(dataclasses.replace(DONE, seconds=61.26))) == [
        "ok    They agree  (61.3 s)  [versions-agree]"
    ]


def test_findings() -> None:
    """A finding follows its task: place, severity, message, and the rule for a waiver."""
    findings = (
        Finding("they differ\nby much", "version-drift", path="a.py", line=3, column=7),
        Finding("odd", "hollow-wheel", Severity.WARNING),
        Finding("by the way", "hollow-wheel", Severity.NOTICE, path="b.py"),
    )
    failed = dataclasses.replace(DONE, status=Status.FAILED, findings=findings, remedy="Write it\n  into   all.")
    assert list(text.outcome_lines(failed)) == [
        "FAIL  They agree  [versions-agree]",
        "      a.py:3:7: error: they differ",
        "      by much  [version-drift]",
        "      warning: odd  [hollow-wheel]",
        "      b.py: by the way",
        "      → Write it into all.",
    ]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.FAILED])
def test_remedy(status: Status) -> None:
    """Only a failed task shows its remedy."""
    assert list(text.outcome_lines(dataclasses.replace(DONE, status=status, remedy="Do this.")))[1:] == []


def test_planned_actions() -> None:
    """A dry run shows each action, with all lines indented."""
    planned = dataclasses.replace(DONE, status=Status.PLANNED, actions=("run a\n  or, if that fails, run b", "write c"))
    assert list(text.outcome_lines(planned))[1:] == [
        "      would run a",
        "        or, if that fails, run b",
        "      would write c",
    ]


def test_summary() -> None:
    """The summary has the artifacts, the verdict, the number of each status, and the run folder."""
    outcomes = [
        dataclasses.replace(DONE, status=s) for s in (Status.PASSED, Status.PASSED, Status.SKIPPED, Status.WAITING)
    ]
    assert list(text.summary_lines(report(*outcomes, run="runs/1"))) == [
        f"acme-1.0.tar.gz  12 bytes  sha256 {'ab' * 32}",
        "rehearse: acme 1.0 → rehearsal: WAITING in 2.2 s",
        "  2 passed, 1 skipped, 1 waiting",
        "  run folder: runs/1",
    ]


def test_blocked_tasks() -> None:
    """All tasks that one task has blocked, directly or through others, are one line."""
    causes = {
        "copy-source": "",
        "build": "",
        "install": "build",
        "tests-pass": "install",
        "tag": "confirm",
        "push": "tag",
    }
    outcomes = [
        dataclasses.replace(DONE, id=id, status=Status.SKIPPED, evidence={BLOCKED_BY: cause} if cause else {})
        for id, cause in causes.items()
    ]
    assert list(text.not_run_lines(outcomes)) == [
        "skip  2 tasks not run, because they need build: install, tests-pass",
        "skip  2 tasks not run, because they need confirm: tag, push",
    ]
    assert list(text.not_run_lines(outcomes[:3])) == ["skip  1 task not run, because it needs build: install"]
    assert list(text.not_run_lines(outcomes[:2])) == []


def test_short_summary() -> None:
    """The summary leaves out a missing version and a missing run folder."""
    lines = list(text.summary_lines(report(DONE, version=None)))
    assert lines[1:] == ["rehearse: acme → rehearsal: PASSED in 2.2 s", "  1 passed"]


def test_error() -> None:
    """An error is the message, then the hint."""
    assert list(text.error_lines(UsageError("wrong", "Do this,\nthen that."), str)) == [
        "omni-release: wrong",
        "      → Do this,",
        "      then that.",
    ]
    assert list(text.error_lines(UsageError("wrong"), str)) == ["omni-release: wrong"]


def test_command() -> None:
    """A workflow command has the place and the rule of a finding."""
    finding = Finding("they differ", "version-drift", path="src/a.py", line=3, column=7)
    assert commands(finding) == ["::error file=src/a.py,line=3,col=7,title=version-drift::they differ"]
    warning = Finding("odd", "hollow-wheel", Severity.WARNING)
    assert commands(warning, status=Status.PASSED) == ["::warning title=hollow-wheel::odd"]


def test_command_of_a_notice() -> None:
    """A notice is shown for a failed task only."""
    notice = Finding("by the way", "rule", Severity.NOTICE)
    assert commands(notice) == ["::notice title=rule::by the way"]
    for status in Status:
        assert bool(commands(notice, status=status)) is (status is Status.FAILED)


@pytest.mark.parametrize(
    ("said", "data", "in_property"),
    [
        ("100% wrong", "100%25 wrong", "100%25 wrong"),
        ("one\ntwo\r\nthree", "one%0Atwo%0D%0Athree", "one%0Atwo%0D%0Athree"),
        ("a: b, c", "a: b, c", "a%3A b%2C c"),
        ("%0A", "%250A", "%250A"),
        ("::error::größe", "::error::größe", "%3A%3Aerror%3A%3Agröße"),
    ],
)
def test_escaping(said: str, data: str, in_property: str) -> None:
    """A finding is one line, with any message, rule and path."""
    (line,) = commands(Finding(said, said, path=said))
    assert line == f"::error file={in_property},title={in_property}::{data}"


def test_limit_of_commands() -> None:
    """Ten of each severity are shown, the errors first; the others are counted."""
    findings = [Finding(str(number), "r", severity) for number in range(12) for severity in Severity]
    lines = commands(*findings)
    assert [line.split(" ")[0] for line in lines] == [
        *["::error"] * 10,
        "and",
        *["::warning"] * 10,
        "and",
        *["::notice"] * 10,
        "and",
    ]
    assert lines[10].startswith("and 2 more of severity error")


def test_limit_of_notices() -> None:
    """All errors and warnings are shown, but only the first notices; the others are counted."""
    findings = tuple(
        Finding(f"said {n}.", "rule", severity)
        for severity, count in ((Severity.NOTICE, 15), (Severity.WARNING, 20))
        for n in range(count)
    )
    shown = "\n".join(text.outcome_lines(Outcome("id", "Title", "check", Status.PASSED, findings)))
    assert shown.count("warning: said") == 20
    assert shown.count("said") == 25
    assert "… and 10 more notices" in shown
