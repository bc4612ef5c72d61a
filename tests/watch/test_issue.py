"""One issue on GitHub, whatever happens: with a stand-in for gh that keeps issues in a file."""

from __future__ import annotations

import datetime
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.core import engine
from omni_release.core.model import Finding, Outcome, Release, Report, Severity, Status
from omni_release.core.runs import WatchIssue
from omni_release.core.tasks import Lane, Stage, step
from omni_release.core.world import World
from omni_release.watch.issue import LABEL, ReportIssue
from tests.watch.support import GitHub

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for gh is a script with a shebang")

REPOSITORY = "github.com/acme/acme"


def outcome(status: Status, *messages: str, severity: Severity = Severity.ERROR) -> Outcome:
    """An outcome with these findings."""
    findings = tuple(Finding(message, "retired-models/model-shut-down", severity, "a.py", 3) for message in messages)
    return Outcome("retired-models", "No retired models", "check", status, findings, "Replace it.", stage=Stage.CODE)


def report(*outcomes: Outcome, whole: bool = True) -> Report:
    """A report of these outcomes."""
    return Report("watch", "acme", "1.0", "rehearsal", 1.0, outcomes, whole=whole)


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    """A gh that keeps its issues."""
    return GitHub.of(tmp_path / "bin")


def reported(of: Report, release: Release, world: World, github: GitHub, **variables: str) -> Outcome:
    """The outcome of the step after a run with this report."""
    release.work_dir.mkdir(exist_ok=True)
    path = f"{github.folder}{os.pathsep}{os.environ['PATH']}"
    asked = replace(world, environment={"PATH": path, **variables}, report=lambda: of)
    lane = Lane("watch", (step(ReportIssue(WatchIssue(REPOSITORY))),))
    (ended,) = engine.run(lane, release, asked, today=datetime.date(2026, 11, 26))
    return ended


DEAD, OTHER = outcome(Status.FAILED, "gemini-a: shut down"), outcome(Status.FAILED, "gemini-b: shut down")
WELL = outcome(Status.PASSED)
NEWS = outcome(Status.PASSED, "inner 1.1 → 1.2", severity=Severity.WARNING)
OPENED = ("label create", "issue create")
CLOSED = ("issue comment", "issue edit", "issue close")

LIFE = [
    ("nothing is wrong", report(WELL), (), ()),
    ("a model died", report(DEAD), OPENED, ("OPEN",)),
    ("the same", report(DEAD), (), ("OPEN",)),
    ("a warning more", report(DEAD, NEWS), ("issue edit",), ("OPEN",)),
    ("another model", report(OTHER, NEWS), ("issue comment", "issue edit"), ("OPEN",)),
    ("not known", report(outcome(Status.INCONCLUSIVE, "no network", severity=Severity.WARNING)), (), ("OPEN",)),
    ("a part", report(WELL, whole=False), (), ("OPEN",)),
    ("well again", report(WELL, NEWS), CLOSED, ("CLOSED",)),
    ("still well", report(WELL), (), ("CLOSED",)),
    ("wrong again", report(DEAD), ("issue comment", "issue reopen", "issue edit"), ("OPEN",)),
    ("a person closes it", None, (), ("CLOSED",)),
    ("the same after that", report(DEAD), (), ("CLOSED",)),
    ("another after that", report(OTHER), ("issue comment", "issue reopen", "issue edit"), ("OPEN",)),
]


def test_the_life_of_an_issue(release: Release, world: World, github: GitHub) -> None:
    """There is never a second issue: it is opened, changed, closed and opened again."""
    for what, of, calls, states in LIFE:
        github.change(calls=[])
        if of is None:
            github.change(issues=[issue | {"state": "CLOSED"} for issue in github.state["issues"]])
        else:
            ended = reported(of, release, world, github)
            assert ended.status in (Status.PASSED, Status.SKIPPED), (what, ended.findings)
        assert tuple(github.state["calls"]) == calls, what
        assert tuple(issue["state"] for issue in github.state["issues"]) == states, what
    (issue,) = github.state["issues"]
    assert issue["title"] == "acme 1.0 as published: 1 problem"
    assert "gemini-b: shut down" in issue["body"]
    assert "acme 1.0 works again as published" in str(issue["comments"])
    assert issue["labels"] == [LABEL]


def test_issues_of_others(release: Release, world: World, github: GitHub) -> None:
    """An issue about another project, one without the comment, and one without the label are left alone."""
    marker = "<!-- omni-release watch {} problems=1 report=1 -->"
    others = [
        {"number": 1, "url": "x", "state": "OPEN", "body": marker.format("other"), "labels": [LABEL], "comments": []},
        {"number": 2, "url": "x", "state": "OPEN", "body": "text", "labels": [LABEL], "comments": []},
        {"number": 3, "url": "x", "state": "OPEN", "body": marker.format("acme"), "labels": [], "comments": []},
    ]
    github.change(issues=others)
    assert reported(report(DEAD), release, world, github).evidence["issue"].endswith("/4")  # type: ignore[union-attr]
    assert github.state["issues"][:3] == others


def test_another_spelling(release: Release, world: World, github: GitHub) -> None:
    """`Acme` and `acme` are one project, with one issue."""
    body = "<!-- omni-release watch Acme problems=1 report=1 -->"
    github.change(issues=[{"number": 1, "url": "x", "state": "OPEN", "body": body, "labels": [LABEL], "comments": []}])
    assert reported(report(DEAD), release, world, github).status is Status.PASSED
    (issue,) = github.state["issues"]
    assert "omni-release watch acme problems=" in issue["body"]


@pytest.mark.parametrize(
    ("message", "in_body", "not_in_body"),
    [
        ("ping @octocat", "@\u200boctocat", "@octocat"),
        ("fails in {folder}/source/a.py", "fails in …/source/a.py", "{folder}"),
        ("x" * 70_000, "The report is longer", "x" * 65_000),
    ],
)
def test_what_the_body_has(
    message: str, in_body: str, not_in_body: str, release: Release, world: World, github: GitHub
) -> None:
    """A message notifies no person, no folder of the machine is in it, and GitHub takes its length."""
    folder = str(release.work_dir)
    ended = reported(report(outcome(Status.FAILED, message.format(folder=folder))), release, world, github)
    assert ended.status is Status.PASSED, ended.findings
    body = github.state["issues"][0]["body"]
    assert (in_body in body, not_in_body.format(folder=folder) in body) == (True, False)


def test_secrets_of_gh(release: Release, world: World, github: GitHub) -> None:
    """Gh gets its own token, and no other secret."""
    reported(report(DEAD), release, world, github, GH_TOKEN="t", OPENAI_API_KEY="k", ANTHROPIC_API_KEY="k")
    assert {name for name in github.state["variables"] if name.endswith(("TOKEN", "KEY"))} == {"GH_TOKEN"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("4 To get started with GitHub CLI, please run: gh auth login", "gh has no access"),
        ("1 HTTP 502 from https://user:hunter2-hunter2@api.github.com", "gh does not list the issues"),
        ("", "gh is not installed"),
    ],
)
def test_gh_that_does_not_work(answer: str, says: str, release: Release, world: World, github: GitHub) -> None:
    """Without an answer of gh the issue is asked for and unknown: inconclusive, without a password in the message."""
    if answer:
        github.fail(answer)
    else:
        (github.folder / "gh").unlink()
    ended = reported(report(DEAD), release, world, github)
    assert (ended.status, says in ended.findings[0].message) == (Status.INCONCLUSIVE, True)
    assert "hunter2" not in str(ended)
