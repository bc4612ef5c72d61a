"""The rehearsal on whole projects: real builds, real uploads, real installs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_release import lanes
from omni_release.adapters.files import LocalFiles
from omni_release.core.journal import RunFolder
from tests.cli.test_main import validated
from tests.conftest import Ran, child_environment, git, omni
from tests.waiting import PATIENCE, is_over, until

pytestmark = pytest.mark.rehearsal


NEVER_SKIPPED = {
    *("project-valid", "versions-agree", "build", "distributions-match", "upload", "tests-pass", "install-with-uv"),
    *("works-with-uv", "install-with-pip", "works-with-pip", "pip-check", "wheel-complete", "no-stray-files"),
    *("sdist-tracked-files", "upload-rules", "twine-check", "wheel-contents", "wheel-matches-checkout"),
    *("bug-patterns", "silent-failures", "abandoned-packages", "imports-declared"),
}
"""The tasks that each project needs."""


def newest_run(root: Path) -> Path:
    """The folder of the newest run."""
    return max((root / ".omni-release" / "runs").iterdir())


# Not getrusage: what it tells includes the process that this one was forked from.
WITH_PEAK = """
import pathlib, sys
from omni_release.adapters import prepared
from omni_release.cli import main
took, fits = [], prepared._Ready.does
def does(self, command, environment):
    if f" {self.name} " in " ".join(command.argv):
        took.append((command.log.stem, fits(self, command, environment)))
    return fits(self, command, environment)
