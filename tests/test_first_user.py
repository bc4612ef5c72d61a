"""The first user's own releases: what a rehearsal prints of them is short, and what to do first is first."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_release.core.errors import Inconclusive
from tests.compatibility import packages
from tests.compatibility.checkout import prepare
from tests.conftest import Ran, child_environment, git, omni

LINES = 60
DRIFT, HOLLOW = "versions-agree/version-drift", "distributions-match/hollow-wheel"
RETIRED, ABANDONED = "retired-models/model-shut-down", "abandoned-packages/deprecated-import"

# First what blocks the publish or explains other findings (in the order of the lane), then the others in that order:
# one command ends a drift, and everything that is built carries it; the hollow wheel explains three other checks.
RELEASES = {
    "1.2.0": (
        "86cfdb7fec473513c21f241b17360827773cb6217963dcfd15cbccfcc29368f4",
        [DRIFT, HOLLOW, RETIRED, ABANDONED],
        "omni-release version sync, then fix the other 3 problems",
    ),
    "1.14.0": (
        "24fb0d4057d23f030f60dd620c4ac95dfaf5a6b4627a94c045ee90ffa7506a45",
        [HOLLOW, RETIRED],
        "fix the 2 problems, then run omni-release rehearse",
    ),
}


def rules(ran: Ran) -> list[str]:
    """The rules of the numbered problems, in order."""
    return re.findall(r"^  \d+  ([\w/-]+)", ran.out, re.MULTILINE)


def shown(root: Path, lane: str, width: int) -> Ran:
    """What a lane prints at this width."""
    return omni(lane, cwd=root, environment=child_environment(COLUMNS=str(width)))


@pytest.mark.long
@pytest.mark.rehearsal
@pytest.mark.parametrize("version", RELEASES)
def test_published_releases(version: str, tmp_path: Path) -> None:
    """The sdist of the index, its package moved back below src/: at most 60 lines, also 80 columns wide."""
    sha256, expected, next_step = RELEASES[version]
    package = dataclasses.replace(packages()[0], name="omni_cortex", version=version, sha256=sha256)
    root = tmp_path / "checkout"
    try:
        prepare(package, root, sdists=tmp_path, checkouts=None)
    except Inconclusive as error:
        pytest.skip(f"the index cannot be reached: {error.message}")
    except ValueError:
        pytest.skip("the index does not have this sdist")
    (root / "src").mkdir()
    shutil.move(root / "omni_cortex", root / "src")
    git("tag", "--delete", f"v{version}", cwd=root)  # the project has none
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--amend", "--no-edit", cwd=root)
    for width in (100, 80):
        ran = shown(root, "rehearse", width)
        assert rules(ran) == expected
        assert len(ran.out.splitlines()) <= LINES, ran.out
        assert f"  Next    {next_step}\n" in ran.out


@pytest.mark.parametrize("width", [80, 100])
def test_case(width: int, case: Callable[[str], Path]) -> None:
    """A project with the bugs of those releases, in the gate: short at both widths, each rule once."""
    ran = shown(case("broken-feature"), "gate", width)
    found = rules(ran)
    assert (found[0], len(found)) == (RETIRED, len(set(found)))
    assert len(ran.out.splitlines()) <= LINES, ran.out
    assert max(map(len, ran.out.splitlines())) <= width


@pytest.mark.long
@pytest.mark.rehearsal
@pytest.mark.parametrize(
    "name", ["hollow-prefix", "hollow-python-m-pytest", "hollow-pythonpath", "hollow-tests-package"]
)
def test_a_hollow_wheel_is_one_problem(name: str, case: Callable[[str], Path]) -> None:
    """What a wheel without its modules makes fail is no problem of its own: files, tests, responses."""
    ran = shown(case(f"broken/{name}"), "rehearse", 100)
    assert rules(ran) == [HOLLOW], ran.out
