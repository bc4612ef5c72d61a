"""The rehearsal on whole projects: real builds, real uploads, real installs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import child_environment, git, omni
from tests.test_cli import held_to_schema

pytestmark = pytest.mark.rehearsal

PATIENCE = 120.0


def until(true: Callable[[], bool]) -> None:
    """Wait for something that will happen, with an end."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def newest_run(root: Path) -> Path:
    """The folder of the newest run."""
    return max((root / ".omni-release" / "runs").iterdir())


def test_sound_project(case: Callable[[str], Path]) -> None:
    """A sound project passes, in a folder with a space and foreign letters; nothing of it is touched."""
    root = case("sound")
    root = root.rename(root.with_name("ein Pröjekt ✓"))
    (root / "dist").mkdir()
    (root / "dist" / "stale-0.1.tar.gz").write_bytes(b"stale")
    ran = omni("rehearse", "--format", "json", cwd=root)
    document = held_to_schema(ran)
    assert (ran.code, document["verdict"], document["version"]) == (0, "passed", "1.2.3")
    assert {outcome["status"] for outcome in document["outcomes"]} == {"passed"}
    assert [artifact["name"] for artifact in document["artifacts"]] == [
        "acme_sound-1.2.3-py3-none-any.whl",
        "acme_sound-1.2.3.tar.gz",
    ]
    assert git("status", "--porcelain", cwd=root) == "?? dist/\n"
    assert (root / "dist" / "stale-0.1.tar.gz").read_bytes() == b"stale"
    run = newest_run(root)
    assert json.loads((run / "report.json").read_text(encoding="utf-8")) == document
    assert 'failures="0"' in (run / "report.junit.xml").read_text(encoding="utf-8")
    assert "1 passed" in (run / "logs" / "tests.log").read_text(encoding="utf-8")


def test_drifted_project(case: Callable[[str], Path]) -> None:
    """Drift fails the run before the upload; all else that can be found out is found out in the same run."""
    ran = omni("rehearse", "--format", "json", cwd=case("drifted"))
    held_to_schema(ran)
    assert ran.code == 1
    assert ran.outcome("versions-agree")["status"] == "failed"
    assert ran.outcome("tests-pass")["status"] == "passed"
    assert ran.outcome("upload")["status"] == "skipped"
    assert "versions-agree, which failed" in ran.outcome("upload")["findings"][0]["message"]


def test_parts_pick_up_where_the_last_ended(case: Callable[[str], Path]) -> None:
    """Each part alone does what it needs and no more; a changed checkout begins anew."""
    root = case("sound")
    assert omni("build", cwd=root).code == 0
    first = newest_run(root)
    for part in ("inspect", "tests", "publish", "verify"):
        ran = omni(part, "--format", "json", cwd=root)
        assert (ran.code, ran.document["run"]) == (0, str(first))
        assert ran.outcome("build")["findings"][0]["message"] == "stood so already"
    (root / "README.md").write_text("# changed\n", encoding="utf-8")
    assert omni("inspect", cwd=root).code == 0
    assert newest_run(root) != first
    refused = omni("inspect", "--run", first.name, cwd=root)
    assert (refused.code, "the checkout has changed" in refused.out) == (1, True)


def test_tampered_artifact_is_refused(case: Callable[[str], Path]) -> None:
    """A run goes on with the very bytes that it built, or not at all."""
    root = case("sound")
    assert omni("build", cwd=root).code == 0
    (wheel,) = (newest_run(root) / "dist").glob("*.whl")
    wheel.write_bytes(wheel.read_bytes() + b" ")
    ran = omni("publish", cwd=root)
    assert (ran.code, "is not the file that this run has built" in ran.out) == (1, True)


def test_no_tests(case: Callable[[str], Path]) -> None:
    """A project without tests is told so; the rest goes on."""
    root = case("sound")
    shutil.rmtree(root / "tests")
    ran = omni("rehearse", "--format", "json", cwd=root)
    assert (ran.code, ran.outcome("tests-pass")["status"]) == (0, "skipped")
    assert "has no tests" in ran.outcome("tests-pass")["findings"][0]["message"]


def test_failing_test_and_deprecation(case: Callable[[str], Path]) -> None:
    """Each failing test is a finding at its file and line, a deprecation warning that reaches a test is one."""
    root = case("sound")
    (root / "tests" / "test_more.py").write_text(
        "import warnings\n\n\ndef test_wrong():\n    assert 1 == 2\n\n\n"
        "def test_old():\n    warnings.warn('use new()', DeprecationWarning)\n",
        encoding="utf-8",
    )
    ran = omni("tests", "--format", "json", cwd=root)
    wrong, old = ran.outcome("tests-pass")["findings"]
    assert ran.code == 1
    assert (wrong["path"], wrong["line"]) == ("tests/test_more.py", 4)
    assert "use new()" in old["message"]


