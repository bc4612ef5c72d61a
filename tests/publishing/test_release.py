"""A whole release to an index, with a git remote: completed, interrupted, refused, resumed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release import publishing
from omni_release.adapters.files import LocalFiles
from omni_release.core.model import Commit, Release
from omni_release.core.runs import RunStore
from omni_release.core.world import ProjectStatus, World
from omni_release.local_index import IndexPolicy
from tests.conftest import git
from tests.index.support import form, sdist, sent
from tests.publishing.support import PROJECT, Place, Runner, outside, released
from tests.publishing.test_terminal import AFTERWARDS

INSTALLERS = ("install-with-pip", "works-with-pip", "pip-check")


def test_release_twice(place: Place, runner: Runner) -> None:
    """The built files are uploaded, installed from the index and tagged; the second time nothing is done."""
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        ended = runner.run(place, *to)
        assert ended.code == 0, ended.said
        assert released(place, index) == {"index": place.dist, "tags": {"v1.2.3": place.head()}}
        assert [sent.name[-4:] for sent in index.watched.sent] == [".whl", "r.gz"]
        assert "was there already" not in ended.said and "with the same bytes" not in ended.said
        again = runner.run(place, *to, without=INSTALLERS)
        assert again.code == 0, again.said
        assert len(index.watched.sent) == 2
        assert f"{PROJECT} 1.2.3 was already on {index.upload} with the same bytes" in again.said
    (report,) = place.run.glob("published/*/report.json")
    kept = json.loads(report.read_text(encoding="utf-8"))
    assert (kept["lane"], kept["verdict"], kept["version"]) == ("release", "passed", "1.2.3")
    rehearsal = json.loads((place.run / "report.json").read_text(encoding="utf-8"))
    assert (rehearsal["lane"], rehearsal["target"]) == ("rehearse", "rehearsal")


def test_from_another_checkout(place: Place, runner: Runner, tmp_path: Path) -> None:
    """A run can be resumed from another checkout of the same commit, and of no other commit."""
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
        assert "rehearsed at commit" in refused.said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("tree", "the checkout has changed since"),
        ("artifact", "has changed since this run built it"),
        ("failed", "the rehearsal's verdict is failed"),
        ("inconclusive", "the rehearsal's verdict is inconclusive"),
    ],
)
def test_change_after_the_rehearsal(change: str, message: str, place: Place, runner: Runner) -> None:
    """A changed checkout or file, or a rehearsal that did not pass: nothing is uploaded."""
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
        assert message in ended.words
    assert place.tags() == {}


def test_no_terminal(place: Place, runner: Runner) -> None:
    """Without a terminal and without --yes the release does not start."""
    with outside(place.folder / "index") as index:
        ended = runner.run(place, "release", "--to", index.upload, "--run", place.run.name)
        assert (ended.code, index.watched.sent) == (2, [])
    assert "Pass --yes" in ended.said


def test_other_bytes_on_the_index(place: Place, runner: Runner) -> None:
    """A file with other bytes under our name stops the release before anything is uploaded."""
    with outside(place.folder / "index") as index:
        (made,) = (place.run / "dist").glob("*.tar.gz")
        stated = "Metadata-Version: 2.1\nName: acme-sound\nVersion: 1.2.3\n"
        other = sdist(place.folder / "other", stated, name=made.name, root="acme_sound-1.2.3")
        assert sent(index, form(other), other).status_code == 200
        ended = runner.run(place, "release", "--to", index.upload, "--yes", "--run", place.run.name)
        assert ended.code == 1, ended.said
        assert f"{made.name} already exists on the index" in ended.words
        assert list(index.held()) == [made.name]


@pytest.mark.long
def test_archived(place: Place, runner: Runner) -> None:
    """A project that its index shows as archived stops the release before the upload, with what to do."""
    with outside(place.folder / "index") as index:
        stated = "Metadata-Version: 2.1\nName: acme-sound\nVersion: 1.0.0\n"
        old = sdist(place.folder / "old", stated, name="acme_sound-1.0.0.tar.gz", root="acme_sound-1.0.0")
        assert sent(index, form(old), old).status_code == 200
    policy = IndexPolicy(status=ProjectStatus("archived", "see acme-sound2"))
    with outside(place.folder / "index", policy=policy) as index:
        ended = runner.run(place, "release", "--to", index.upload, "--yes", "--run", place.run.name)
        assert ended.code == 1, ended.said
        assert "acme-sound is archived: the index takes no uploads (see acme-sound2)" in ended.words
        assert "Unarchive it in the project's settings on the index" in ended.words
        assert list(index.held()) == [old.name]


def test_wrong_password(place: Place, runner: Runner) -> None:
    """A refusal is shown in the index's words, with the command to resume; nothing is tagged."""
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        ended = runner.run(place, *to, variables={"TWINE_PASSWORD": "not-the-password-0123"})
        assert ended.code == 1, ended.said
        assert "403 Invalid or missing authentication information" in ended.said
        assert "No file is uploaded. Fix the reported problems" in ended.said
        assert f"omni-release release --to {index.upload} --run {place.run.name} --yes\n" in ended.said
        assert "not-the-password-0123" not in ended.said
        assert (index.held(), place.tags()) == ({}, {})
        resumed = runner.run(place, *to, without=INSTALLERS)
        assert resumed.code == 0, resumed.said


