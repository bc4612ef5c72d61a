"""The data model: verdicts, exit codes, places and folders."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path, PurePosixPath

import pytest

from omni_release.core.model import Artifact, Finding, Outcome, Project, Release, Report, Status
from omni_release.core.settings import Settings

FAILED, WAITING, INCONCLUSIVE = Status.FAILED, Status.WAITING, Status.INCONCLUSIVE
PASSED, SKIPPED, PLANNED = Status.PASSED, Status.SKIPPED, Status.PLANNED


def report(*statuses: Status, interrupted: bool = False) -> Report:
    """A report of tasks with these statuses."""
    outcomes = tuple(Outcome(f"task-{n}", "A task", "check", status) for n, status in enumerate(statuses))
    return Report("rehearse", "acme", "1.0", "rehearsal", 1.0, outcomes, interrupted=interrupted)


@pytest.mark.parametrize(
    ("statuses", "verdict", "code"),
    [
        ((), "passed", 0),
        ((PASSED,), "passed", 0),
        ((SKIPPED,), "skipped", 0),
        ((SKIPPED, SKIPPED), "skipped", 0),
        ((PLANNED, SKIPPED), "planned", 0),
        ((PASSED, SKIPPED), "passed", 0),
        ((PLANNED,), "planned", 0),
        ((PASSED, PLANNED, SKIPPED), "planned", 0),
        ((INCONCLUSIVE,), "inconclusive", 3),
        ((PASSED, INCONCLUSIVE), "inconclusive", 3),
        ((PLANNED, INCONCLUSIVE), "inconclusive", 3),
        ((WAITING,), "waiting", 4),
        ((INCONCLUSIVE, WAITING), "waiting", 4),
        ((PASSED, PLANNED, WAITING), "waiting", 4),
        ((FAILED,), "failed", 1),
        ((FAILED, WAITING), "failed", 1),
        ((FAILED, INCONCLUSIVE), "failed", 1),
        (tuple(Status), "failed", 1),
    ],
)
def test_verdict(statuses: tuple[Status, ...], verdict: str, code: int) -> None:
    """The verdict is the worst status in any order, and determines the exit code."""
    for order in itertools.islice(itertools.permutations(statuses), 24):
        assert report(*order).verdict == verdict
        assert report(*order).exit_code == code


@pytest.mark.parametrize(
    ("statuses", "verdict", "code"),
    [
        ((PASSED, SKIPPED), "nothing tested", 3),
        ((SKIPPED, SKIPPED), "nothing tested", 3),
        ((PASSED, PASSED), "passed", 0),
        ((FAILED, SKIPPED), "failed", 1),
        ((INCONCLUSIVE, SKIPPED), "inconclusive", 3),
        ((PASSED, PLANNED), "planned", 0),
        ((PASSED,), "passed", 0),  # of a run of other tasks alone
    ],
)
def test_nothing_tested(statuses: tuple[Status, ...], verdict: str, code: int) -> None:
    """A lane that is run for its tests has no result without them; what is wrong beside that comes first."""
    found = dataclasses.replace(report(*statuses), tests=("task-1",))
    assert (found.verdict, found.exit_code) == (verdict, code)


@pytest.mark.parametrize("statuses", [(), (PASSED,), (FAILED,), (WAITING, INCONCLUSIVE)])
def test_interrupted(statuses: tuple[Status, ...]) -> None:
    """The verdict of an interrupted run is `interrupted`."""
    assert report(*statuses, interrupted=True).verdict == "interrupted"
    assert report(*statuses, interrupted=True).exit_code == 130


@pytest.mark.parametrize(
    ("status", "code"), [(PASSED, 0), (FAILED, 1), (INCONCLUSIVE, 3), (WAITING, 4), (SKIPPED, 0), (PLANNED, 0)]
)
def test_exit_code_of_a_status(status: Status, code: int) -> None:
    """Each status has its exit code."""
    assert status.exit_code == code


@pytest.mark.parametrize(
    ("finding", "where"),
    [
        (Finding("said"), ""),
        (Finding("said", path="a.py"), "a.py"),
        (Finding("said", path="a.py", line=3), "a.py:3"),
        (Finding("said", path="a.py", line=3, column=1), "a.py:3:1"),
    ],
)
def test_where(finding: Finding, where: str) -> None:
    """A place has the parts that are known."""
    assert finding.where == where


def test_folders_of_a_release(tmp_path: Path) -> None:
    """Records are in the run folder; copies and environments are in the work directory."""
    project = Project(tmp_path, "acme", (), Settings(), {})
    inside = PurePosixPath("packages/acme")
    release = Release(project, "1.0", "rehearsal", None, tmp_path / "run", tmp_path / "shop", inside)
    assert release.dist == tmp_path / "run/dist"
    assert release.logs == tmp_path / "run/logs"
    assert release.source == tmp_path / "shop/source/packages/acme"
    assert release.tests_tree == tmp_path / "shop/tests"
    assert release.environment("candidate") == tmp_path / "shop/environments/candidate"


def test_frozen() -> None:
    """A value of the model cannot be changed."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Artifact("a.whl", 1, "00").name = "b.whl"  # type: ignore[misc]  # the very thing that must not work
