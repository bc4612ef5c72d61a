"""A release without the run folder, with one that is not writable, and with a cooldown for new releases."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from omni_release.core import documents
from tests.conftest import git
from tests.index.support import form, sent, wheel_files, zipped
from tests.publishing.support import Place, Runner, Watched, outside
from tests.publishing.test_terminal import AFTERWARDS

# What a rehearsal does to be sure, and takes its time for; what is built, and what the index is sent, stays.
CARE = (
    "install-candidate",
    "tests-pass",
    "replay-passes",
    "response-models",
    "rebuild",
    "wheel-matches-checkout",
    "build-reproducible",
    "deprecated-apis",
    "dependencies-maintained",
    "lower-bounds",
    "vulnerabilities",
    "imports-declared",
    "abandoned-packages",
)
SMOKE = ("install-for-smoke", "copy-tests", "replay-passes")


def clone(place: Place, folder: Path) -> Place:
    """Another checkout of the same commit, without a run."""
    other = Place(folder)
    other.folder.mkdir()
    git("clone", "--quiet", str(place.remote), str(other.checkout), cwd=folder)
    git("config", "user.name", "Tester", cwd=other.checkout)
    git("config", "user.email", "tester@example.invalid", cwd=other.checkout)
    return other


def test_rebuild_with_the_same_bytes(place: Place, runner: Runner, tmp_path: Path) -> None:
    """Without the run folder, a rebuild with the same bytes completes a partial release."""
    (made,) = (place.run / "dist").glob("*.whl")
    other = clone(place, tmp_path / "other")
    with outside(place.folder / "index") as index:
        assert sent(index, form(made), made).status_code == 200
        index.watched.sent.clear()
        ended = runner.run(other, "release", "--to", index.upload, "--yes", "-v", without=(*CARE, *AFTERWARDS))
        assert ended.code == 0, ended.said
        assert other.dist == index.held() == place.dist
        assert [Path(each.name).suffix for each in index.watched.sent] == [".gz"]
        assert f"{made.name} is already uploaded" in ended.words
    assert place.tags() == {"v1.2.3": place.head()}


def test_rebuild_with_other_bytes(place: Place, runner: Runner) -> None:
    """Without the run folder, a rebuild with other bytes uploads nothing."""
    (made,) = (place.run / "dist").glob("*.whl")
    stated = "Metadata-Version: 2.4\nName: acme-sound\nVersion: 1.2.3\n"
    files = wheel_files(stated, info="acme_sound-1.2.3.dist-info", more={"acme_sound_built_at.py": "AT = 1\n"})
    earlier = zipped(place.folder / "earlier" / made.name, files)
    with outside(place.folder / "index") as index:
        assert sent(index, form(earlier), earlier).status_code == 200
        index.watched.sent.clear()
        ended = runner.run(place, "release", "--to", index.upload, "--yes", "--run", place.run.name)
        assert ended.code == 1, ended.said
        assert f"{made.name} already exists on the index" in ended.words
        assert (index.watched.sent, index.held()) == ([], {made.name: documents.sha256(earlier)})
    assert place.tags() == {}


@pytest.mark.parametrize("what", ["journal", "published", "lock", "home", "read-only"])
def test_unwritable_run_folder(what: str, place: Place, runner: Runner) -> None:
    """The error names its path, before anything is uploaded.

    Root may write where it says read-only, so that a folder that stands where a file should be (or the other way round)
    takes its place in most of these.
    """
    home = place.checkout / ".omni-release"
    names = {"journal": place.run / "journal.jsonl", "published": place.run / "published", "lock": home / "lock"}
    path = names.get(what, home)
    aside = place.folder / "aside"
    if what == "read-only":
        if os.name == "nt" or os.geteuid() == 0:
            pytest.skip("whoever runs this may write everywhere")
        place.run.chmod(0o500)
        (place.run / "journal.jsonl").chmod(0o400)
    elif path.exists():
        path.rename(aside)
    if what in ("journal", "lock"):
        path.mkdir()
    elif what != "read-only":
        path.touch()
    with outside(place.folder / "index") as index:
        run = str(place.run) if what != "home" else str(aside / "runs" / next((aside / "runs").glob("[0-9]*")).name)
        to = ("release", "--to", index.upload, "--yes", "--run", run)
        ended = runner.run(place, *to, without=AFTERWARDS)
        assert ended.code not in (0, 70, -9), ended.said
        assert index.watched.sent == []
        assert "Traceback" not in ended.said and "defect" not in ended.said, ended.said
        assert path.name in ended.said, ended.said
    assert place.tags() == {}


def test_lost_journal(place: Place, runner: Runner) -> None:
    """A journal that is lost after the first file causes no traceback, and the next run completes the release."""
    journal, aside = place.run / "journal.jsonl", place.folder / "aside"

    def lose() -> None:
        journal.rename(aside)
        journal.mkdir()

    watched = Watched(stored=True, then=lose)
    with outside(place.folder / "index", watched) as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        ended = runner.run(place, *to, without=AFTERWARDS)
        assert ended.code not in (0, 70, -9), ended.said
        assert "Traceback" not in ended.said and "defect" not in ended.said, ended.said
        assert journal.name in ended.said
        assert (len(index.held()), place.tags()) == (1, {})
        journal.rmdir()
        aside.rename(journal)
        mended = runner.run(place, *to, without=AFTERWARDS)
        assert mended.code == 0, mended.said
        assert index.held() == place.dist
        assert sorted(sent.name for sent in watched.sent) == sorted(place.dist)
    assert place.tags() == {"v1.2.3": place.head()}


def test_cooldown(place: Place, runner: Runner) -> None:
    """A cooldown in the settings of uv and pip does not prevent the verification of the release."""
    home = place.folder / "tmp"
    settings = home / ".config"
    (settings / "uv").mkdir(parents=True)
    (settings / "pip").mkdir()
    (settings / "uv" / "uv.toml").write_text('exclude-newer = "2020-01-01T00:00:00Z"\n', encoding="utf-8")
    (settings / "pip" / "pip.conf").write_text("[install]\nuploaded-prior-to = 2020-01-01\n", encoding="utf-8")
    variables = {
        "XDG_CONFIG_HOME": str(settings),
        "PIP_CONFIG_FILE": str(settings / "pip" / "pip.conf"),
        "UV_EXCLUDE_NEWER": "2020-01-01T00:00:00Z",
        "PIP_UPLOADED_PRIOR_TO": "2020-01-01",
    }
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        ended = runner.run(place, *to, variables=variables, without=SMOKE)
        assert ended.code == 0, ended.said
        assert index.held() == place.dist
    (report,) = place.run.glob("published/*/report.json")
    found = {one["id"]: one["status"] for one in json.loads(report.read_text(encoding="utf-8"))["outcomes"]}
    shown = ("install-with-uv", "works-with-uv", "install-with-pip", "works-with-pip")
    assert {id: found[id] for id in shown} == dict.fromkeys(shown, "passed")
