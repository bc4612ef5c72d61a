"""The run folder and the lock, on a real disk, with real processes that hold it and are killed."""

from __future__ import annotations

import hashlib
import json
import os
import re
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
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """The home of a project, and a folder for workshops that goes with the test."""
    (tmp_path / "project").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return RunStore(tmp_path / "project", LocalFiles())


@pytest.fixture
def run(home: RunStore) -> RunFolder:
    """A new run."""
    return home.new_run(5)


@contextmanager
def held_elsewhere(home: RunStore) -> Iterator[subprocess.Popen[str]]:
    """A second process that holds the lock, until its stdin ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


def tree_file(run: RunFolder, fingerprint: str) -> Path:
    """The file in which a copy of the checkout has left its fingerprint."""
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


def test_lock_is_held_by_another(home: RunStore) -> None:
    """While another process holds the lock it is named; when it has ended, the lock is free."""
    with held_elsewhere(home) as holder:
        with pytest.raises(Locked) as raised, home.lock("omni-release build"):
            pass
        assert f"`omni-release rehearse`, process {holder.pid} on " in raised.value.message
        assert raised.value.exit_code == 2
        assert holder.stdin is not None
        holder.stdin.close()
        assert holder.wait(timeout=30) == 0
    assert not (home.path / "owner.json").exists()
    with home.lock("omni-release build"):
        assert json.loads((home.path / "owner.json").read_bytes())["pid"] == os.getpid()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_owner_leaves_no_lock(home: RunStore) -> None:
    """An owner that was killed cannot tidy up, and yet the lock is free."""
    with held_elsewhere(home) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=30)
        assert (home.path / "owner.json").exists()
        with home.lock("omni-release build"):
            assert json.loads((home.path / "owner.json").read_bytes())["running"] == "omni-release build"


def test_lock_is_held_in_this_process(home: RunStore) -> None:
    """A second lock in one process is refused as well, and the first one goes on."""
    with home.lock("one"):
        with pytest.raises(Locked, match="`one`"), home.lock("two"):
            pass
        assert json.loads((home.path / "owner.json").read_bytes())["running"] == "one"


def test_lock_is_free_after_an_exception(home: RunStore) -> None:
    """What goes wrong under the lock frees it."""
    with pytest.raises(ZeroDivisionError), home.lock("one"):
        raise ZeroDivisionError
    with home.lock("two"):
        pass


def test_owner_that_has_not_said_who_it_is(home: RunStore) -> None:
    """In the moment before the owner is written down, another one is told so."""
    with held_elsewhere(home):
        (home.path / "owner.json").unlink()
        with pytest.raises(Locked, match="owner unknown"), home.lock("two"):
            pass


def test_hidden_from_git(home: RunStore) -> None:
    """The folder hides itself from git, whatever the project's own .gitignore says."""
    git("init", "--quiet", cwd=home.root)
    home.new_run(5).record("started")
    with home.lock("one"):
        assert git("status", "--porcelain", "--untracked-files=all", cwd=home.root) == ""
    (home.path / ".gitignore").write_text("# mine\n*\n", encoding="utf-8")
    home.prepare()
    assert (home.path / ".gitignore").read_text(encoding="utf-8") == "# mine\n*\n"


def test_home_that_cannot_be_made(home: RunStore) -> None:
    """A file in its place is told, and what to do."""
    home.path.touch()
    with pytest.raises(UsageError, match="cannot write to"):
        home.prepare()


def test_new_run_keeps_the_last_ones(home: RunStore) -> None:
    """Of all runs the last N stay, with their reports and journals; only the newest has its environments."""
    made: list[RunFolder] = []
    shops: list[Path] = []
    for _ in range(5):
        made.append(home.new_run(3))
        made[-1].record("started")
        shops.append(made[-1].work_dir())
        (shops[-1] / "environments/candidate").mkdir(parents=True)
        (made[-1].path / "report.json").touch()
    names = [run.path.name for run in made]
    assert names == sorted(set(names))
    assert [run.path.name for run in home.runs()] == names[:1:-1]
    assert [shop.exists() for shop in shops] == [False, False, False, False, True]
    assert all((run.path / "report.json").exists() and list(run.events()) for run in home.runs())


