"""What the packages get from the run of the workspace, and how one of them can end."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release import run
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.terminal import SectionScreen, terminal
from omni_release.core.errors import ActionFailed, Inconclusive
from omni_release.core.journal import RunFolder
from omni_release.core.model import Report
from omni_release.core.runs import Request
from omni_release.run import lane_run, workspace_rehearsal, workspace_release
from omni_release.run.workspace_session import WorkspaceRequest, WorkspaceSession, load
from omni_release.workspaces import discovery
from tests.workspaces.layouts import CORE, PLUG, UV, laid_out

CORE_WHEEL, PLUG_WHEEL = "acme_core-1.0.0-py3-none-any.whl", "acme_plug-0.3-py3-none-any.whl"
ADDRESS = "http://127.0.0.1:9/legacy/"
OWN_INDEX = f'[tool.omni-release.index.own]\nupload = "{ADDRESS}"\nsimple = "http://127.0.0.1:9/simple/"\n'


def session(root: Path, *, dry: bool = False, artifacts: Path | None = None) -> WorkspaceSession:
    """A run of a workspace of two packages; the second needs the first."""
    found = discovery.discover(laid_out(root, {"pyproject.toml": UV + OWN_INDEX, **CORE, **PLUG}))
    assert found is not None
    folder = RunFolder(root / ".omni-release" / "workspace" / "runs" / ("new" if dry else "first"), LocalFiles())
    if not dry:
        folder.path.mkdir(parents=True, exist_ok=True)
    request = WorkspaceRequest("rehearse", found, dry=dry, artifacts=artifacts)
    screen = terminal(io.StringIO(), {}, str)
    return WorkspaceSession(request, {key: load(found, key) for key in found.packages}, folder, screen, str)


class Given:
    """Notes the files that each package is rehearsed with, and rehearses none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: dict[str, list[str]] = {}
        monkeypatch.setattr(lane_run, "run_one", self)

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

    monkeypatch.setattr(lane_run, "run_one", ended)
    monkeypatch.setenv("ACME_API_KEY", "hunter2-of-plug")
    section = workspace_rehearsal.rehearse(session(tmp_path), ["acme-plug"])["acme-plug"]
    assert section.verdict == verdict
    assert section.reason and "hunter2" not in section.reason


@pytest.mark.parametrize("where", ["secrets_of", "show"])
def test_interruption(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at any moment ends the rehearsal, with a section for each package."""
    Given(monkeypatch)
    place, real = (run, run.secrets_of) if where == "secrets_of" else (SectionScreen, None)
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


def of_release(root: Path) -> WorkspaceSession:
    """A release of the two packages, both of which are rehearsed."""
    opened = session(root)
    for key in opened.projects:
        run_folder = opened.workspace.folder_of(key) / ".omni-release" / "runs" / "first"
        run_folder.mkdir(parents=True)
        RunFolder(run_folder, LocalFiles()).record("ended", lane="rehearse", whole=True, verdict="passed")
        opened.folder.record("package", name=key, run=run_folder.relative_to(root).as_posix())
    opened.request = replace(opened.request, lane="release", to="own", yes=True)
    return opened


def test_error_after_an_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the release of a package keeps the report of the others, and the command that resumes it."""

    def ended(request: Request, *_: object, **__: object) -> Report:
        if request.lane == "release" and request.project.name == "acme_plug":
            raise Inconclusive("no answer", "")
        return Report(request.lane, request.project.name, "1.0", "own", 0.0, (), (), None)

    monkeypatch.setattr(lane_run, "run_one", ended)
    opened = of_release(tmp_path)
    report = workspace_release.release(opened, tuple(opened.projects))
    assert [section.verdict for section in report.sections] == ["passed", "inconclusive"]
    assert (report.verdict, report.sections[1].reason) == ("inconclusive", "no answer")
    assert "--run first" in report.step


def test_resumed_confirmation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed release confirms and sends what is not complete alone."""
    sent: list[str] = []

    def ended(request: Request, *_: object, **__: object) -> Report:
        sent.extend([request.project.name] if request.lane == "release" else [])
        return Report(request.lane, request.project.name, "1.0", "own", 0.0, (), (), None)

    monkeypatch.setattr(lane_run, "run_one", ended)
    opened = of_release(tmp_path)
    opened.folder.record("released", name="acme-core", target="own")
    report = workspace_release.release(opened, tuple(opened.projects))
    assert (report.verdict, sent) == ("passed", ["acme_plug"])
    runs = opened.recorded_runs()
    events = {key: [event["event"] for event in RunFolder(path, LocalFiles()).events()] for key, path in runs.items()}
    assert events == {"acme-core": ["ended"], "acme-plug": ["ended", "confirmed"]}


def test_interrupted_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the checks of one package ends those of all."""
    checked: list[str] = []

    def ended(request: Request, *_: object, **__: object) -> Report:
        checked.append(request.project.name)
        return Report(request.lane, request.project.name, "1.0", "own", 0.0, (), (), None, interrupted=True)

    monkeypatch.setattr(lane_run, "run_one", ended)
    opened = of_release(tmp_path)
    report = workspace_release.release(opened, tuple(opened.projects))
    assert (report.verdict, checked) == ("interrupted", ["acme-core"])
    assert "--run first" in report.step
