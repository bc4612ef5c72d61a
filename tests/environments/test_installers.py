"""The requirement that pins the release by its hashes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from omni_release.core.model import Artifact, Project, Release
from omni_release.core.settings import Settings
from omni_release.environments.installers import PinnedRelease

WHEEL = Artifact("ac_me-1.0-py3-none-any.whl", 6, "ab" * 32)
SDIST = Artifact("ac_me-1.0.tar.gz", 5, "cd" * 32)


@pytest.mark.parametrize("allowed", [(WHEEL,), (SDIST, WHEEL)])
def test_pinned_release(allowed: tuple[Artifact, ...], tmp_path: Path) -> None:
    """It allows the given artifacts by their hashes, and no dependencies."""
    project = Project(tmp_path, "Ac.me", (), Settings(), {})
    release = Release(project, "1.0", "pypi", None, tmp_path, tmp_path / "w", PurePosixPath())
    pinned = PinnedRelease.of(release, "local", *allowed)
    line = pinned.requirements_file.data.decode()
    assert line == " ".join(("ac-me==1.0", *(f"--hash=sha256:{file.sha256}" for file in allowed))) + "\n"
    assert pinned.arguments == ("--no-deps", "--require-hashes", "--requirement", str(pinned.requirements_file.path))
