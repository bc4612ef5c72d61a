"""The local environment: real ones of uv and pip, upgraded from a real index, and what prevents an upgrade."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import cast

import pytest
import uv

from omni_release import environments
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.core import engine
from omni_release.core.actions import Pin
from omni_release.core.journal import RunFolder
from omni_release.core.model import Outcome, Project, Release, Status, Target
from omni_release.core.settings import Local, Settings
from omni_release.core.tasks import Check, Lane, Step, check, step
from omni_release.core.world import Index, World
from omni_release.environments.checks import local_environment, local_environment_unused
from omni_release.environments.steps import UpgradeLocal
from tests.environments.support import index
from tests.index import support
from tests.repositories import TODAY

OLD = "acme_sound-0.9-py3-none-any.whl"

pytestmark = pytest.mark.thorough


@dataclasses.dataclass(frozen=True)
class Served:
    """A public index that is only read."""

    target: Target

    def reading(self, project: str) -> Mapping[str, str]:
        return {}


@dataclasses.dataclass(frozen=True)
class Machine:
    """A released project, an index that has it, and local environments."""

    release: Release
    world: World

    def outcome(self, body: Check | Step) -> Outcome:
        """The outcome of one check or step, by the engine."""
        task = step(body) if isinstance(body, Step) else check(body)
        (outcome,) = engine.run(Lane("one", (task,)), self.release, self.world, today=TODAY)
        return outcome

    def with_settings(self, local: Local) -> Machine:
        """This machine with other settings."""
        project = dataclasses.replace(self.release.project, settings=Settings(local=local))
        return dataclasses.replace(self, release=dataclasses.replace(self.release, project=project))

    def made(self, *wanted: str | Path, name: str = ".venv") -> Machine:
        """This machine with a local environment, created by uv, that has these distributions."""
        folder = self.release.project.root / name
        run(uv.find_uv_bin(), "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder))
        if wanted:
            run(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", self.python(name), *map(str, wanted))
        return self.with_settings(Local(environment=name))

    def python(self, name: str = ".venv") -> str:
        """The interpreter of an environment."""
        return str(environments.python(self.release.project.root / name))

    def version(self, name: str = ".venv") -> str:
        """The version by the environment's metadata, and the value in the imported module."""
        code = "import importlib.metadata as m, acme_sound; print(m.version('acme-sound'), acme_sound.VALUE)"
        return run(self.python(name), "-I", "-c", code).strip()


def run(*argv: str) -> str:
    """Run a program that must succeed."""
    completed = subprocess.run(argv, capture_output=True, encoding="utf-8", check=False)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def messages(outcome: Outcome) -> str:
    """The messages of all findings."""
    return "\n".join(finding.message for finding in outcome.findings)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """acme-sound 1.0 is released, and its index has it."""
    root, folder = tmp_path / "project", tmp_path / "run"
    root.mkdir()
    release = Release(
        Project(root, "acme-sound", (), Settings(), {}),
        "1.0",
        "somewhere",
        None,
        folder,
        tmp_path / "workshop",
        PurePosixPath(),
    )
    release.work_dir.mkdir()
    release.dist.mkdir(parents=True)
    support.wheel(release.dist)
    support.sdist(release.dist)
    (folder / "tree.sha256").write_text("tree", encoding="utf-8")
    journal = RunFolder(folder, LocalFiles())
    journal.pin(Pin(release.dist, folder / "tree.sha256", None))
    processes = LocalProcesses(str)
    with index(tmp_path / "index", *release.dist.iterdir()) as url:
        world = World(
            processes,
            LocalFiles(),
            SystemClock(),
            cast(Index, Served(Target("x", simple=url))),
            journal,
            dict(os.environ),
        )
        yield Machine(release, world)
    processes.close()


def old(folder: Path) -> Path:
    """A wheel of the previous version.

    Its module has another size than the new one: uv leaves the bytecode of a top-level module, and Python takes that
    for current where the sources have the same size and were written in the same second.
    """
    files = {"acme_sound.py": "VALUE = 90\n"}
    stated = support.metadata("0.9")
    return support.wheel(folder / "old", stated, name=OLD, info="acme_sound-0.9.dist-info", more=files)


def test_no_local_environment(machine: Machine) -> None:
    """Without the setting, every task is skipped."""
    for body in (local_environment, local_environment_unused, UpgradeLocal()):
        assert machine.outcome(body).status is Status.SKIPPED


def test_without_pip(machine: Machine, tmp_path: Path) -> None:
    """uv upgrades an environment without pip; a second run has nothing to do."""
    upgraded = machine.made(old(tmp_path))
    assert upgraded.version() == "0.9 90"
    assert "acme-sound 0.9: uv upgrades it" in messages(upgraded.outcome(local_environment))
    assert upgraded.outcome(local_environment_unused).status is Status.PASSED
    outcome = upgraded.outcome(UpgradeLocal())
    assert (outcome.status, outcome.evidence["installer"]) == (Status.PASSED, "uv"), messages(outcome)
    assert upgraded.version() == "1.0 1"
    assert messages(upgraded.outcome(UpgradeLocal())) == "already done"


