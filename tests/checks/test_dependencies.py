"""The dependencies, where the programs that are asked of them do not tell all."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from omni_release.actions import Run
from omni_release.checks.dependencies import no_known_vulnerability
from omni_release.engine import run
from omni_release.model import Outcome, Release, Status
from omni_release.seams import Completed, World
from omni_release.settings import Dependencies
from omni_release.tasks import Lane, check

UNASKED = {"name": "inner", "skip_reason": "Dependency not found on PyPI"}
OWN = {"name": "Acme", "skip_reason": "Dependency not found on PyPI"}
HOLE = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-0", "fix_versions": ["1.1"]}]}


@dataclass(frozen=True)
class PipAudit:
    """In pip-audit's place, as it would need a network: it writes the report that it is told."""

    told: tuple[dict[str, Any], ...]

    def run(self, command: Run) -> Completed:
        """Write it where pip-audit was told to."""
        out = Path(command.argv[command.argv.index("--output") + 1])
        out.write_text(json.dumps({"dependencies": self.told}), encoding="utf-8")
        return Completed(0, (), 0.1)


def outcome(release: Release, world: World, *told: dict[str, Any]) -> Outcome:
    """What comes of the check where pip-audit says this."""
    settings = replace(release.project.settings, dependencies=Dependencies(vulnerabilities=True))
    release = replace(release, project=replace(release.project, settings=settings))
    release.workshop.mkdir(exist_ok=True)
    asked = replace(world, processes=PipAudit(told))  # type: ignore[arg-type]  # as much of them as is used

    (ended,) = run(Lane("one", (check(no_known_vulnerability),)), release, asked, today=datetime.date(2026, 11, 22))
    return ended


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ((), Status.PASSED),
        ((OWN,), Status.PASSED),
        ((UNASKED,), Status.INCONCLUSIVE),
        ((UNASKED, HOLE), Status.FAILED),
        ((HOLE,), Status.FAILED),
    ],
)
def test_what_pip_audit_could_not_ask(
    told: tuple[dict[str, Any], ...], status: Status, release: Release, world: World
) -> None:
    """A dependency that was not asked about is not told to be safe; a hole is one all the same."""
    ended = outcome(release, world, *told)
    assert ended.status is status, ended
    assert ("inner: Dependency not found" in str(ended.findings)) == (UNASKED in told)
