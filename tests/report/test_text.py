"""Report → lines for a terminal, and workflow commands for GitHub."""

from __future__ import annotations

import dataclasses

import pytest

from omni_release.core.errors import UsageError
from omni_release.core.model import Artifact, Cached, Finding, Outcome, Report, Severity, Status
from omni_release.core.tasks import Stage
from omni_release.git_queries import Head
from omni_release.report import stages, text

DONE = Outcome("versions-agree", "They agree", "check", Status.PASSED)


def report(*outcomes: Outcome, run: str | None = None, version: str | None = "1.0") -> Report:
    """A report of these outcomes."""
    artifacts = (Artifact("acme-1.0.tar.gz", 12, "ab" * 32),)
    return Report("rehearse", "acme", version, "rehearsal", 2.25, outcomes, artifacts, run)


def commands(*findings: Finding, status: Status = Status.FAILED) -> list[str]:
    """The workflow commands of one outcome."""
    return list(text.workflow_commands(report(dataclasses.replace(DONE, status=status, findings=findings))))


LAYOUT = text.Layout()


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (Status.PASSED, "    ✔ They agree  [versions-agree]"),
        (Status.FAILED, "    ✘ They agree  [versions-agree]"),
        (Status.INCONCLUSIVE, "    ? They agree  [versions-agree]"),
        (Status.SKIPPED, "    · They agree  [versions-agree]"),
        (Status.PLANNED, "    ○ They agree  [versions-agree]"),
        (Status.WAITING, "    ✋ They agree  [versions-agree]"),
    ],
)
def test_each_status(status: Status, line: str) -> None:
    """Each status has its own mark, and where the stream has no other characters, one in ASCII."""
    outcome = dataclasses.replace(DONE, status=status)
    assert list(text.task_lines(outcome, LAYOUT)) == [line]
    (plain,) = text.task_lines(outcome, text.Layout(unicode=False))
    assert plain.isascii() and plain.endswith(" They agree  [versions-agree]")


def test_skipped() -> None:
    """A skipped task is one line with the reason."""
    why = Finding("there are no cassettes", severity=Severity.NOTICE)
    skipped = dataclasses.replace(DONE, status=Status.SKIPPED, findings=(why,))
    assert list(text.task_lines(skipped, LAYOUT)) == ["    · They agree  [versions-agree]: there are no cassettes"]


def test_cached() -> None:
    """An outcome of an earlier run says which, and how old it is; the last block counts those of each such run."""
    cached = dataclasses.replace(DONE, cached=Cached("20261126-051149-000", "2026-11-26T05:12:00+00:00", 130.0))
    (line,) = text.task_lines(cached, LAYOUT)
    assert line == "    ✔ They agree  [versions-agree]  (cached, from 20261126-051149-000, 2 minutes ago)"
    other = dataclasses.replace(cached, id="other")
    block = list(text.verdict_lines(report(cached, other, DONE)))
    assert "  Cached  2 tasks from 20261126-051149-000, 2 minutes ago (-v lists them)" in block
    assert "Cached" not in "".join(text.verdict_lines(report(cached), "", text.Layout(quiet=True)))


def test_time() -> None:
    """The duration is shown from 0.1 s on."""
    for seconds, shown in ((0.09, ""), (61.26, "  61.3 s")):
        (line,) = text.task_lines(dataclasses.replace(DONE, seconds=seconds), LAYOUT)
        assert line == f"    ✔ They agree  [versions-agree]{shown}"


def test_findings() -> None:
    """A finding follows its task: place, severity, message, and the rule for a waiver."""
    findings = (
        Finding("they differ\nby much", "version-drift", path="a.py", line=3, column=7),
        Finding("odd", "hollow-wheel", Severity.WARNING),
        Finding("by the way", "hollow-wheel", Severity.NOTICE, path="b.py"),
    )
    failed = dataclasses.replace(DONE, status=Status.FAILED, findings=findings, remedy="Write it\n  into   all.")
    assert list(text.task_lines(failed, LAYOUT))[1:] == [
        "      a.py:3:7: error: they differ  [version-drift]",
        "      by much",
        "      warning: odd  [hollow-wheel]",
        "      b.py: by the way",
        "      → Write it into all.",
    ]
    said = dataclasses.replace(failed, findings=(Finding("they differ\n→ Write it into b.", "version-drift"),))
    assert list(text.task_lines(said, LAYOUT))[2:] == ["      → Write it into b."]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.FAILED])
def test_remedy(status: Status) -> None:
    """Only a failed task shows its remedy."""
    outcome = dataclasses.replace(DONE, status=status, remedy="Do this.")
    assert list(text.task_lines(outcome, LAYOUT))[1:] == []


