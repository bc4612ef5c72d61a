"""A whole release to an index that others run, with git beside it: once through, cut short, refused, picked up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.core.model import Commit, Release
from omni_release.core.runs import RunStore
from omni_release.core.world import World
from omni_release.publishing import phases
from tests.conftest import git
from tests.index.support import form, sdist, sent
from tests.publishing.support import PROJECT, Place, Runner, outside, released
from tests.publishing.test_terminal import AFTERWARDS

INSTALLERS = ("install-with-pip", "works-with-pip", "pip-check")


def test_once_through_and_again(place: Place, runner: Runner) -> None:
    """The very bytes are on the index, installed from there, and tagged; the second time nothing is done."""
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        ended = runner.run(place, *to)
        assert ended.code == 0, ended.said
        assert released(place, index) == {"index": place.dist, "tags": {"v1.2.3": place.head()}}
        assert [sent.name[-4:] for sent in index.watched.sent] == [".whl", "r.gz"]
        assert "was there already" not in ended.said and "already, with these very bytes" not in ended.said
        again = runner.run(place, *to, without=INSTALLERS)
        assert again.code == 0, again.said
        assert len(index.watched.sent) == 2
        assert f"All of {PROJECT} 1.2.3 was on {index.upload} already, with these very bytes" in again.said
    (report,) = place.run.glob("published/*/report.json")
    kept = json.loads(report.read_text(encoding="utf-8"))
    assert (kept["lane"], kept["verdict"], kept["version"]) == ("release", "passed", "1.2.3")
    rehearsal = json.loads((place.run / "report.json").read_text(encoding="utf-8"))
    assert (rehearsal["lane"], rehearsal["target"]) == ("rehearse", "rehearsal")


def test_from_another_checkout(place: Place, runner: Runner, tmp_path: Path) -> None:
    """A run goes on from another checkout of the same commit, with the run's folder, and of that one alone."""
    other = Place(tmp_path / "other")
    other.folder.mkdir()
    git("clone", "--quiet", str(place.remote), str(other.checkout), cwd=tmp_path)
    git("config", "user.name", "Tester", cwd=other.checkout)
    git("config", "user.email", "tester@example.invalid", cwd=other.checkout)
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", str(place.run))
        ended = runner.run(other, *to, without=INSTALLERS)
        assert ended.code == 0, ended.said
        assert index.held() == place.dist
        git("commit", "--quiet", "--allow-empty", "--message=more", cwd=other.checkout)
        refused = runner.run(other, *to)
        assert refused.code == 1
        assert "it was rehearsed at commit" in refused.said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("tree", "the checkout has changed since"),
        ("artifact", "is not the file that this run has built"),
        ("failed", "the rehearsal's verdict is failed"),
        ("inconclusive", "the rehearsal's verdict is inconclusive"),
    ],
)
def test_what_has_changed_is_refused(change: str, said: str, place: Place, runner: Runner) -> None:
    """A changed checkout, a changed byte, a rehearsal that did not pass: nothing is sent."""
    journal = place.run / "journal.jsonl"
    if change == "tree":
        (place.checkout / "README.md").write_text("# other\n", encoding="utf-8")
    elif change == "artifact":
        (made,) = (place.run / "dist").glob("*.whl")
        made.write_bytes(made.read_bytes() + b" ")
    else:
        lines = journal.read_text(encoding="utf-8")
        journal.write_text(lines.replace('"verdict": "passed"', f'"verdict": "{change}"'), encoding="utf-8")
    with outside(place.folder / "index") as index:
        ended = runner.run(place, "release", "--to", index.upload, "--yes", "--run", place.run.name)
        assert (ended.code, index.watched.sent) == (1, []), ended.said
        assert said in ended.said
    assert place.tags() == {}


def test_nobody_to_type_the_version(place: Place, runner: Runner) -> None:
    """Without a terminal and without --yes nothing begins."""
    with outside(place.folder / "index") as index:
        ended = runner.run(place, "release", "--to", index.upload, "--run", place.run.name)
        assert (ended.code, index.watched.sent) == (2, [])
    assert "add --yes" in ended.said


def test_other_bytes_are_there(place: Place, runner: Runner) -> None:
    """Somebody else's file under our name stops the release before anything is sent, and says what to raise."""
    with outside(place.folder / "index") as index:
        (made,) = (place.run / "dist").glob("*.tar.gz")
        stated = "Metadata-Version: 2.1\nName: acme-sound\nVersion: 1.2.3\n"
        other = sdist(place.folder / "other", stated, name=made.name, root="acme_sound-1.2.3")
        assert sent(index, form(other), other).status_code == 200
        ended = runner.run(place, "release", "--to", index.upload, "--yes", "--run", place.run.name)
        assert ended.code == 1, ended.said
        assert f"another {made.name} is there" in ended.said
        assert list(index.held()) == [made.name]


