"""The smoke lanes of a project with a live feature, and their evidence."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from omni_release import project
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.cassettes.checks import cassettes_clean
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.journal import RunFolder
from omni_release.core.model import Artifact, Release
from omni_release.core.world import World
from omni_release.emulators import GeminiEmulator
from omni_release.smoke import evidence
from omni_release.smoke.checks import live_evidence, replay_passes, smoke_live
from omni_release.smoke.evidence import LiveEvidence
from tests.conftest import CASES, child_environment, git, omni
from tests.images.conftest import planted_key

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHEEL = "acme_paint-1.2.3-py3-none-any.whl"


class Journal(RunFolder):
    """A run folder with a pinned wheel."""

    def artifacts(self) -> tuple[Artifact, ...]:
        return (Artifact(WHEEL, 4, "ab" * 32),)


class FixedClock(SystemClock):
    """A clock that always shows the same time."""

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def run(tmp_path: Path) -> Iterator[tuple[Release, World]]:
    """The case project, in a run with a built wheel."""
    files, processes = LocalFiles(), LocalProcesses(str)
    root = CASES / "smoke-feature"
    release = Release(project.load(root), "1.2.3", "rehearsal", None, tmp_path / "run", tmp_path, PurePosixPath())
    release.dist.mkdir(parents=True)
    (release.dist / WHEEL).write_bytes(b"PK..")
    journal = Journal(release.folder, files)
    yield release, World(processes, files, FixedClock(), Rehearsal(tmp_path / "i", "acme"), journal, {})
    processes.close()


def passed(days: float = 0, base_url: str = "") -> LiveEvidence:
    """The evidence of a live run this many days ago."""
    when = (NOW - timedelta(days=days)).isoformat()
    return LiveEvidence(WHEEL, "ab" * 32, ("paint",), ("gemini-3.1-flash-image",), 0.068, when, base_url)


def test_recent_evidence(run: tuple[Release, World]) -> None:
    """It has wheel, sha256, scenarios, models, cost and time, and saves another live run."""
    release, world = run
    evidence.store(release, world, passed(6.9))
    (finding,) = live_evidence(release, world)
    for text in (WHEEL, "ab" * 32, "1 scenario ", "$0.068", "gemini-3.1-flash-image", "2026-11-15"):
        assert text in finding.message
    (kept,) = smoke_live(release, world)
    assert "cached from an earlier run" in kept.message


def test_invalid_evidence(run: tuple[Release, World]) -> None:
    """Missing, old or future evidence, and evidence of other scenarios, models or a gateway, is inconclusive."""
    release, world = run
    with pytest.raises(Inconclusive, match="no passing live run"):
        list(live_evidence(release, world))
    evidence.store(release, world, passed(7.1))
    with pytest.raises(Inconclusive, match="older than 7 days") as old:
        list(live_evidence(release, world))
    assert "omni-release smoke --live --run run" in old.value.hint
    evidence.store(release, world, passed(-2))
    with pytest.raises(Inconclusive, match="is in the future"):
        list(live_evidence(release, world))
    evidence.store(release, world, passed(-0.04))  # an hour, as after a change of the clock
    list(live_evidence(release, world))
    evidence.store(release, world, passed(0, "http://127.0.0.1:1"))
    with pytest.raises(Inconclusive, match="not the service"):
        list(live_evidence(release, world))
    evidence.store(release, world, passed())
    list(live_evidence(release, world))
    other = dataclasses.replace(world, environment={"IMAGE_MODEL": "gemini-3.1-flash-image"})
    with pytest.raises(Inconclusive, match="no passing live run"):
        list(live_evidence(release, other))
    smoke = release.project.settings.smoke._replace(tests=("tests/test_version.py",))
    settings = dataclasses.replace(release.project.settings, smoke=smoke)
    changed = dataclasses.replace(release, project=dataclasses.replace(release.project, settings=settings))
    with pytest.raises(Inconclusive, match="no passing live run"):
        list(live_evidence(changed, world))


def test_password_of_a_gateway(run: tuple[Release, World]) -> None:
    """The password in the base URL of the settings is not written to the run folder."""
    release, world = run
    address = f"https://ada:{'hunter2' * 2}@gateway.example.invalid/v1"
    smoke = release.project.settings.smoke._replace(base_url=address)
    settings = dataclasses.replace(release.project.settings, smoke=smoke)
    gateway = dataclasses.replace(release, project=dataclasses.replace(release.project, settings=settings))
    evidence.store(gateway, world, dataclasses.replace(passed(), base_url=evidence.base_url(gateway, world)))
    list(live_evidence(gateway, world))
    kept = [path.read_text(encoding="utf-8") for path in release.folder.rglob("*.json")]
    assert any("gateway.example.invalid" in text for text in kept)
    assert not [text for text in kept if "hunter2" in text]
    with pytest.raises(Inconclusive, match="no passing live run"):
        list(live_evidence(release, world))


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.9.9.9:8080/v1", True),
        ("http://localhost:8080", True),
        ("http://api.localhost.:8080", True),
        ("http://[::1]:8080", True),
        ("http://[::ffff:127.0.0.1]:8080", True),
        ("http://0.0.0.0:8080", True),
        ("http://host.docker.internal:8080", True),
        (f"http://{platform.node()}:8080", True),
        ("https://gateway.example.invalid", False),
        ("https://localhost.example.invalid", False),
        ("https://192.0.2.7/v1", False),
    ],
)
def test_a_server_on_this_machine(address: str, local: bool, run: tuple[Release, World]) -> None:
    """A gateway that the settings name is the service, unless it is on this machine: that may be an emulator."""
    release, world = run
    smoke = release.project.settings.smoke._replace(base_url=address)
    settings = dataclasses.replace(release.project.settings, smoke=smoke)
    gateway = dataclasses.replace(release, project=dataclasses.replace(release.project, settings=settings))
    evidence.store(gateway, world, passed(0, address))
    if local:
        with pytest.raises(Inconclusive, match="not the service"):
            list(live_evidence(gateway, world))
    else:
        list(live_evidence(gateway, world))


def test_gateway_is_not_the_service(run: tuple[Release, World]) -> None:
    """Evidence of a gateway is not evidence of the service, and does not save a live run."""
    release, world = run
    gateway = dataclasses.replace(world, environment={"GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1"})
    evidence.store(release, gateway, passed(0, "http://127.0.0.1:1"))
    with pytest.raises(Inconclusive, match="no passing live run"):
        list(live_evidence(release, world))
    for either in (world, gateway):
        with pytest.raises(Inconclusive, match="there is no key of the Gemini API"):  # it would run
            list(smoke_live(release, either))


def with_tests(release: Release, root: Path, *tests: str) -> Release:
    """The release of a project in `root` that has these smoke tests."""
    smoke = release.project.settings.smoke._replace(tests=tests)
    settings = dataclasses.replace(release.project.settings, smoke=smoke)
    return dataclasses.replace(release, project=dataclasses.replace(release.project, root=root, settings=settings))


def test_source_of_a_test_counts(run: tuple[Release, World], tmp_path: Path) -> None:
    """Evidence for a test named by file and function depends on the source of the file."""
    release, world = run
    named = with_tests(release, tmp_path, "test_it.py::test_paint")
    keys = []
    for text in ("assert 1", "assert 2"):
        (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
        keys.append(evidence.cache_key(named, world))
    assert keys[0] != keys[1]


def test_source_of_our_scenarios_counts(
    run: tuple[Release, World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidence for our scenarios depends on their source."""
    release, world = run
    ours = with_tests(release, tmp_path)
    before = evidence.cache_key(ours, world)
    (tmp_path / "scenarios.py").write_text("other", encoding="utf-8")
    monkeypatch.setattr("omni_release.smoke.__file__", str(tmp_path / "__init__.py"))
    assert evidence.cache_key(ours, world) != before


