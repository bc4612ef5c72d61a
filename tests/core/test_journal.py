"""The run folder and the lock: on a real disk, with real processes that hold the lock and are killed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.adapters.secrets import Secrets
from omni_release.core.actions import Pin
from omni_release.core.errors import Inconclusive, Locked, UsageError
from omni_release.core.journal import RunFolder
from omni_release.core.model import Artifact, Status
from omni_release.core.runs import RunStore
from tests.conftest import git

_HOLDER = """\
import sys
from pathlib import Path
from omni_release.core.runs import RunStore
from omni_release.adapters.files import LocalFiles
with RunStore(Path(sys.argv[1]), LocalFiles()).lock("omni-release rehearse"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """The run store of a project, with work directories in the folder of the test."""
    (tmp_path / "project").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return RunStore(tmp_path / "project", LocalFiles())


@pytest.fixture
def run(store: RunStore) -> RunFolder:
    """A new run."""
    return store.new_run()


@contextmanager
def held_elsewhere(store: RunStore) -> Iterator[subprocess.Popen[str]]:
    """A second process that holds the lock, until its stdin ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(store.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


def tree_file(run: RunFolder, fingerprint: str) -> Path:
    """The file with the hash of a checkout."""
    path = run.path / "tree.sha256"
    path.write_text(fingerprint, encoding="utf-8")
    return path


def distributions(run: RunFolder) -> Path:
    """Two files in the run's dist/."""
    dist = run.path / "dist"
    dist.mkdir(exist_ok=True)
    (dist / "acme-1.0.tar.gz").write_bytes(b"sdist")
    (dist / "acme-1.0-py3-none-any.whl").write_bytes(b"wheel!")
    return dist


def test_lock_is_held_by_another(store: RunStore) -> None:
    """The error names the process that holds the lock; when that has ended, the lock is free."""
    with held_elsewhere(store) as holder:
        with pytest.raises(Locked) as raised, store.lock("omni-release build"):
            pass
        assert f"`omni-release rehearse`, process {holder.pid} on " in raised.value.message
        assert raised.value.exit_code == 2
        assert holder.stdin is not None
        holder.stdin.close()
        assert holder.wait(timeout=30) == 0
    assert not (store.path / "owner.json").exists()
    with store.lock("omni-release build"):
        assert json.loads((store.path / "owner.json").read_bytes())["pid"] == os.getpid()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_owner_leaves_no_lock(store: RunStore) -> None:
    """The lock is free after its owner was killed."""
    with held_elsewhere(store) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=30)
        assert (store.path / "owner.json").exists()
        with store.lock("omni-release build"):
            assert json.loads((store.path / "owner.json").read_bytes())["running"] == "omni-release build"


def test_lock_is_held_in_this_process(store: RunStore) -> None:
    """A second lock in the same process is refused, and the first one is kept."""
    with store.lock("one"):
        with pytest.raises(Locked, match="`one`"), store.lock("two"):
            pass
        assert json.loads((store.path / "owner.json").read_bytes())["running"] == "one"


def test_lock_is_free_after_an_exception(store: RunStore) -> None:
    """An exception releases the lock."""
    with pytest.raises(ZeroDivisionError), store.lock("one"):
        raise ZeroDivisionError
    with store.lock("two"):
        pass


def test_unknown_owner(store: RunStore) -> None:
    """Before the owner has been recorded, it is reported as unknown."""
    with held_elsewhere(store):
        (store.path / "owner.json").unlink()
        with pytest.raises(Locked, match="owner unknown"), store.lock("two"):
            pass


def test_hidden_from_git(store: RunStore) -> None:
    """The folder hides itself from git, whatever the project's own .gitignore says."""
    git("init", "--quiet", cwd=store.root)
    store.new_run().record("started")
    with store.lock("one"):
        assert git("status", "--porcelain", "--untracked-files=all", cwd=store.root) == ""
    (store.path / ".gitignore").write_text("# mine\n*\n", encoding="utf-8")
    store.prepare()
    assert (store.path / ".gitignore").read_text(encoding="utf-8") == "# mine\n*\n"


