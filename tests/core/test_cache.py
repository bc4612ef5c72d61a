"""Outcomes of earlier runs: found for the same inputs alone, and never where an entry is not as it was written."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.core import cache
from omni_release.core.cache import Inputs, OutcomeCache, Used, prune
from omni_release.core.model import Finding, Outcome, Severity, Status
from tests.waiting import until

PASSED = Outcome("tests-pass", "Tests pass", "check", Status.PASSED, (Finding("3 passed", severity=Severity.NOTICE),))
INPUTS = Inputs("tools", {"a.py": "1", "b.py": "2", "README.md": "3"})
USED = Used(frozenset(("a.py", "b.py")))
NOW = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.UTC)


@pytest.fixture
def kept(tmp_path: Path) -> OutcomeCache:
    """A cache with one outcome, of two minutes ago."""
    made = OutcomeCache(tmp_path / "cache" / "acme", "20261126-115800-000", LocalFiles(), now=lambda: NOW)
    replace(made, now=lambda: NOW - datetime.timedelta(minutes=2)).keep(PASSED, INPUTS, USED)
    return made


def entry(kept: OutcomeCache) -> Path:
    """The one entry."""
    (path,) = kept.folder.glob("*.json")
    return path


def test_found(kept: OutcomeCache) -> None:
    """The outcome is as it was, and says which run determined it, and when."""
    found = kept.find("tests-pass", INPUTS)
    assert found is not None and found.outcome.cached is not None
    assert replace(found.outcome, cached=None) == PASSED
    assert str(found.outcome.cached) == "cached, from 20261126-115800-000, 2 minutes ago"


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        (replace(INPUTS, exact="other tools"), False),
        (replace(INPUTS, files={**INPUTS.files, "a.py": "other"}), False),
        (replace(INPUTS, files={**INPUTS.files, "README.md": "other"}), True),
        (replace(INPUTS, files={**INPUTS.files, "new.md": "4"}), False),
        (replace(INPUTS, files={"a.py": "1", "b.py": "2"}), False),
        (replace(INPUTS, files={"a.py": "2", "b.py": "1", "README.md": "3"}), False),
    ],
)
def test_inputs(kept: OutcomeCache, inputs: Inputs, *, found: bool) -> None:
    """All must be the same but the contents of the files that were not used."""
    assert (kept.find("tests-pass", inputs) is not None) == found


def test_another_task(kept: OutcomeCache) -> None:
    """An outcome is of its task alone, also under a name that begins like it."""
    assert kept.find("tests", INPUTS) is None
    assert kept.find("replay-passes", INPUTS) is None


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_paths_outside(kept: OutcomeCache, tmp_path: Path, kind: str) -> None:
    """A path outside of the inputs must have the same content, or the same names, or still be absent."""
    path = tmp_path / "outside"
    name = f"{kind}:{path}"

    def make(content: str) -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if kind == "file":
            path.write_text(content)
        else:
            path.mkdir()
            (path / content).touch()

    kept.keep(PASSED, Inputs("x"), Used(frozenset(), {name: cache.state(name)}))
    assert kept.find("tests-pass", Inputs("x"))
    make("one")
    assert kept.find("tests-pass", Inputs("x")) is None
    kept.keep(PASSED, Inputs("y"), Used(frozenset(), {name: cache.state(name)}))
    assert kept.find("tests-pass", Inputs("y"))
    make("two")
    assert kept.find("tests-pass", Inputs("y")) is None


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PASSED])
def test_only_passed(kept: OutcomeCache, status: Status) -> None:
    """No other status is kept, nor found where a file says so."""
    kept.keep(replace(PASSED, status=status), Inputs("x"))
    assert kept.find("tests-pass", Inputs("x")) is None
    _rewrite(kept, lambda content: content["outcome"].update(status=status.value))
    assert kept.find("tests-pass", INPUTS) is None


def test_no_error(kept: OutcomeCache) -> None:
    """An outcome with an error is not kept, whatever its status; one with a warning is, and shows it again."""
    kept.keep(replace(PASSED, findings=(Finding("wrong"),)), Inputs("x"))
    assert kept.find("tests-pass", Inputs("x")) is None
    warned = replace(PASSED, findings=(Finding("old", severity=Severity.WARNING, path="a.py", line=3),))
    kept.keep(warned, Inputs("y"))
    found = kept.find("tests-pass", Inputs("y"))
    assert found is not None and found.outcome.findings == warned.findings


def test_not_from_a_cached_outcome(kept: OutcomeCache) -> None:
    """An outcome that was found is not kept again: it would become younger."""
    found = kept.find("tests-pass", INPUTS)
    assert found is not None
    kept.keep(found.outcome, Inputs("x"))
    assert kept.find("tests-pass", Inputs("x")) is None


def test_fresh(kept: OutcomeCache) -> None:
    """A fresh run finds nothing, and keeps what it determines."""
    fresh = replace(kept, fresh=True)
    assert fresh.find("tests-pass", INPUTS) is None
    fresh.keep(PASSED, Inputs("x"))
    assert kept.find("tests-pass", Inputs("x"))


def _rewrite(kept: OutcomeCache, change: Callable[[dict[str, Any]], object]) -> None:
    """Change an entry and recompute its hash."""
    path = entry(kept)
    content = json.loads(path.read_text(encoding="utf-8"))
    content.pop("sha256")
    change(content)
    content["sha256"] = cache._hash(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-20],
        lambda text: text + "x",
        lambda text: "null",
        lambda text: "[]",
        lambda text: "{" * 100_000,
        lambda text: text.replace("3 passed", "9 passed"),
        lambda text: text.replace('"title"', '"heading"'),
        lambda text: text.replace('"format": 1', '"format": 2'),
        lambda text: text.replace("20261126-115800-000", "20261126-115800-001"),
        lambda text: json.dumps(json.loads(text) | {"sha256": ""}),
    ],
)
def test_changed_entry(kept: OutcomeCache, change: Callable[[str], str]) -> None:
    """An entry that was cut short, or changed in any place, is none."""
    path = entry(kept)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert kept.find("tests-pass", INPUTS) is None


@pytest.mark.parametrize(
    "change",
    [
        {"task": "replay-passes"},
        {"key": "0" * 32},
        {"at": "2026-11-26T12:00:01+00:00"},
        {"at": "2026-11-25T11:59:59+00:00"},
        {"at": "2026-11-26T12:00:00"},
        {"at": "yesterday"},
        {"at": None},
        {"used": {"a.py": "other"}},
        {"used": []},
        {"outside": {"file:/nowhere": "there"}},
        {"outcome": {}},
        {"made": {"dist/acme.whl": "0" * 64}},
        {"made": None},
    ],
)
def test_foreign_entry(kept: OutcomeCache, change: Mapping[str, object]) -> None:
    """An entry of another task, for other inputs, too old or from the future is none, even if its hash is right."""
    _rewrite(kept, lambda content: content.update(change))
    assert kept.find("tests-pass", INPUTS) is None


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("which", ["entry", "folder"])
def test_writable_for_others(kept: OutcomeCache, which: str) -> None:
    """What others can write is not read."""
    path = entry(kept) if which == "entry" else kept.folder
    path.chmod(path.stat().st_mode | 0o022)
    assert kept.find("tests-pass", INPUTS) is None
    kept.keep(PASSED, Inputs("x"))
    assert (kept.find("tests-pass", Inputs("x")) is not None) == (which == "entry")


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_link(kept: OutcomeCache, tmp_path: Path) -> None:
    """A link is no entry, and no folder of entries."""
    path = entry(kept)
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert kept.find("tests-pass", INPUTS) is None
    path.unlink()
    (tmp_path / "elsewhere.json").rename(path)
    assert kept.find("tests-pass", INPUTS)
    (tmp_path / "link").symlink_to(kept.folder)
    assert replace(kept, folder=tmp_path / "link").find("tests-pass", INPUTS) is None


@pytest.fixture
def built(kept: OutcomeCache, tmp_path: Path) -> Path:
    """A kept build: the folder that the cache has of it."""
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "acme-1.0.tar.gz").write_bytes(b"sdist")
    (dist / "acme-1.0.whl").write_bytes(b"wheel")
    kept.keep(replace(PASSED, id="build", kind="step"), INPUTS, made={"dist": dist, "absent": tmp_path / "absent"})
    found = kept.find("build", INPUTS)
    assert found is not None
    return found.folder


def test_made(built: Path) -> None:
    """What a step made is kept with the outcome."""
    assert {path.name: path.read_bytes() for path in (built / "dist").iterdir()} == {
        "acme-1.0.tar.gz": b"sdist",
        "acme-1.0.whl": b"wheel",
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "dist" / "acme-1.0.whl").write_bytes(b"other"),
        lambda folder: (folder / "dist" / "acme-1.0.whl").unlink(),
        lambda folder: (folder / "dist" / "evil.whl").write_bytes(b"added"),
        lambda folder: (folder / "dist" / "evil.whl").symlink_to("/etc/passwd"),
        lambda folder: shutil.rmtree(folder),
    ],
)
def test_changed_files(kept: OutcomeCache, built: Path, change: Callable[[Path], object]) -> None:
    """With a file that was changed, added or removed the entry is none."""
    change(built)
    assert kept.find("build", INPUTS) is None


_WRITER = """
import sys
from pathlib import Path
from omni_release.adapters.files import LocalFiles
from omni_release.core.cache import Inputs, OutcomeCache
from omni_release.core.model import Outcome, Status
folder, dist = map(Path, sys.argv[1:])
cache = OutcomeCache(folder, "20261126-115800-000", LocalFiles())
print("ready", flush=True)
while True:
    cache.keep(Outcome("build", "Build", "step", Status.PASSED), Inputs("same"), made={"dist": dist})
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_killed_and_side_by_side(tmp_path: Path) -> None:
    """Two processes write the same entry, and are killed: each state that a reader sees is a whole entry, or none."""
    dist = tmp_path / "dist"
    dist.mkdir()
    for number in range(20):
        (dist / f"{number}.whl").write_bytes(bytes([number]) * 50_000)
    reader = OutcomeCache(tmp_path / "cache", "20261126-115900-000", LocalFiles())
    command = [sys.executable, "-c", _WRITER, str(reader.folder), str(dist)]
    for _ in range(2):
        writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        for writer in writers:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        until(lambda: any(reader.folder.glob("*.json")))
        for _ in range(20):
            if found := reader.find("build", Inputs("same")):
                assert found.outcome.status is Status.PASSED
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
    reader.keep(Outcome("build", "Build", "step", Status.PASSED), Inputs("same"), made={"dist": dist})
    assert reader.find("build", Inputs("same"))
    prune(tmp_path, time.time() + 7200)
    assert {path.suffix for path in reader.folder.iterdir()} == {".json", ".d"}


