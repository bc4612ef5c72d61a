"""Steps that were killed halfway are not done."""

from __future__ import annotations

import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from omni_release import environments
from omni_release.builds import CopyForCommands
from omni_release.core.actions import Link, Write
from omni_release.core.model import Release
from omni_release.core.performing import perform
from omni_release.core.world import World
from omni_release.smoke import runner
from omni_release.testing import Plugin
from omni_release.testing.steps import InstallCandidate


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_copy_for_commands(release: Release, world: World) -> None:
    """Without its links the copy is incomplete; the repeated step completes it."""
    root = release.project.root / "checkout"
    (root / "front" / "node_modules").mkdir(parents=True)
    (root / "front" / "package.json").touch()
    release = replace(release, project=replace(release.project, root=root))
    copy = CopyForCommands()
    first, *others = copy.actions(release, world)
    perform(first, world)
    assert release.commands_tree.is_dir() and copy.check_done(release, world) is None
    assert isinstance(others[0], Link)
    for action in copy.actions(release, world):
        perform(action, world)
    assert copy.check_done(release, world) == {"copy": str(release.commands_tree)}
    assert (release.commands_tree / "front" / "node_modules").is_symlink()


def test_install_candidate(release: Release, world: World) -> None:
    """The wheel alone is incomplete: the test requirements and the recorder are missing."""
    release.dist.mkdir()
    metadata = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme.py", "")
        archive.writestr("acme-1.0.dist-info/METADATA", metadata)
    installed = environments.site_packages(release.environment("candidate"))
    (installed / "acme-1.0.dist-info").mkdir(parents=True)
    (installed / "acme-1.0.dist-info" / "METADATA").write_text(metadata, encoding="utf-8")
    (installed / "acme.py").touch()
    step = InstallCandidate(lambda project, wheel: Plugin())
    assert step.check_done(release, world) is None
    *_, last = [action for action in step.actions(release, world) if isinstance(action, Write)]
    perform(last, world)
    found = step.check_done(release, world)
    assert found is not None and found["wheel"] == "acme-1.0-py3-none-any.whl"


@pytest.mark.parametrize("smoke", [True, False])
def test_plugin(smoke: bool, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' environment gets what the plugin imports, not what a release needs besides."""
    monkeypatch.setattr(runner, "has_smoke_tests", lambda _: smoke)
    found = runner.plugin(release.project, Path("acme-1.0-py3-none-any.whl"))
    names = {Requirement(line).name for line in found.requirements}
    assert names >= ({"vcrpy", "pytest-recording", "google-genai", "pillow", "msgspec", "werkzeug"} if smoke else set())
    assert not names & {"omni-release", "twine", "nox", "requests", "urllib3", "rich", "uv", "ruff"}
    assert Requirement(found.itself).name == "omni-release" if smoke else found.itself == ""
