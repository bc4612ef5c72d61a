"""The check of response models: skipped, inconclusive, failed and passed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from omni_release import project
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.core.errors import Inconclusive, NotApplicable, UsageError
from omni_release.core.journal import RunFolder
from omni_release.core.model import Finding, Release
from omni_release.core.world import World
from omni_release.smoke.schema_checks import response_models
from tests.conftest import CASES

MODEL = '[[tool.omni-release.smoke.model]]\npath = "{path}"\nclass = "{cls}"\n'
PART = "candidates.*.content.parts.*"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The real world, without credentials."""
    files, processes = LocalFiles(), LocalProcesses(str)
    index = Rehearsal(tmp_path / "index", "acme")
    yield World(processes, files, SystemClock(), index, RunFolder(tmp_path / "run", files), os.environ)
    processes.close()


def release(root: Path, *cassettes: str, path: str = PART, cls: str = "omni_release.images.model:Part") -> Release:
    """A project with recordings of the case, whose candidate environment is our own."""
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "acme"\n{MODEL.format(path=path, cls=cls) if cls else ""}', encoding="utf-8"
    )
    (root / "cassettes").mkdir()
    for name in cassettes:
        shutil.copy(CASES / "broken-feature" / "cassettes" / name, root / "cassettes")
    (root / "environments").mkdir()
    (root / "environments" / "candidate").symlink_to(sys.prefix, target_is_directory=True)
    return Release(project.load(root), "1.0", "rehearsal", None, root, root, PurePosixPath())


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")


def findings(release: Release, world: World) -> list[Finding]:
    """The findings of the check."""
    return list(response_models(release, world))


def test_without_a_class(tmp_path: Path, world: World) -> None:
    """It is skipped."""
    with pytest.raises(NotApplicable, match="name no class"):
        findings(release(tmp_path, cls=""), world)


def test_without_a_recording(tmp_path: Path, world: World) -> None:
    """It is inconclusive; an invalid recording is reported by name."""
    empty = release(tmp_path)
    with pytest.raises(Inconclusive, match="no response is recorded in cassettes/"):
        findings(empty, world)
    (tmp_path / "cassettes" / "a.yaml").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=r"a\.yaml:1: neither a cassette nor a body"):
        findings(empty, world)


def test_kind_of_call_without_recording(tmp_path: Path, world: World) -> None:
    """It is inconclusive: a response to generate proves nothing about refine."""
    with pytest.raises(Inconclusive, match="no response to a `refine` call is recorded"):
        findings(release(tmp_path, "generate.yaml", path="candidates.*", cls="google.genai.types:Candidate"), world)


def test_wrong_path(tmp_path: Path, world: World) -> None:
    """A class that was never filled is inconclusive."""
    with pytest.raises(Inconclusive, match=r"no recorded response has a value at `candidates\.\*\.nowhere`"):
        findings(release(tmp_path, "generate.yaml", "refine.yaml", path="candidates.*.nowhere"), world)


def test_missing_class(tmp_path: Path, world: World) -> None:
    """It is reported at the line of its setting."""
    (finding,) = findings(release(tmp_path, "generate.yaml", "refine.yaml", cls="acme.nowhere:Part"), world)
    assert (finding.rule, finding.path, finding.line) == ("response-class", "pyproject.toml", 5)
    assert "acme.nowhere:Part cannot be imported: ModuleNotFoundError" in finding.message


def test_correct_class(tmp_path: Path, world: World) -> None:
    """A class of the SDK is filled from both kinds of calls."""
    (finding,) = findings(
        release(tmp_path, "generate.yaml", "refine.yaml", path="candidates.*", cls="google.genai.types:Candidate"),
        world,
    )
    assert finding.message.startswith("1 class filled 2 times (google-genai")