def test_wrong_password(place: Place, runner: Runner) -> None:
    """A refusal for good is told at once, in the index's words; what to do stands below; nothing is tagged."""
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        ended = runner.run(place, *to, variables={"TWINE_PASSWORD": "not-the-password-0123"})
        assert ended.code == 1, ended.said
        assert "403 Invalid or missing authentication information" in ended.said
        assert "Nothing of it is there: mend what is wrong above" in ended.said
        assert f"omni-release release --to {index.upload} --run {place.run.name} --yes\n" in ended.said
        assert "not-the-password-0123" not in ended.said
        assert (index.held(), place.tags()) == ({}, {})
        mended = runner.run(place, *to, without=INSTALLERS)
        assert mended.code == 0, mended.said


def test_all_is_there_and_something_is_wrong(place: Place, runner: Runner) -> None:
    """What is left to do is told as what it is: nothing is half there, and the command goes on as this one did."""
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        tag = place.remote / "refs" / "tags"
        tag.rmdir()
        tag.touch()  # nobody can push a tag now
        ended = runner.run(place, *to, without=AFTERWARDS)
        assert ended.code == 1, ended.said
        assert index.held() == place.dist
        assert f"  omni-release release --to {index.upload} --run {place.run.name} --yes\n" in ended.said
        assert "All of it is there: nothing is left to send." in ended.said
        assert "half there" not in ended.said
        tag.unlink()
        tag.mkdir()
        mended = runner.run(place, *to, without=AFTERWARDS)
        assert mended.code == 0, mended.said
    assert place.tags() == {"v1.2.3": place.head()}


@pytest.mark.parametrize("changed", ["", "tree", "commit", "artifact", "verdict"])
def test_a_finished_rehearsal_is_told(changed: str, place: Place, world: World, release: Release) -> None:
    """Before a rehearsal that need not be, the run that could be taken is named: where it still stands."""
    home = RunStore(place.checkout, LocalFiles())
    project = replace(release.project, root=place.checkout)
    commit = Commit("0" * 40 if changed == "commit" else place.head(), 0)
    if changed == "tree":
        (place.checkout / "README.md").write_text("# other\n", encoding="utf-8")
    elif changed == "artifact":
        next((place.run / "dist").glob("*.whl")).write_bytes(b"")
    elif changed == "verdict":
        (place.run / "journal.jsonl").write_text("", encoding="utf-8")
    said = list(phases.finished_already(home, replace(release, project=project, commit=commit), world))
    assert [f"--run {place.run.name}" in line for line in said] == ([] if changed else [True])


def test_doctor_tells_all_at_once(place: Place, runner: Runner) -> None:
    """All that speaks against a release, in one call, and nothing is written."""
    (place.checkout / "new.txt").write_text("new\n", encoding="utf-8")
    before = sorted(path.name for path in place.run.iterdir())
    with outside(place.folder / "index") as index:
        ended = runner.run(place, "doctor", "--to", index.upload, variables={"TWINE_PASSWORD": ""})
    assert ended.code == 1
    assert "TWINE_PASSWORD is set, and empty" in ended.said
    assert "new.txt" in ended.said
    assert sorted(path.name for path in place.run.iterdir()) == before
    assert PROJECT in ended.said


LIST = """\
title = "Before a release"
when = "before"
[[item]]
id = "looked"
says = "Somebody has looked at it"
asks = "Have you?"
[[item]]
id = "signed"
says = "Somebody has signed for this version"
asks = "Will you?"
[[item]]
id = "tested"
says = "The tests pass"
asks = "Do they?"
check = "tests-pass"
"""
SIGNED = """\
[[sign-off]]
item = "mine/signed"
who = "Ada"
when = 2026-11-22
reason = "it is right"
version = "1.2.3"
"""


def test_doctor_asks_of_people_and_of_the_live_service(place: Place, runner: Runner) -> None:
    """Checklists and live evidence as they stand for a run; without one, what only a run can tell is not asked."""
    checklists = place.checkout / "checklists"
    (checklists / "signed").mkdir(parents=True)
    (checklists / "mine.toml").write_text(LIST, encoding="utf-8")
    (checklists / "signed" / "1.2.3.toml").write_text(SIGNED, encoding="utf-8")
    with (place.checkout / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("[tool.omni-release.smoke]\n")
    with outside(place.folder / "index") as index:
        asked = runner.run(place, "doctor", "--to", index.upload, "--run", place.run.name).said
        assert "wait  Somebody has looked at it" in asked and "[mine/looked]" in asked
        assert "ok    Somebody has signed for this version" in asked and "ok    The tests pass" in asked
        assert "has passed no live run" in asked and "[live-evidence]" in asked
        assert "for it needs mine/looked: before-release-answered" in asked
        unasked = runner.run(place, "doctor", "--to", index.upload).said
    for id in ("mine/looked", "mine/tested", "before-release-answered", "live-evidence"):
        assert f"skip  {id}: not asked: it needs a run" in unasked
    assert "ok    Somebody has signed for this version" in unasked
