"""The release on another Python than ours: a real one that uv finds, where there is one."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release import project
from omni_release.core.actions import Run
from omni_release.core.engine import run
from omni_release.core.model import Outcome, Release, Severity, Status
from omni_release.core.tasks import Lane, check
from omni_release.core.world import Completed, Processes, World
from omni_release.environments import interpreters
from omni_release.environments.interpreters import Python
from omni_release.testing.python_checks import python_inputs, pythons_work
from tests.conftest import omni
from tests.wheels import offline, write_wheel

TODAY = datetime.date(2026, 11, 22)
SOUND = {
    "acme/__init__.py": '"""Acme."""\n',
    "acme/settings.py": "import sys\nif sys.version_info >= (3, 11):\n    import tomllib\n",
    "acme/host.py": "import the_host_program\n",
}
PYPY = "Classifier: Programming Language :: Python :: Implementation :: PyPy"
CHECK = "import sys, acme\nassert sys.argv[1:] == ['x']\nassert 'a-b'.startswith('a')\n"


def loaded(root: Path, release: Release, modules: Mapping[str, str], pythons: str, *, tests: str = "") -> Release:
    """The release of a project with these modules, and these Pythons in its settings."""
    for name, content in {**modules, **({"tests/test_acme.py": tests} if tests else {})}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    run_tests = "command = 'python tests/test_acme.py x'\npythons-run-tests = true\n" if tests else ""
    head = '[project]\nname = "acme"\nversion = "1.0"\n[tool.omni-release.tests]\nrequirements = ["acme"]\n'
    (root / "pyproject.toml").write_text(f"{head}pythons = {pythons}\n{run_tests}", encoding="utf-8")
    write_wheel(release.dist, "acme", "1.0", modules, "Requires-Python: >=3.8")
    release.work_dir.mkdir(exist_ok=True)
    return replace(release, project=project.load(root))


def ended(release: Release, world: World, index: Path) -> Outcome:
    """The outcome of the check, with uv offline."""
    given = replace(world, environment=offline(index))
    (outcome,) = run(Lane("one", (check(pythons_work),)), release, given, today=TODAY)
    return outcome


@pytest.fixture
def other(release: Release, world: World, tmp_path: Path) -> Python:
    """A Python without tomllib; the test is skipped where uv finds none."""
    asked = replace(world, environment=offline(tmp_path))
    release.work_dir.mkdir(exist_ok=True)
    release = loaded(tmp_path, release, SOUND, '["3.8", "3.9", "3.10"]')
    found = interpreters.choose(release, asked).here
    if not found:
        pytest.skip("uv finds no Python 3.8, 3.9 or 3.10")
    return found[-1]


def test_without_setting(tmp_path: Path, release: Release, world: World) -> None:
    """Without the setting nothing is searched for or installed."""
    release = loaded(tmp_path, release, SOUND, "[]")
    outcome = ended(release, world, tmp_path)
    assert (outcome.status, list(release.work_dir.iterdir())) == (Status.SKIPPED, [])
    assert python_inputs(release, world) is None


FAULTY = {
    "acme/settings.py": "import tomllib\n",
    "acme/new.py": "try:\n    a = 1\nexcept* OSError:\n    a = 2\n",
    "acme/broken.py": "import acme.nowhere\n",  # on our own Python, too: another check reports it
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (FAULTY, {"acme/settings.py": "No module named 'tomllib'", "acme/new.py": "SyntaxError"}),
        pytest.param(
            {"acme/__init__.py": "from tomllib import loads\n"},
            {"acme/__init__.py": "`import acme` fails: ModuleNotFound"},
            marks=pytest.mark.long,
        ),
    ],
    ids=["modules", "package"],
)
def test_imports(
    changed: dict[str, str], expected: dict[str, str], other: Python, tmp_path: Path, release: Release, world: World
) -> None:
    """A module that fails on a promised Python, and not on our own, stops the release; its place is in the checkout."""
    outcome = ended(loaded(tmp_path, release, {**SOUND, **changed}, f'["{other.minor}"]'), world, tmp_path)
    errors = {f.path: f for f in outcome.findings if f.severity is Severity.ERROR}
    assert outcome.status is Status.FAILED
    assert errors.keys() == expected.keys()
    assert all(f.rule == "pythons-work/python-import" for f in errors.values())
    assert all(expected[str(f.path)] in f.message and str(other) in f.message for f in errors.values())
    assert [f.message for f in outcome.findings if f.severity is Severity.NOTICE] == [f"tried: {other}"]


@pytest.mark.parametrize(
    ("requires", "tests", "status", "message"),
    [
        ("", CHECK, Status.PASSED, "tried: "),
        pytest.param("", f"{CHECK}import tomllib\n", Status.FAILED, "with exit code 1", marks=pytest.mark.long),
        ("Requires-Dist: inner>=2", "", Status.FAILED, "the release cannot be installed: inner==2.0 requires Python"),
    ],
)
def test_installs_and_tests(
    requires: str,
    tests: str,
    status: Status,
    message: str,
    other: Python,
    tmp_path: Path,
    release: Release,
    world: World,
) -> None:
    """The tests run with that Python; a requirement that has no version for it stops the release."""
    release = loaded(tmp_path, release, SOUND, f'["{other.minor}"]', tests=tests)
    write_wheel(tmp_path / "index", "inner", "1.0", {"inner.py": ""})
    newest = f"Requires-Python: >={sys.version_info.major}.{sys.version_info.minor}"
    write_wheel(tmp_path / "index", "inner", "2.0", {"inner.py": ""}, newest)
    write_wheel(release.dist, "acme", "1.0", SOUND, "Requires-Python: >=3.8", *filter(None, (requires,)))
    outcome = ended(release, world, tmp_path / "index")
    assert outcome.status is status, outcome
    assert message in "\n".join(finding.message for finding in outcome.findings)


def test_missing(tmp_path: Path, release: Release, world: World) -> None:
    """A Python that is named, and not here, is not tried: the check has no result, and uv downloads nothing."""
    release = loaded(tmp_path, release, SOUND, '["3.8.0"]')
    outcome = ended(release, world, tmp_path)
    assert outcome.status is Status.INCONCLUSIVE
    assert "not tried, as uv does not find them: Python 3.8.0" in "\n".join(f.message for f in outcome.findings)


def test_inputs(tmp_path: Path, release: Release, world: World) -> None:
    """The key changes with the wheel, and there is none where the tests run there, too."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    given = replace(world, environment=offline(tmp_path))
    release = loaded(tmp_path, release, SOUND, f'["{own}"]')
    first = python_inputs(release, given)
    assert first is not None
    assert python_inputs(release, given) == first
    assert python_inputs(loaded(tmp_path, release, {**SOUND, "acme/b.py": ""}, f'["{own}"]'), given) != first
    assert python_inputs(loaded(tmp_path, release, SOUND, f'["{own}"]', tests=CHECK), given) is None