def test_planned_actions() -> None:
    """A dry run shows each action, with all lines indented."""
    planned = dataclasses.replace(DONE, status=Status.PLANNED, actions=("run a\n  or, if that fails, run b", "write c"))
    assert list(text.task_lines(planned, LAYOUT))[1:] == [
        "      would run a",
        "        or, if that fails, run b",
        "      would write c",
    ]
    assert list(text.task_lines(planned, LAYOUT, 1))[3:] == ["      and 1 more action: -v shows it"]


def test_problem_with_one_place() -> None:
    """The rule, the place, the message; the fix, and the checks that also report it."""
    cause = Finding("lacks acme", "distributions-match/hollow-wheel", path="a.py", line=3)
    effect = Finding("nothing", "wheel-contents/W007", cause="distributions-match/hollow-wheel")
    failed = dataclasses.replace(
        DONE, id="distributions-match", status=Status.FAILED, findings=(cause,), remedy="Add it. Then build again."
    )
    other = dataclasses.replace(DONE, id="wheel-contents", status=Status.FAILED, findings=(effect,))
    assert list(text.problem_lines(report(other, failed), LAYOUT)) == [
        "",
        "  1 problem must be fixed",
        "",
        "  1  distributions-match/hollow-wheel  a.py:3: lacks acme",
        "     Fix  Add it",
        "     Also wheel-contents/W007",
    ]


def test_problem_with_many_places() -> None:
    """At most five places of a message are shown, grouped by file; the others are counted."""
    findings = [Finding("odd\n→ Do this.", "c/r", path=f"{n // 3}.py", line=n + 1) for n in range(12)]
    failed = dataclasses.replace(DONE, id="c", status=Status.FAILED, findings=tuple(findings), remedy="Read the page.")
    assert list(text.problem_lines(report(failed), LAYOUT))[3:] == [
        "  1  c/r  odd",
        "     0.py:1, 2, 3",
        "     1.py:4, 5",
        "     and 7 more in 3 files: see the report",
        "     Fix  Do this.",
    ]


def test_problem_with_different_messages() -> None:
    """The first message is shown whole, and so is the first line of four others."""
    findings = [Finding(f"message {n}\nmore", "c/r", path="a.py", line=n + 1) for n in range(7)]
    failed = dataclasses.replace(DONE, id="c", status=Status.FAILED, findings=tuple(findings))
    assert list(text.problem_lines(report(failed), LAYOUT))[3:] == [
        "  1  c/r  a.py:1: message 0",
        "     more",
        *(f"     a.py:{n + 1}: message {n}" for n in range(1, 5)),
        "     and 2 more in 1 file: see the report",
    ]


def test_problem_with_few_messages() -> None:
    """The places of a message are in one line; each message has one place at least, of five in all."""
    places = [("old", "a.py", 1), ("old", "a.py", 2), ("older", "b.py", 3)]
    places += [("old", "c.py", n) for n in range(3, 9)]
    findings = tuple(Finding(message, "c/r", path=path, line=line) for message, path, line in places)
    failed = dataclasses.replace(DONE, id="c", status=Status.FAILED, findings=findings)
    assert list(text.problem_lines(report(failed), LAYOUT))[3:] == [
        "  1  c/r  old",
        "     a.py:1, 2",
        "     c.py:3, 4",
        "     b.py:3: older",
        "     and 4 more in 1 file: see the report",
    ]


def test_warnings() -> None:
    """A warning is a line for each rule, the first ten of them; two lines where the message is long."""
    findings = [
        Finding("odd" if n else f"{'odd' * 35}. And so on.", f"c/r{n}", Severity.WARNING, path="a.py", line=n + 1)
        for n in range(12)
    ]
    passed = dataclasses.replace(DONE, id="c", findings=(*findings, dataclasses.replace(findings[1], path="b.py")))
    lines = list(text.problem_lines(report(passed), LAYOUT))
    assert lines[:4] == ["", "  ⚠ c/r0  a.py:1", f"    {'odd' * 31}od…", "  ⚠ c/r1  a.py:2  (+1)  odd"]
    assert lines[-1] == "  and 2 more warnings: -v shows them"
    assert len(lines) == 13


def test_warnings_below_problems() -> None:
    """Five warnings are shown where something must be fixed first."""
    findings = [Finding("odd", f"c/r{n}", Severity.WARNING) for n in range(6)]
    failed = dataclasses.replace(DONE, id="c", status=Status.FAILED, findings=(Finding("wrong", "c/r"), *findings))
    lines = list(text.problem_lines(report(failed), LAYOUT))
    assert lines[-2:] == ["  ⚠ c/r4  odd", "  and 1 more warning: -v shows it"]


