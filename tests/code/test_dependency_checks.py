"""Lower bounds, with the real uv, and vulnerabilities, with incomplete reports of pip-audit."""

from __future__ import annotations

import datetime
import io
import json
import os
import subprocess
import sys
import tarfile
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
from tests.wheels import offline, write_wheel

UNCHECKED = {"name": "inner", "skip_reason": "Dependency not found on PyPI"}
OWN = {"name": "Acme", "skip_reason": "Dependency not found on PyPI"}
VULNERABLE = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-0", "fix_versions": ["1.1"]}]}


@dataclass(frozen=True)
class PipAudit:
    """Replaces pip-audit, which needs a network, and writes the given report."""

    entries: tuple[dict[str, Any], ...]

    def run(self, command: Run) -> Completed:
        """Write the report to pip-audit's output file."""
        out = Path(command.argv[command.argv.index("--output") + 1])
        out.write_text(json.dumps({"dependencies": self.entries}), encoding="utf-8")
        return Completed(0, (), 0.1)


def outcome(release: Release, world: World, *entries: dict[str, Any]) -> Outcome:
    """The outcome of the check with these entries in pip-audit's report."""
    settings = replace(release.project.settings, dependencies=Dependencies(vulnerabilities=True))
    release = replace(release, project=replace(release.project, settings=settings))
    release.work_dir.mkdir(exist_ok=True)
    asked = replace(world, processes=PipAudit(entries))  # type: ignore[arg-type]  # as much of them as is used

    (ended,) = run(Lane("one", (check(vulnerabilities),)), release, asked, today=datetime.date(2026, 11, 22))
    return ended


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ((), Status.PASSED),
        ((OWN,), Status.PASSED),
        ((UNCHECKED,), Status.INCONCLUSIVE),
        ((UNCHECKED, VULNERABLE), Status.FAILED),
        ((VULNERABLE,), Status.FAILED),
    ],
)
def test_unchecked_dependencies(
    entries: tuple[dict[str, Any], ...], status: Status, release: Release, world: World
) -> None:
    """A dependency that pip-audit skipped makes the check inconclusive; a vulnerability fails it all the same."""
    ended = outcome(release, world, *entries)
    assert ended.status is status, ended
    assert ("inner: Dependency not found" in str(ended.findings)) == (UNCHECKED in entries)


TODAY = datetime.date(2026, 11, 22)