def test_folder_that_cannot_be_created(store: RunStore) -> None:
    """A file in the place of the folder is an error with a hint."""
    store.path.touch()
    with pytest.raises(UsageError, match="is a file, not a folder"):
        store.prepare()


def test_the_last_runs_are_kept(store: RunStore) -> None:
    """The last N runs are kept, with their reports and journals; only the newest has its environments."""
    made: list[RunFolder] = []
    shops: list[Path] = []
    for _ in range(5):
        made.append(store.new_run())
        made[-1].record("started")
        shops.append(made[-1].work_dir())
        (shops[-1] / "environments/candidate").mkdir(parents=True)
        (made[-1].path / "report.json").touch()
    assert [shop.exists() for shop in shops] == [True] * 5
    store.remove_old(made[-1], 3, shutil.rmtree)
    names = [run.path.name for run in made]
    assert names == sorted(set(names))
    assert [run.path.name for run in store.runs()] == names[:1:-1]
    assert [shop.exists() for shop in shops] == [False, False, False, False, True]
    assert all((run.path / "report.json").exists() and list(run.events()) for run in store.runs())


def test_only_the_new_run_is_kept(store: RunStore) -> None:
    """With one run to keep, it is the new one."""
    store.new_run()
    newest = store.new_run()
    store.remove_old(newest, 1, shutil.rmtree)
    assert store.runs() == [newest]


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")
def test_work_dir_that_others_can_change(run: RunFolder, tmp_path: Path) -> None:
    """A folder that others can write to is neither used nor removed, nor one behind a link."""
    shop = run.work_dir()
    shop.chmod(0o777)
    assert run.existing_work_dir() is None
    assert run.work_dir() != shop
    shop.chmod(0o700)
    moved = shop.rename(tmp_path / "moved")
    shop.symlink_to(moved)
    (run.path / "work-dir").write_text(str(shop), encoding="utf-8")
    run.remove_work_dir()
    assert moved.is_dir() and shop.is_symlink()
    shop.unlink()


def test_names_of_work_dirs(store: RunStore, run: RunFolder) -> None:
    """A run gets the path that an earlier one had, where that is free, and never one that exists."""
    first = run.work_dir()
    second = store.new_run().work_dir()
    assert second != first
    run.remove_work_dir()
    assert store.new_run().work_dir() == first
    many = [store.new_run().work_dir() for _ in range(12)]
    assert len({first, second, *many}) == 14


def test_work_dirs_that_are_left_over(store: RunStore, run: RunFolder, tmp_path: Path) -> None:
    """What a removal that was cut off has left is removed later, and what belongs to a run whose folder is gone."""
    aside: list[Path] = []
    first = run.work_dir()
    (first / "environments").mkdir()
    run.remove_work_dir(aside.append)
    assert [path.exists() for path in (first, *aside)] == [False, True]
    gone = store.new_run()
    lost = gone.work_dir()
    assert lost == first  # its name was free at once
    shutil.rmtree(gone.path)
    newest = store.new_run()
    used, other = newest.work_dir(), RunStore(tmp_path / "other", LocalFiles()).new_run().work_dir()
    store.remove_old(newest, 3, shutil.rmtree)
    assert [path.exists() for path in (lost, *aside, used, other)] == [False, False, True, True]


@pytest.mark.parametrize("stated", [b"\0" * 40, b"", b"relative", b"/no/such/folder"])
def test_damaged_path_of_a_work_dir(run: RunFolder, stated: bytes) -> None:
    """A run whose note of its work directory was damaged, by a loss of power say, gets another one."""
    (run.path / "work-dir").write_bytes(stated)
    assert run.existing_work_dir() is None
    assert run.work_dir().is_dir()


def test_work_dir(store: RunStore, run: RunFolder) -> None:
    """A work directory is outside of the checkout, stays the same, and is created again after its removal."""
    shop = run.work_dir()
    assert shop.is_dir()
    assert not shop.is_relative_to(store.root.resolve())
    (shop / "tmp" / "left-by-a-kill").mkdir()
    assert RunFolder(run.path, LocalFiles()).work_dir() == shop
    assert list((shop / "tmp").iterdir()) == []
    run.remove_work_dir()
    assert not shop.exists()
    run.remove_work_dir()
    again = run.work_dir()
    assert again.is_dir()


