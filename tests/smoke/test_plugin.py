"""The pytest plugin, in processes of the real pytest."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import pytest

from omni_release import cassettes
from omni_release.core.errors import install_hint
from omni_release.emulators import GeminiEmulator
from omni_release.smoke import Scenario, SmokeReport
from omni_release.smoke.runner import read_report
from tests.conftest import child_environment
from tests.images.conftest import planted_key

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "IMAGE_MODEL", "IMAGE_FALLBACK_MODEL")
CALL = '''
import json, os, urllib.request
import pytest

pytestmark = pytest.mark.smoke


def call(prompt, model="gemini-3.1-flash-lite-image", headers=(), query="", **more):
    """A client of the project, with the standard library."""
    base = os.environ.get("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com")
    body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}], **more}
    key = os.environ.get("GEMINI_API_KEY", "")
    request = urllib.request.Request(
        f"{base}/v1beta/models/{model}:generateContent{query}",
        json.dumps(body).encode(),
        {"content-type": "application/json", "x-goog-api-key": key, **dict(headers)},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)

'''


@dataclass(frozen=True)
class Ran:
    """How a run of pytest ended."""

    code: int
    out: str
    report: SmokeReport

    def __getitem__(self, name: str) -> Scenario:
        return next(scenario for scenario in self.report.scenarios if scenario.name == name)


def run(root: Path, *arguments: str, **more: str) -> Ran:
    """Run pytest in a folder, without the keys of this machine."""
    report = root / "report.jsonl"
    report.unlink(missing_ok=True)
    outer = {k: v for k, v in child_environment().items() if k not in KEYS}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--smoke-report={report}", *arguments],
        cwd=root,
        env=outer | more,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout + ended.stderr, read_report(report))


def project(root: Path, code: str) -> Path:
    """A project with one module of smoke tests, under strict settings."""
    settings = (
        '[tool.pytest.ini_options]\naddopts = ["--strict-markers", "--strict-config"]\nfilterwarnings = ["error"]\n'
    )
    (root / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1"\n' + settings, encoding="utf-8")
    (root / "test_acme.py").write_text(CALL + code, encoding="utf-8")
    return root


@pytest.mark.long
def test_record_and_replay_every_scenario(tmp_path: Path) -> None:
    """All scenarios pass on the emulator; their cassettes are small, and replay without network or key."""
    scenarios = ("--pyargs", "omni_release.smoke.scenarios", f"--smoke-cassettes={tmp_path / 'cassettes'}")
    recorded = run(tmp_path, *scenarios, "--smoke=emulated", "--smoke-record=cassettes")
    assert recorded.code == 0, recorded.out
    names = {one.name.partition("[")[0] for one in recorded.report.scenarios}
    assert names == {
        *("configured_models_answer", "generate", "aspect_ratio_and_size", "preset", "refine_twice", "batch"),
        *("refusal", "text_only", "unknown_model", "dead_model", "bad_key"),
    }
    assert all(one.wrote for one in recorded.report.scenarios if one.calls)
    assert sum(one.usd for one in recorded.report.scenarios) < 1.0
    files = cassettes.in_folder(tmp_path / "cassettes")
    assert len(files) == len(recorded.report.scenarios) - 1  # a retired model costs no call
    assert sum(path.stat().st_size for path in files) < 150_000
    assert {found.source for path in files if (found := cassettes.read(path).provenance)} == {"emulated"}
    replayed = run(tmp_path, *scenarios)
    assert replayed.code == 0, replayed.out
    assert [one.name for one in replayed.report.scenarios] == [one.name for one in recorded.report.scenarios]
    assert [one.unused for one in replayed.report.scenarios] == [()] * len(replayed.report.scenarios)
    assert [len(one.calls) for one in replayed.report.scenarios] == [
        len(one.calls) for one in recorded.report.scenarios
    ]


def test_replay_of_this_project() -> None:
    """The scenarios use all cassettes and all their responses."""
    ran = run(ROOT, "--pyargs", "omni_release.smoke.scenarios", "-p", "no:xdist", "-o", "addopts=")
    (ROOT / "report.jsonl").unlink(missing_ok=True)
    assert ran.code == 0, ran.out
    played = {one.cassette for one in ran.report.scenarios}
    there = {path.relative_to(ROOT / "cassettes").as_posix() for path in cassettes.in_folder(ROOT / "cassettes")}
    assert there <= played
    assert not any(one.unused for one in ran.report.scenarios)


LIVE = """
def test_fine():
    assert call("draw")["candidates"]

