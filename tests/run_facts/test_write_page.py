"""The page is written into the run folder, without secrets; no fault of it stops a run."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_release import run_facts
from omni_release.adapters.secrets import Secrets
from omni_release.checklists import sign_offs
from omni_release.core.journal import RunFolder
from omni_release.core.model import Finding, Outcome, Release, Report, Status
from omni_release.core.tasks import Lane, Stage, check, stage
from omni_release.core.world import World
from omni_release.report import page, page_views
from omni_release.report.files import PAGE
from tests.run_facts.test_scenarios import picture

SECRET = "hunter2-and-more"


def is_sound(release: Release, world: World) -> None:
    """Everything is sound

    Everything that there is is looked at.

    Fix: correct it.
    """


LANE = Lane("rehearse", stage(Stage.CODE, check(is_sound)))  # type: ignore[arg-type]  # it is not run


Write = Callable[..., str]


@pytest.fixture
def write(release: Release, world: World) -> Write:
    """A function that writes the page of a run with one failed task, into these folders."""
    cache = str(release.folder.parent / "cache")
    world = dataclasses.replace(world, environment={"OMNI_RELEASE_CACHE_DIR": cache})

    def writer(*folders: Path) -> str:
        findings = (Finding("it is wrong", "is-sound"),)
        outcome = Outcome("is-sound", "Everything is sound", "check", Status.FAILED, findings)
        report = Report("rehearse", "acme", "1.0", "rehearsal", 1.0, (outcome,), run=str(release.folder))
        redact = Secrets.of({"TWINE_PASSWORD": SECRET}).redact
        return run_facts.write_page(report, LANE, release, world, redact, (), folders or (release.records,), head=None)

    return writer


def test_gathers(write: Write, release: Release, world: World) -> None:
    """The page has the sentence of the task, the end of the log of its program, and links to what is beside it."""
    release.logs.mkdir()
    (release.logs / "ruff.log").write_text("".join(f"line {at}\n" for at in range(5000)) + f"key {SECRET}\n", "utf-8")
    (release.logs / "other.log").write_text("of no task\n", encoding="utf-8")
    (release.records / "report.json").write_text("{}", encoding="utf-8")
    world.journal.record("ran", log="ruff", task="is-sound", code=1, seconds=1.0)
    assert write() == ""
    written = (release.folder / PAGE).read_text(encoding="utf-8")
    for part in ("Everything that there is is looked at.", 'href="logs/ruff.log"', "line 4999", 'href="report.json"'):
        assert part in written
    for part in (SECRET, "line 4979\n", "of no task"):
        assert part not in written


def test_copy_has_the_images(write: Write, release: Release, world: World, tmp_path: Path) -> None:
    """A copy of the page elsewhere has the originals of the images beside it."""
    images = release.records / "smoke" / "live" / "images"
    images.mkdir(parents=True)
    picture(images, "crane-1.png", (600, 400))
    call = {"asked": "a", "answered": "a", "code": 200, "seconds": 1.0, "usd": 0.1, "prompt": f"a crane, {SECRET}"}
    call["images"] = [{"file": "images/crane-1.png"}]
    scenario = {"name": "crane", "outcome": "passed", "why": "", "path": "t.py", "line": 1, "seconds": 1.0}
    line = json.dumps({"mode": "live", "scenario": {**scenario, "calls": [call], "unused": []}})
    (images.parent / "scenarios.jsonl").write_text(line, encoding="utf-8")
    release.logs.mkdir()
    (release.logs / "ruff.log").write_text("all checks passed", encoding="utf-8")
    world.journal.record("ran", log="ruff", task="is-sound", code=1, seconds=1.0)
    copy = tmp_path / "copy"
    assert write(release.records, copy) == ""
    for folder in (release.records, copy):
        written = (folder / PAGE).read_text(encoding="utf-8")
        assert 'href="smoke/live/images/crane-1.png"' in written and "data:image/jpeg;base64," in written
        assert (folder / "smoke" / "live" / "images" / "crane-1.png").is_file()
        assert SECRET not in written
    assert 'href="report.sarif"' in written and 'href="logs/' not in written


def test_checklists_and_sign_offs(release: Release, world: World, tmp_path: Path) -> None:
    """The items of the checklists are there with who answered them, and tasks that were signed off."""
    (tmp_path / "checklists").mkdir()
    (tmp_path / "checklists" / "before.toml").write_text(
        'title = "Before"\n[[item]]\nid = "look"\nsays = "Someone looked"\n[[item]]\nid = "wait"\nsays = "Waited"\n',
        "utf-8",
    )
    assert isinstance(world.journal, RunFolder)
    world.journal.sign("before/look", "Ada", "by eye")
    world.journal.sign("live-evidence", "Bo", "no key")
    lane = dataclasses.replace(LANE)
    report = Report("rehearse", "acme", "1.0", "rehearsal", 1.0, ())
    answers = run_facts.gather(report, lane, release, dataclasses.replace(world, answers=sign_offs), (), None).answers
    assert [(answer.id, answer.status, answer.who, answer.reason) for answer in answers] == [
        ("before/look", "answered", "Ada", "by eye"),
        ("before/wait", "waiting", "", ""),
        ("live-evidence", "answered", "Bo", "no key"),
    ]


def test_without_jinja(write: Write, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Jinja2 there is no page, and the reason names what to install."""
    page._environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    said = write()
    assert said.startswith("no report.html: jinja2 is not installed") and "Install it with: " in said
    assert not (release.folder / PAGE).exists()


def test_fault_of_the_page(write: Write, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the page itself is reported in one line and does not change the outcome of a release."""
    monkeypatch.setattr(page_views, "verdict", lambda report: 1 / 0)
    assert "internal error of omni-release: ZeroDivisionError" in write()


def test_compiled_template(write: Write, release: Release) -> None:
    """The template is compiled once, into a folder of this user alone: others could have code executed from there."""
    page._environment.cache_clear()
    assert write() == ""
    folder = release.folder.parent / "cache" / "page"
    assert [path.suffix for path in folder.iterdir()] == [".cache"]
    shutil.rmtree(folder)
    folder.mkdir()
    folder.chmod(0o777)
    assert write() == "" and not list(folder.iterdir())