prepared._Ready.does = does
code = main.main(sys.argv[1:])
print(*(log for log, fit in took if fit), *(f"not-{log}" for log, fit in took if not fit), file=sys.stderr)
status = pathlib.Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else ["VmHWM: 0"]
print(next(line for line in lines if line.startswith("VmHWM")).split()[1], file=sys.stderr)
sys.exit(code)
"""


def test_sound_project(case: Callable[[str], Path]) -> None:
    """A sound project passes, in a folder with a space and other letters; none of its files changes.

    The process of omni-release needs less than 100 MB, and each program that is prepared is one that is then run.
    """
    root = case("sound")
    root = root.rename(root.with_name("ein Pröjekt ✓"))
    (root / "dist").mkdir()
    (root / "dist" / "stale-0.1.tar.gz").write_bytes(b"stale")
    ended = subprocess.run(
        [sys.executable, "-c", WITH_PEAK, "rehearse", "--format", "json"],
        cwd=root,
        env=child_environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    ran = Ran(ended.returncode, ended.stdout, ended.stderr)
    document = validated(ran)
    assert (ran.code, document["verdict"], document["version"]) == (0, "passed", "1.2.3")
    *_, programs, peak = ran.err.splitlines()
    assert int(peak) < 100_000
    assert set(programs.split()) <= {"twine", "upload", "check_wheel_contents", "rebuild"} and programs
    statuses = {outcome["id"]: outcome["status"] for outcome in document["outcomes"]}
    assert set(statuses.values()) == {"passed", "skipped"}
    # What it does not configure or contain is not applicable, and nothing else.
    assert {id for id, status in statuses.items() if status == "skipped"}.isdisjoint(NEVER_SKIPPED)
    assert statuses.keys() > NEVER_SKIPPED
    assert [artifact["name"] for artifact in document["artifacts"]] == [
        "acme_sound-1.2.3-py3-none-any.whl",
        "acme_sound-1.2.3.tar.gz",
    ]
    assert git("status", "--porcelain", cwd=root) == "?? dist/\n"
    assert (root / "dist" / "stale-0.1.tar.gz").read_bytes() == b"stale"
    run = newest_run(root)
    assert json.loads((run / "report.json").read_text(encoding="utf-8")) == document
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<title>Passed: acme-sound 1.2.3 (rehearse)</title>" in page
    assert 'href="logs/build.log"' in page and "Contents of <code>acme_sound-1.2.3.tar.gz</code>" in page
    assert f"Report  .omni-release/runs/{run.name}/report.html" in ran.err
    assert 'failures="0"' in (run / "report.junit.xml").read_text(encoding="utf-8")
    assert "1 passed" in (run / "logs" / "tests.log").read_text(encoding="utf-8")


def test_one_task_is_no_rehearsal(case: Callable[[str], Path]) -> None:
    """A single task is recorded as a part, which cannot be released from."""
    root = case("sound")
    assert omni("rehearse", "--only", "project-valid", cwd=root).code == 0
    folder = RunFolder(newest_run(root), LocalFiles())
    (ended,) = (event for event in folder.events() if event["event"] == "ended")
    assert (ended["lane"], ended["verdict"], ended["whole"]) == ("rehearse", "passed", False)
    assert folder.rehearsal_verdict() is None


def test_drifted_project(case: Callable[[str], Path]) -> None:
    """Version drift fails the run before the upload; all other checks run nevertheless."""
    root = case("drifted")
    (root / "checklists").mkdir()
    (root / "checklists" / "mine.toml").write_text('[[item]]\nid = "tried"\nsays = "It was tried"\n', encoding="utf-8")
    ran = omni("rehearse", "--format", "json", cwd=root)
    validated(ran)
    assert ran.code == 1
    assert ran.outcome("versions-agree")["status"] == "failed"
    assert ran.outcome("tests-pass")["status"] == "passed"
    assert ran.outcome("upload")["status"] == "skipped"
    assert "versions-agree, which failed" in ran.outcome("upload")["findings"][0]["message"]
    assert "Publish    not run: needs versions-agree" in ran.err
    assert "Next    omni-release version sync" in ran.err
    assert "\n1 question waits for a person before a release: `omni-release checklist` shows" in ran.err


def test_parts_continue_the_run(case: Callable[[str], Path]) -> None:
    """Each part runs only what it needs, in the same run; a changed checkout starts a new one."""
    root = case("sound")
    assert omni("build", cwd=root).code == 0
    first = newest_run(root)
    for part in ("inspect", "tests", "publish", "verify"):
        ran = omni(part, "--format", "json", cwd=root)
        assert (ran.code, ran.document["run"]) == (0, str(first))
        assert ran.outcome("build")["findings"][0]["message"] == "already done"
    (root / "README.md").write_text("# changed\n", encoding="utf-8")
    assert omni("inspect", cwd=root).code == 0
    assert newest_run(root) != first
    refused = omni("inspect", "--run", first.name, cwd=root)
    assert (refused.code, "the checkout has changed" in refused.out) == (1, True)


def test_tampered_artifact_is_refused(case: Callable[[str], Path]) -> None:
    """A run refuses artifacts that have changed since the build."""
    root = case("sound")
    assert omni("build", cwd=root).code == 0
    (wheel,) = (newest_run(root) / "dist").glob("*.whl")
    wheel.write_bytes(wheel.read_bytes() + b" ")
    ran = omni("publish", cwd=root)
    assert (ran.code, "has changed since" in ran.out) == (1, True)


def test_no_tests(case: Callable[[str], Path]) -> None:
    """A project without tests is reported as such; the other tasks run."""
    root = case("sound")
    shutil.rmtree(root / "tests")
    ran = omni("rehearse", "--format", "json", cwd=root)
    assert (ran.code, ran.outcome("tests-pass")["status"]) == (0, "skipped")
    assert "has no tests" in ran.outcome("tests-pass")["findings"][0]["message"]


def test_failing_test_and_deprecation(case: Callable[[str], Path]) -> None:
    """Each failing test is a finding at its line, and so is a deprecation warning in a test."""
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


def test_test_requirement_that_is_not_declared(case: Callable[[str], Path]) -> None:
    """Tests whose requirement is not declared could not run: that is inconclusive, with the place to declare it."""
    root = case("sound")
    (root / "tests" / "test_more.py").write_text("import acme_nowhere.deep\n", encoding="utf-8")
    ran = omni("tests", "--format", "json", cwd=root)
    message = ran.outcome("tests-pass")["findings"][0]["message"]
    assert (ran.code, ran.outcome("tests-pass")["status"]) == (3, "inconclusive")
    assert "acme_nowhere" in message and "[tool.omni-release.tests]" in message


@pytest.mark.long
def test_tests_do_not_see_the_checkout(case: Callable[[str], Path]) -> None:
    """The tests cannot import a module that is in the checkout but not in the wheel."""
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
    """The last lines of the back end are shown, and its log is complete."""
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
    """Without a network the run is inconclusive, with exit code 3."""
    nowhere = child_environment(
        UV_DEFAULT_INDEX="http://127.0.0.1:9/simple/", UV_CACHE_DIR=str(tmp_path / "cache"), UV_HTTP_RETRIES="0"
    )
    ran = omni("rehearse", "--format", "json", cwd=case("sound"), environment=nowhere)
    assert (ran.code, ran.document["verdict"]) == (3, "inconclusive")
    assert ran.outcome("build")["status"] == "inconclusive"


WAITS = """\
import os, pathlib, subprocess, sys, time