def test_wrong():
    assert call("draw")["candidates"] == []

def test_busy():
    call("draw")

def test_recovered():
    try:
        call("draw")
    except urllib.error.HTTPError:
        pass
    assert call("draw")["candidates"] == [], "a response after a 503: this failure is ours"

def test_swallowed():
    try:
        call("draw")
    except urllib.error.HTTPError:
        pass

def test_left_alone():
    pytest.skip("not today")

def test_refused():
    with pytest.raises(urllib.error.HTTPError):
        call("draw", model="gemini-0")

def test_dropped():
    call("draw")

@pytest.fixture
def set_up():
    return call("draw")

def test_set_up(set_up):
    pass
"""


def test_three_results(tmp_path: Path) -> None:
    """Passed, failed and inconclusive differ in the report, in the counts of pytest, and in their reasons."""
    project(tmp_path, LIVE)
    script = "ok; ok; 503; 503; ok; 429; drop model=LITE; 500 model=LITE".replace("LITE", "gemini-3.1-flash-lite-image")
    with GeminiEmulator(script) as emulator:
        ran = run(tmp_path, "--smoke=live", GOOGLE_GEMINI_BASE_URL=emulator.url, GEMINI_API_KEY="emulated")
    results = {scenario.name: scenario.outcome for scenario in ran.report.scenarios}
    assert results == {
        "fine": "passed",
        "wrong": "failed",
        "busy": "inconclusive",
        "recovered": "failed",
        "swallowed": "inconclusive",
        "left_alone": "skipped",
        "refused": "passed",
        "dropped": "inconclusive",
        "set_up": "inconclusive",
    }, ran.out
    assert "503" in ran["busy"].why and "no call was answered" in ran["swallowed"].why
    assert "no answer" in ran["dropped"].why and "not today" in ran["left_alone"].why
    assert (ran["wrong"].path, ran.code, ran.report.ended) == ("test_acme.py", 1, True)
    line = (tmp_path / "test_acme.py").read_text(encoding="utf-8").splitlines()[ran["wrong"].line - 1]
    assert line == "def test_wrong():"
    assert "2 failed, 2 passed, 1 skipped, 4 inconclusive" in ran.out
    assert ran.out.count("INCONCLUSIVE test_acme.py::") == 4
    (call,) = ran["fine"].calls
    assert call.prompt == "draw" and (tmp_path / call.images[0].file).read_bytes().startswith((b"\xff\xd8", b"\x89PNG"))
    assert not ran["busy"].calls[0].images


REFUSED = {
    "bad-key": "inconclusive",
    "403-leaked": "inconclusive",
    "400-location": "inconclusive",
    "400": "failed",
    "404": "failed",
}


def test_set_up_that_is_refused(tmp_path: Path) -> None:
    """Where the service refuses the key, nothing is known about the release; a request that it refuses is at fault."""
    project(tmp_path, "".join(f"def test_{at}():\n    call('draw')\n" for at in range(len(REFUSED))))
    with GeminiEmulator("; ".join(REFUSED)) as emulator:
        ran = run(tmp_path, "--smoke=live", GOOGLE_GEMINI_BASE_URL=emulator.url, GEMINI_API_KEY="emulated")
    scenarios = ran.report.scenarios
    assert [scenario.outcome for scenario in scenarios] == list(REFUSED.values()), ran.out
    why = "the key or its account was refused: gemini-3.1-flash-lite-image: 400 INVALID_ARGUMENT: API key not valid"
    assert scenarios[0].why.startswith(why)


def test_live_without_a_key(tmp_path: Path) -> None:
    """Each test is inconclusive without a call, and names the variables to set."""
    ran = run(project(tmp_path, "def test_one():\n    call('draw')\n"), "--smoke=live")
    assert (ran["one"].outcome, ran["one"].calls, ran.code) == ("inconclusive", (), 1)
    assert "GEMINI_API_KEY or GOOGLE_API_KEY" in ran["one"].why


def test_budget(tmp_path: Path) -> None:
    """A call that may exceed the budget is not made, and its test is inconclusive."""
    code = "@pytest.mark.parametrize('n', range(4))\ndef test_one(n):\n    call('draw')\n"
    project(tmp_path, code)
    with GeminiEmulator() as emulator:
        live = {"GOOGLE_GEMINI_BASE_URL": emulator.url, "GEMINI_API_KEY": "emulated"}
        ran = run(tmp_path, "--smoke=live", "--smoke-budget=0.07", **live)
        assert len(emulator.calls) == 2
    assert [one.outcome for one in ran.report.scenarios] == ["passed", "passed", "inconclusive", "inconclusive"]
    assert "of the budget of $0.07" in ran.report.scenarios[2].why
    assert 0 < sum(one.usd for one in ran.report.scenarios) <= 0.07


def test_images_that_are_sent_are_reserved() -> None:
    """A call reserves the cost of the images that it sends."""
    from vcr.request import Request

    from omni_release.smoke.metering import Meter

    left = []
    for parts in ([{"text": "x"}], [{"text": "x"}, {"inlineData": {"data": "aQ=="}}]):
        meter = Meter(1.0)
        address = "https://localhost/v1beta/models/gemini-3-pro-image:generateContent"
        meter.begin(Request("POST", address, json.dumps({"contents": [{"parts": parts}]}), {}))
        assert meter.budget is not None
        left.append(meter.budget.left)
    assert left[0] - left[1] == pytest.approx(1600 * 2e-6)


REPLAY = """
import socket