def test_work_dir_of_another_run(store: RunStore, run: RunFolder) -> None:
    """The work directory of another run is neither used nor removed."""
    other = store.new_run()
    theirs = other.work_dir()
    (run.path / "work-dir").write_text(str(theirs), encoding="utf-8")
    run.remove_work_dir()
    assert theirs.is_dir()
    assert run.work_dir() != theirs
    (run.path / "work-dir").write_text(str(store.root), encoding="utf-8")
    run.remove_work_dir()
    assert store.root.is_dir()


def test_clock_that_was_set_back(store: RunStore) -> None:
    """The last run is the newest, even if the clock was set back; too many runs in a second are an error."""
    (store.path / "runs/29991231-235959-998").mkdir(parents=True)
    newest = store.new_run()
    assert newest.path.name == "29991231-235959-999"
    assert store.runs()[0] == newest
    with pytest.raises(UsageError, match="1000 runs"):
        store.new_run()


def test_name_of_a_run(run: RunFolder) -> None:
    """The name of a run is the time of its start; its folder is empty."""
    assert re.fullmatch(r"\d{8}-\d{6}-\d{3}", run.path.name)
    assert list(run.path.iterdir()) == []


def test_other_folders_are_not_runs(store: RunStore, run: RunFolder) -> None:
    """Other folders and files are not runs."""
    (store.path / "runs/none").mkdir()
    (store.path / "runs/99999999-999999-999").touch()
    assert store.runs() == [run]


def test_run_by_name(store: RunStore) -> None:
    """A run is found by its name; the error for an unknown one lists the existing ones."""
    with pytest.raises(UsageError, match="there is no run 'x'") as raised:
        store.run("x")
    assert raised.value.hint == "Existing runs: none yet."
    made = [store.new_run(), store.new_run()]
    assert store.run(made[0].path.name) == made[0]
    for name in ("x", "", "..", "."):
        with pytest.raises(UsageError) as raised:
            store.run(name)
        assert raised.value.hint == f"Existing runs: {made[1].path.name}, {made[0].path.name}."


def test_events(run: RunFolder) -> None:
    """Events are read in order, each with its time, with any text."""
    odd = "größe \u2028 \x85 \x0c line\nbreak \udce9"
    run.record("started", lane="rehearse")
    run.record("said", text=odd, count=2, nothing=None)
    events = list(run.events())
    assert [event["event"] for event in events] == ["started", "said"]
    assert events[1] | {"at": ""} == {"at": "", "event": "said", "text": odd, "count": 2, "nothing": None}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", events[0]["at"])
    assert list(RunFolder(run.path.with_name("gone"), run.files).events()) == []


@pytest.mark.parametrize("cut", [1, 2, 5, 12, 20])
def test_truncated_last_line(cut: int, run: RunFolder) -> None:
    """A last line that a crash cut short, even within a character, is skipped; the next one is read."""
    run.record("one")
    run.record("two", text="größe größe")
    path = run.path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    whole = ["one", "two"] if cut == 1 else ["one"]
    assert [event["event"] for event in run.events()] == whole
    run.record("three")
    assert [event["event"] for event in run.events()] == [*whole, "three"]


def test_recording_from_two_processes(run: RunFolder) -> None:
    """The lines of two processes that record at the same time are not mixed."""
    script = (
        "import sys; from pathlib import Path; from omni_release.core.journal import RunFolder;"
        "from omni_release.adapters.files import LocalFiles; run = RunFolder(Path(sys.argv[1]), LocalFiles());"
        "[run.record('said', who=sys.argv[2], number=n) for n in range(50)]"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(run.path), who]) for who in "ab"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    events = list(run.events())
    for who in "ab":
        assert [event["number"] for event in events if event["who"] == who] == list(range(50))


