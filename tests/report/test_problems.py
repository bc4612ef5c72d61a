"""The problems of a run: their order, what is folded into them, and what to do next."""

from __future__ import annotations

import dataclasses

import pytest

from omni_release.core.model import BLOCKED_BY, Finding, Outcome, Report, Severity, Stage, Status
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


UNKNOWN = Outcome(
    "index-responds",
    "",
    "check",
    Status.INCONCLUSIVE,
    (Finding("no answer\nTry it later.\nTo sign it off, run: omni-release sign index-responds --reason REASON"),),
)
HINTED = dataclasses.replace(UNKNOWN, findings=(Finding("no answer\nRun `omni-release doctor`.\nTo sign it off, …"),))


@pytest.mark.parametrize(
    ("version", "step"),
    [
        ("1.0", "omni-release release --to pypi --run 20261126-051149"),
        ("1.0rc1", "omni-release release --to pypi --run 20261126-051149"),
        ("1.0.post1", "omni-release release --to pypi --run 20261126-051149"),
        ("1.0.dev3", "omni-release prepare, or tag the commit: 1.0.dev3 is a development version"),
        ("1.0rc1.dev0", "omni-release prepare, or tag the commit: 1.0rc1.dev0 is a development version"),
        *(
            (local, f"tag the commit with the version to release: {local} has a local part")
            for local in ("1.0+abc", "1.0.dev3+gabc.d20261126", "1.0.post1+dirty")
        ),
    ],
)
def test_next_step_of_a_version(version: str, step: str) -> None:
    """A version between two releases is not offered for a release."""
    done = report(Outcome("p", "", "check", Status.PASSED))
    assert problems.next_step(dataclasses.replace(done, version=version)) == step


@pytest.mark.parametrize(
    ("outcomes", "options", "step"),
    [
        ((), {}, "omni-release release --to pypi --run 20261126-051149"),
        ((), {"whole": False}, ""),
        ((), {"lane": "gate"}, ""),
        ((), {"lane": "rehearse", "run": None}, ""),
        ((failed("v", remedy="run `omni-release version sync`, which writes it."),), {}, "omni-release version sync"),
        (
            (failed("v", remedy="Run `omni-release version sync`."), failed("w"), UNKNOWN),
            {},
            "omni-release version sync, then fix the other problem",
        ),
        (
            (failed("v", Stage.SOURCE, "a", "b", "c", remedy="Run `omni-release version sync`."),),
            {},
            "omni-release version sync, then fix the other 2 problems",
        ),
        ((failed("v"), UNKNOWN), {}, "fix the problem, then run omni-release rehearse"),
        ((UNKNOWN,), {}, "answer what is unknown, then run omni-release rehearse"),
        ((HINTED,), {}, "omni-release doctor"),
        ((failed("v"),), {}, "fix the problem, then run omni-release rehearse"),
        ((failed("v"),), {"lane": "doctor"}, "fix the problem, then run omni-release doctor --to testpypi"),
        ((failed("v"),), {"lane": "release"}, ""),
        ((dataclasses.replace(failed("v"), status=Status.WAITING),), {}, "omni-release sign"),
        ((), {"interrupted": True}, "omni-release rehearse --run 20261126-051149"),
        ((), {"interrupted": True, "lane": "gate"}, "omni-release gate"),
    ],
)
def test_next_step(outcomes: tuple[Outcome, ...], options: dict[str, object], step: str) -> None:
    """One command: that of the first problem's fix, else the lane again; after a rehearsal, the release."""
    passed = Outcome("p", "", "check", Status.PASSED)
    assert problems.next_step(report(passed, *outcomes, **options)) == step  # type: ignore[arg-type]  # by test