def test_tests_do_not_see_the_checkout(case: Callable[[str], Path]) -> None:
    """A module that is in the checkout but not in the wheel is missed by the tests."""
    root = case("sound")
    (root / "src" / "acme_sound" / "extra.py").write_text("VALUE = 1\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(
        (root / "pyproject.toml").read_text(encoding="utf-8")
        + 'exclude = ["extra.py"]\n\n[tool.pytest.ini_options]\npythonpath = ["src"]\n',
        encoding="utf-8",
    )
    (root / "tests" / "test_extra.py").write_text("def test_it():\n    import acme_sound.extra\n", encoding="utf-8")
    ran = omni("tests", "--format", "json", cwd=root)
    assert ran.code == 1
    assert "No module named 'acme_sound.extra'" in ran.outcome("tests-pass")["findings"][0]["message"]


def test_failing_back_end(case: Callable[[str], Path]) -> None:
    """The back end's last lines are shown, all of its output is kept."""
    root = case("sound")
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    text = text.replace('requires = ["hatchling"]', "requires = []").replace(
        '"hatchling.build"', '"broken"\nbackend-path = ["."]'
    )
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    code = (
        "def build_sdist(*_):\n    print('\\n'.join(f'line {n}' for n in range(200)))\n    raise OSError('no luck')\n"
    )
    (root / "broken.py").write_text(code + "build_wheel = build_sdist\n", encoding="utf-8")
    ran = omni("rehearse", "--format", "json", cwd=root)
    said = ran.outcome("build")["findings"][0]["message"]
    assert ran.code == 1
    assert "no luck" in said
    assert "line 0\n" not in said
    log = (newest_run(root) / "logs" / "build.log").read_text(encoding="utf-8")
    assert "line 0\n" in log
    assert ran.outcome("upload")["status"] == "skipped"


def test_no_network(case: Callable[[str], Path], tmp_path: Path) -> None:
    """Without the index the run could not tell: exit code 3, and no claim that the project is wrong."""
    nowhere = child_environment(UV_DEFAULT_INDEX="http://127.0.0.1:9/simple/", UV_CACHE_DIR=str(tmp_path / "cache"))
    ran = omni("rehearse", "--format", "json", cwd=case("sound"), environment=nowhere)
    assert (ran.code, ran.document["verdict"]) == (3, "inconclusive")
    assert ran.outcome("build")["status"] == "inconclusive"


def test_own_process_is_small(case: Callable[[str], Path]) -> None:
    """The tool's own process stays below 100 MB."""
    code = (
        "import resource, sys; from omni_release import cli; code = cli.main(['rehearse']);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=case("sound"), env=child_environment(), capture_output=True, check=True
    )
    assert int(ended.stderr.split()[-1]) < 100_000


WAITS = """\
import os, pathlib, subprocess, sys, time


def test_waits():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    marker = pathlib.Path(os.environ["MARKER"])
    marker.with_suffix(".partial").write_text(f"{os.getpid()} {child.pid}")
    marker.with_suffix(".partial").rename(marker)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted(number: signal.Signals, case: Callable[[str], Path], tmp_path: Path) -> None:
    """Ctrl-C and a kill leave no process, no half-written file and no lock; the next run starts clean."""
    root = case("sound")
    (root / "tests" / "test_waits.py").write_text(WAITS, encoding="utf-8")
    marker = tmp_path / "marker"
    run = subprocess.Popen(
        [sys.executable, "-m", "omni_release", "rehearse"],
        cwd=root,
        env=child_environment(MARKER=str(marker)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(marker.exists)
    second = omni("rehearse", cwd=root)
    assert (second.code, f"process {run.pid}" in second.err) == (2, True)
    pids = [int(pid) for pid in marker.read_text().split()]
    run.send_signal(number)
    code = run.wait(timeout=PATIENCE)
    until(lambda: not any(_alive(pid) for pid in pids))
    if number is not signal.SIGKILL:
        assert code == 130
        assert json.loads((newest_run(root) / "report.json").read_text(encoding="utf-8"))["verdict"] == "interrupted"
    assert not list((root / ".omni-release").rglob("*.tmp"))
    (root / "tests" / "test_waits.py").unlink()
    assert omni("rehearse", cwd=root).code == 0


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_unwritable_project(case: Callable[[str], Path]) -> None:
    """A project in which the run folder cannot be made is told so."""
    root = case("sound")
    (root / ".omni-release").write_text("in the way", encoding="utf-8")
    ran = omni("rehearse", cwd=root)
    assert ran.code == 2
    assert "cannot write to" in ran.err
    assert os.listdir(root)