def test_new_run_keeps_only_itself(home: RunStore) -> None:
    """Keeping one keeps the new one."""
    home.new_run(1)
    newest = home.new_run(1)
    assert home.runs() == [newest]


def test_workshop(home: RunStore, run: RunFolder) -> None:
    """A run's workshop lies outside the checkout, stays the same, and is made again once it is gone."""
    shop = run.work_dir()
    assert shop.is_dir()
    assert not shop.is_relative_to(home.root.resolve())
    assert RunFolder(run.path, LocalFiles()).work_dir() == shop
    run.remove_work_dir()
    assert not shop.exists()
    run.remove_work_dir()
    again = run.work_dir()
    assert again.is_dir()


def test_workshop_of_another_run(home: RunStore, run: RunFolder) -> None:
    """A folder that is not this run's own is neither worked in nor removed."""
    other = home.new_run(5)
    theirs = other.work_dir()
    (run.path / "work-dir").write_text(str(theirs), encoding="utf-8")
    run.remove_work_dir()
    assert theirs.is_dir()
    assert run.work_dir() != theirs
    (run.path / "work-dir").write_text(str(home.root), encoding="utf-8")
    run.remove_work_dir()
    assert home.root.is_dir()


def test_clock_that_was_set_back(home: RunStore) -> None:
    """The run that begins last is the newest one, whatever the clock says; a clock that stands is told."""
    (home.path / "runs/29991231-235959-998").mkdir(parents=True)
    newest = home.new_run(2)
    assert newest.path.name == "29991231-235959-999"
    assert home.runs()[0] == newest
    with pytest.raises(UsageError, match="1000 runs"):
        home.new_run(2)


def test_name_of_a_run(run: RunFolder) -> None:
    """A run is called for when it began; it is empty."""
    assert re.fullmatch(r"\d{8}-\d{6}-\d{3}", run.path.name)
    assert list(run.path.iterdir()) == []


def test_what_is_no_run(home: RunStore, run: RunFolder) -> None:
    """Other folders and files beside the runs are none, and none is ever the newest."""
    (home.path / "runs/none").mkdir()
    (home.path / "runs/99999999-999999-999").touch()
    assert home.runs() == [run]


def test_run_by_name(home: RunStore) -> None:
    """A run is found by its name; an unknown one is told with those that there are."""
    with pytest.raises(UsageError, match="there is no run 'x'") as raised:
        home.run("x")
    assert raised.value.hint == "Existing runs: none yet."
    made = [home.new_run(5), home.new_run(5)]
    assert home.run(made[0].path.name) == made[0]
    for name in ("x", "", "..", "."):
        with pytest.raises(UsageError) as raised:
            home.run(name)
        assert raised.value.hint == f"Existing runs: {made[1].path.name}, {made[0].path.name}."


def test_events(run: RunFolder) -> None:
    """Events come back in order, each with its time, whatever text they hold."""
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
    """A last line that a crash cut short, within a character even, is passed over, and the next one is not lost."""
    run.record("one")
    run.record("two", text="größe größe")
    path = run.path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    whole = ["one", "two"] if cut == 1 else ["one"]
    assert [event["event"] for event in run.events()] == whole
    run.record("three")
    assert [event["event"] for event in run.events()] == [*whole, "three"]


def test_recording_from_two_processes(run: RunFolder) -> None:
    """Lines of two processes that record at once stay whole."""
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
    """What was pinned is what another process reads: names, sizes, sha256, and the tree it was built from."""
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
    """A file of ours that somebody broke cannot be told from; it is no traceback, and not empty either."""
    (run.path / "artifacts.json").write_bytes(b'{"tree": ')
    for look in (run.artifacts, run.tree_hash):
        with pytest.raises(Inconclusive, match=r"artifacts\.json cannot be read"):
            look()


