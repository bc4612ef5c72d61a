"""What the packages of a rehearsal get from the run of the workspace, and how one of them can end."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest

from omni_release import run
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.terminal import Section, terminal
from omni_release.core.errors import ActionFailed, Inconclusive
from omni_release.core.journal import RunFolder
from omni_release.core.model import Report
from omni_release.core.runs import Request
from omni_release.run import workspace_rehearsal
from omni_release.run.workspace_session import Session, WorkspaceRequest, load
from omni_release.workspaces import discovery
from tests.workspaces.layouts import CORE, PLUG, UV, laid_out

CORE_WHEEL, PLUG_WHEEL = "acme_core-1.0.0-py3-none-any.whl", "acme_plug-0.3-py3-none-any.whl"


def session(root: Path, *, dry: bool = False, artifacts: Path | None = None) -> Session:
    """A run of a workspace of two packages; the second needs the first."""
    found = discovery.discover(laid_out(root, {"pyproject.toml": UV, **CORE, **PLUG}))
    assert found is not None
    folder = RunFolder(root / ".omni-release" / "workspace" / "runs" / ("new" if dry else "first"), LocalFiles())
    if not dry:
        folder.path.mkdir(parents=True, exist_ok=True)
    request = WorkspaceRequest("rehearse", found, dry=dry, artifacts=artifacts)
    screen = terminal(io.StringIO(), {}, str)
    return Session(request, {key: load(found, key) for key in found.packages}, folder, screen, str)


class Given:
    """Notes the files that each package is rehearsed with, and rehearses none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: dict[str, list[str]] = {}
        monkeypatch.setattr(run, "run_one", self)

    def __call__(self, request: Request, *_: object, **__: object) -> Report:
        given = request.artifacts
        self.files[request.project.name] = sorted(path.name for path in given.iterdir()) if given else []
        return Report("rehearse", request.project.name, "1.0", "rehearsal", 0.0, (), (), None)


def test_given_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each package gets its own files, also in a resumed run, when the folder may be gone; a dry run writes nothing."""
    given = laid_out(tmp_path / "given", {CORE_WHEEL: "1", PLUG_WHEEL: "2", "acme_plug-wrong.whl": "", "other.whl": ""})
    expected = {"acme-core": [CORE_WHEEL], "acme_plug": [PLUG_WHEEL, "acme_plug-wrong.whl"]}
    root, noted = tmp_path / "acme", Given(monkeypatch)
    workspace_rehearsal.rehearse(session(root, dry=True, artifacts=given), ["acme-core", "acme-plug"])
    assert set(noted.files) == set(expected)
    assert not (root / ".omni-release").exists()
    workspace_rehearsal.rehearse(session(root, artifacts=given), ["acme-core"])
    assert noted.files["acme-core"] == expected["acme-core"]
    shutil.rmtree(given)
    workspace_rehearsal.rehearse(session(root), ["acme-core", "acme-plug"])
    assert noted.files == expected


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be read is unknown about its package alone."""
    given = laid_out(tmp_path / "given", {CORE_WHEEL: "1"})
    (given / PLUG_WHEEL).mkdir()
    noted = Given(monkeypatch)
    found = workspace_rehearsal.rehearse(session(tmp_path / "acme", artifacts=given), ["acme-core", "acme-plug"])
    assert found["acme-plug"].verdict == "inconclusive"
    assert noted.files == {"acme-core": [CORE_WHEEL]}


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (Inconclusive("no answer for hunter2-of-plug", ""), "inconclusive"),
        (OSError(28, "No space left on device"), "inconclusive"),
        (ActionFailed("refused hunter2-of-plug"), "failed"),
    ],
)
def test_error(error: Exception, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error ends the run of one package; unknown is no failure, and secrets of the package are not in the report."""

    def ended(*_: object, **__: object) -> Report:
        raise error

    monkeypatch.setattr(run, "run_one", ended)
    monkeypatch.setenv("ACME_API_KEY", "hunter2-of-plug")
    section = workspace_rehearsal.rehearse(session(tmp_path), ["acme-plug"])["acme-plug"]
    assert section.verdict == verdict
    assert section.reason and "hunter2" not in section.reason


@pytest.mark.parametrize("where", ["secrets_of", "show"])
def test_interruption(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at any moment ends the rehearsal, with a section for each package."""
    Given(monkeypatch)
    place, real = (run, run.secrets_of) if where == "secrets_of" else (Section, None)
    calls: list[object] = []

    def once(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(*arguments) if real else None  # type: ignore[arg-type]  # those of the real one

    monkeypatch.setattr(place, where, once)
    opened = session(tmp_path)
    found = workspace_rehearsal.rehearse(opened, ["acme-core", "acme-plug"])
    assert opened.interrupted.is_set()
    assert {key: section.reason for key, section in found.items() if section.report is None} == dict.fromkeys(
        ["acme-core", "acme-plug"] if real else ["acme-plug"], "the run was interrupted"
    )
    assert set(found) == {"acme-core", "acme-plug"}