def test_pin(run: RunFolder) -> None:
    """Another process reads what was pinned: names, sizes, sha256, and the hash of the checkout."""
    assert run.artifacts() == ()
    assert run.tree_hash() is None
    run.pin(Pin(distributions(run), tree_file(run, "the-tree"), "the-commit"))
    again = RunFolder(run.path, LocalFiles())
    assert again.artifacts() == (
        Artifact("acme-1.0-py3-none-any.whl", 6, hashlib.sha256(b"wheel!").hexdigest()),
        Artifact("acme-1.0.tar.gz", 5, hashlib.sha256(b"sdist").hexdigest()),
    )
    assert again.tree_hash() == "the-tree"
    assert json.loads((run.path / "artifacts.json").read_bytes())["commit"] == "the-commit"


def test_broken_pin(run: RunFolder) -> None:
    """A broken record of the artifacts is inconclusive: no traceback, and not the same as none."""
    (run.path / "artifacts.json").write_bytes(b'{"tree": ')
    for look in (run.artifacts, run.tree_hash):
        with pytest.raises(Inconclusive, match=r"artifacts\.json cannot be read"):
            look()


@pytest.mark.parametrize("listed", [5, [1], [{"name": "a.whl"}], [{"name": "a", "size": 1, "sha256": "", "more": 1}]])
def test_artifacts_of_another_form(listed: object, run: RunFolder) -> None:
    """A list that another version of omni-release has written, or a person, is inconclusive."""
    (run.path / "artifacts.json").write_text(json.dumps({"tree": "", "artifacts": listed}), encoding="utf-8")
    with pytest.raises(Inconclusive, match=r"artifacts\.json does not list distributions"):
        run.artifacts()


