"""The stages of a run, and when each is shown."""

from __future__ import annotations

import dataclasses

import pytest

from omni_release.core import engine
from omni_release.core.model import BLOCKED_BY, Finding, Outcome, Severity, Status
from omni_release.core.tasks import Stage, Task
from omni_release.report import stages
from omni_release.report.stages import Mark, Progress

DONE = Outcome("one", "One", "check", Status.PASSED, stage=Stage.SOURCE)
STEP = dataclasses.replace(DONE, id="prepare", title="Prepare", kind="step")
WARNED = dataclasses.replace(DONE, id="two", findings=(Finding("odd", "two/r", Severity.WARNING),))
NOT_RUN = Outcome("upload", "Upload", "step", Status.SKIPPED, evidence={BLOCKED_BY: "build"}, stage=Stage.SOURCE)


EFFECT = dataclasses.replace(DONE, id="e", status=Status.FAILED, findings=(Finding("odd", "e/r", cause="three/r"),))


def task(id: str, stage: Stage) -> Task:
    """A check of this stage."""
    return Task(id, id, "", lambda *_: iter(()), (), stage=stage)


def with_status(status: Status, id: str = "three", reason: str = "") -> Outcome:
    """An outcome of this status."""
    findings = (Finding(reason, id, Severity.NOTICE),) if reason else ()
    return dataclasses.replace(DONE, id=id, status=status, findings=findings)


@pytest.mark.parametrize(
    ("outcomes", "mark", "words"),
    [
        ([DONE], Mark.PASSED, "one"),
        ([DONE, dataclasses.replace(DONE, title="Its title is long " * 4)], Mark.PASSED, "2 checks"),
        ([DONE, WARNED], Mark.WARNING, "1 warning"),
        ([with_status(Status.FAILED), EFFECT], Mark.FAILED, "three failed"),
        ([DONE, EFFECT], Mark.FAILED, "failed because of a problem in another stage"),
        ([DONE, with_status(Status.FAILED), WARNED], Mark.FAILED, "three failed; 1 warning"),
        ([with_status(Status.FAILED, id) for id in "abcd"], Mark.FAILED, "a, b, c and 1 more failed"),
        ([with_status(Status.INCONCLUSIVE), DONE], Mark.UNKNOWN, "three inconclusive"),
        ([with_status(Status.WAITING)], Mark.WAITING, "three waiting for a person"),
        ([with_status(Status.SKIPPED, reason="no tests")], Mark.SKIPPED, "no tests"),
        ([with_status(Status.SKIPPED, id, id) for id in "ab"], Mark.SKIPPED, "not applicable"),
        ([NOT_RUN], Mark.BLOCKED, "not run: needs build"),
        ([DONE, NOT_RUN], Mark.BLOCKED, "not run: needs build"),
        ([with_status(Status.PLANNED)], Mark.PLANNED, "1 task"),
        ([STEP, with_status(Status.SKIPPED, reason="no tests")], Mark.SKIPPED, "no tests"),
        ([STEP, DONE, with_status(Status.SKIPPED, reason="no tests")], Mark.PASSED, "prepare, one"),
        ([STEP], Mark.PASSED, "prepare"),
        ([dataclasses.replace(STEP, title="GitHub release is drafted")], Mark.PASSED, "GitHub release is drafted"),
        ([dataclasses.replace(STEP, title="API fits")], Mark.PASSED, "API fits"),
    ],
)
def test_row(outcomes: list[Outcome], mark: Mark, words: str) -> None:
    """The worst task decides the mark; the words name what failed, else count what passed."""
    row = stages.row(Stage.SOURCE, outcomes, outcomes, 1.0)
    assert (row.mark, row.words) == (mark, words)


@pytest.mark.parametrize(
    ("outcomes", "running", "mark", "words"),
    [
        ([DONE], "", Mark.INTERRUPTED, "interrupted before a, b, c and 1 more"),
        ([with_status(Status.FAILED), DONE], "", Mark.FAILED, "three failed; interrupted before a, b, c and 1 more"),
        ([], "", Mark.BLOCKED, "interrupted before a, b, c and 1 more"),
        ([], "b", Mark.INTERRUPTED, "interrupted in b"),
        ([DONE], "bc", Mark.INTERRUPTED, "interrupted in b, c"),
    ],
)
def test_interrupted(outcomes: list[Outcome], running: str, mark: Mark, words: str) -> None:
    """A stage that was not finished has a mark of its own, one that has not begun is shown, too."""
    tasks = [task(id, Stage.SOURCE) for id in "abcd"] + [task("e", Stage.AFTER)]
    left = [engine.unreached(one, started=one.id in running) for one in tasks]
    first, last = stages.rows([*outcomes, *left])
    assert (first.mark, first.words) == (mark, words)
    assert [o.id for o in first.outcomes] == [*(o.id for o in outcomes), *"abcd"]
    assert (last.stage, last.mark, last.words) == (Stage.AFTER, Mark.BLOCKED, "interrupted before e")


