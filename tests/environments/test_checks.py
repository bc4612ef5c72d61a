"""Checks of the installed release, where a program exceeds its deadline."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from omni_release import environments
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release, Severity
from omni_release.core.settings import Verify
from omni_release.core.world import Completed, World
from omni_release.environments import installers
from omni_release.environments.checks import pip_check, verify_commands


@dataclass(frozen=True)
class TimedOut:
    """Stops every program at its deadline."""

    def run(self, command: Run) -> Completed:
        """The result of a stopped program."""
        return Completed(-9, (), 3.0, timed_out=True)


def test_timeouts(release: Release, world: World) -> None:
    """A timeout is inconclusive for pip check, and a failure for a command of the project."""
    settings = replace(release.project.settings, verify=Verify(commands=(("acme", "--self-test"),), timeout=3))
    release = replace(release, project=replace(release.project, settings=settings))
    release.work_dir.mkdir()
    endless = replace(world, processes=TimedOut())  # type: ignore[arg-type]  # as much of them as is used
    with pytest.raises(Inconclusive, match="pip check did not end"):
        list(pip_check(release, endless))
    (finding,) = verify_commands(release, endless)
    assert (finding.severity, finding.message) == (
        Severity.ERROR,
        "`acme --self-test` did not end within 3 s and was stopped",
    )


@pytest.mark.parametrize("mode", ["full", "own-file"])
def test_inconsistent_requirements(release: Release, world: World, mode: Literal["full", "own-file"]) -> None:
    """pip and uv both find a requirement that is missing, and one that another version is installed of."""
    settings = replace(release.project.settings, verify=Verify(pip=mode))
    release = replace(release, project=replace(release.project, settings=settings))
    environment = release.environment("released-pip")
    environment.parent.mkdir(parents=True)
    subprocess.run(installers.venv(environment), check=True)
    assert list(pip_check(release, world)) == []
    for name, requires in (("acme", "missing-thing>=2"), ("gizmo", "acme>=9")):
        folder = environments.site_packages(environment) / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {requires}\n"
        )
        (folder / "WHEEL").write_text("Wheel-Version: 1.0\nTag: py3-none-any\n")
        (folder / "RECORD").touch()
    (finding,) = pip_check(release, world)
    first, second = sorted(line.replace("`", "").removeprefix("The package ") for line in finding.message.splitlines())
    assert first.startswith(("acme requires missing-thing>=2,", "acme 1.0 requires missing-thing,"))
    assert second.startswith(("gizmo requires acme>=9,", "gizmo 1.0 has requirement acme>=9,"))


@dataclass(frozen=True)
class Ending:
    """Ends every program with this exit code, after it has printed this."""

    code: int
    printed: str

    def run(self, command: Run) -> Completed:
        """The result of the program."""
        assert command.log is not None
        command.log.parent.mkdir(parents=True, exist_ok=True)
        command.log.write_text(self.printed)
        return Completed(self.code, tuple(self.printed.splitlines()), 0.1)


_TRACEBACK = "Traceback (most recent call last):\n  File ...\nModuleNotFoundError: No module named 'pip'\n"


@pytest.mark.parametrize("mode", ["full", "own-file"])
@pytest.mark.parametrize(
    ("code", "printed"),
    [
        (2, "error: No virtual environment or system Python installation found for path `x`\n"),
        (2, "ERROR: Exception:\n" + _TRACEBACK),
        (1, _TRACEBACK),
        (1, "/run/released-pip/bin/python: can't open file 'pip': [Errno 2] No such file or directory\n"),
        (1, "ERROR: Configuration file could not be loaded.\n"),
        (1, "Using Python 3.14.0 environment at: x\n"),
        (3, ""),
        (-9, ""),
        (-9, "The package `acme` requires `gizmo`, but it's not installed\n"),
        (101, "thread 'main' panicked at src/lib.rs:1:1\n"),
        (139, ""),
    ],
)
def test_no_verdict(release: Release, world: World, mode: Literal["full", "own-file"], code: int, printed: str) -> None:
    """An error of the program itself, and a signal, say nothing about the requirements."""
    settings = replace(release.project.settings, verify=Verify(pip=mode))
    release = replace(release, project=replace(release.project, settings=settings))
    with pytest.raises(Inconclusive, match=r"pip check (ended with|was ended by) .* without a verdict"):
        list(pip_check(release, replace(world, processes=Ending(code, printed))))  # type: ignore[arg-type]