def at_lower_bounds(requirement: str, root: Path, release: Release, world: World, *, setting: bool = True) -> Outcome:
    """The outcome for a release with this requirement; the index has inner 1.0 and 2.0, and only 2.0 has `new`."""
    index = root / "index"
    write_wheel(index, "inner", "1.0", {"inner.py": "old = 1\n"})
    write_wheel(index, "inner", "2.0", {"inner.py": "old = new = 1\n"})
    headers = (f"Requires-Dist: {requirement}", "Requires-Dist: nowhere; extra == 'x'")
    write_wheel(release.dist, "acme", "1.0", {"acme.py": "from inner import new\n"}, *headers)
    listed = "[tool.omni-release.dependencies]\nlower-bounds = true\n" if setting else ""
    (root / "acme.py").write_text("from inner import new\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "1.0"\n{listed}', encoding="utf-8")
    release = replace(release, project=project.load(root))
    release.work_dir.mkdir(exist_ok=True)
    given = replace(world, environment=offline(index))
    (ended,) = run(Lane("one", (check(lower_bounds),)), release, given, today=TODAY)
    return ended


def test_correct_lower_bound(tmp_path: Path, release: Release, world: World) -> None:
    """The release installs and imports with the lowest version that its bounds allow."""
    ended = at_lower_bounds("inner>=2.0", tmp_path, release, world)
    assert (ended.status, ended.findings) == (Status.PASSED, ())
    assert "inner==2.0" in (release.logs / "lowest.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("requirement", "message", "detail"),
    [
        ("inner>=1.0", "`import acme` fails:", "cannot import name 'new' from 'inner'"),
        ("inner>=3.0", "the release does not install:", "inner>=3.0"),
    ],
    ids=["the import fails", "no index has it"],
)
def test_wrong_lower_bound(
    requirement: str, message: str, detail: str, tmp_path: Path, release: Release, world: World
) -> None:
    """The finding has the last output lines of Python or uv."""
    ended = at_lower_bounds(requirement, tmp_path, release, world)
    (found,) = ended.findings
    assert (ended.status, found.rule) == (Status.FAILED, "lower-bounds/lower-bound")
    assert found.message.startswith(message)
    assert detail in found.message


def test_lower_bound_that_does_not_build(tmp_path: Path, release: Release, world: World) -> None:
    """A version that has only an sdist, which this machine cannot build, says nothing about the release."""
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    stated = "Metadata-Version: 2.1\nName: inner\nVersion: 0.5\n"
    files = {"pyproject.toml": build, "backend.py": "raise OSError('no compiler')\n", "PKG-INFO": stated}
    (tmp_path / "index").mkdir()
    with tarfile.open(tmp_path / "index" / "inner-0.5.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"inner-0.5/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
    ended = at_lower_bounds("inner>=0.5", tmp_path, release, world)
    assert ended.status is Status.INCONCLUSIVE
    assert "a dependency cannot be built at its lower bound" in ended.findings[0].message


def test_lower_bounds_without_setting(tmp_path: Path, release: Release, world: World) -> None:
    """Without the setting nothing is installed."""
    assert at_lower_bounds("inner>=1.0", tmp_path, release, world, setting=False).status is Status.SKIPPED
    assert not release.environment("lowest").exists()


def audited(release: Release, world: World, outer: Mapping[str, str]) -> Outcome:
    """The outcome of the check with the interpreter's pip-audit."""
    settings = replace(release.project.settings, dependencies=Dependencies(vulnerabilities=True))
    release = replace(release, project=replace(release.project, settings=settings))
    release.work_dir.mkdir(exist_ok=True)
    environments.site_packages(release.environment("released-uv")).mkdir(parents=True, exist_ok=True)
    given = replace(world, environment=outer)
    (ended,) = run(Lane("one", (check(vulnerabilities),)), release, given, today=TODAY)
    return ended


STAND_IN = """
import json, os, sys
def value(option): return sys.argv[sys.argv.index(option) + 1]
assert os.path.isdir(value("--path")) and value("--format") == "json"
vulnerabilities = [{"id": "PYSEC-0", "fix_versions": ["1.1"]}]
with open(value("--output"), "w") as file:
    json.dump({"dependencies": [{"name": "old", "version": "1.0", "vulns": vulnerabilities}]}, file)
sys.exit(1)
"""


def test_pip_audit(tmp_path: Path, release: Release, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pip-audit the check is inconclusive; with it, its report of the environment counts."""
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
    """The real pip-audit without a network is inconclusive."""
    pytest.importorskip("pip_audit", reason="pip-audit is optional")
    site = environments.site_packages(release.environment("released-uv"))
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    info = site / "idna-3.0.dist-info"
    site.mkdir(parents=True)
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: idna\nVersion: 3.0\n", encoding="utf-8")
    ended = audited(release, world, os.environ | nowhere)
    assert ended.status is Status.INCONCLUSIVE, ended


NEW_NAMES = {
    "from inner import new": ("inner.new",),
    "import inner\n\ndef work():\n    return inner.new": ("inner.new",),
    "def work():\n    from inner import new": ("inner.new",),
    "import inner as i\n\ndef work():\n    return i.Kept.added(1)": ("inner.Kept.added",),
    "import inner\n\ndef work():\n    return inner.call(1, more=2)": ("inner.call(more=…)",),
    "from inner import Kept\n\ndef work():\n    return Kept(more=2)": ("inner.Kept(more=…)",),
    "def work():\n    import inner.added": ("inner.added",),
    "import inner.below\n\ndef work():\n    return inner.below.new, inner.below.new": ("inner.below.new",),
    "import inner\n\ndef work():\n    return inner.old, inner.call(kept=1), inner.nowhere": (),
    "import inner\n\nx = inner.new if hasattr(inner, 'new') else 1": (),
    "import inner\n\ntry:\n    x = inner.new\nexcept AttributeError:\n    x = 1": (),
    "import inner\n\nif inner.__version__ >= '2':\n    from inner import new": (),
    "try:\n    from inner import new\nexcept ImportError:\n    new = 1": (),
    "from __future__ import annotations\nimport inner\n\ndef work(x: inner.new) -> inner.new: ...": (),
    "import inner\n\ndef work(inner):\n    return inner.new": (),
    "import inner\n\ndef work(**more):\n    inner.new = inner.loose(more=1, **more)": (),
    "from inner import Model\n\ndef work():\n    return Model(more=2), Model.lazy": (),
    "import inner, stray\n\ndef work():\n    return stray.new": (),
}
OLD = "old = 1\nclass Kept:\n    def __init__(self, kept=1): ...\ndef call(kept=1): ...\ndef loose(**more): ...\n"
OLD += "class Model:\n    more: int\n    __signature__ = None\n    def __init__(self, other=1): ...\n"
OLD += "__version__ = '1'\n"
NEW = OLD.replace("kept=1", "kept=1, more=1").replace(
    "): ...\ndef call", "): ...\n    added = staticmethod(len)\ndef call"
)
NEW = NEW.replace("'1'", "'2'") + "new = 1\n"


def test_newer_than_lower_bound(tmp_path: Path, release: Release, world: World) -> None:
    """What the code uses without a test is reported if the newest version has it and the lowest one lacks it."""
    index = tmp_path / "index"
    for version, code in (("1.0", OLD), ("2.0", NEW)):
        below = {"inner/below.py": "new = 1\n"} if version == "2.0" else {"inner/below.py": ""}
        added = {"inner/added.py": ""} if version == "2.0" else {}
        write_wheel(index, "inner", version, {"inner/__init__.py": code, **below, **added}, "Requires-Dist: stray")
    write_wheel(index, "stray", "1.0", {"stray.py": "import sys\nif 'newest' in sys.prefix:\n    new = 1\n"})
    modules = {f"acme/m{number}.py": f"{code}\n" for number, code in enumerate(NEW_NAMES)}
    for name, code in {"acme/__init__.py": "", **modules}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    write_wheel(release.dist, "acme", "1.0", {"acme/__init__.py": "", **modules}, "Requires-Dist: inner>=1")
    settings = "[tool.omni-release.dependencies]\nlower-bounds = true\n"
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "1.0"\n{settings}', encoding="utf-8")
    release = replace(release, project=project.load(tmp_path))
    release.work_dir.mkdir(exist_ok=True)
    (ended,) = run(
        Lane("one", (check(lower_bounds),)), release, replace(world, environment=offline(index)), today=TODAY
    )
    assert {finding.rule for finding in ended.findings} == {"lower-bounds/newer-than-lower-bound"}, ended
    assert all("` is not in inner 1.0, the lowest version" in finding.message for finding in ended.findings)
    found = {(finding.path, finding.message.split("`")[1]) for finding in ended.findings}
    assert found == {(f"acme/m{number}.py", name) for number, names in enumerate(NEW_NAMES.values()) for name in names}