@pytest.mark.long
def test_every_python(other: Python, tmp_path: Path, release: Release, world: World) -> None:
    """All Pythons here are tried, the older ones fail by name, the others are not tried, and uv downloads none."""
    modules = {**SOUND, "acme/settings.py": "import tomllib\n"}
    release = loaded(tmp_path, release, modules, '"all"')
    write_wheel(release.dist, "acme", "1.0", modules, "Requires-Python: >=3.6", PYPY)
    canary = tmp_path / "pythons"
    canary.mkdir()
    given = replace(world, environment=offline(tmp_path) | {"UV_PYTHON_INSTALL_DIR": str(canary)})
    (outcome,) = run(Lane("one", (check(pythons_work),)), release, given, today=TODAY)
    chosen = interpreters.choose(release, given)
    old = [python for python in chosen.here if python.version < (3, 11)]
    assert outcome.status is Status.FAILED
    for python in chosen.here:
        assert any(f"{python}: `import acme.settings`" in f.message for f in outcome.findings) == (python in old)
    (notice,) = (f.message for f in outcome.findings if f.severity is Severity.NOTICE)
    assert all(str(python) in notice.partition(";")[0] for python in chosen.here)
    assert all(str(python) in notice.partition(";")[2] for python in chosen.missing)
    assert list(canary.iterdir()) == []


class Broken:
    """The processes of this machine, of which one environment's interpreter starts no program."""

    def __init__(self, real: Processes, name: str) -> None:
        self._real, self._name = real, name

    def run(self, run: Run) -> Completed:
        """Run it."""
        if any("import_objects" in word for word in run.argv) and self._name in run.argv[0]:
            run = replace(run, argv=(sys.executable, "-c", "raise SystemExit(9)"))
        return self._real.run(run)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def test_one_without_result(other: Python, tmp_path: Path, release: Release, world: World) -> None:
    """That one Python cannot run the program is unknown, and what fails on another one is reported all the same."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    release = loaded(tmp_path, release, {**SOUND, **FAULTY}, f'["{own}", "{other.minor}"]')
    ours = interpreters.choose(release, replace(world, environment=offline(tmp_path))).here[0]
    broken: Processes = Broken(world.processes, f"python-{ours.label}")  # type: ignore[assignment]  # it has the rest
    outcome = ended(release, replace(world, processes=broken), tmp_path)
    said = "\n".join(finding.message for finding in outcome.findings)
    assert outcome.status is Status.FAILED
    assert f"{other}: `import acme.settings`" in said
    assert f"{ours}: the import ended with exit code 9" in said


@pytest.mark.long
@pytest.mark.rehearsal
@pytest.mark.parametrize(("name", "code"), [("pythons", 0), ("broken/pythons", 1)])
def test_cases(name: str, code: int, other: Python, case: Callable[[str], Path]) -> None:
    """A project that works on each Python that it promises passes; one that does not is stopped, with the Python."""
    ran = omni("rehearse", "--only", "pythons-work", "--format", "json", cwd=case(name))
    outcome = ran.outcome("pythons-work")
    assert ran.code == code, outcome
    assert ("No module named 'tomllib'" in str(outcome)) == bool(code)
    assert str(other) in str(outcome)
