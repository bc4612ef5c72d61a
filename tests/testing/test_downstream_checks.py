"""Packages that require the release, with the real uv, and an index of files."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release import project
from omni_release.core.engine import run
from omni_release.core.model import Outcome, Release, Status
from omni_release.core.tasks import Lane, check
from omni_release.core.world import World
from omni_release.testing.downstream_checks import _program, downstream_inputs, downstream_works
from tests.conftest import child_environment, git, omni
from tests.index.support import pypi_server
from tests.wheels import offline, write_wheel

TODAY = datetime.date(2026, 11, 22)
CODE = {"1.0": "old = kept = 1\n", "2.0": "kept = 2\n"}
DEPENDENTS = {
    "sound": ("from acme import kept\n", "acme"),
    "uses_old": ("from acme import old\n", "acme"),
    "broken": ("import nowhere\n", "acme"),
    "pins": ("from acme import old\n", "acme<2"),
    "alone": ("", ""),
    "by_command": ("import sys\n\ndef work():\n    import acme\n    sys.exit(acme.kept - 1)\n", "acme"),
}


def prepared(
    root: Path, release: Release, world: World, *tables: str, code: str = CODE["2.0"]
) -> tuple[Release, World]:
    """acme 2.0, which has lost a name, and the world with an index that has acme 1.0 and its dependents."""
    index = root / "index"
    write_wheel(index, "acme", "1.0", {"acme.py": CODE["1.0"]})
    for name, (module, required) in DEPENDENTS.items():
        headers = (f"Requires-Dist: {required}",) if required else ()
        write_wheel(index, name, "3.0", {f"{name}.py": module}, *headers)
    write_wheel(release.dist, "acme", "2.0", {"acme.py": code})
    (root / "acme.py").write_text(code, encoding="utf-8")
    text = "".join(f"[[tool.omni-release.downstream]]\n{table}\n" for table in tables)
    (root / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "2.0"\n{text}', encoding="utf-8")
    release.work_dir.mkdir(exist_ok=True)
    return replace(release, project=project.load(root)), replace(world, environment=offline(index))


def ended(root: Path, release: Release, world: World, *tables: str) -> Outcome:
    """The outcome of the check for these dependents."""
    (outcome,) = run(Lane("one", (check(downstream_works),)), *prepared(root, release, world, *tables), today=TODAY)
    return outcome


@pytest.mark.parametrize(
    ("table", "status", "rule", "message"),
    [
        ('name = "sound"', Status.PASSED, "", ""),
        (
            'name = "uses-old"',
            Status.FAILED,
            "downstream-broken",
            "`import uses_old` fails: ImportError: cannot import name 'old' from 'acme'",
        ),
        ('name = "broken"', Status.PASSED, "downstream-broken-before", "No module named 'nowhere'"),
        pytest.param(
            'name = "pins"', Status.PASSED, "downstream-excludes", "its users keep acme==1.0", marks=pytest.mark.long
        ),
        pytest.param(
            'name = "alone"',
            Status.INCONCLUSIVE,
            "",
            "alone does not require acme, so that it shows nothing",
            marks=pytest.mark.long,
        ),
        pytest.param(
            'name = "absent"',
            Status.INCONCLUSIVE,
            "",
            "cannot be installed with the last release: absent was not found",
            marks=pytest.mark.long,
        ),
        (
            'name = "by_command"\ncommand = \'python -c "import by_command; by_command.work()"\'',
            Status.FAILED,
            "downstream-broken",
            "of by_command ended with exit code 1",
        ),
        ('name = "sound"\nsource = "../nowhere"', Status.INCONCLUSIVE, "", "there is no folder"),
    ],
)
def test_downstream(
    table: str, status: Status, rule: str, message: str, tmp_path: Path, release: Release, world: World
) -> None:
    """Only what the release breaks is an error, with the dependent's own message."""
    outcome = ended(tmp_path, release, world, table)
    assert outcome.status is status, outcome
    assert [f.rule for f in outcome.findings if "/" in f.rule] == [f"downstream-works/{rule}"] * bool(rule)
    assert message in "\n".join(finding.message for finding in outcome.findings)


