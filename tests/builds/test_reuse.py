"""What a build depends on: each ingredient, changed one at a time in the copy that is built."""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from omni_release import project
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.builds import Build, CopySource, Rebuild, reuse
from omni_release.core.errors import Inconclusive
from omni_release.core.journal import RunFolder
from omni_release.core.model import Release
from omni_release.core.performing import perform
from omni_release.core.world import World
from omni_release.environments import installers
from tests.conftest import copy_case, git


@dataclass
class Copied:
    """A copy of the case `sound` that is ready to be built. What would be installed is a text, in place of uv's."""

    release: Release
    world: World
    resolved: str | None = "hatchling==1.27"

    @property
    def source(self) -> Path:
        """The copy."""
        return self.release.work_dir / "source"

    def inputs(self) -> object:
        """The inputs of the build."""
        return Build().inputs(self.release, self.world)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Copied]:
    """A new copy."""
    root = copy_case("sound", tmp_path / "sound")
    (tmp_path / "run").mkdir()
    journal = RunFolder(tmp_path / "run", LocalFiles())
    processes = LocalProcesses(str)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GREETING": "hello"}
    world = World(processes, LocalFiles(), SystemClock(), Rehearsal(tmp_path / "index", "acme"), journal, environment)
    release = Release(project.load(root), "1.2.3", "rehearsal", None, journal.path, journal.work_dir(), PurePosixPath())
    for action in CopySource().actions(release, world):
        perform(action, world)
    found = Copied(release, world)
    monkeypatch.setattr(installers, "resolution", lambda *_: found.resolved)
    yield found
    processes.close()


class Tomorrow(SystemClock):
    """A clock that is a day ahead."""

    def now(self) -> datetime.datetime:
        return super().now() + datetime.timedelta(days=1)


def _settings(copied: Copied) -> None:
    changed = dataclasses.replace(copied.release.project.settings, build_pass_env=("TOKEN",))
    copied.release = dataclasses.replace(
        copied.release, project=dataclasses.replace(copied.release.project, settings=changed)
    )


def _world(**changes: Any) -> Callable[[Copied], None]:
    def change(copied: Copied) -> None:
        copied.world = dataclasses.replace(copied.world, **changes)

    return change


def _variable(copied: Copied) -> None:
    _world(environment={**copied.world.environment, "GREETING": "good-bye"})(copied)


def _resolved(copied: Copied) -> None:
    copied.resolved = "hatchling==1.28"


def _append(name: str) -> Callable[[Copied], object]:
    return lambda copied: (copied.source / name).write_text((copied.source / name).read_text() + "\n")


CHANGES: dict[str, Callable[[Copied], object]] = {
    "a file": _append("src/acme_sound/__init__.py"),
    "the README": _append("README.md"),
    "a test": _append("tests/test_double.py"),
    "a new file": lambda copied: (copied.source / "new.py").touch(),
    "a removed file": lambda copied: (copied.source / "README.md").unlink(),
    "permissions": lambda copied: (copied.source / "README.md").chmod(0o755),
    "a tag": lambda copied: git("tag", "v9", cwd=copied.source),
    "a commit": lambda copied: git("commit", "--quiet", "--allow-empty", "--message=x", cwd=copied.source),
    "a branch": lambda copied: git("checkout", "--quiet", "-b", "other", cwd=copied.source),
    "tracked files": lambda copied: git("rm", "--quiet", "--cached", "README.md", cwd=copied.source),
    "ignored files": lambda copied: (copied.source / ".git" / "info" / "exclude").write_text("*.md\n"),
    "a variable": _variable,
    "settings": _settings,
    "the versions for the build": _resolved,
    "the date": _world(clock=Tomorrow()),
}


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("kind", CHANGES)
def test_ingredient(copied: Copied, kind: str) -> None:
    """Each ingredient changes the inputs, and nothing else does."""
    (copied.source / ".git" / "info").mkdir(exist_ok=True)
    before = copied.inputs()
    assert before == copied.inputs() is not None
    CHANGES[kind](copied)
    assert copied.inputs() != before


@pytest.mark.parametrize("folder", ["dist", "local-wheel"])
def test_compiled(copied: Copied, folder: str) -> None:
    """A compiled wheel is not kept: the compiler of the machine is in no input."""
    path = copied.release.folder / folder / "acme_sound-1.2.3-cp311-cp311-linux_x86_64.whl"
    path.parent.mkdir()
    path.touch()
    with pytest.raises(Inconclusive, match="depends on the compiler"):
        reuse.made(copied.release, copied.world, {})


def test_second_build(copied: Copied) -> None:
    """The second build has the environment of the first: what would be installed is asked once."""
    assert copied.inputs() is not None
    copied.resolved = None
    assert Rebuild().inputs(copied.release, copied.world) is not None
    assert copied.inputs() is None


def test_unknown_versions(copied: Copied) -> None:
    """Where uv cannot tell what it would install, nothing is used again."""
    copied.resolved = None
    assert copied.inputs() is None


@pytest.mark.parametrize("asked", ["hatchling\n", "hatchling\nextra-of-the-back-end\n"])
def test_what_the_back_end_asks_for(copied: Copied, asked: str) -> None:
    """What the back end itself asks for is resolved again, too."""
    environment = copied.release.environment("build")
    environment.mkdir(parents=True)
    (environment / "omni-release-requirements.txt").write_text(asked)
    (copied.release.folder / "build-environment.json").write_text("{}")
    folder = reuse.made(copied.release, copied.world, {})["resolved"].parent
    reuse.require_same_environment(copied.release, copied.world, folder)
    copied.resolved = "extra-of-the-back-end==2"
    if "extra" in asked:
        with pytest.raises(Inconclusive, match="other versions"):
            reuse.require_same_environment(copied.release, copied.world, folder)
    else:
        reuse.require_same_environment(copied.release, copied.world, folder)
