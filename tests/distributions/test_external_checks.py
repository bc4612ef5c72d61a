"""Checks by other tools: their findings are reported, and a tool without a verdict is inconclusive."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.core.errors import Inconclusive
from omni_release.core.journal import RunFolder
from omni_release.core.model import Package, Project, Release
from omni_release.core.settings import Settings
from omni_release.core.world import World
from omni_release.distributions import tool_checks


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The real one."""
    files, processes = LocalFiles(), LocalProcesses(str)
    index = Rehearsal(tmp_path / "index", "acme")
    yield World(processes, files, SystemClock(), index, RunFolder(tmp_path, files), {})
    processes.close()


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release of one empty wheel."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "dist" / "acme-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        archive.writestr("acme-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        listed = ("METADATA", "WHEEL", "RECORD")
        archive.writestr("acme-1.0.dist-info/RECORD", "".join(f"acme-1.0.dist-info/{name},,\n" for name in listed))
    return Release(
        Project(tmp_path, "acme", (), Settings(), {}), "1.0", "rehearsal", None, tmp_path, tmp_path, PurePosixPath()
    )


WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

CONTENTS = [
    # files in the wheel, import packages, the rules with what their messages name
    ((), (), {"W007": "", "W008": ""}),
    (("acme/__init__.py",), ("acme",), {}),
    (("build/__init__.py",), ("build",), {}),
    (("acme/__init__.py", "acme_tools/__init__.py"), ("acme", "acme_tools"), {}),
    (("acme.py",), ("acme.py",), {}),
    (("space/acme/__init__.py",), ("space/acme",), {}),
    (("acme-stubs/__init__.pyi",), ("acme-stubs",), {}),
    (("acme/data.json",), ("acme",), {}),
    (
        ("acme/__init__.py", "tests/__init__.py", "benchmarks/__init__.py"),
        ("acme",),
        {"W005": "tests/", "W009": "tests/", "of-developers": "benchmarks/"},
    ),
    (("acme/__init__.py", "demos/__init__.py"), ("acme",), {"of-developers": "demos/"}),
    (("demos/__init__.py",), ("demos",), {}),
    (("acme/__init__.py", "LICENSE"), ("acme",), {"W003": "LICENSE", "W009": "LICENSE"}),
    (("acme/__init__.py", "acme/a.pyc"), ("acme",), {"W001": "acme/a.pyc"}),
    (("acme/__init__.py", "acme/a.py", "acme/b.py"), ("acme",), {"W002": "acme/a.py, acme/b.py"}),
]


@pytest.mark.parametrize(("files", "packages", "expected"), CONTENTS)
def test_check_wheel_contents(
    files: tuple[str, ...], packages: tuple[str, ...], expected: dict[str, str], release: Release, world: World
) -> None:
    """Each rule of check-wheel-contents is the rule of a finding that names the files; own packages are none."""
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        rows = ""
        for name in files:
            content = "" if name.endswith("__init__.py") else "x = 1\n" * (1 + len(name) % 7)
            archive.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            rows += f"{name},sha256={digest},{len(content)}\n"
        archive.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        archive.writestr("acme-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("acme-1.0.dist-info/RECORD", rows + "acme-1.0.dist-info/RECORD,,\n")
    release = replace(release, project=replace(release.project, packages=tuple(map(package, packages))))
    found = {
        f.rule: f.message.partition(": ")[2].partition(": ")[2] for f in tool_checks.wheel_contents(release, world)
    }
    assert {rule: set(names.split(", ")) for rule, names in found.items()} == {
        rule: set(names.split(", ")) for rule, names in expected.items()
    }


@pytest.mark.parametrize("settings", ["", "setup.cfg"])
def test_without_pyproject(settings: str, release: Release, world: World) -> None:
    """A project that is not in pyproject.toml is looked at, with its settings in setup.cfg if it has one."""
    (release.project.root / "pyproject.toml").unlink()
    if settings:
        (release.project.root / settings).write_text("[tool:check-wheel-contents]\nignore = W007\n", encoding="utf-8")
    rules = [finding.rule for finding in tool_checks.wheel_contents(release, world)]
    assert rules == (["W008"] if settings else ["W007", "W008"])


def package(path: str) -> Package:
    """The import package at a path."""
    return Package(Path(path), path.removesuffix(".py").replace("/", "."))


def test_twine_warning(release: Release, world: World) -> None:
    """An index takes a distribution without a description: that is advice."""
    findings = tuple(tool_checks.twine_check(release, world))
    assert [finding.rule for finding in findings] == ["twine-warning"]
    assert "long_description" in findings[0].message


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("Metadata-Version: 2.3\nName: acme\nVersion: 1.0\nLicense-Expression: MIT\n", "license-expression"),
        ("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n\n.. no-such-directive::\n", "syntax errors in markup"),
        ("Metadata-Version: 2.1\nName: acme\n", "version"),
    ],
)
def test_twine_failure(metadata: str, message: str, release: Release, world: World) -> None:
    """What twine refuses is a finding in twine's words."""
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", metadata)
        archive.writestr("acme-1.0.dist-info/WHEEL", WHEEL)
    (finding,) = tool_checks.twine_check(release, world)
    assert finding.rule == "twine-check"
    assert finding.message.startswith("acme-1.0-py3-none-any.whl: ")
    assert message in finding.message


@pytest.mark.parametrize("module", ["no_such_module_anywhere", "this.is.none"])
def test_tool_that_is_not_installed(module: str, release: Release, world: World) -> None:
    """A tool that cannot be started gives no verdict: the check is inconclusive."""
    with pytest.raises(Inconclusive, match="without a verdict"):
        tool_checks._run(release, world, re.compile("failed"), module)
