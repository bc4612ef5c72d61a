"""The problems of a run: their order, and what is folded into them."""

from __future__ import annotations

import dataclasses

from omni_release.core.model import BLOCKED_BY, Finding, Outcome, Report, Severity, Status
from omni_release.core.tasks import Stage
from omni_release.report import problems

RUN = ".omni-release/runs/20261126-051149"


def failed(id: str, stage: Stage = Stage.SOURCE, *rules: str, remedy: str = "Fix it.") -> Outcome:
    """A failed outcome with an error of each rule."""
    findings = tuple(Finding(f"{id} is wrong", f"{id}/{rule}") for rule in rules or ("r",))
    return Outcome(id, id, "check", Status.FAILED, findings, remedy, stage=stage)


def report(*outcomes: Outcome, lane: str = "rehearse", run: str | None = RUN, **options: bool) -> Report:
    """A report of these outcomes."""
    return Report(lane, "acme", "1.0", "testpypi", 1.0, outcomes, run=run, **options)  # type: ignore[arg-type]  # two are flags


def test_order() -> None:
    """First what blocks or explains, then the stages in order; unknown results come last."""
    unknown = dataclasses.replace(failed("unknown"), status=Status.INCONCLUSIVE)
    not_run = Outcome("upload", "", "step", Status.SKIPPED, evidence={BLOCKED_BY: "build"})
    effect = dataclasses.replace(
        failed("effect"), findings=(Finding("x", "effect/r", cause="cause/r"), Finding("y", "effect/other"))
    )
    outcomes = (
        unknown,
        failed("late", Stage.CODE),
        failed("source"),
        failed("build", Stage.BUILD),
        failed("cause", Stage.INSPECT),
        effect,
        not_run,
    )
    found = problems.problems(report(*outcomes))
    assert [problem.outcome.id for problem in found] == ["build", "cause", "source", "effect", "late", "unknown"]
    assert [problem.also for problem in found][1] == ("effect/r",)
    assert [problem.rule for problem in found][3] == "effect/other"


def test_blocked_tasks() -> None:
    """All that blocked a task, directly or through others, once each."""
    needs = {"upload": "build, source", "verify": "upload, code", "install": "upload", "notes": "code"}
    outcomes = [Outcome(id, "", "step", Status.SKIPPED, evidence={BLOCKED_BY: need}) for id, need in needs.items()]
    assert problems.blocked_tasks([failed("build"), failed("source"), failed("code"), *outcomes]) == {
        ("build", "source"): ["upload", "install"],
        ("build", "source", "code"): ["verify"],
        ("code",): ["notes"],
    }


def test_rules_of_one_check() -> None:
    """Each rule of a check is a problem of its own; its findings are its places. A warning is advice."""
    outcome = failed("c", Stage.CODE, "a", "b", "a")
    warned = dataclasses.replace(outcome, findings=(*outcome.findings, Finding("w", "c/w", Severity.WARNING)))
    assert [(p.rule, len(p.findings)) for p in problems.problems(report(warned))] == [("c/a", 2), ("c/b", 1)]
    assert [p.rule for p in problems.warnings(report(warned))] == ["c/w"]


def test_places() -> None:
    """Places are grouped by file, and the rest is counted."""
    findings = [Finding("m", path=path, line=line) for path, line in (("a", 1), ("a", 2), ("b", 3), ("c", 4), ("c", 5))]
    found = problems.places(findings, 3)
    assert (found.shown, found.rest) == (("a:1, 2", "b:3"), "and 2 more in 1 file")
    assert problems.places([Finding("m"), Finding("n")], 5).shown == ()