def test_keep(run: RunFolder) -> None:
    """A costly outcome comes back under its own key and its own task alone."""
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
    """An answer says who, when and why, and is about the artifacts that the run holds at that moment."""
    assert run.sign_offs() == ()
    early = run.sign("smoke", "Ada", "nothing built yet")
    run.pin(Pin(distributions(run), tree_file(run, "tree"), None))
    late = run.sign("smoke", "Åda \u2028", "looked\nat it")
    run.record("ended")
    assert RunFolder(run.path, LocalFiles()).sign_offs() == (early, late)
    assert early.artifacts == ()
    assert late.artifacts == tuple(entry.sha256 for entry in run.artifacts())
    assert (late.id, late.who, late.reason) == ("smoke", "Åda \u2028", "looked\nat it")


def test_no_secret_is_written(home: RunStore) -> None:
    """No event, answer or kept outcome has a secret in it, nor one whose letters JSON writes in another way."""
    secret = 'qu"ote\\' + "planted"
    known = Secrets()
    known.know({"SOME_API_KEY": secret})
    run = RunStore(home.root, LocalFiles(), known.redact).new_run(5)
    run.record("defect", traceback=f"KeyError: {secret}", actions=[f"run x https://me:{secret}@host/a"])
    assert run.sign("smoke", "Ada", f"called with {secret}").reason == "called with [redacted]"
    run.cache("tests-pass", "key", json.dumps({"findings": [{"message": f"said {secret}"}]}))
    home.run(run.path.name).record("defect", traceback="https://me:planted@host/")
    first, *_ = run.events()
    assert first["traceback"] == "KeyError: [redacted]"
    written = b"".join(path.read_bytes() for path in run.path.rglob("*") if path.is_file())
    assert written.count(b"[redacted]") == 5
    assert b"planted" not in written


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_was_recorded_outlives_a_kill(run: RunFolder) -> None:
    """What `record` has returned from is on the disk, however the process ends."""
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
    """A lane comes to its end, about the artifacts of the run."""
    hashes = ",".join(entry.sha256 for entry in run.artifacts())
    run.record("ended", lane=lane, whole=whole, verdict=verdict, artifacts=hashes)


def test_a_part_of_a_rehearsal_is_none(run: RunFolder) -> None:
    """Only a whole rehearsal can be released from; one task of it that passed is none, and gives nothing back."""
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
def test_what_takes_a_rehearsal_away(lane: str, later: str, verdict: str, run: RunFolder) -> None:
    """A part that could not tell says nothing against a rehearsal that has passed; one that failed does."""
    run.pin(Pin(distributions(run), tree_file(run, "tree"), None))
    _ended(run, "passed")
    _ended(run, later, lane)
    assert run.rehearsal_verdict() == verdict


def test_a_look_leaves_no_trace(run: RunFolder) -> None:
    """A folder that is only read gets no line, and keeps no outcome."""
    run.record("began")
    before = (run.path / "journal.jsonl").read_bytes()
    looked = RunFolder(run.path, LocalFiles(), read_only=True)
    looked.record("outcome", task="passes", status="passed")
    looked.cache("passes", "key", "{}")
    assert (run.path / "journal.jsonl").read_bytes() == before
    assert run.cached("passes", "key") is None


@pytest.mark.parametrize("password", ["pass", "passed", "release", "tests-pass", "ours-index"])
def test_a_password_that_is_a_word_of_ours(password: str, home: RunStore) -> None:
    """What a later run looks for in the journal is there, whatever somebody's password is; free text has none of it."""
    known = Secrets()
    known.offer({"password": lambda: password})
    known.resolve("password")
    run = RunStore(home.root, LocalFiles(), known.redact).new_run(5)
    run.record("outcome", task="tests-pass", status="passed", target="ours-index")
    run.record("performing", task="tests-pass", action=f"run it with {password}")
    assert run.last_status("tests-pass", "ours-index") is Status.PASSED
    assert list(run.events())[-1]["action"] == "run it with [redacted]"
