"""The tests at the lower bounds of the dependencies, with the real uv."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release import project
from omni_release.core.engine import run
from omni_release.core.model import Outcome, Release, Status
from omni_release.core.tasks import Lane, check
from omni_release.core.world import World
from omni_release.testing.lower_bound_checks import lower_bounds_tested
from tests.wheels import offline, write_wheel

TODAY = datetime.date(2026, 11, 22)
TEST = "import acme, checker\nassert checker.version == 2\nassert acme.total() == 1\n"


def ended(root: Path, release: Release, world: World, bound: str, setting: str, *checker: str) -> Outcome:
    """The outcome for this requirement; `new` is in inner 2.0, and the tests require the newest checker."""
    index = root / "index"
    for version, names in (("1.0", "old"), ("2.0", "old = new")):
        write_wheel(index, "inner", version, {"inner.py": f"{names} = 1\n"})
        write_wheel(index, "checker", version, {"checker.py": f"version = {version[0]}\n"}, *checker)
    code = "import inner\n\n\ndef total():\n    return inner.new\n"
    write_wheel(release.dist, "acme", "1.0", {"acme.py": code}, f"Requires-Dist: {bound}")
    (root / "acme.py").write_text(code, encoding="utf-8")
    (root / "test_acme.py").write_text(TEST, encoding="utf-8")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "acme"\nversion = "1.0"\n[tool.omni-release]\n'
        "tests.command = 'python test_acme.py'\ntests.requirements = ['checker']\n"
        f"dependencies.lower-bounds = {setting}\n",
        encoding="utf-8",
    )
    release = replace(release, project=project.load(root))
    release.work_dir.mkdir(exist_ok=True)
    given = replace(world, environment=offline(index))
    (outcome,) = run(Lane("one", (check(lower_bounds_tested),)), release, given, today=TODAY)
    return outcome


@pytest.mark.parametrize(
    ("bound", "setting", "checker", "status", "message"),
    [
        ("inner>=2", '"tests"', (), Status.PASSED, ""),
        ("inner>=1", '"tests"', (), Status.FAILED, "at the lower bounds: `python test_acme.py` ended with exit code 1"),
        pytest.param(
            "inner>=1",
            '"tests"',
            ("Requires-Dist: inner>=2",),
            Status.INCONCLUSIVE,
            "the tests cannot be installed: ",
            marks=pytest.mark.long,
        ),
        ("inner>=3", '"tests"', (), Status.INCONCLUSIVE, "uv finds no versions at the lower bounds"),
        ("inner>=1", "true", (), Status.SKIPPED, "is not set"),
    ],
)
def test_lower_bounds(
    bound: str,
    setting: str,
    checker: tuple[str, ...],
    status: Status,
    message: str,
    tmp_path: Path,
    release: Release,
    world: World,
) -> None:
    """The tests run with the lowest version of each direct dependency, and the newest of what they need themselves."""
    outcome = ended(tmp_path, release, world, bound, setting, *checker)
    assert outcome.status is status, outcome
    assert message in "\n".join(finding.message for finding in outcome.findings)