def test_with_pip(machine: Machine, tmp_path: Path) -> None:
    """An environment with pip is upgraded by it; the setting may name the interpreter instead of the folder."""
    made = machine.made("pip", old(tmp_path))
    upgraded = made.with_settings(Local(python=os.path.relpath(made.python(), made.release.project.root)))
    outcome = upgraded.outcome(UpgradeLocal())
    assert (outcome.status, outcome.evidence["installer"]) == (Status.PASSED, "pip"), messages(outcome)
    assert upgraded.version() == "1.0 1"


def test_cooldowns_are_ignored(machine: Machine, tmp_path: Path) -> None:
    """uv's settings and variables that delay new versions do not delay the release."""
    settings = '[tool.uv]\nexclude-newer = "2020-01-01T00:00:00Z"\n'
    (machine.release.project.root / "pyproject.toml").write_text(settings, encoding="utf-8")
    upgraded = machine.made()
    cold = dataclasses.replace(
        upgraded,
        world=dataclasses.replace(upgraded.world, environment={**os.environ, "UV_EXCLUDE_NEWER": "2020-01-01"}),
    )
    outcome = cold.outcome(UpgradeLocal())
    assert outcome.status is Status.PASSED, messages(outcome)
    assert cold.version() == "1.0 1"


def test_same_version_with_other_bytes(machine: Machine, tmp_path: Path) -> None:
    """A wheel built by hand with the same version is replaced by the released one."""
    by_hand = support.wheel(tmp_path / "by-hand", more={"acme_sound.py": "VALUE = 70\n"})
    upgraded = machine.made(by_hand)
    assert upgraded.version() == "1.0 70"  # of another size than ours: bytecode goes by size and second
    assert upgraded.outcome(UpgradeLocal()).status is Status.PASSED
    assert upgraded.version() == "1.0 1"


def test_editable_install(machine: Machine) -> None:
    """An editable install is left as it is, and the outcome says so."""
    root = machine.release.project.root
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "acme-sound"\nversion = "0.9"\n'
        '[tool.hatch.build.targets.wheel]\ninclude = ["acme_sound.py"]\n',
        encoding="utf-8",
    )
    (root / "acme_sound.py").write_text("VALUE = 5\n", encoding="utf-8")
    kept = machine.made("--editable", root)
    assert "editable install of" in messages(kept.outcome(local_environment))
    for body in (local_environment_unused, UpgradeLocal()):
        outcome = kept.outcome(body)
        assert outcome.status is Status.SKIPPED
        assert "left as it is" in messages(outcome)
    assert kept.version() == "0.9 5"


def test_editable_install_by_setup_py(machine: Machine) -> None:
    """`setup.py develop` wrote no direct_url.json, and left a link."""
    kept = machine.made()
    base = environments.site_packages(kept.release.project.root / ".venv")
    (base / "acme_sound.egg-link").write_text("/somewhere/acme\n.", encoding="utf-8")
    assert "an editable install of /somewhere/acme" in messages(kept.outcome(UpgradeLocal()))


def test_missing_or_broken_environment(machine: Machine) -> None:
    """A missing or broken environment fails the check before anything is published."""
    for local in (Local(environment="gone"), Local(python="gone/bin/python"), Local(environment="a", python="b")):
        outcome = machine.with_settings(local).outcome(local_environment)
        assert outcome.status is Status.FAILED
        assert "[tool.omni-release.local]" in messages(outcome)
    broken = machine.release.project.root / "broken"
    broken.write_text(f"#!{sys.executable}\nraise SystemExit('no such library')\n", encoding="utf-8")
    broken.chmod(0o755)
    if os.name == "posix":
        outcome = machine.with_settings(Local(python="broken")).outcome(local_environment)
        assert outcome.status is Status.FAILED
        assert "does not work: no such library" in messages(outcome)


def test_environment_in_use(machine: Machine, tmp_path: Path) -> None:
    """A program that uses it is named without its arguments, and blocks the upgrade until it ends."""
    used = machine.made(old(tmp_path))
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    argv = [used.python(), "-c", code, "--token=hunter2-hunter2"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        outcome = used.outcome(local_environment_unused)
        assert outcome.status is Status.WAITING
        assert f"process {program.pid}, python" in messages(outcome)
        assert "is in use, so it was not changed" in messages(outcome)
        assert "hunter2" not in messages(outcome) and "print" not in messages(outcome)
        program.communicate()
    assert used.outcome(local_environment_unused).status is Status.PASSED


def test_missing_dependency(machine: Machine) -> None:
    """An upgrade is not done before its dependencies are installed."""
    wheel = support.wheel(machine.release.dist, support.metadata("1.0", "Requires-Dist: acme-words>=2"))
    (machine.release.dist / support.SDIST).unlink()
    machine.world.journal.pin(Pin(machine.release.dist, machine.release.folder / "tree.sha256", None))
    half = machine.made()
    run(uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--python", half.python(), str(wheel))
    upgrade = UpgradeLocal()
    assert upgrade.check_done(half.release, half.world) is None
    words = support.metadata("2.1", name="acme-words")
    other = support.wheel(half.release.work_dir, words, name="acme_words-2.1-py3-none-any.whl", info=_WORDS)
    run(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", half.python(), str(other))
    assert upgrade.check_done(half.release, half.world) is not None


_WORDS = "acme_words-2.1.dist-info"