def test_waits():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    marker = pathlib.Path(os.environ["MARKER"])
    marker.with_suffix(".partial").write_text(f"{os.getpid()} {child.pid}")
    marker.with_suffix(".partial").rename(marker)
    time.sleep(600)
"""


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, *(pytest.param(number, marks=pytest.mark.long) for number in (signal.SIGTERM, signal.SIGKILL))],
)
def test_interrupted(number: signal.Signals, case: Callable[[str], Path], tmp_path: Path) -> None:
    """Ctrl-C and a kill leave no process, no half-written file and no lock; the next run starts clean."""
    root = case("sound")
    (root / "tests" / "test_waits.py").write_text(WAITS, encoding="utf-8")
    marker = tmp_path / "marker"
    # A shell that starts things in the background has them ignore SIGINT: begin as at a prompt.
    start = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from omni_release.cli import main; sys.exit(main.main(['rehearse']))"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", start],
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
    until(lambda: all(is_over(pid) for pid in pids))
    if number is not signal.SIGKILL:
        assert code == 130
        report = json.loads((newest_run(root) / "report.json").read_text(encoding="utf-8"))
        states = {outcome["id"]: outcome["evidence"].get("unreached") for outcome in report["outcomes"]}
        assert (report["verdict"], set(states)) == ("interrupted", {task.id for task in lanes.rehearse().tasks})
        assert (states["build"], states["tests-pass"]) == (None, "not finished")
    assert not list((root / ".omni-release").rglob("*.tmp"))
    (root / "tests" / "test_waits.py").unlink()
    assert omni("rehearse", cwd=root).code == 0


def test_unwritable_project(case: Callable[[str], Path]) -> None:
    """The error names a project in which the run folder cannot be created."""
    root = case("sound")
    (root / ".omni-release").write_text("in the way", encoding="utf-8")
    ran = omni("rehearse", cwd=root)
    assert ran.code == 2
    assert "is a file, not a folder" in ran.err
    assert os.listdir(root)


def test_back_end_that_hangs(case: Callable[[str], Path]) -> None:
    """A back end is stopped at its deadline."""
    root = case("sound")
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    text = text.replace('requires = ["hatchling"]', "requires = []")
    text = text.replace('"hatchling.build"', '"hangs"\nbackend-path = ["."]')
    text = text.replace("strict = true", "strict = true\nbuild-timeout = 3")
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    (root / "hangs.py").write_text("import time\n\ntime.sleep(600)\n", encoding="utf-8")
    ran = omni("build", "--format", "json", cwd=root)
    assert ran.document["verdict"] in ("failed", "inconclusive")
    assert "did not end within 3 s" in ran.outcome("build")["findings"][0]["message"]


@pytest.mark.long
def test_tests_that_never_end(case: Callable[[str], Path]) -> None:
    """Tests are stopped at their deadline, and fail."""
    root = case("sound")
    slow = "import time\n\n\ndef test_it():\n    time.sleep(600)\n"
    (root / "tests" / "test_slow.py").write_text(slow, encoding="utf-8")
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.omni-release.tests]\ntimeout = 4\n")
    ran = omni("tests", "--format", "json", cwd=root)
    assert ran.code == 1
    assert any("did not end within 4 s" in f["message"] for f in ran.outcome("tests-pass")["findings"])


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")
def test_tests_that_kill_their_parents_group(case: Callable[[str], Path]) -> None:
    """Tests that kill the process group of their parent kill only themselves."""
    root = case("sound")
    code = "import os, signal\n\n\ndef test_it():\n    os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)\n"
    (root / "tests" / "test_kill.py").write_text(code, encoding="utf-8")
    ran = omni("tests", "--format", "json", cwd=root)
    assert ran.code == 1
    assert any("was ended by signal 9" in f["message"] for f in ran.outcome("tests-pass")["findings"])


def test_prebuilt_artifacts(case: Callable[[str], Path], tmp_path: Path) -> None:
    """Existing distributions replace the build; an invalid one is reported, and not changed."""
    root = case("sound")
    assert omni("build", cwd=root).code == 0
    elsewhere = Path(shutil.copytree(newest_run(root) / "dist", tmp_path / "elsewhere"))
    ran = omni("inspect", "--artifacts", elsewhere, "--format", "json", cwd=root)
    assert (ran.code, ran.outcome("wheel-matches-checkout")["status"]) == (0, "passed")
    (wheel,) = elsewhere.glob("*.whl")
    wheel.write_bytes(b"no zip archive")
    ran = omni("rehearse", "--artifacts", elsewhere, "--format", "json", cwd=root)
    assert ran.code == 1
    assert any("is not a readable archive" in f["message"] for f in ran.outcome("build")["findings"])
    assert not [o["id"] for o in ran.document["outcomes"] for f in o["findings"] if f["rule"].endswith("/defect")]
    assert wheel.read_bytes() == b"no zip archive"
    (tmp_path / "empty").mkdir()
    assert omni("rehearse", "--artifacts", tmp_path / "empty", cwd=root).code == 2
    # A part that builds does not go on with what was built elsewhere.
    ran = omni("inspect", "--format", "json", cwd=root)
    assert (ran.code, "already done" in ran.out) == (0, False)


@pytest.mark.long
def test_platform_wheel(case: Callable[[str], Path], tmp_path: Path) -> None:
    """A wheel for one platform alone is reported, with a hint on how to build the others."""
    root = case("sound")
    assert omni("build", cwd=root).code == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (wheel,) = (newest_run(root) / "dist").glob("*.whl")
    shutil.copy(wheel, elsewhere / wheel.name.replace("none-any", "none-linux_x86_64"))
    ran = omni("inspect", "--artifacts", elsewhere, "--format", "json", cwd=root)
    rule = "distributions-match/platform-wheel"
    found = [f for f in ran.outcome("distributions-match")["findings"] if f["rule"] == rule]
    assert (ran.code, len(found)) == (1, 1)
    assert "--artifacts DIR" in found[0]["message"]


def test_verify_commands(case: Callable[[str], Path]) -> None:
    """The verify commands run with the release from the index; pip can install all dependencies."""
    root = case("sound")
    commands = [
        "python -c 'import acme_sound; assert acme_sound.double(4) == 8'",
        'python -c "import sys; print(123); sys.exit(3)"',
    ]
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[tool.omni-release.verify]\npip = "full"\ncommands = {json.dumps(commands)}\n')
    ran = omni("verify", "--format", "json", cwd=root)
    (finding,) = ran.outcome("verify-commands")["findings"]
    assert ran.code == 1
    assert "ended with exit code 3\n123" in finding["message"]
    assert ran.outcome("install-with-pip")["evidence"]["installer"] == "pip, full"


@pytest.mark.long
def test_entry_point_of_a_missing_program(case: Callable[[str], Path]) -> None:
    """An entry point for pytest need not load without pytest; any other must load."""
    root = case("sound")
    settings = root / "pyproject.toml"
    points = (
        '[project.entry-points.pytest11]\nacme = "acme_sound.plugin"\n[project.entry-points.other]\na = "no.where"\n'
    )
    settings.write_text(f"{settings.read_text(encoding='utf-8')}\n{points}", encoding="utf-8")
    (root / "src" / "acme_sound" / "plugin.py").write_text("import pytest\n", encoding="utf-8")
    git("add", "-A", cwd=root)
    ran = omni("verify", "--format", "json", cwd=root)
    found = {f["severity"]: f["message"] for f in ran.outcome("works-with-uv")["findings"]}
    assert found.keys() == {"notice", "error"}
    assert "of pytest11" in found["notice"]
    assert "no.where" in found["error"] or "other" in found["error"]


def test_full_disk(case: Callable[[str], Path]) -> None:
    """A full disk is an error message; no file of the project is lost."""
    root = case("sound")
    home = root / ".omni-release"
    home.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(home)]
    if subprocess.run(small, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        (home / "filler").write_bytes(b"x" * 180_000)
        ran = omni("rehearse", cwd=root)
        assert ran.code in (1, 2, 3)  # 3 where it is full in the middle of a check
        assert "No space left on device" in ran.out + ran.err
    finally:
        subprocess.run(["umount", str(home)], check=True)
    assert git("status", "--porcelain", cwd=root) == ""


@pytest.mark.long
def test_tests_inside_the_package(case: Callable[[str], Path]) -> None:
    """Tests in the import package run from the installed package."""
    root = case("sound")
    shutil.move(root / "tests", root / "src" / "acme_sound" / "tests")
    ran = omni("tests", "--format", "json", cwd=root)
    assert ran.code == 0
    assert "1 passed" in ran.outcome("tests-pass")["findings"][-1]["message"]


@pytest.mark.long
def test_skipped_tests_prove_nothing(case: Callable[[str], Path]) -> None:
    """The result is inconclusive if all tests were skipped."""
    root = case("sound")
    skipped = "import pytest\n\npytestmark = pytest.mark.skip(reason='no key')\n"
    file = root / "tests" / "test_double.py"
    file.write_text(skipped + file.read_text(encoding="utf-8"), encoding="utf-8")
    ran = omni("tests", "--format", "json", cwd=root)
    assert (ran.code, ran.outcome("tests-pass")["status"]) == (3, "inconclusive")
    assert "all 1 tests were skipped" in ran.outcome("tests-pass")["findings"][0]["message"]


@pytest.mark.long
def test_checkout_that_changes_after_a_failed_build(case: Callable[[str], Path]) -> None:
    """A resumed run copies a changed checkout again: the pinned artifacts are those of the copy."""
    root = case("sound")
    file = root / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('packages = ["src/acme_sound"]', "packages = 3"), encoding="utf-8")
    assert omni("build", cwd=root).code == 1
    file.write_text(text, encoding="utf-8")
    assert omni("build", "--run", newest_run(root).name, cwd=root).code == 0


def test_artifacts_and_run_exclude_each_other(case: Callable[[str], Path], tmp_path: Path) -> None:
    """--artifacts and --run together are refused, and so is a folder that does not exist."""
    root = case("sound")
    assert omni("inspect", "--artifacts", tmp_path, "--run", "x", cwd=root).code == 2
    assert "there is no folder" in omni("inspect", "--artifacts", tmp_path / "gone", cwd=root).err
    assert "unrecognized arguments: --artifacts" in omni("clean", "--artifacts", tmp_path, cwd=root).err


@pytest.mark.long
def test_lost_exit_code(case: Callable[[str], Path]) -> None:
    """A command that loses the exit code of pytest does not hide a failing test."""
    root = case("sound")
    (root / "tests" / "test_more.py").write_text("def test_wrong():\n    assert 1 == 2\n", encoding="utf-8")
    (root / "run.py").write_text("import subprocess\n\nsubprocess.call(['pytest', '-q'])\n", encoding="utf-8")
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.omni-release.tests]\ncommand = 'python run.py'\nrequirements = ['pytest']\n")
    ran = omni("tests", "--format", "json", cwd=root)
    rules = [finding["rule"] for finding in ran.outcome("tests-pass")["findings"]]
    assert (ran.code, "tests-pass/exit-code-lost" in rules) == (1, True)


@pytest.mark.long
def test_missing_module(case: Callable[[str], Path]) -> None:
    """A missing subpackage in the wheel is an error, a missing data file a warning."""
    root = case("setuptools-flat")
    (root / "acme_flat" / "sub").mkdir()
    (root / "acme_flat" / "sub" / "__init__.py").touch()
    (root / "acme_flat" / "table.csv").touch()
    ran = omni("inspect", "--format", "json", cwd=root)
    found = {(f["rule"], f["path"], f["severity"]) for f in ran.outcome("wheel-complete")["findings"]}
    assert ran.code == 1
    assert found == {
        ("wheel-complete/lost-module", "acme_flat/sub/__init__.py", "error"),
        ("wheel-complete/lost-data", "acme_flat/table.csv", "warning"),
    }


def test_secrets_stay_out_of_the_run_folder(case: Callable[[str], Path]) -> None:
    """A key that the tests print is in no file of the run, escaped or not."""
    root = case("sound")
    code = "import os\n\n\ndef test_it():\n    assert 0, os.environ['GEMINI_API_KEY']\n"
    (root / "tests" / "test_leak.py").write_text(code, encoding="utf-8")
    with (root / "pyproject.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[tool.omni-release.tests]\npass-env = ["GEMINI_API_KEY"]\n')
    end = "key" * 5
    key = 'pl"a&n_t*e<d-' + end
    ran = omni("tests", "--format", "json", cwd=root, environment=child_environment(GEMINI_API_KEY=key))
    assert ran.code == 1
    assert "[redacted]" in ran.out
    assert end not in ran.out + ran.err
    for file in newest_run(root).rglob("*"):
        assert not file.is_file() or end.encode() not in file.read_bytes(), file


def test_run_folder_behind_a_link(case: Callable[[str], Path], tmp_path: Path) -> None:
    """A run folder that is a link is refused, and its target is not changed."""
    root = case("sound")
    (tmp_path / "precious").mkdir()
    (root / ".omni-release").symlink_to(tmp_path / "precious")
    ran = omni("rehearse", cwd=root)
    assert (ran.code, "is a link" in ran.err) == (2, True)
    assert list((tmp_path / "precious").iterdir()) == []
