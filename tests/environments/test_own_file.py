"""The release's own file stays installed, whatever the default index has under the same name and version."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import cast

import pytest

from omni_release import environments
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.core import engine
from omni_release.core.actions import Pin
from omni_release.core.journal import RunFolder
from omni_release.core.model import Outcome, Project, Release, Status, Target
from omni_release.core.settings import Local, Settings, Verify
from omni_release.core.tasks import Lane, Step, step
from omni_release.core.world import Index, World
from omni_release.environments.steps import InstallWithPip, InstallWithUv, UpgradeLocal
from omni_release.smoke.steps import InstallForSmoke
from omni_release.testing import Plugin
from tests.environments import support
from tests.environments.test_local import Served
from tests.index.support import bare
from tests.repositories import TODAY

CYCLE = ("acme-plug>=1", "acme[fast]>=0.5; extra == 'all'", "acme-fast; extra == 'fast'")
REPLACING = "[tool.uv.pip]\nupgrade = true\nreinstall = true\n"

pytestmark = pytest.mark.thorough

Install = Callable[..., tuple[Outcome, Path]]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """A function that runs a step for a release of acme 1.0, whose plug-in requires acme itself.

    The target index has our file of it, the default index another one.
    """
    root, folder, ours = tmp_path / "project", tmp_path / "run", tmp_path / "run" / "dist"
    processes = LocalProcesses(str)
    files = {"acme/__init__.py": "OURS = 1\n"}
    wheel = support.wheel(ours, files, requires=CYCLE)
    theirs = support.wheel(tmp_path / "theirs", {"acme/__init__.py": "OURS = 0  # not\n"}, requires=CYCLE)
    fast = support.wheel(tmp_path / "theirs", {"acme_fast.py": ""}, name="acme-fast")
    root.mkdir()
    (folder / "tree.sha256").write_text("tree", encoding="utf-8")

    def run(
        body: Step, settings: Settings, plug: str = "acme>=0.5", uv_settings: str = REPLACING
    ) -> tuple[Outcome, Path]:
        pyproject = f"{uv_settings}[dependency-groups]\ntest = ['acme[all]']\n"
        (root / "pyproject.toml").write_text(pyproject, encoding="utf-8")
        plugin = support.wheel(tmp_path / "theirs", {"acme_plug.py": ""}, name="acme-plug", requires=[plug])
        with (
            support.index(tmp_path / "target", wheel) as target,
            support.index(tmp_path / "default", theirs, plugin, fast) as default,
        ):
            metadata = {"dependency-groups": {"test": ["acme[all]"]}}
            project = Project(root, "acme", (), settings, metadata)
            release = Release(project, "1.0", "somewhere", None, folder, tmp_path / "work", PurePosixPath())
            release.work_dir.mkdir()
            journal = RunFolder(folder, LocalFiles())
            journal.pin(Pin(release.dist, folder / "tree.sha256", None))
            variables = {"UV_DEFAULT_INDEX": default, "PIP_INDEX_URL": default, "UV_CACHE_DIR": str(tmp_path / "cache")}
            index = cast(Index, Served(Target("x", simple=target)))
            world = World(processes, LocalFiles(), SystemClock(), index, journal, bare() | variables)
            (outcome,) = engine.run(Lane("one", (step(body),)), release, world, today=TODAY)
            return outcome, release.work_dir

    yield run
    processes.close()


def distributions_in(site: Path) -> set[str]:
    """The names of the installed distributions."""
    return {path.name.partition("-")[0] for path in site.glob("*.dist-info")}


@pytest.mark.parametrize(
    ("body", "mode"),
    [(InstallWithUv(), ""), (InstallWithPip(), "own-file"), (InstallWithPip(), "full")],
    ids=["uv", "pip, own file", "pip, full"],
)
def test_own_file(body: Step, mode: str, install: Install) -> None:
    """Our file is installed with its dependencies, though one of them requires the project itself."""
    settings = Settings(verify=Verify(pip=mode))  # type: ignore[arg-type]  # one of its literals
    outcome, work = install(body, settings)
    assert outcome.status is Status.PASSED, outcome.findings
    (site,) = {path.parent.parent for path in work.rglob("acme/__init__.py")}
    assert (site / "acme" / "__init__.py").read_text(encoding="utf-8") == "OURS = 1\n"
    assert distributions_in(site) >= {"acme", "acme_plug"}


def test_own_file_for_smoke_tests(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dependency group that names an extra of the project gets that extra's requirements, and our file."""
    monkeypatch.setattr("omni_release.smoke.runner.plugin", lambda *_: Plugin())
    monkeypatch.setattr("omni_release.smoke.runner.require_smoke_tests", lambda *_: None)
    monkeypatch.setattr("omni_release.testing.uses_pytest", lambda _: False)
    outcome, work = install(InstallForSmoke(), Settings())
    assert outcome.status is Status.PASSED, outcome.findings
    (site,) = {path.parent.parent for path in work.rglob("acme/__init__.py")}
    assert (site / "acme" / "__init__.py").read_text(encoding="utf-8") == "OURS = 1\n"
    assert distributions_in(site) >= {"acme", "acme_plug", "acme_fast"}


@pytest.mark.parametrize("pip", [(), ("pip",)], ids=["uv", "pip"])
def test_own_file_in_the_local_environment(pip: tuple[str, ...], install: Install, tmp_path: Path) -> None:
    """The local environment gets our file, too, whatever the settings of uv make of its dependencies."""
    environment = support.environment(tmp_path / "local", *pip_wheels(pip))
    outcome, _ = install(UpgradeLocal(), Settings(local=Local(environment=str(environment))))
    assert outcome.status is Status.PASSED, outcome.findings
    assert outcome.evidence["installer"] == (pip[0] if pip else "uv")
    site = environments.site_packages(environment)
    assert (site / "acme" / "__init__.py").read_text(encoding="utf-8") == "OURS = 1\n"
    assert distributions_in(site) >= {"acme", "acme_plug"}


def pip_wheels(names: tuple[str, ...]) -> tuple[Path, ...]:
    """A wheel of our own pip, for an environment that has pip."""
    import ensurepip

    folder = Path(ensurepip.__file__).parent / "_bundled"
    return tuple(next(folder.glob(f"{name}-*.whl")) for name in names)


@pytest.mark.parametrize(("body", "mode"), [(InstallWithUv(), ""), (InstallWithPip(), "full")], ids=["uv", "pip"])
def test_conflict(body: Step, mode: str, install: Install) -> None:
    """A dependency that requires another version of the project is named, in the installer's words."""
    settings = dataclasses.replace(Settings(), verify=Verify(pip=mode))  # type: ignore[arg-type]
    outcome, _ = install(body, settings, plug="acme<1")
    assert outcome.status is Status.FAILED
    message = outcome.findings[0].message
    assert "acme-plug" in message and "acme<1" in message
