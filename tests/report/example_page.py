"""A report and its facts with something in every part of the page; all its texts can be made hostile."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from omni_release.core.model import BLOCKED_BY, Artifact, Cached, Finding, Outcome, Report, Severity, Status
from omni_release.core.tasks import Stage
from omni_release.report.page_facts import (
    Answer,
    Attempt,
    ComparedFinding,
    Contents,
    ContractChange,
    Difference,
    EarlierRun,
    FileState,
    Log,
    PackedFile,
    PageFacts,
    Picture,
    Scenario,
    TaskFacts,
)

Say = Callable[[str], str]
"""Makes a text of the project, of its programs or of a service hostile; here it is returned as it is."""

WHEEL = "acme_sound-1.2.3-py3-none-any.whl"


def report(say: Say = str) -> Report:
    """A failed rehearsal: two problems, one of which explains another finding, and an outcome of each other kind."""
    drift = Finding(
        f"says 1.0, but pyproject.toml says {say('1.2.3')}\n→ run `omni-release version sync`",
        "versions-agree/version-drift",
        path=say("src/acme/__init__.py"),
        line=3,
        column=2,
    )
    retired = tuple(
        Finding(f"{say('gemini-2.0')} was shut down", "retired-models/shut-down", path=say(f"web/part{at}.ts"), line=at)
        for at in range(1, 9)
    )
    hollow = Finding(f"lost {say('a.py')}", "wheel-complete/lost", cause="versions-agree/version-drift")
    failure = Finding(f"2 failed\n{say('E assert')} 1 == 2\n  in `test_a`", "tests-pass/test-failed")
    silent = Finding(
        "Do not catch blind exception: `Exception`", "silent-failures/BLE001", Severity.WARNING, say("a.py"), 4
    )
    waived = Finding("1 is odd\n(waived until 2027-01-31: known)", "silent-failures/S110", Severity.NOTICE, "b.py", 9)
    skipped = Finding(f"no file is named {say('test_*.py')}", "copy-tests", Severity.NOTICE)
    unknown = Finding("the index did not answer", "index-responds", Severity.WARNING)
    question = Finding(f"Did you {say('look')}?", "before/look", Severity.WARNING)

    def outcome(id: str, status: Status, stage: Stage, *findings: Finding, **more: object) -> Outcome:
        known = {"started": 0.1, "seconds": 0.4, **more}
        return Outcome(id, f"Title of {id}", "check", status, findings, "Correct `it`.", stage=stage, **known)  # type: ignore[arg-type]

    outcomes = (
        outcome("versions-agree", Status.FAILED, Stage.SOURCE, drift, started=0.0),
        outcome("retired-models", Status.FAILED, Stage.SOURCE, *retired, started=0.05),
        outcome("build", Status.PASSED, Stage.BUILD, evidence={WHEEL: say("sha256 ab")}, started=0.5, seconds=2.0),
        outcome("wheel-complete", Status.FAILED, Stage.INSPECT, hollow, started=2.5),
        outcome("tests-pass", Status.FAILED, Stage.TEST, failure, started=2.6, seconds=1.1),
        outcome("copy-tests", Status.SKIPPED, Stage.TEST, skipped),
        outcome("upload", Status.SKIPPED, Stage.PUBLISH, evidence={BLOCKED_BY: "versions-agree"}, started=None),
        outcome("index-responds", Status.INCONCLUSIVE, Stage.PUBLISH, unknown),
        outcome("silent-failures", Status.PASSED, Stage.CODE, silent, waived),
        outcome("lower-bounds", Status.PASSED, Stage.CODE, cached=Cached("20261126-051149-000", "2026-11-26", 130.0)),
        outcome("before/look", Status.WAITING, Stage.PREFLIGHT, question),
    )
    artifacts = (Artifact(WHEEL, 1100, "ab" * 32), Artifact("acme_sound-1.2.3.tar.gz", 600, "cd" * 32))
    return Report("rehearse", say("acme-sound"), "1.2.3", "rehearsal", 3.7, outcomes, artifacts, ".omni-release/runs/R")


def facts(say: Say = str) -> PageFacts:
    """The facts of that run."""
    tasks = {
        "versions-agree": TaskFacts(
            "versions-agree",
            "Versions agree",
            "source",
            "Every place states one version.",
            rules=(("version-drift", "Version differs"),),
        ),
        "build": TaskFacts(
            "build", "Build", "build", needs=("versions-agree",), logs=(Log(say("logs/build.log"), say("built")),)
        ),
        "tests-pass": TaskFacts("tests-pass", "Tests pass", "test", needs=("build",)),
        "verify": TaskFacts("verify", "Verify", "verify", needs=("upload",)),
    }
    picture = Picture(
        say("smoke/live/images/crane-1.png"), 2_000_000, preview(), "image/jpeg", 1024, 768, "1024 by 768"
    )
    calls = (
        Attempt("gemini-3-pro-image", "", "503, fault of the service", 1.0, 0.0, say("a paper crane")),
        Attempt(
            "gemini-3-pro-image",
            say("gemini-3.1-flash-image"),
            "200, 1 image",
            6.0,
            0.067,
            say("a paper crane"),
            (picture,),
        ),
    )
    scenarios = (
        Scenario(say("paint"), "live", "passed", "", say("tests/test_paint.py:6"), 7.1, calls),
        Scenario("refuse", "emulated", "failed", say("AssertionError: no"), "tests/test_paint.py:9", 0.2),
        Scenario("replayed", "recorded", "inconclusive", "not recorded yet", "tests/test_paint.py:12", 0.1),
    )
    found = ComparedFinding("retired-models/shut-down", "error", say("web/a.ts"), say("gemini-2.0 was shut down"))
    earlier = EarlierRun(
        "20261125-101010-000",
        "passed",
        "2026-11-25T10:10:14+00:00",
        4.0,
        (found,),
        (found,),
        3,
        (("build", "failed", "passed"),),
        False,
    )
    files = tuple(PackedFile(say(f"src/acme/part/module{at}.py"), at * 100) for at in range(5))
    state = FileState(say("src/acme/lost.py"), "12 B", "12 B", "")
    return PageFacts(
        ended="2026-11-26T05:11:49+00:00",
        commit="a1b2c3d4e5f6",
        branch=say("main"),
        uncommitted=True,
        subject=say("Paint a crane"),
        machine="Python 3.11.7 on Linux",
        tasks=tasks,
        contents=(Contents(WHEEL, files, 2), Contents("broken.tar.gz", problem=say("is not a readable archive"))),
        differences=(Difference("1 file of the import packages not in the wheel", (state,), 4),),
        scenarios=scenarios,
        contract=(
            ContractChange("answer", "gone", say("usageMetadata.total"), "integer", "", "error"),
            ContractChange("answer", "changed", "candidates[].index", "integer", say("string"), "notice"),
        ),
        answers=(
            Answer(
                "Before",
                "before/look",
                say("Someone looked"),
                "answered",
                say("Ada"),
                "2026-11-26T05:00:00+00:00",
                say("by eye"),
                ("ab" * 32,),
            ),
            Answer("Before", "before/wait", "Someone waited", "waiting"),
        ),
        earlier=earlier,
        files=("report.json", "journal.jsonl"),
    )


def preview() -> bytes:
    """A small JPEG."""
    written = io.BytesIO()
    Image.new("RGB", (48, 36), "teal").save(written, "JPEG")
    return written.getvalue()
