"""What to do next, in one line."""

from __future__ import annotations

import dataclasses

import pytest

from omni_release.core.model import Finding, Outcome, Severity, Status
from omni_release.core.tasks import Stage
from omni_release.report import next_step
from tests.report.test_problems import failed, report

UNKNOWN = Outcome(
    "index-responds",
    "",
    "check",
    Status.INCONCLUSIVE,
    (Finding("no answer\nTry it later.\nTo sign it off, run: omni-release sign index-responds --reason REASON"),),
)
HINTED = dataclasses.replace(UNKNOWN, findings=(Finding("no answer\nRun `omni-release doctor`.\nTo sign it off, …"),))
ASKS = "Have another person run `omni-release approve --run R`."
APPROVAL = dataclasses.replace(UNKNOWN, status=Status.WAITING, findings=(Finding(f"1 of 2\n{ASKS}"),))


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
    assert next_step.after(dataclasses.replace(done, version=version)) == step


def test_next_step_of_a_version_that_is_tagged() -> None:
    """A version whose tag is at another commit is released: the next one comes first."""
    message = "1.0 has the tag v1.0 of another commit"
    notice = Finding(message, "version-follows-tags/already-tagged", Severity.NOTICE)
    done = report(Outcome("version-follows-tags", "", "check", Status.PASSED, (notice,)))
    assert next_step.after(done) == f"omni-release prepare, because {message}"


@pytest.mark.parametrize(
    ("outcomes", "options", "step"),
    [
        ((), {}, "omni-release release --to pypi --run 20261126-051149"),
        (
            (),
            {"uncommitted": True},
            "commit what `git status` lists, or add it to .gitignore, then run omni-release release --to pypi",
        ),
        ((failed("v"),), {"uncommitted": True}, "fix the problem, then run omni-release rehearse"),
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
        ((APPROVAL,), {}, "omni-release approve --run R"),
        ((), {"interrupted": True}, "omni-release rehearse --run 20261126-051149"),
        ((), {"interrupted": True, "lane": "gate"}, "omni-release gate"),
        (
            (),
            {"interrupted": True, "options": ("--fresh", "--only", "tests-pass")},
            "omni-release rehearse --run 20261126-051149 --fresh --only tests-pass",
        ),
        (
            (),
            {"interrupted": True, "options": ("--artifacts", "built here")},
            "omni-release rehearse --artifacts 'built here'",
        ),
        ((), {"options": ("--fresh",)}, "omni-release release --to pypi --run 20261126-051149"),
    ],
)
def test_next_step(outcomes: tuple[Outcome, ...], options: dict[str, object], step: str) -> None:
    """One command: that of the first problem's fix, else the lane again; after a rehearsal, the release."""
    passed = Outcome("p", "", "check", Status.PASSED)
    assert next_step.after(report(passed, *outcomes, **options)) == step  # type: ignore[arg-type]  # by test