def test_failure_after_the_upload(place: Place, runner: Runner) -> None:
    """After a complete upload the summary says so and shows the command for the remaining steps."""
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        tag = place.remote / "refs" / "tags"
        tag.rmdir()
        tag.touch()  # no tag can be pushed now
        ended = runner.run(place, *to, without=AFTERWARDS)
        assert ended.code == 1, ended.said
        assert index.held() == place.dist
        assert f"  omni-release release --to {index.upload} --run {place.run.name} --yes\n" in ended.said
        assert "All files are uploaded." in ended.said
        assert "partial release" not in ended.said
        tag.unlink()
        tag.mkdir()
        resumed = runner.run(place, *to, without=AFTERWARDS)
        assert resumed.code == 0, resumed.said
    assert place.tags() == {"v1.2.3": place.head()}


@pytest.mark.parametrize("changed", ["", "tree", "commit", "artifact", "verdict"])
def test_reusable_rehearsal(changed: str, place: Place, world: World, release: Release) -> None:
    """Before a rehearsal, a run that could be published instead is named, unless something has changed."""
    store = RunStore(place.checkout, LocalFiles())
    project = replace(release.project, root=place.checkout)
    commit = Commit("0" * 40 if changed == "commit" else place.head(), 0)
    if changed == "tree":
        (place.checkout / "README.md").write_text("# other\n", encoding="utf-8")
    elif changed == "artifact":
        next((place.run / "dist").glob("*.whl")).write_bytes(b"")
    elif changed == "verdict":
        (place.run / "journal.jsonl").write_text("", encoding="utf-8")
    lines = list(publishing.reusable_rehearsal(store, replace(release, project=project, commit=commit), world))
    assert [f"--run {place.run.name}" in line for line in lines] == ([] if changed else [True])


def test_doctor(place: Place, runner: Runner) -> None:
    """Doctor reports all problems at once and writes nothing."""
    (place.checkout / "new.txt").write_text("new\n", encoding="utf-8")
    before = sorted(path.name for path in place.run.iterdir())
    with outside(place.folder / "index") as index:
        ended = runner.run(place, "doctor", "--to", index.upload, variables={"TWINE_PASSWORD": ""})
    assert ended.code == 1
    assert "TWINE_PASSWORD is set but empty" in ended.words
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


def test_doctor_with_checklists_and_evidence(place: Place, runner: Runner) -> None:
    """Checklists and live evidence are checked for a run; without one they are skipped."""
    checklists = place.checkout / "checklists"
    (checklists / "signed").mkdir(parents=True)
    (checklists / "mine.toml").write_text(LIST, encoding="utf-8")
    (checklists / "signed" / "1.2.3.toml").write_text(SIGNED, encoding="utf-8")
    with (place.checkout / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("[tool.omni-release.smoke]\n")
    with outside(place.folder / "index") as index:
        asked = runner.run(place, "doctor", "-v", "--to", index.upload, "--run", place.run.name).words
        assert "✋ Somebody has looked at it [mine/looked]" in asked
        assert "✔ Somebody has signed for this version" in asked and "✔ The tests pass" in asked
        assert "no passing live run" in asked and "[live-evidence]" in asked
        assert "[before-release-answered]: needs mine/looked, which waits for a person" in asked
        unasked = runner.run(place, "doctor", "-v", "--to", index.upload).said
    for id in ("mine/looked", "mine/tested", "before-release-answered", "live-evidence"):
        assert any(line.strip().startswith("·") and f"[{id}]: " in line for line in unasked.splitlines())
    assert "✔ Somebody has signed for this version" in unasked
