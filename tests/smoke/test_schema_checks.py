"""When the classes that the settings name cannot be filled, and what is said then."""

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
    """The real one."""
    files, processes = LocalFiles(), LocalProcesses(str)
    index = Rehearsal(tmp_path / "index", "acme")
    yield World(processes, files, SystemClock(), index, RunFolder(tmp_path / "run", files), os.environ)
    processes.close()


def release(root: Path, *cassettes: str, path: str = PART, cls: str = "omni_release.images.model:Part") -> Release:
    """A project with recordings of the case, in whose candidate environment lies what lies in ours."""
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "acme"\n{MODEL.format(path=path, cls=cls) if cls else ""}', encoding="utf-8"
    )
    (root / "cassettes").mkdir()
    for name in cassettes:
        shutil.copy(CASES / "broken-feature" / "cassettes" / name, root / "cassettes")
    (root / "environments").mkdir()
    (root / "environments" / "candidate").symlink_to(sys.prefix, target_is_directory=True)
    return Release(project.load(root), "1.0", "rehearsal", None, root, root, PurePosixPath())


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")


def said(about: Release, world: World) -> list[Finding]:
    """What is found."""
    return list(response_models(about, world))


def test_without_a_class_there_is_nothing_to_fill(tmp_path: Path, world: World) -> None:
    """It is skipped."""
    with pytest.raises(NotApplicable, match="name no class"):
        said(release(tmp_path, cls=""), world)


def test_without_a_recording_nothing_is_known(tmp_path: Path, world: World) -> None:
    """It is inconclusive, and says what to do; a recording that is none is told by name."""
    about = release(tmp_path)
    with pytest.raises(Inconclusive, match="no answer is recorded in cassettes/"):
        said(about, world)
    (tmp_path / "cassettes" / "a.yaml").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=r"a\.yaml:1: this is neither a cassette nor a body"):
        said(about, world)


def test_a_kind_of_call_that_is_not_recorded(tmp_path: Path, world: World) -> None:
    """What holds for generate says nothing of refine."""
    with pytest.raises(Inconclusive, match="`refine` is recorded"):
        said(release(tmp_path, "generate.yaml", path="candidates.*", cls="google.genai.types:Candidate"), world)


def test_a_path_that_leads_nowhere(tmp_path: Path, world: World) -> None:
    """A class that was never filled has not passed."""
    with pytest.raises(Inconclusive, match=r"nothing stands at `candidates\.\*\.nowhere`"):
        said(release(tmp_path, "generate.yaml", "refine.yaml", path="candidates.*.nowhere"), world)


def test_a_class_that_is_not_there(tmp_path: Path, world: World) -> None:
    """It is told at its setting's own line."""
    (found,) = said(release(tmp_path, "generate.yaml", "refine.yaml", cls="acme.nowhere:Part"), world)
    assert (found.rule, found.path, found.line) == ("response-class", "pyproject.toml", 5)
    assert "acme.nowhere:Part cannot be imported: ModuleNotFoundError" in found.message


def test_a_class_that_holds(tmp_path: Path, world: World) -> None:
    """The SDK's own, filled from both kinds of calls."""
    (found,) = said(
        release(tmp_path, "generate.yaml", "refine.yaml", path="candidates.*", cls="google.genai.types:Candidate"),
        world,
    )
    assert found.message.startswith("1 class filled 2 times (google-genai")