def test_full_disk(kept: OutcomeCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an entry cannot be written, nothing is kept, and nothing fails."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalFiles, "write", full)
    kept.keep(PASSED, Inputs("x"))
    assert kept.find("tests-pass", Inputs("x")) is None


def test_bounded(kept: OutcomeCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task has a few entries; what is a day old is removed, and the oldest beyond the largest size."""
    for number in range(30):
        kept.keep(PASSED, Inputs(str(number)))
    assert len(list(kept.folder.glob("*.json"))) == cache._MOST_ENTRIES
    monkeypatch.setattr(cache, "_MOST_BYTES", 3 * entry_size(kept))
    prune(tmp_path / "cache", time.time())
    assert len(list(kept.folder.glob("*.json"))) == 3
    prune(tmp_path / "cache", time.time() + cache.LONGEST.total_seconds() + 60)
    assert not kept.folder.exists()


def test_prune_rarely(kept: OutcomeCache, tmp_path: Path) -> None:
    """Within an hour of the last time nothing is removed: each run would look at all that is kept."""
    kept.keep(PASSED, Inputs("x"))
    later = time.time() + cache.LONGEST.total_seconds() + 60
    (tmp_path / "cache" / cache._PRUNED).touch()
    for seconds, is_kept in ((1200, True), (3700, False)):
        os.utime(tmp_path / "cache" / cache._PRUNED, (later - seconds, later - seconds))
        prune(tmp_path / "cache", later)
        assert kept.folder.exists() == is_kept


def entry_size(kept: OutcomeCache) -> int:
    """The largest size of an entry."""
    return max(path.stat().st_size for path in kept.folder.glob("*.json"))


def test_no_secret(kept: OutcomeCache) -> None:
    """Nothing that is redacted elsewhere is in an entry."""
    hidden = replace(kept, redact=lambda text: text.replace("hunter2-hunter2", "[redacted]"))
    hidden.keep(replace(PASSED, findings=(Finding("said hunter2-hunter2", severity=Severity.NOTICE),)), Inputs("x"))
    assert all("hunter2" not in path.read_text(encoding="utf-8") for path in kept.folder.glob("*.json"))