@pytest.mark.skipif(sys.platform == "win32", reason="scripts with a shebang")
@pytest.mark.parametrize(
    ("name", "start", "used"),
    [
        ("own", "#!/usr/bin/python3\n", "environment/own"),
        ("pytest", "#!/usr/bin/python3.12\n", None),
        ("long", '#!/bin/sh\n\'\'\'exec\' "/a b/python" "$0" "$@"\n', None),
        ("shim", '#!/usr/bin/env bash\nset -e\n[ -n "$PYENV_DEBUG" ] && set -x\n', None),
        ("make", "\x7fELF", "machine/make"),
        ("run", "#!/bin/bash\n", "machine/run"),
        ("absent", "", None),
        ("./run", "", "./run"),
    ],
)
def test_program(name: str, start: str, used: str | None, tmp_path: Path) -> None:
    """A Python program comes from the environment, which has the wheel; another one may come from the machine."""
    environment, machine = tmp_path / "environment", tmp_path / "machine"
    for folder in (environment, machine):
        folder.mkdir()
    for folder in (machine, *([environment] if name == "own" else [])) if start else ():
        (folder / name).write_text(start, encoding="utf-8")
        (folder / name).chmod(0o755)
    found = _program(name, environment, f"{environment}{os.pathsep}{machine}")
    assert found == (used if used is None or used.startswith(".") else str(tmp_path / used))


def test_command_without_result(tmp_path: Path, release: Release, world: World) -> None:
    """A command that does not end in time, or that is not installed, says nothing about the release."""
    slow = 'name = "sound"\ncommand = \'python -c "import time; time.sleep(60)"\'\ntimeout = 0.3'
    outcome = ended(tmp_path, release, world, slow, 'name = "uses-old"\ncommand = "acme-absent"')
    assert outcome.status is Status.INCONCLUSIVE, outcome
    message = "\n".join(finding.message for finding in outcome.findings)
    assert "of sound did not end within 0.3 s" in message
    assert "uses-old: its environment has no `acme-absent`" in message


def test_without_setting(tmp_path: Path, release: Release, world: World) -> None:
    """Without a dependent nothing is installed."""
    outcome = ended(tmp_path, release, world)
    assert (outcome.status, list(release.work_dir.iterdir())) == (Status.SKIPPED, [])


