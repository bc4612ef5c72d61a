"""Actions as a dry run shows them."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path, PurePosixPath

from omni_release.core.actions import Copy, Move, Pin, Run, Write, planned
from omni_release.core.model import Release


def test_run_that_does_not_exist(release: Release, tmp_path: Path) -> None:
    """Its folder is called RUN, and its work directory is outside of the checkout, as that of a real run."""
    folder = tmp_path / ".omni-release" / "runs" / "none"
    missing = dataclasses.replace(release, folder=folder, work_dir=folder / "work-dir")
    work = Path(tempfile.gettempdir(), "omni-release-RUN")
    actions = (
        Copy(tmp_path, missing.source, (PurePosixPath("a.py"),)),
        Write(folder / "files.json", b"{}"),
        Pin(missing.dist, missing.copied_tree, None),
        Run(("build", str(missing.source), str(tmp_path)), tmp_path, {}, folder / "a.log", 1.0),
    )
    run = Path(".omni-release", "runs", "RUN")
    assert [text.replace(f"{tmp_path}/", "") for text in planned(actions, missing)] == [
        text.replace(f"{tmp_path}/", "")
        for text in (
            f"copy 1 file of . to {work / 'source'}",
            f"write {run / 'files.json'} (2 bytes)",
            f"pin the files in {run / 'dist'} by their sha256",
            f"run build {work / 'source'} .",
        )
    ]


def test_run_that_exists(release: Release, tmp_path: Path) -> None:
    """Its folders are named as they are; what is elsewhere has its whole path."""
    release.folder.mkdir()
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-other")
    actions = (Move(tmp_path / "dist" / "a", release.folder / "a"), Move(elsewhere, elsewhere / "b"))
    assert planned(actions, release) == (
        f"move {Path('dist', 'a')} to {Path('run', 'a')}",
        f"move {elsewhere} to {elsewhere / 'b'}",
    )
