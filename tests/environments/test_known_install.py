"""The release is installed again only where the versions, or what looks at the environment, have changed."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release import lanes
from omni_release.adapters.files import LocalFiles
from omni_release.core.cache import OutcomeCache
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Outcome, Release, Status
from omni_release.core.world import World
from omni_release.environments import installers
from omni_release.environments.inputs import of_resolved
from omni_release.environments.steps import InstallWithPip, InstallWithUv
from tests.wheels import write_wheel

both = pytest.mark.parametrize("body", [InstallWithUv(), InstallWithPip()], ids=["uv", "pip"])
Install = InstallWithUv | InstallWithPip


@pytest.fixture
def keeping(world: World, release: Release, tmp_path: Path) -> World:
    """A world that keeps outcomes, and a run that knows what would be installed."""
    release.temporary.mkdir(parents=True)
    write_wheel(release.dist, "acme", "1.0", {"acme.py": ""})
    installers.resolved_release(release).write_text("httpx==0.28 --hash=sha256:00\n")
    return replace(world, outcomes=OutcomeCache(tmp_path / "kept", "20261126-115800-000", LocalFiles()))


def keep(release: Release, world: World, body: Install, *tasks: str) -> None:
    """Keep that these tasks have passed for what would be installed now."""
    found = of_resolved(release, world, body.name)
    assert found is not None and world.outcomes is not None
    for task in tasks:
        world.outcomes.keep(Outcome(task, "Works", "check", Status.PASSED), found)


@both
def test_environment_is_needed(release: Release, keeping: World, tmp_path: Path, body: Install) -> None:
    """Where one of the checks has to look at the environment, the release is installed."""
    for task in body.lookers:
        with pytest.raises(Inconclusive):
            list(body.put_back(release, keeping, tmp_path))
        keep(release, keeping, body, task)
    assert list(body.put_back(release, keeping, tmp_path))


@both
def test_environment_is_not_needed(release: Release, keeping: World, tmp_path: Path, body: Install) -> None:
    """Where all have passed for the same versions, it is not installed; with other versions it is."""
    keep(release, keeping, body, *body.lookers)
    (note,) = body.put_back(release, keeping, tmp_path)
    assert not release.environment(body.name).exists() and body.name in str(note)
    installers.resolved_release(release).write_text("httpx==0.29 --hash=sha256:11\n")
    with pytest.raises(Inconclusive):
        list(body.put_back(release, keeping, tmp_path))


@pytest.mark.parametrize("setting", ["commands", "vulnerabilities", "extras"])
def test_task_that_always_looks(release: Release, keeping: World, tmp_path: Path, setting: str) -> None:
    """A task whose outcome is not used again for the same versions needs what uv installs."""
    body, settings = InstallWithUv(), release.project.settings
    if setting == "extras":
        write_wheel(release.dist, "acme", "1.0", {"acme.py": ""}, "Provides-Extra: fast")
    else:
        verify = settings.verify._replace(commands=(("acme",),)) if setting == "commands" else settings.verify
        dependencies = settings.dependencies._replace(vulnerabilities=setting == "vulnerabilities")
        changed = replace(settings, verify=verify, dependencies=dependencies)
        release = replace(release, project=replace(release.project, settings=changed))
    keep(release, keeping, body, *body.lookers)
    with pytest.raises(Inconclusive):
        list(body.put_back(release, keeping, tmp_path))


def test_all_that_look_are_known() -> None:
    """Each task that needs an installed environment is one that the step knows: else it would find none."""
    tasks = lanes.rehearse().tasks
    always = {"verify-commands", "vulnerabilities", "extras-import"}
    for step, known in (
        ("install-with-uv", {*InstallWithUv.lookers, *always}),
        ("install-with-pip", {*InstallWithPip.lookers}),
    ):
        assert {task.id for task in tasks if step in task.needs} == known


def test_resolved_once(release: Release, keeping: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both installers use one resolution, also side by side."""
    asked: list[str] = []

    def resolution(*arguments: object) -> str:
        asked.append(str(arguments[2]))
        return "httpx==0.28 --hash=sha256:00\n"

    monkeypatch.setattr(installers, "resolution", resolution)
    installers.resolved_release(release).unlink()
    workers = [threading.Thread(target=installers.resolve_release, args=(release, keeping)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert asked == ["released-requirements"]


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
    monkeypatch.setattr(installers, "resolution", lambda *_: resolved)
    installers.resolved_release(release).unlink()
    installers.resolve_release(release, keeping)
    assert (of_resolved(release, keeping, "released-pip") is not None) == known