def checkout(root: Path) -> None:
    """A repository of a package that is called as its folder, and that uses `old` of acme in a program."""
    name = root.name
    backend = f"def build_wheel(folder, *_):\n    import shutil\n    name = '{name}-1.0-py3-none-any.whl'\n"
    backend += "    shutil.copy(f'wheels/{name}', folder)\n    return name\n"
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    write_wheel(root / "wheels", name, "1.0", {f"{name}.py": ""}, "Requires-Dist: acme")
    files = {
        "backend.py": backend,
        "check.py": "import acme\nopen('written', 'w').close()\nassert acme.old == 1\n",
        "pyproject.toml": f'{build}[project]\nname = "{name}"\nversion = "1.0"\ndependencies = ["acme"]\n',
    }
    for file, content in files.items():
        (root / file).write_text(content, encoding="utf-8")
    git("init", "--quiet", "--initial-branch=main", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=start", cwd=root)


@pytest.mark.parametrize("source", ["../web", pytest.param("file://{}", marks=pytest.mark.long)])
def test_sources(source: str, tmp_path: Path, release: Release, world: World) -> None:
    """The command runs in a copy of a folder, or of a repository; what it writes is not in the original."""
    root, web = tmp_path / "acme", tmp_path / "web"
    checkout(web)
    root.mkdir()
    table = f'name = "web"\nsource = "{source.format(web)}"\ncommand = "python check.py"'
    outcome = ended(root, release, world, table)
    assert outcome.status is Status.FAILED, outcome.findings
    assert (
        "AttributeError: module 'acme' has no attribute 'old'\nIt works with acme==1.0" in outcome.findings[0].message
    )
    assert not (web / "written").exists()


def test_inputs(tmp_path: Path, release: Release, world: World) -> None:
    """The key changes with the wheel; there is none where a command runs."""
    asked = prepared(tmp_path, release, world, 'name = "sound"')
    first = downstream_inputs(*asked)
    assert first is not None
    assert downstream_inputs(*asked) == first
    assert downstream_inputs(*prepared(tmp_path, release, world, 'name = "sound"', code="kept = 3\n")) != first
    with_command = ('name = "sound"\ncommand = "true"',)
    assert downstream_inputs(*prepared(tmp_path, release, world, *with_command)) is None


MATRIX = {
    "sound": ('name = "sound"', ""),
    "uses-old": ('name = "uses-old"', "cannot import name 'old' from 'acme'"),
    "broken": ('name = "broken"', "broken was broken before this release: `import broken` fails: ModuleNotFoundError"),
    "pins": ('name = "pins"', "its users keep acme==1.0"),
    "slow": ('name = "slow"\ntimeout = 1', "`import slow` did not end in time: raise its `timeout`"),
    "alone": ('name = "alone"\nextras = ["more"]', ""),
    "folder": (
        'name = "folder"\nsource = "../folder"\ncommand = "python check.py"',
        "`python check.py` of folder ended with exit code 1: AttributeError: module 'acme' has no attribute 'old'",
    ),
    "cloned": (
        'name = "cloned"\nsource = "git+{url}@main"\ncommand = "python check.py"',
        "`python check.py` of cloned ended with exit code 1: AttributeError: module 'acme' has no attribute 'old'",
    ),
}
"""Dependents of all kinds: their settings, and what is said of them."""


@pytest.mark.long
def test_server(tmp_path: Path, release: Release, world: World) -> None:
    """Against a real server that has the last release: each dependent's own error, side by side with the others."""
    root = tmp_path / "acme"
    root.mkdir()
    for name in ("folder", "cloned"):
        checkout(tmp_path / name)
    with pypi_server(tmp_path) as url:
        tables = [table.format(url=(tmp_path / "cloned").as_uri()) for table, _ in MATRIX.values()]
        asked, given = prepared(root, release, world, *tables)
        for wheel in (root / "index").iterdir():
            wheel.rename(tmp_path / "packages" / wheel.name)
        slow = "import acme, time\ntime.sleep(60)\n"
        write_wheel(tmp_path / "packages", "slow", "3.0", {"slow.py": slow}, "Requires-Dist: acme")
        more = ("Provides-Extra: more", "Requires-Dist: acme; extra == 'more'")
        write_wheel(tmp_path / "packages", "alone", "4.0", {"alone.py": "import acme\n"}, *more)
        kept = {key: value for key, value in given.environment.items() if not key.startswith(("PIP_", "UV_"))}
        given = replace(given, environment=kept | {"UV_DEFAULT_INDEX": f"{url}/simple/"})
        (outcome,) = run(Lane("one", (check(downstream_works),)), asked, given, today=TODAY)
    said = "\n".join(finding.message for finding in outcome.findings)
    assert outcome.status is Status.FAILED
    for name, (_, message) in MATRIX.items():
        assert message in said if message else name not in said.replace("folder", "").replace(str(tmp_path), ""), said
    rules = sorted(finding.rule.partition("/")[2] for finding in outcome.findings if "/" in finding.rule)
    assert rules == [*["downstream-broken"] * 3, "downstream-broken-before", "downstream-excludes"]


@pytest.mark.long
@pytest.mark.rehearsal
@pytest.mark.parametrize(("name", "code"), [("dependents", 0), ("broken/dependents", 1)])
def test_cases(name: str, code: int, tmp_path: Path, case: Callable[[str], Path]) -> None:
    """A release that has lost a function is stopped with the error of the package that uses it; a pass is kept."""
    with pypi_server(tmp_path) as url:
        index = tmp_path / "packages"
        write_wheel(index, "acme_base", "1.0", {"acme_base.py": "def half(number): ...\n"})
        headers = ("Requires-Dist: acme-base",)
        write_wheel(index, "acme_web", "1.0", {"acme_web.py": "from acme_base import half\n"}, *headers)
        root, environment = case(name), child_environment(UV_INDEX=f"{url}/simple/")
        rehearsal = ("rehearse", "--only", "downstream-works", "--format", "json", "--cache")
        ran, again = (omni(*rehearsal, cwd=root, environment=environment) for _ in range(2))
        outcome = ran.outcome("downstream-works")
        assert (ran.code, again.code) == (code, code), outcome
        assert ("cannot import name 'half' from 'acme_base'" in str(outcome)) == bool(code)
        assert ("It works with acme_base==1.0" in str(outcome)) == bool(code)
        assert bool(again.outcome("downstream-works").get("cached")) != bool(code)
        write_wheel(index, "acme_web", "1.1", {"acme_web.py": "import nowhere\n"}, *headers)
        newer = omni(*rehearsal, cwd=root, environment=environment).outcome("downstream-works")
        assert "acme-web was broken before this release" in str(newer)