def differs(*names: str) -> Outcome:
    """A second build of these files that is not the same, or was not compared."""
    findings = tuple(Finding("it differs", "b/r", Severity.NOTICE, distribution=name) for name in names)
    return dataclasses.replace(with_status(Status.PASSED, "build-reproducible"), findings=findings)


@pytest.mark.parametrize(
    ("stage", "outcomes", "words"),
    [
        (
            Stage.BUILD,
            [dataclasses.replace(DONE, id="build", evidence={"a.tar.gz": "", "a.whl": ""})],
            "1 sdist, 1 wheel",
        ),
        (Stage.TEST, [with_status(Status.PASSED, "tests-pass", "48 passed in 2.0 s")], "48 passed, against the wheel"),
        (Stage.INSPECT, [with_status(Status.PASSED, "build-reproducible")], "one, reproducible"),
        (Stage.INSPECT, [with_status(Status.SKIPPED, "build-reproducible"), DONE], "one"),
        (Stage.INSPECT, [differs("acme-1.0.tar.gz")], "one, wheel reproducible"),
        (Stage.INSPECT, [differs("acme-1.0-cp311-cp311-win32.whl")], "one"),
        (Stage.INSPECT, [differs("acme-1.0-cp311-cp311-win32.whl", "acme-1.0.tar.gz")], "one"),
        (Stage.INSPECT, [differs("")], "one"),
        (
            Stage.PUBLISH,
            [dataclasses.replace(DONE, id="upload", evidence={"a.tar.gz": "", "a.whl": "", "index": ""})],
            "2 files, the index serves the same bytes",
        ),
        (Stage.VERIFY, [with_status(Status.PASSED, "works-with-uv")], "uv: install and import"),
    ],
)
def test_words_of_a_stage(stage: Stage, outcomes: list[Outcome], words: str) -> None:
    """Some stages say what came of them."""
    assert stages.row(stage, outcomes, outcomes, 1.0).words == words


def test_order_of_rows() -> None:
    """A stage is shown once, when all its tasks and all stages before it have ended; its time is from start to end."""
    seconds = iter(range(100))
    progress = Progress([("one", Stage.SOURCE), ("build", Stage.BUILD), ("two", Stage.SOURCE)], lambda: next(seconds))
    progress.started("one")  # 0
    progress.started("build")  # 1
    progress.ended(dataclasses.replace(DONE, id="build", stage=Stage.BUILD))  # 2
    progress.ended(DONE)  # 3
    assert list(progress.new_rows()) == []
    assert [(stage, ids) for stage, ids, _ in progress.running()] == [(Stage.SOURCE, ()), (Stage.BUILD, ())]
    progress.started("two")
    progress.ended(WARNED)
    rows = list(progress.new_rows())
    assert [row.stage for row in rows] == [Stage.SOURCE, Stage.BUILD]
    assert [row.seconds for row in rows][1] == 1
    assert list(progress.new_rows()) == []


def test_rows_of_an_interrupted_run() -> None:
    """At the end each stage is shown, finished or not."""
    progress = Progress([("one", Stage.SOURCE), ("two", Stage.SOURCE), ("build", Stage.BUILD)], lambda: 0.0)
    progress.started("one")
    progress.ended(DONE)
    for one in (task("two", Stage.SOURCE), task("build", Stage.BUILD)):
        progress.ended(engine.unreached(one, started=False))
    found = [(row.stage, row.mark) for row in progress.new_rows()]
    assert found == [(Stage.SOURCE, Mark.INTERRUPTED), (Stage.BUILD, Mark.BLOCKED)]


def test_a_tag_is_a_result() -> None:
    """After a release the steps count, also where none of the checks apply."""
    tagged = Outcome("tag-release", "Release is tagged", "step", Status.PASSED, stage=Stage.AFTER)
    skipped = Outcome("upgrade", "Upgrade", "check", Status.SKIPPED, stage=Stage.AFTER)
    (row,) = stages.rows([tagged, skipped])
    assert (row.mark, row.words) == (Mark.PASSED, "release is tagged")
