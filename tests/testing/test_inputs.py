"""What the outcome of the tests depends on: each ingredient, changed one at a time, in a real run."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import omni_release
from omni_release import environments, project
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.core import documents
from omni_release.core.cache import Inputs
from omni_release.core.journal import RunFolder
from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.environments import inputs as environment_inputs
from omni_release.testing.inputs import inputs_of_tests, used_by_tests
from tests.conftest import child_environment, copy_case, git, omni

pytestmark = pytest.mark.rehearsal


@dataclasses.dataclass
class Run:
    """A finished run of the tests of the case `sound`, as the next process sees it."""

    root: Path
    release: Release
    world: World

    def key(self) -> str:
        """The key of the outcome of the tests."""
        found = inputs_of_tests(self.release, self.world)
        return found.key("tests-pass") + json.dumps(dict(found.files), sort_keys=True) if found else ""

    @property
    def site(self) -> Path:
        """The folder for packages of the environment with the wheel and pytest."""
        return environments.site_packages(self.release.environment("candidate"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run for all tests of this module, each of which undoes what it changes."""
    folder = tmp_path_factory.mktemp("inputs")
    root = copy_case("sound", folder / "sound")
    variables = {"TMPDIR": str(folder), "OMNI_RELEASE_CACHE_DIR": str(folder / "cache")}
    ran = omni("tests", cwd=root, environment=child_environment(**variables))
    assert ran.code == 0, ran.out
    run = RunFolder(max((root / ".omni-release" / "runs").iterdir()), LocalFiles())
    processes = LocalProcesses(str)
    release = Release(project.load(root), "1.2.3", "rehearsal", None, run.path, run.work_dir(), PurePosixPath())
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GREETING": "hello"}
    world = World(processes, LocalFiles(), SystemClock(), Rehearsal(folder / "index", "acme"), run, environment)
    yield Run(root, release, world)
    processes.close()


Change = Callable[[Run, pytest.MonkeyPatch, contextlib.ExitStack], None]
"""Changes one ingredient; what it changes on the disk is undone by the stack."""


def _file(path: Callable[[Run], Path]) -> Change:
    """A change of a file's last line."""

    def change(run: Run, patch: pytest.MonkeyPatch, undo: contextlib.ExitStack) -> None:
        _append(path(run), "# changed", undo)

    return change


def _append(path: Path, text: str, undo: contextlib.ExitStack) -> None:
    content, times = path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    undo.callback(os.utime, path, ns=times)
    undo.callback(path.write_bytes, content)
    mode = path.stat().st_mode
    path.unlink()  # an installed file can be a link to one in the cache of uv
    path.write_bytes(content + text.encode())
    path.chmod(mode)


def _settings(**changes: object) -> Change:
    def change(run: Run, patch: pytest.MonkeyPatch, undo: contextlib.ExitStack) -> None:
        settings = run.release.project.settings
        tests = dataclasses.replace(settings.tests, **changes)  # type: ignore[arg-type]  # any of its fields
        changed = dataclasses.replace(run.release.project, settings=dataclasses.replace(settings, tests=tests))
        patch.setattr(run, "release", dataclasses.replace(run.release, project=changed))

    return change


def _variable(name: str, value: str | None) -> Change:
    def change(run: Run, patch: pytest.MonkeyPatch, undo: contextlib.ExitStack) -> None:
        environment = {key: text for key, text in run.world.environment.items() if key != name}
        patch.setattr(
            run, "world", dataclasses.replace(run.world, environment=environment | ({name: value} if value else {}))
        )

    return change


def _patched(target: object, name: str, value: Any) -> Change:
    return lambda run, patch, undo: patch.setattr(target, name, value)


def _record(line: str) -> Change:
    """A change of what the list of files of pytest says."""

    def change(run: Run, patch: pytest.MonkeyPatch, undo: contextlib.ExitStack) -> None:
        (record,) = run.site.glob("pytest-*.dist-info/RECORD")
        _append(record, line, undo)

    return change