def test_source_of_a_message() -> None:
    """Where a fact comes from is in the report, not in the terminal."""
    found = Finding("gone\nSource: https://example.invalid, read on 2026-11-22\n→ Use b.", "c/r")
    failed = dataclasses.replace(DONE, id="c", status=Status.FAILED, findings=(found,))
    assert list(text.problem_lines(report(failed), LAYOUT))[3:] == ["  1  c/r  gone", "     Fix  Use b."]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_width(width: int) -> None:
    """No line is wider than the terminal, but for words that cannot be broken."""
    finding = Finding("a few words " * 40, "c/r", path="src/acme/some/module.py", line=3)
    failed = dataclasses.replace(DONE, id="c", status=Status.FAILED, findings=(finding, finding), remedy="words " * 50)
    warning = dataclasses.replace(finding, rule="some-check/some-rule", severity=Severity.WARNING)
    warned = dataclasses.replace(DONE, findings=(warning, dataclasses.replace(warning, path="b.py")))
    row, layout, shown = stages.row(Stage.SOURCE, [failed], [failed], 1.0), text.Layout(width), report(failed, warned)
    lines = [text.stage_line(row, layout), *text.problem_lines(shown, layout), *text.verdict_lines(shown, "", layout)]
    assert [line for line in lines if len(line) > width] == []


def test_verdict() -> None:
    """The last block has the verdict, the counts, the artifacts, the run folder and the next command."""
    outcomes = [
        dataclasses.replace(DONE, status=s) for s in (Status.PASSED, Status.PASSED, Status.SKIPPED, Status.WAITING)
    ]
    assert list(text.verdict_lines(report(*outcomes, run="runs/1"), "omni-release sign")) == [
        "",
        "  WAITING in 2.2 s    1 waiting · 2 passed · 1 not applicable",
        f"  sdist   acme-1.0.tar.gz  12 B  sha256:{'ab' * 4}…",
        "  Report  runs/1",
        "  Next    omni-release sign",
    ]
    quiet = text.Layout(quiet=True)
    assert list(text.verdict_lines(report(DONE, version=None), "", quiet))[1] == (
        "  PASSED  rehearse of acme in 2.2 s    1 passed"
    )
    wrong = dataclasses.replace(DONE, status=Status.FAILED, findings=(Finding("m", "c/a"), Finding("m", "c/b")))
    assert list(text.verdict_lines(report(DONE, wrong, outcomes[3]), "", quiet))[2] == "  Failed  c/a, c/b"
    narrow = text.Layout(width=40)
    assert list(text.verdict_lines(report(*outcomes), "", narrow))[1:4] == [
        "  WAITING in 2.2 s",
        "  1 waiting · 2 passed ·",
        "  1 not applicable",
    ]
    released = dataclasses.replace(report(DONE), lane="release", target="pypi")
    assert list(text.verdict_lines(released))[1] == "  RELEASED acme 1.0 to pypi in 2.2 s    1 passed"


@pytest.mark.parametrize(
    ("head", "target", "line"),
    [
        (("main", "a1b2c3d4e5", True), "rehearsal index", "acme 1.0   main a1b2c3d, clean   → rehearsal index"),
        (("", "a1b2c3d4e5", False), "", "acme 1.0   a1b2c3d, uncommitted changes"),
        (("main", "", False), "", "acme 1.0   main, uncommitted changes"),
        (None, "", "acme 1.0"),
    ],
)
def test_header(head: tuple[str, str, bool] | None, target: str, line: str) -> None:
    """The first line has the project, the version, what is checked out, and the index."""
    assert text.header_line("acme", "1.0", head and Head(*head), target) == line


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


def test_first_places_first() -> None:
    """The first place of each problem is annotated before the second of any; the worst problem is the first."""
    many = tuple(Finding(f"odd {n}", "late/r", path="b.py", line=n + 1) for n in range(12))
    late = dataclasses.replace(DONE, id="late", status=Status.FAILED, findings=many, stage=Stage.CODE)
    drift = Finding("differs", "early/r", path="a.py", line=3)
    early = dataclasses.replace(DONE, id="early", status=Status.FAILED, findings=(drift,), stage=Stage.SOURCE)
    effect = Finding("so", "late/e", cause="early/r")
    lines = list(text.workflow_commands(report(late, early, dataclasses.replace(late, id="e", findings=(effect,)))))
    assert [line.rpartition("::")[2] for line in lines[:3]] == ["differs", "odd 0", "odd 1"]
    assert lines[-1] == "and 3 more of severity error: see the report"


def test_limit_of_notices() -> None:
    """All errors and warnings are shown, but only the first notices; the others are counted."""
    findings = tuple(
        Finding(f"said {n}.", "rule", severity)
        for severity, count in ((Severity.NOTICE, 15), (Severity.WARNING, 20))
        for n in range(count)
    )
    shown = "\n".join(text.task_lines(Outcome("id", "Title", "check", Status.PASSED, findings), LAYOUT))
    assert shown.count("warning: said") == 20
    assert shown.count("said") == 25
    assert "… and 10 more notices" in shown
