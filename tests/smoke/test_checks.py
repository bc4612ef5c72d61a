"""The smoke lanes on a project with a feature of its own, and the evidence that they leave."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from omni_release import project
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.journal import RunFolder
from omni_release.core.model import Artifact, Release
from omni_release.core.world import World
from omni_release.emulators import GeminiEmulator
from omni_release.smoke import evidence
from omni_release.smoke.checks import cassettes_clean, live_evidence, replay_passes, smoke_live
from omni_release.smoke.evidence import LiveEvidence
from tests.conftest import CASES, child_environment, git, omni
from tests.images.conftest import planted_key

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHEEL = "acme_paint-1.2.3-py3-none-any.whl"


class Journal(RunFolder):
    """One that has pinned a wheel."""

    def artifacts(self) -> tuple[Artifact, ...]:
        return (Artifact(WHEEL, 4, "ab" * 32),)


class Calendar(SystemClock):
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def looked(tmp_path: Path) -> Iterator[tuple[Release, World]]:
    """The case project, in a run that has built a wheel."""
    files, processes = LocalFiles(), LocalProcesses(str)
    root = CASES / "smoke-feature"
    release = Release(project.load(root), "1.2.3", "rehearsal", None, tmp_path / "run", tmp_path, PurePosixPath())
    release.dist.mkdir(parents=True)
    (release.dist / WHEEL).write_bytes(b"PK..")
    journal = Journal(release.folder, files)
    yield release, World(processes, files, Calendar(), Rehearsal(tmp_path / "i", "acme"), journal, {})
    processes.close()


def passed(days: float = 0, base_url: str = "") -> LiveEvidence:
    """What a live run left so many days ago."""
    when = (NOW - timedelta(days=days)).isoformat()
    return LiveEvidence(WHEEL, "ab" * 32, ("paint",), ("gemini-3.1-flash-image",), 0.068, when, base_url)


def test_young_evidence_for_this_wheel_stands(looked: tuple[Release, World]) -> None:
    """It says wheel, sha256, scenarios, models, cost and when; and is not paid for again."""
    release, world = looked
    evidence.keep(release, world, passed(6.9))
    (said,) = live_evidence(release, world)
    for told in (WHEEL, "ab" * 32, "1 scenarios", "$0.068", "gemini-3.1-flash-image", "2026-11-15"):
        assert told in said.message
    (kept,) = smoke_live(release, world)
    assert "kept from an earlier run" in kept.message


def test_what_does_not_stand(looked: tuple[Release, World]) -> None:
    """None at all, evidence that is too old, for other scenarios or models, or of a stand-in: cannot tell."""
    release, world = looked
    with pytest.raises(Inconclusive, match="has passed no live run"):
        list(live_evidence(release, world))
    evidence.keep(release, world, passed(7.1))
    with pytest.raises(Inconclusive, match="older than the 7 days") as old:
        list(live_evidence(release, world))
    assert "omni-release smoke --live --run run" in old.value.hint
    evidence.keep(release, world, passed(-2))
    with pytest.raises(Inconclusive, match="is yet to come"):
        list(live_evidence(release, world))
    evidence.keep(release, world, passed(-0.04))  # an hour: the clock was set back
    list(live_evidence(release, world))
    evidence.keep(release, world, passed(0, "http://127.0.0.1:1"))
    with pytest.raises(Inconclusive, match="not by the service"):
        list(live_evidence(release, world))
    evidence.keep(release, world, passed())
    list(live_evidence(release, world))
    other = dataclasses.replace(world, environment={"IMAGE_MODEL": "gemini-3.1-flash-image"})
    with pytest.raises(Inconclusive, match="has passed no live run"):
        list(live_evidence(release, other))
    smoke = dataclasses.replace(release.project.settings.smoke, tests=("tests/test_version.py",))
    settings = dataclasses.replace(release.project.settings, smoke=smoke)
    changed = dataclasses.replace(release, project=dataclasses.replace(release.project, settings=settings))
    with pytest.raises(Inconclusive, match="has passed no live run"):
        list(live_evidence(changed, world))


def test_a_gateways_password_is_not_kept(looked: tuple[Release, World]) -> None:
    """An address with a password in it, named by the settings, stands for itself, and is nowhere in the run."""
    release, world = looked
    address = f"https://ada:{'hunter2' * 2}@gateway.example.invalid/v1"
    smoke = dataclasses.replace(release.project.settings.smoke, base_url=address)
    settings = dataclasses.replace(release.project.settings, smoke=smoke)
    there = dataclasses.replace(release, project=dataclasses.replace(release.project, settings=settings))
    evidence.keep(there, world, dataclasses.replace(passed(), base_url=evidence.stand_in(there, world)))
    list(live_evidence(there, world))
    kept = [path.read_text(encoding="utf-8") for path in release.folder.rglob("*.json")]
    assert any("gateway.example.invalid" in text for text in kept)
    assert not [text for text in kept if "hunter2" in text]
    with pytest.raises(Inconclusive, match="has passed no live run"):
        list(live_evidence(release, world))


def test_stand_in_is_not_kept_for_the_service(looked: tuple[Release, World]) -> None:
    """What a stand-in has answered counts for that stand-in alone, and is replaced by a live run."""
    release, world = looked
    stand_in = dataclasses.replace(world, environment={"GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1"})
    evidence.keep(release, stand_in, passed(0, "http://127.0.0.1:1"))
    with pytest.raises(Inconclusive, match="has passed no live run"):
        list(live_evidence(release, world))
    for asked in (world, stand_in):
        with pytest.raises(Inconclusive, match="there is no key"):  # it would run: nothing is kept
            list(smoke_live(release, asked))


def asks_for(release: Release, root: Path, *tests: str) -> Release:
    """The release of a project in `root` that has these smoke tests."""
    smoke = dataclasses.replace(release.project.settings.smoke, tests=tests)
    settings = dataclasses.replace(release.project.settings, smoke=smoke)
    return dataclasses.replace(release, project=dataclasses.replace(release.project, root=root, settings=settings))


def test_text_of_one_test_counts(looked: tuple[Release, World], tmp_path: Path) -> None:
    """A test that is named by its file and its own name is another one when the file is."""
    release, world = looked
    one = asks_for(release, tmp_path, "test_it.py::test_paint")
    keys = []
    for text in ("assert 1", "assert 2"):
        (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
        keys.append(evidence.key(one, world))
    assert keys[0] != keys[1]


def test_text_of_our_scenarios_counts(
    looked: tuple[Release, World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a project has no tests of its own for it, other scenarios of ours are other scenarios."""
    release, world = looked
    ours = asks_for(release, tmp_path)
    before = evidence.key(ours, world)
    (tmp_path / "scenarios.py").write_text("other", encoding="utf-8")
    monkeypatch.setattr("omni_release.smoke.__file__", str(tmp_path / "__init__.py"))
    assert evidence.key(ours, world) != before