def test_ended(run: RunFolder) -> None:
    """An event without a lane, a verdict or a time is of another version of omni-release, or of a person."""
    ended = {"event": "ended", "lane": "rehearse", "verdict": "passed", "at": "2026-11-20T00:00:00+00:00"}
    wrong = [{key: value for key, value in ended.items() if key != left} for left in ended]
    lines = [ended, *wrong, {**ended, "lane": 5}, {**ended, "at": "then"}, {"event": "ran"}]
    (run.path / "journal.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    assert run.ended() == [ended]


def test_cache(run: RunFolder) -> None:
    """A cached outcome is found by its task and its key only."""
    assert run.cached("tests-pass", "key") is None
    run.cache("tests-pass", "key", '{"id": "tests-pass", "said": "größe"}')
    found = RunFolder(run.path, LocalFiles()).cached("tests-pass", "key")
    assert found is not None
    assert json.loads(found) == {"id": "tests-pass", "said": "größe"}
    assert run.cached("tests-pass", "another key") is None
    assert run.cached("another-task", "key") is None
    run.cache("tests-pass", "another key", "{}")
    assert run.cached("tests-pass", "key") is None
    assert run.cached("tests-pass", "another key") == "{}"


def test_sign(run: RunFolder) -> None:
    """A sign-off has the person, the time, the reason, and the artifacts that the run has at that time."""
    assert run.sign_offs() == ()
    early = run.sign("smoke", "Ada", "nothing built yet")
    run.pin(Pin(distributions(run), tree_file(run, "tree"), None))
    late = run.sign("smoke", "Åda \u2028", "looked\nat it")
    run.record("ended")
    assert RunFolder(run.path, LocalFiles()).sign_offs() == (early, late)
    assert early.artifacts == ()
    assert late.artifacts == tuple(entry.sha256 for entry in run.artifacts())
    assert (late.id, late.who, late.reason) == ("smoke", "Åda \u2028", "looked\nat it")


def test_no_secret_is_written(store: RunStore) -> None:
    """No event, sign-off or cached outcome has a secret, not even one that JSON escapes."""
    secret = 'qu"ote\\' + "planted"
    known = Secrets()
    known.know({"SOME_API_KEY": secret})
    run = RunStore(store.root, LocalFiles(), known.redact).new_run()
    run.record("defect", traceback=f"KeyError: {secret}", actions=[f"run x https://me:{secret}@host/a"])
    assert run.sign("smoke", "Ada", f"called with {secret}").reason == "called with [redacted]"
    run.cache("tests-pass", "key", json.dumps({"findings": [{"message": f"said {secret}"}]}))
    store.run(run.path.name).record("defect", traceback="https://me:planted@host/")
    first, *_ = run.events()
    assert first["traceback"] == "KeyError: [redacted]"
    written = b"".join(path.read_bytes() for path in run.path.rglob("*") if path.is_file())
    assert written.count(b"[redacted]") == 5
    assert b"planted" not in written


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_recorded_events_survive_a_kill(run: RunFolder) -> None:
    """An event is on the disk when `record` returns, even if the process is killed then."""
    script = (
        "import os, signal, sys; from pathlib import Path; from omni_release.core.journal import RunFolder;"
        "from omni_release.adapters.files import LocalFiles;"
        "RunFolder(Path(sys.argv[1]), LocalFiles()).record('meant', what='upload');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(run.path)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert [event["what"] for event in run.events()] == ["upload"]


def _ended(run: RunFolder, verdict: str, lane: str = "rehearse", *, whole: bool = True) -> None:
    """Record the end of a lane, for the artifacts of the run."""
    hashes = ",".join(entry.sha256 for entry in run.artifacts())
    run.record("ended", lane=lane, whole=whole, verdict=verdict, artifacts=hashes)


@pytest.mark.parametrize("destination", [False, True])
def test_only_events_of_a_release_wait_for_the_disk(
    destination: bool, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rehearsal can be repeated after a loss of power; an upload cannot."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    dataclasses.replace(run, sync=destination).record("performing", task="upload")
    assert [len(synced), [event["task"] for event in run.events()]] == [int(destination), ["upload"]]


def test_part_of_a_rehearsal_has_no_verdict(run: RunFolder) -> None:
    """Only a complete rehearsal has a verdict; a part that passes gives none, and restores none."""
    run.pin(Pin(distributions(run), tree_file(run, "tree"), None))
    _ended(run, "passed", whole=False)
    assert run.rehearsal_verdict() is None
    _ended(run, "passed")
    assert run.rehearsal_verdict() == "passed"
    _ended(run, "failed", whole=False)
    _ended(run, "passed", whole=False)
    assert run.rehearsal_verdict() == "failed"
    _ended(run, "passed")
    assert run.rehearsal_verdict() == "passed"


@pytest.mark.parametrize("lane", ["smoke", "record", "tests", "replay"])
@pytest.mark.parametrize(
    ("later", "verdict"),
    [("inconclusive", "passed"), ("waiting", "passed"), ("interrupted", "passed"), ("failed", "failed")],
)
def test_later_lane_replaces_the_verdict(lane: str, later: str, verdict: str, run: RunFolder) -> None:
    """A later lane that fails replaces the verdict of a rehearsal; an inconclusive one does not."""
    run.pin(Pin(distributions(run), tree_file(run, "tree"), None))
    _ended(run, "passed")
    _ended(run, later, lane)
    assert run.rehearsal_verdict() == verdict


def test_read_only_folder(run: RunFolder) -> None:
    """A read-only run folder records no event, and caches no outcome."""
    run.record("began")
    before = (run.path / "journal.jsonl").read_bytes()
    looked = RunFolder(run.path, LocalFiles(), read_only=True)
    looked.record("outcome", task="passes", status="passed")
    looked.cache("passes", "key", "{}")
    assert (run.path / "journal.jsonl").read_bytes() == before
    assert run.cached("passes", "key") is None


@pytest.mark.parametrize("password", ["pass", "passed", "release", "tests-pass", "ours-index"])
def test_password_that_is_a_word_of_the_journal(password: str, store: RunStore) -> None:
    """Words that a later run reads are not redacted, even if a password is one of them; free text is."""
    known = Secrets()
    known.offer({"password": lambda: password})
    known.resolve("password")
    run = RunStore(store.root, LocalFiles(), known.redact).new_run()
    run.record("outcome", task="tests-pass", status="passed", target="ours-index")
    run.record("performing", task="tests-pass", action=f"run it with {password}")
    assert run.last_status("tests-pass", "ours-index") is Status.PASSED
    assert list(run.events())[-1]["action"] == "run it with [redacted]"