def test_asked():
    assert call("draw")["candidates"]

def test_changed():
    call(os.environ.get("PROMPT", "draw"))

def test_elsewhere():
    with socket.socket() as one, pytest.raises(RuntimeError, match="Network is disabled"):
        one.connect(("127.0.0.1", 9))

def test_no_key():
    assert os.environ["GEMINI_API_KEY"] != os.environ.get("REAL")

def test_new():
    try:
        call("new")
    except Exception:
        raise ValueError("as this project says it") from None

def test_new_and_wrong_before():
    raise ValueError("before the first call")
"""


def test_replay_without_network_or_key(tmp_path: Path) -> None:
    """Another prompt gets no old response, no socket opens, and the real key is not set."""
    project(tmp_path, REPLAY)
    chosen = ("-k", "asked or changed")
    assert run(tmp_path, "--smoke=emulated", "--smoke-record=cassettes", *chosen).code == 0
    key = planted_key()
    ran = run(tmp_path, PROMPT="paint", GEMINI_API_KEY=key, REAL=key, GOOGLE_GEMINI_BASE_URL="http://127.0.0.1:9")
    assert {one.name: one.outcome for one in ran.report.scenarios} == {
        "asked": "passed",
        "changed": "failed",
        "elsewhere": "passed",
        "no_key": "passed",
        "new": "failed",
        "new_and_wrong_before": "failed",
    }, ran.out
    assert ran["changed"].unused == (0,)
    assert ran["new"].why.startswith("not recorded yet: run `nox -s record`") and "--emulated" in ran["new"].why
    assert f"FAILED test_acme.py::test_new - {ran['new'].why[:20]}" in ran.out
    assert ran["changed"].why.startswith("requests something that its cassette does not have")
    assert "body differs" in ran.out and "How to fix" not in ran.out
    assert "not recorded" not in ran["changed"].why + ran["new_and_wrong_before"].why


LEAKS = """
def test_sent():
    key = os.environ["GEMINI_API_KEY"]
    headers = {"x-other": key, "authorization": "Bearer " + key}
    found = call("draw " + key, headers=headers, query="?key=" + key + "&more=" + key, note=key)
    assert found["echo"]["query"].count(key) == 2