def test_evidence_of_another_wheel(run: tuple[Release, World], monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence depends on the bytes of the wheel."""
    release, world = run
    evidence.store(release, world, passed())
    monkeypatch.setattr(Journal, "artifacts", lambda _: (Artifact(WHEEL, 4, "cd" * 32),))
    with pytest.raises(Inconclusive, match="cdcdcd"):
        list(live_evidence(release, world))


def test_no_key_is_inconclusive(run: tuple[Release, World]) -> None:
    """The hint names the variables to set."""
    release, world = run
    with pytest.raises(Inconclusive) as error:
        list(smoke_live(release, world))
    assert "GEMINI_API_KEY or GOOGLE_API_KEY" in error.value.hint


@pytest.mark.parametrize("check", [replay_passes, smoke_live, live_evidence, cassettes_clean])
def test_project_without_smoke_tests(check: Callable[..., Iterator[object]], run: tuple[Release, World]) -> None:
    """The checks are skipped."""
    release, world = run
    plain = dataclasses.replace(release, project=project.load(CASES / "sound"))
    with pytest.raises(NotApplicable):
        list(check(plain, world))


@pytest.mark.long
@pytest.mark.rehearsal
def test_record_replay_and_smoke(case: Callable[[str], Path]) -> None:
    """Tests are recorded, replayed and run live; unused recordings fail, and an emulator is not the service."""
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
        [
            ("replay-passes/cassette-unplayed", "cassettes/painting/old.yaml"),
            ("replay-passes/cassette-unused", "cassettes/painting/paint.yaml"),
        ],
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
        assert first.code == 3, first.out  # a server on this machine is not the service
        assert "not the service" in first.outcome("smoke-live")["findings"][0]["message"]
        assert len(emulator.calls) == 1
        assert first.outcome("response-schema")["evidence"] == {"blocked-by": "smoke-live"}
        again = omni("smoke", "--live", "--format", "json", cwd=root, environment=keyed)
        assert (again.code, len(emulator.calls)) == (3, 2)  # what proves nothing is not used again
    run = Path(first.document["run"])
    assert not (run / "cache" / "smoke-live.json").exists()
    page = (run / "report.html").read_text(encoding="utf-8")
    assert 'href="smoke/live/images/painting-paint-1.png"' in page and "Prompt</strong> a paper crane" in page
    for path in filter(Path.is_file, (root / ".omni-release").rglob("*")):
        assert key.encode() not in path.read_bytes(), path
    keyless = {k: v for k, v in os.environ.items() if k not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")}
    (root / "README.md").write_text("# another wheel\n", encoding="utf-8")
    other = omni("smoke", "--live", "--format", "json", cwd=root, environment=keyless)
    assert (other.code, other.outcome("smoke-live")["status"]) == (3, "inconclusive")


def test_no_test_calls_the_vendor(run: tuple[Release, World]) -> None:
    """The scenarios of omni-release call Gemini alone: for another vendor the project's own tests are needed."""
    release, world = run
    smoke = release.project.settings.smoke._replace(vendors=("openai",), tests=())
    settings = dataclasses.replace(release.project.settings, smoke=smoke)
    metadata = {"tool": {"omni-release": {"smoke": {"vendors": ["openai"]}}}}
    other = dataclasses.replace(release.project, settings=settings, metadata=metadata)
    with pytest.raises(Inconclusive, match="no smoke test calls OpenAI"):
        list(smoke_live(dataclasses.replace(release, project=other), world))