def _another_package(run: Run, patch: pytest.MonkeyPatch, undo: contextlib.ExitStack) -> None:
    (run.site / "other-1.0.dist-info").mkdir()
    undo.callback(shutil.rmtree, run.site / "other-1.0.dist-info")
    (run.site / "other-1.0.dist-info" / "RECORD").write_text("other.py,sha256=x,1\n")


def _source(run: Run, patch: pytest.MonkeyPatch, undo: contextlib.ExitStack) -> None:
    """Another source of omni-release of the same version, as in an editable install."""
    package = run.release.work_dir / "omni_release"
    undo.callback(shutil.rmtree, package)
    shutil.copytree(Path(omni_release.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    with (package / "testing" / "checks.py").open("a") as file:
        file.write("# changed")
    patch.setattr(omni_release, "__file__", str(package / "__init__.py"))


CHANGES: dict[str, Change] = {
    "version of omni-release": _patched(omni_release, "__version__", "9"),
    "source of omni-release": _source,
    "version of Python": _patched(sys, "version", "4.0"),
    "interpreter": _patched(sys, "executable", "/bin/sh"),
    "C library": _patched(platform, "libc_ver", lambda: ("another", "")),
    "machine": _patched(platform, "machine", lambda: "another"),
    "a file of the copy": _file(lambda run: run.release.tests_tree / "README.md"),
    "a file of the wheel": _file(lambda run: run.site / "acme_sound" / "__init__.py"),
    "metadata of the wheel": _file(lambda run: run.site / "acme_sound-1.2.3.dist-info" / "METADATA"),
    "another installed package": _another_package,
    "another file of an installed package": _record("pytest/new.py,sha256=x,1\n"),
    "another script of an installed package": _file(lambda run: run.site.parents[2] / "bin" / "pytest"),
    "a new variable": _variable("NEW", "1"),
    "another value of a variable": _variable("GREETING", "good-bye"),
    "a variable less": _variable("GREETING", None),
    "the command": _settings(command=("pytest", "-x")),
    "the time for the tests": _settings(timeout=5.0),
    "a variable that is passed": _settings(pass_env=("SECRET_TOKEN",)),
}


@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
@pytest.mark.parametrize("kind", CHANGES)
def test_ingredient(finished: Run, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Each ingredient changes the inputs, and nothing else does."""
    environment_inputs.tool.cache_clear()
    before, again = finished.key(), finished.key()
    assert before == again != ""
    with monkeypatch.context() as patch, contextlib.ExitStack() as undo:
        undo.callback(environment_inputs.tool.cache_clear)
        CHANGES[kind](finished, patch, undo)
        environment_inputs.tool.cache_clear()
        assert finished.key() != before
    assert finished.key() == before


def test_no_value_is_kept(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inputs have no value of a variable, and no digest of one alone."""
    _variable("GREETING", "hunter2-hunter2")(finished, monkeypatch, contextlib.ExitStack())
    found = inputs_of_tests(finished.release, finished.world)
    assert isinstance(found, Inputs) and "hunter2" not in repr(found)


@pytest.mark.parametrize("which", ["editable", "no list of files", "egg"])
def test_unknown_packages(finished: Run, which: str) -> None:
    """Where it is unknown what is installed, nothing is used again."""
    info = finished.site / ("other.egg-info" if which == "egg" else "other-1.0.dist-info")
    info.mkdir()
    try:
        if which != "no list of files":
            (info / "RECORD").write_text("other.pth,sha256=x,1\n")
        if which == "editable":
            (info / "direct_url.json").write_text('{"url": "file:///other", "dir_info": {"editable": true}}')
        assert inputs_of_tests(finished.release, finished.world) is None
    finally:
        shutil.rmtree(info)


def test_compared_tests(finished: Run) -> None:
    """What was compared with other environments is not kept, even if a failed test is only a warning then."""
    inputs = inputs_of_tests(finished.release, finished.world)
    assert inputs is not None and used_by_tests(finished.release, finished.world, inputs) is not None
    report = finished.release.folder / "tests.junit.xml"
    original = report.read_text(encoding="utf-8")
    try:
        report.write_text(original.replace("/></testsuite>", "><failure message='no'/></testcase></testsuite>"))
        assert used_by_tests(finished.release, finished.world, inputs) is None
    finally:
        report.write_text(original)
    tagged = finished.release.environment("tagged")
    tagged.mkdir()
    try:
        assert used_by_tests(finished.release, finished.world, inputs) is None
    finally:
        tagged.rmdir()


def _tests_pass(ran_in: Path, *options: str, **variables: str) -> dict[str, Any]:
    """The outcome of the tests in a new run."""
    shutil.rmtree(ran_in / ".omni-release", ignore_errors=True)
    ran = omni("tests", "--format", "json", *options, cwd=ran_in, environment=child_environment(**variables))
    return ran.outcome("tests-pass")


def _edit(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_wrong_release(case: Callable[[str], Path]) -> None:
    """Tests that have passed fail where the package is wrong, each time; when it is right again, they are cached."""
    root = case("sound")
    assert "cached" not in _tests_pass(root)
    source = root / "src" / "acme_sound" / "__init__.py"
    good = source.read_text(encoding="utf-8")
    source.write_text(good.replace("2 *", "3 *"), encoding="utf-8")
    failed = _tests_pass(root)
    assert (failed["status"], "cached" in failed) == ("failed", False)
    source.write_text(good, encoding="utf-8")
    assert _tests_pass(root)["cached"]["age"] > 0
    assert git("status", "--porcelain", cwd=root) == ""


REUSED = {
    *("build", "rebuild", "upload", "tests-pass", "twine-check", "wheel-contents", "upload-rules", "install-with-pip"),
    *("works-with-pip", "pip-check", "install-with-uv", "works-with-uv", "imports-declared"),
}


def test_second_rehearsal(case: Callable[[str], Path]) -> None:
    """A second rehearsal of the same checkout has the same bytes, and uses what is slow again; it can be released."""
    root = case("sound")
    first, second = (omni("rehearse", "--format", "json", cwd=root).document for _ in range(2))
    assert (first["verdict"], second["verdict"]) == ("passed", "passed")
    assert first["artifacts"] == second["artifacts"]
    cached = {outcome["id"]: outcome["cached"]["run"] for outcome in second["outcomes"] if "cached" in outcome}
    assert cached.keys() >= REUSED and set(cached.values()) == {Path(first["run"]).name}
    assert not any("cached" in outcome for outcome in first["outcomes"])
    first_passed, second_passed = ({o["id"] for o in d["outcomes"] if o["status"] == "passed"} for d in (first, second))
    assert first_passed == second_passed
    for artifact in second["artifacts"]:
        assert documents.sha256(Path(second["run"]) / "dist" / artifact["name"]) == artifact["sha256"]


@pytest.mark.long
def test_runs(case: Callable[[str], Path]) -> None:
    """Over several runs: a file that the tests do not use may change; `--fresh` and CI pay again."""
    root = case("sound")
    assert "cached" not in _tests_pass(root)
    _edit(root / "README.md", "more")
    assert "cached" in _tests_pass(root)
    assert "cached" not in _tests_pass(root, "--fresh")
    assert ["cached" in _tests_pass(root, CI="true") for _ in range(2)] == [False, False]
    assert ["cached" in _tests_pass(root, "--cache", CI="true") for _ in range(2)] == [False, True]
    settings = (root / "pyproject.toml").read_text(encoding="utf-8")
    never = settings.replace("[tool.omni-release]\n", '[tool.omni-release]\ncache = "never"\n')
    (root / "pyproject.toml").write_text(never, encoding="utf-8")
    assert ["cached" in _tests_pass(root) for _ in range(2)] == [False, False]