def test_shown():
    key = os.environ["GEMINI_API_KEY"]
    print("printed", key)
    raise RuntimeError("the service says: API key not valid: " + key)

def test_inconclusive():
    from omni_release.core.errors import Inconclusive
    raise Inconclusive("no luck with " + os.environ["GEMINI_API_KEY"])

@pytest.fixture
def broken(record_property):
    key = os.environ["GEMINI_API_KEY"]
    record_property("key", key)
    raise ValueError(key)

def test_set_up(broken):
    pass
"""


def test_key_is_in_no_file(tmp_path: Path) -> None:
    """A key in headers, query, body, response, error, traceback, output or properties is not written to any file."""
    from werkzeug import Request, Response
    from werkzeug.serving import make_server

    def echo(environ: dict[str, object], start: object) -> object:
        request = Request(environ)
        echoed = {
            "query": request.query_string.decode(),
            "headers": dict(request.headers),
            "body": request.get_data(as_text=True),
        }
        return Response(json.dumps({"echo": echoed}), mimetype="application/json")(environ, start)  # type: ignore[arg-type]

    import threading

    server = make_server("127.0.0.1", 0, echo, threaded=True)  # type: ignore[arg-type]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    key = planted_key()
    project(tmp_path, LEAKS)
    try:
        live = {"GOOGLE_GEMINI_BASE_URL": f"http://127.0.0.1:{server.port}", "GEMINI_API_KEY": key}
        ran = run(
            tmp_path, "--smoke=live", "--smoke-record=cassettes", "--junitxml=junit.xml", "--showlocals", "-rA", **live
        )
    finally:
        server.shutdown()
        server.server_close()
    results = {scenario.name: scenario.outcome for scenario in ran.report.scenarios}
    assert results == {"sent": "passed", "shown": "failed", "inconclusive": "inconclusive", "set_up": "failed"}, ran.out
    assert len(cassettes.in_folder(tmp_path / "cassettes")) == 1
    (tmp_path / "output.txt").write_text(ran.out, encoding="utf-8")
    coded = [base64.b64encode(b"\0" * n + key.encode())[4:-4] for n in range(3)]
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        data = path.read_bytes()
        for encoded in (key.encode(), urllib.parse.quote(key, safe="").encode(), *coded):
            assert encoded not in data, path
    assert "[redacted]" in ran.out and "[redacted]" in (tmp_path / "junit.xml").read_text(encoding="utf-8")


def test_other_key_is_not_recorded(tmp_path: Path) -> None:
    """A test with text that looks like a key fails, and is not recorded."""
    other = "gh" + "p_" + "a1B2" * 9
    project(tmp_path, "def test_one():\n    call('draw ' + os.environ['OTHER'])\n")
    ran = run(tmp_path, "--smoke=emulated", "--smoke-record=cassettes", OTHER=other)
    assert ran.code == 1 and "looks like a GitHub token" in ran.out
    assert not (tmp_path / "cassettes").exists()
    assert ran["one"].outcome == "failed"


def test_faults_are_not_recorded(tmp_path: Path) -> None:
    """A 503 before a response is not in the cassette; a failed test has no cassette."""
    code = """
def test_retried():
    for _ in range(2):
        try:
            call("draw")
        except urllib.error.HTTPError:
            pass

def test_wrong():
    assert not call("draw")
