"""Checks of the installed release, where a program exceeds its deadline."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release, Severity
from omni_release.core.settings import Verify
from omni_release.core.world import Completed, World
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