def test_another_wheel(looked: tuple[Release, World], monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence is about the bytes."""
    release, world = looked
    evidence.keep(release, world, passed())
    monkeypatch.setattr(Journal, "artifacts", lambda _: (Artifact(WHEEL, 4, "cd" * 32),))
    with pytest.raises(Inconclusive, match="cdcdcd"):
        list(live_evidence(release, world))


def test_no_key_is_inconclusive(looked: tuple[Release, World]) -> None:
    """One line says which variable to set."""
    release, world = looked
    with pytest.raises(Inconclusive) as told:
        list(smoke_live(release, world))
    assert "GEMINI_API_KEY or GOOGLE_API_KEY" in told.value.hint


@pytest.mark.parametrize("check", [replay_passes, smoke_live, live_evidence, cassettes_clean])
def test_a_project_without_smoke_tests(check: Callable[..., Iterator[object]], looked: tuple[Release, World]) -> None:
    """It is left alone."""
    release, world = looked
    plain = dataclasses.replace(release, project=project.load(CASES / "sound"))
    with pytest.raises(NotApplicable):
        list(check(plain, world))


@pytest.mark.long
@pytest.mark.rehearsal
def test_record_replay_and_smoke(case: Callable[[str], Path]) -> None:
    """The whole life: recorded, replayed, run live once for a wheel, and what goes wrong on the way."""
    root = case("smoke-feature")
    recorded = omni("record", "--emulated", "--format", "json", cwd=root)
    assert recorded.code == 0, recorded.out
    (cassette,) = (root / "cassettes").rglob("*.yaml")
    text = cassette.read_text(encoding="utf-8")
    assert "source: emulated" in text
    second = text.replace(
        "interactions:\n", "interactions:\n" + text.partition("interactions:\n")[2].partition("\nversion")[0] + "\n"
    )
    cassette.write_text(second, encoding="utf-8")
    (root / "cassettes" / "painting" / "old.yaml").write_text(text, encoding="utf-8")
    git("add", "-A", cwd=root)
    replayed = omni("replay", "--format", "json", cwd=root)
    rules = [(f["rule"], f["path"]) for f in replayed.outcome("replay-passes")["findings"] if f["severity"] == "error"]
    assert (replayed.code, sorted(rules)) == (
        1,
        [("cassette-unplayed", "cassettes/painting/old.yaml"), ("cassette-unused", "cassettes/painting/paint.yaml")],
    )
    cassette.write_text(text, encoding="utf-8")
    (root / "cassettes" / "painting" / "old.yaml").unlink()
    assert omni("cassettes", cwd=root).code == 0
    settings = root / "pyproject.toml"
    with GeminiEmulator() as emulator:
        base = settings.read_text(encoding="utf-8")
        settings.write_text(f'{base}base-url = "{emulator.url}"\n', encoding="utf-8")
        key = planted_key()
        keyed = child_environment(GEMINI_API_KEY=key)
        first = omni("smoke", "--live", "--format", "json", cwd=root, environment=keyed)
        assert first.code == 0, first.out
        assert len(emulator.calls) == 1
        held = first.outcome("response-schema")
        assert (held["status"], {f["rule"] for f in held["findings"]}) == ("passed", {"contract-emulated"})
        again = omni("smoke", "--live", "--format", "json", cwd=root, environment=keyed)
        assert (again.code, len(emulator.calls)) == (0, 1)
    run = Path(first.document["run"])
    kept = json.loads((run / "kept" / "smoke-live.json").read_text(encoding="utf-8"))["outcome"]
    assert kept["sha256"] in {artifact["sha256"] for artifact in first.document["artifacts"]}
    for path in filter(Path.is_file, (root / ".omni-release").rglob("*")):
        assert key.encode() not in path.read_bytes(), path
    nobody = {k: v for k, v in os.environ.items() if k not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")}
    (root / "README.md").write_text("# another wheel\n", encoding="utf-8")
    other = omni("smoke", "--live", "--format", "json", cwd=root, environment=nobody)
    assert (other.code, other.outcome("smoke-live")["status"]) == (3, "inconclusive")