"""
    project(tmp_path, code)
    with GeminiEmulator("503; ok") as emulator:
        live = {"GOOGLE_GEMINI_BASE_URL": emulator.url, "GEMINI_API_KEY": "emulated"}
        ran = run(tmp_path, "--smoke=live", "--smoke-record=cassettes", **live)
    assert [len(one.calls) for one in ran.report.scenarios] == [2, 1]
    (path,) = cassettes.in_folder(tmp_path / "cassettes")
    found = cassettes.read(path)
    assert (path.name, [one.code for one in found.interactions]) == ("retried.yaml", [200])
    assert found.provenance is not None and found.provenance.source == "local"  # the emulator


PROBE = """
import sys

def test_plain():
    heavy = {"vcr", "yaml", "PIL", "omni_release.images", "omni_release.core.settings"}
    heavy |= {"omni_release.smoke.session", "omni_release.smoke.metering"}
    assert not [name for name in heavy if sys.modules.get(name)]
"""


def test_invalid_setting(tmp_path: Path) -> None:
    """The error has its line, and no traceback."""
    root = project(tmp_path, "def test_it(smoke):\n    assert smoke.model\n")
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("[tool.omni-release.smoke]\nbudget = 'much'\n")
    ran = run(root)
    assert (ran.code, "pyproject.toml:8" in ran.out, "Traceback" in ran.out) == (4, True, False), ran.out


def test_project_without_smoke_tests(tmp_path: Path) -> None:
    """Nothing large is imported, and the packages of the extra are not needed."""
    (tmp_path / "test_plain.py").write_text(PROBE, encoding="utf-8")
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['vcr'] = None\n", encoding="utf-8")
    assert run(tmp_path).code == 0
    without = run(tmp_path, "-p", "no:recording", PYTHONPATH=str(tmp_path))
    assert without.code == 0, without.out


def test_missing_packages(tmp_path: Path) -> None:
    """A project with smoke tests gets one line that names the extra."""
    project(tmp_path, "def test_one():\n    pass\n")
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['vcr'] = None\n", encoding="utf-8")
    for ran in (run(tmp_path, PYTHONPATH=str(tmp_path)), run(tmp_path, "-p", "no:recording")):
        assert ran.code == 4 and install_hint("smoke") in ran.out
        assert "Traceback" not in ran.out


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("@pytest.mark.vcr\ndef test_one():\n    pass\n", "has its own cassette"),
        ("class TestA:\n    def test_one(self, smoke):\n        assert smoke.mode == 'recorded'\n", ""),
    ],
    ids=["two cassettes", "in a class"],
)
def test_marker_and_fixture(code: str, message: str, tmp_path: Path) -> None:
    """A second cassette is an error; a method of a class is a smoke test."""
    ran = run(project(tmp_path, code))
    assert (ran.code, message in ran.out) == (4 if message else 0, True), ran.out


def test_a_fixture_without_the_marker(tmp_path: Path) -> None:
    """The error names the missing marker."""
    (tmp_path / "test_acme.py").write_text("def test_one(smoke):\n    pass\n", encoding="utf-8")
    ran = run(tmp_path)
    assert ran.code == 1 and "@pytest.mark.smoke" in ran.out


def test_live_run_in_several_processes(tmp_path: Path) -> None:
    """It is an error: each process would have its own budget."""
    project(tmp_path, "def test_one():\n    pass\n")
    ran = run(tmp_path, "--smoke=live", "-n", "2", GEMINI_API_KEY="emulated")
    assert ran.code != 0 and "one process" in ran.out


def test_environment_is_restored(tmp_path: Path) -> None:
    """After a smoke test the variables have their old values."""
    code = "def test_one():\n    assert os.environ['GEMINI_API_KEY'] == 'no-key-needed'\n"
    project(tmp_path, code)
    after = "import os\n\ndef test_after():\n    assert os.environ['GEMINI_API_KEY'] == 'mine'\n"
    (tmp_path / "test_zz.py").write_text(after, encoding="utf-8")
    ran = run(tmp_path, GEMINI_API_KEY="mine")
    assert ran.code == 0, ran.out
    assert os.environ.get("GEMINI_API_KEY") != "no-key-needed"
