"""A release of many packages: what is in it, what prevents it, who confirms it, and where it stops."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.core import documents
from omni_release.core.journal import RunFolder
from tests.conftest import child_environment, git, omni
from tests.index.support import pypi_server
from tests.publishing.support import ACCESS, Runner
from tests.publishing.test_terminal import Typist
from tests.run import releases
from tests.run.releases import CLI, CORE, NAMES, PLUG, UNNEEDED, Workplace, outside, position, state
from tests.workspaces.layouts import laid_out

pytestmark = pytest.mark.thorough


def test_one_failure_sends_nothing(place: Workplace, runner: Runner) -> None:
    """Where the last package cannot be released, the first is not sent; what is wrong is in the report of each."""
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        (place.checkout / "packages" / CLI / "new.py").write_text("")
        refused = runner.run(place, *to, without=UNNEEDED)
        assert refused.code == 1, refused.said
        assert not index.watched.sent
        document = json.loads((place.run / "report.json").read_text(encoding="utf-8"))
        problems = {
            each["name"]: [outcome["id"] for outcome in each["report"]["outcomes"] if outcome["status"] == "failed"]
            for each in document["packages"]
        }
        assert problems == {CORE: ["git-clean"], PLUG: ["git-clean"], CLI: ["rehearsal-passed", "git-clean"]}
        assert place.tags() == {}


def test_it_stops_where_a_package_is_refused(runner: Runner, tmp_path: Path) -> None:
    """What comes after it is not sent. Resumed, it goes on there; a tag that all packages share is made at the end."""
    shared = '[tool.omni-release.workspace]\nname = "acme"\nversions = "fixed"\ntag = "v{version}"\n'
    place = releases.rehearsed(tmp_path / "place", runner, releases.files(("1.0.0",) * 3, root=shared))
    with outside(place.folder / "index", refused=[PLUG]) as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        stopped = runner.run(place, *to, without=UNNEEDED)
        assert stopped.code == 1, stopped.said
        assert f"{PLUG} comes first, and is not complete" in stopped.words
        assert f"omni-release release --to {index.upload} --run {place.run.name} --yes" in stopped.words
        assert {position(file) for file in index.taken()} == {0}
        assert place.tags() == {}  # a later release would take the others for released
        index.take(PLUG)
        resumed = runner.run(place, *to, without=UNNEEDED)
        assert resumed.code == 0, resumed.said
        assert state(place, index) == {"index": place.built, "tags": {"v1.0.0": place.head()}}
        assert [position(file) for file in index.taken()] == [0, 0, 1, 2]
        again = runner.run(place, *to, without=UNNEEDED)
        assert (again.code, len(index.taken())) == (0, 4), again.said
        status = runner.run(place, "status", "--format", "json")
        found = json.loads(status.said)
        assert (found["workspace"], found["release"]["verdict"]) == ("acme", "passed")
        runs, report = runner.run(place, "runs"), runner.run(place, "report")
        assert "rehearse passed, release failed, release passed, release passed" in runs.said
        assert "# release: acme: passed" in report.said


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
@pytest.mark.parametrize("typed", ["checkout 3", "3"])
def test_confirmation(typed: str, place: Workplace, runner: Runner) -> None:
    """A person types the name of the workspace and the number of packages; anything else sends nothing."""
    with outside(place.folder / "index", refused=NAMES) as index:
        to = ("release", "--to", index.upload, "--run", place.run.name)
        alone = runner.run(place, *to, without=UNNEEDED)
        assert alone.code == 2, alone.said
        assert "there is no terminal" in alone.said
        with Typist(f"{typed}\n".encode(), b"Type `checkout 3` to publish them:") as person:
            runner.run(place, *to, without=UNNEEDED, terminal=person.name, variables={"TERM": "dumb"})
        shown = person.shown.decode()
        assert all(sha256 in shown for sha256 in place.built.values())
        confirmed = [RunFolder(run, LocalFiles()).confirmed(index.upload) for run in place.package_runs()]
        assert confirmed == [typed == "checkout 3"] * 3, shown
        assert bool(index.watched.sent) == (typed == "checkout 3")
        assert ("nothing was published" in shown) == (typed == "3")
        if typed == "3":
            document = json.loads((place.run / "report.json").read_text(encoding="utf-8"))
            assert (document["lane"], document["verdict"]) == ("release", "failed")
            assert f"--run {place.run.name}" in document["next"]


def released(folder: Path) -> Workplace:
    """A workspace whose packages all have a tag of their version."""
    place = releases.checked_out(folder)
    for name, version in zip(NAMES, ("1.1.0", "0.3.0", "2.0.0"), strict=True):
        git("tag", "--annotate", f"{name}-v{version}", "--message=released", cwd=place.checkout)
    return place


def test_only_what_changed(tmp_path: Path, runner: Runner) -> None:
    """Packages without changes are left out; without any, there is nothing to do."""
    place = released(tmp_path)
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes")
        nothing = runner.run(place, *to, without=UNNEEDED)
        assert (nothing.code, "nothing to release" in nothing.said) == (0, True), nothing.said
        laid_out(place.checkout, releases.files(("1.1.0", "0.3.0", "2.1.0")))
        releases.commit(place, "another version")
        git("push", "--quiet", cwd=place.checkout)
        one = runner.run(place, *to, "--artifacts", str(releases.prebuilt(place)), without=UNNEEDED)
        assert one.code == 0, one.said
        assert index.taken() == ["acme_zz_cli-2.1.0-py3-none-any.whl"]
        assert place.tags() == {f"{CLI}-v2.1.0": place.head()}
        assert f"left out, because unchanged: {CORE}, {PLUG}" in one.said


def test_bad_input(tmp_path: Path, runner: Runner) -> None:
    """A clear error before anything is built or sent, whatever is wrong."""
    place = released(tmp_path)
    pyproject = place.checkout / "packages" / PLUG / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    hidden = place.checkout / "packages" / CORE / "acme_zz_core" / "__init__.py"

    def problems() -> str:
        ran = runner.run(place, "release", "--to", "http://127.0.0.1:9/legacy/", "--yes")
        assert ran.code == 1, ran.said
        assert not list(place.checkout.glob("packages/*/.omni-release/runs"))
        document = json.loads((place.run / "report.json").read_text(encoding="utf-8"))
        return "\n".join(f"{each['name']}: {each['reason']}" for each in document["packages"])

    # A version that will not exist, in a package that is released and in one that is left out.
    pyproject.write_text(text.replace("1.1.0", "1.5").replace("0.3.0", "0.4.0"), encoding="utf-8")
    assert f"{PLUG} requires {CORE}==1.5, but packages/{CORE} is at 1.1.0" in problems()
    pyproject.write_text(text, encoding="utf-8")
    laid_out(place.checkout, releases.files(("1.2.0", "0.3.0", "2.0.0")) | {f"packages/{PLUG}/pyproject.toml": text})
    assert f"{PLUG} is not in this release, but requires {CORE}==1.1.0, not 1.2.0" in problems()
    git("checkout", "--quiet", ".", cwd=place.checkout)
    # Changed without another version; and a change that git was told not to look for.
    laid_out(place.checkout, {f"packages/{CLI}/more.py": ""})
    assert f"{CLI} 2.0.0 has a tag already" in problems()
    laid_out(place.checkout, releases.files(("1.1.0", "0.3.0", "2.1.0")))
    git("update-index", "--assume-unchanged", str(hidden), cwd=place.checkout)
    hidden.write_text("VALUE = 2\n", encoding="utf-8")
    assert f"{CORE} is not in this release, but packages/{CORE}/acme_zz_core/__init__.py differs" in problems()


@pytest.mark.long
def test_whole_release(tmp_path: Path) -> None:
    """Real builds and installations, to another server: a release without a rehearsal before it, in one command."""
    place = releases.checked_out(tmp_path / "place")
    with pypi_server(tmp_path) as url:
        to = ("release", "--to", url, "--yes", "--format", "json")
        ran = omni(*to, cwd=place.checkout, environment=child_environment(**ACCESS), timeout=900)
        assert ran.code == 0, ran.out + ran.err
        held = sorted((tmp_path / "packages").glob("*.*"), key=lambda path: path.stat().st_mtime_ns)
        assert {path.name: documents.sha256(path) for path in held} == place.built
        assert [position(path.name) for path in held] == [0, 0, 1, 1, 2, 2]
        assert [each["verdict"] for each in ran.document["packages"]] == ["passed"] * 3
        assert set(place.tags().values()) == {place.head()}
        assert len(place.tags()) == 3
