"""pip is run again only where the versions, or what looks at its environment, have changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.core.cache import OutcomeCache
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Outcome, Release, Status
from omni_release.core.world import World
from omni_release.environments import installers
from omni_release.environments.inputs import of_resolved
from omni_release.environments.steps import InstallWithPip


@pytest.fixture
def keeping(world: World, release: Release, tmp_path: Path) -> World:
    """A world that keeps outcomes, and a run that knows what would be installed."""
    release.work_dir.mkdir()
    installers.resolved_release(release).write_text("httpx==0.28 --hash=sha256:00\n")
    return replace(world, outcomes=OutcomeCache(tmp_path / "kept", "20261126-115800-000", LocalFiles()))


def keep(release: Release, world: World, *tasks: str) -> None:
    """Keep that these tasks have passed for what would be installed now."""
    found = of_resolved(release, world)
    assert found is not None and world.outcomes is not None
    for task in tasks:
        world.outcomes.keep(Outcome(task, "Works", "check", Status.PASSED), found)


@pytest.mark.parametrize("kept", [(), ("works-with-pip",), ("pip-check",)])
def test_environment_is_needed(release: Release, keeping: World, tmp_path: Path, kept: tuple[str, ...]) -> None:
    """Where one of the checks has to look at the environment, pip installs it."""
    keep(release, keeping, *kept)
    with pytest.raises(Inconclusive):
        list(InstallWithPip().put_back(release, keeping, tmp_path))


def test_environment_is_not_needed(release: Release, keeping: World, tmp_path: Path) -> None:
    """Where both have passed for the same versions, it is not installed; with other versions it is."""
    keep(release, keeping, *InstallWithPip.lookers)
    (note,) = InstallWithPip().put_back(release, keeping, tmp_path)
    assert not release.environment("released-pip").exists() and "released-pip" in str(note)
    installers.resolved_release(release).write_text("httpx==0.29 --hash=sha256:11\n")
    with pytest.raises(Inconclusive):
        list(InstallWithPip().put_back(release, keeping, tmp_path))


@pytest.mark.parametrize(
    ("resolved", "known"),
    [
        ("httpx==0.28 \\\n    --hash=sha256:00\nacme @ file:///run/dist/acme-1.0-py3-none-any.whl\n", True),
        ("helper @ file:///home/ada/helper\n", False),
        ("helper @ git+https://example.invalid/helper@0123\n", False),
        ("httpx==0.28\n-e file:///home/ada/helper\n", False),
        (None, False),
    ],
)
def test_requirement_without_a_hash(
    release: Release, keeping: World, monkeypatch: pytest.MonkeyPatch, resolved: str | None, *, known: bool
) -> None:
    """A requirement that comes from a folder or a repository can be another one next time."""
    release.dist.mkdir()
    (release.dist / "acme-1.0-py3-none-any.whl").touch()
    monkeypatch.setattr(installers, "resolution", lambda *_: resolved)
    installers.resolve_release(release, keeping)
    assert (of_resolved(release, keeping) is not None) == known
