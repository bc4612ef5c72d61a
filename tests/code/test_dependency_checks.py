"""The dependencies: at their lower bounds, by the real uv; and where the programs that are asked do not tell all."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from omni_release import environments, project
from omni_release.code.dependency_checks import lower_bounds, vulnerabilities
from omni_release.core.actions import Run
from omni_release.core.engine import run
from omni_release.core.model import Outcome, Release, Status
from omni_release.core.settings import Dependencies
from omni_release.core.tasks import Lane, check
from omni_release.core.world import Completed, World

UNASKED = {"name": "inner", "skip_reason": "Dependency not found on PyPI"}
OWN = {"name": "Acme", "skip_reason": "Dependency not found on PyPI"}
HOLE = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-0", "fix_versions": ["1.1"]}]}


@dataclass(frozen=True)
class PipAudit:
    """In pip-audit's place, as it would need a network: it writes the report that it is told."""

    told: tuple[dict[str, Any], ...]

    def run(self, command: Run) -> Completed:
        """Write it where pip-audit was told to."""
        out = Path(command.argv[command.argv.index("--output") + 1])
        out.write_text(json.dumps({"dependencies": self.told}), encoding="utf-8")
        return Completed(0, (), 0.1)


def outcome(release: Release, world: World, *told: dict[str, Any]) -> Outcome:
    """What comes of the check where pip-audit says this."""
    settings = replace(release.project.settings, dependencies=Dependencies(vulnerabilities=True))
    release = replace(release, project=replace(release.project, settings=settings))
    release.work_dir.mkdir(exist_ok=True)
    asked = replace(world, processes=PipAudit(told))  # type: ignore[arg-type]  # as much of them as is used

    (ended,) = run(Lane("one", (check(vulnerabilities),)), release, asked, today=datetime.date(2026, 11, 22))
    return ended


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ((), Status.PASSED),
        ((OWN,), Status.PASSED),
        ((UNASKED,), Status.INCONCLUSIVE),
        ((UNASKED, HOLE), Status.FAILED),
        ((HOLE,), Status.FAILED),
    ],
)
def test_what_pip_audit_could_not_ask(
    told: tuple[dict[str, Any], ...], status: Status, release: Release, world: World
) -> None:
    """A dependency that was not asked about is not told to be safe; a hole is one all the same."""
    ended = outcome(release, world, *told)
    assert ended.status is status, ended
    assert ("inner: Dependency not found" in str(ended.findings)) == (UNASKED in told)


TODAY = datetime.date(2026, 11, 22)


def wheel(folder: Path, name: str, version: str, code: str, *requires: str) -> None:
    """A small wheel of one module, as an index would have it."""
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in (*files, f"{info}/RECORD"))
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)


def at_lower_bounds(requirement: str, root: Path, release: Release, world: World, *, setting: bool = True) -> Outcome:
    """What comes of a release that requires this, where there are inner 1.0 and 2.0, and only the later has `new`."""
    index = root / "index"
    wheel(index, "inner", "1.0", "old = 1\n")
    wheel(index, "inner", "2.0", "old = new = 1\n")
    wheel(release.folder / "dist", "acme", "1.0", "from inner import new\n", requirement, "nowhere; extra == 'x'")
    listed = "[tool.omni-release.dependencies]\nlower-bounds = true\n" if setting else ""
    (root / "acme.py").write_text("from inner import new\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "1.0"\n{listed}', encoding="utf-8")
    release = replace(release, project=project.load(root))
    release.work_dir.mkdir(exist_ok=True)
    offline = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
    offline |= {"UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_FIND_LINKS": str(index)}
    given = replace(world, environment=offline)
    (ended,) = run(Lane("one", (check(lower_bounds),)), release, given, today=TODAY)
    return ended


def test_a_lower_bound_that_holds(tmp_path: Path, release: Release, world: World) -> None:
    """The release is installed with the lowest version that its bounds allow, and imported."""
    ended = at_lower_bounds("inner>=2.0", tmp_path, release, world)
    assert (ended.status, ended.findings) == (Status.PASSED, ())
    assert "inner==2.0" in (release.logs / "lowest.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("requirement", "said", "in_its_words"),
    [
        ("inner>=1.0", "`import acme` fails:", "cannot import name 'new' from 'inner'"),
        ("inner>=3.0", "the release does not install:", "inner>=3.0"),
    ],
    ids=["the import fails", "no index has it"],
)
def test_a_lower_bound_that_does_not_hold(
    requirement: str, said: str, in_its_words: str, tmp_path: Path, release: Release, world: World
) -> None:
    """It is told what fails, with the last lines of Python or of uv."""
    ended = at_lower_bounds(requirement, tmp_path, release, world)
    (found,) = ended.findings
    assert (ended.status, found.rule) == (Status.FAILED, "lower-bounds/lower-bound")
    assert found.message.startswith(said)
    assert in_its_words in found.message


def test_lower_bounds_are_asked_by_setting(tmp_path: Path, release: Release, world: World) -> None:
    """Without the setting nothing is installed."""
    assert at_lower_bounds("inner>=1.0", tmp_path, release, world, setting=False).status is Status.SKIPPED
    assert not release.environment("lowest").exists()


def audited(release: Release, world: World, outer: Mapping[str, str]) -> Outcome:
    """What comes of the check by whatever pip-audit the interpreter has."""
    settings = replace(release.project.settings, dependencies=Dependencies(vulnerabilities=True))
    release = replace(release, project=replace(release.project, settings=settings))
    release.work_dir.mkdir(exist_ok=True)
    environments.site_packages(release.environment("released-uv")).mkdir(parents=True, exist_ok=True)
    given = replace(world, environment=outer)
    (ended,) = run(Lane("one", (check(vulnerabilities),)), release, given, today=TODAY)
    return ended


STAND_IN = """
import json, os, sys
def told(option): return sys.argv[sys.argv.index(option) + 1]
assert os.path.isdir(told("--path")) and told("--format") == "json"
holes = [{"id": "PYSEC-0", "fix_versions": ["1.1"]}]
with open(told("--output"), "w") as file:
    json.dump({"dependencies": [{"name": "old", "version": "1.0", "vulns": holes}]}, file)
sys.exit(1)
"""


def test_pip_audit(tmp_path: Path, release: Release, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not beside omni-release nothing was found out; else it is told where to look, and believed."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setattr(sys, "executable", str(environments.python(bare)))
    missing = audited(release, world, os.environ)
    assert missing.status is Status.INCONCLUSIVE
    assert "pip-audit is not installed" in missing.findings[0].message
    package = environments.site_packages(bare) / "pip_audit"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(STAND_IN, encoding="utf-8")
    found = audited(release, world, os.environ)
    assert (found.status, found.findings[0].rule) == (Status.FAILED, "vulnerabilities/vulnerability")
    assert found.findings[0].message == "old 1.0: PYSEC-0, fixed in 1.1"


def test_pip_audit_without_a_network(release: Release, world: World) -> None:
    """The real one, where nothing answers: inconclusive, in its own words."""
    pytest.importorskip("pip_audit", reason="pip-audit is whoever's who asks for vulnerabilities")
    site = environments.site_packages(release.environment("released-uv"))
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    info = site / "idna-3.0.dist-info"
    site.mkdir(parents=True)
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: idna\nVersion: 3.0\n", encoding="utf-8")
    ended = audited(release, world, os.environ | nowhere)
    assert ended.status is Status.INCONCLUSIVE, ended
