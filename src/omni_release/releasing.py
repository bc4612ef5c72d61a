"""A release in parts: the proofs, the rehearsal that it needs, and what cannot be undone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from omni_release import artifacts, publishing
from omni_release.errors import UsageError
from omni_release.index import places, targets
from omni_release.journal import Home, RunFolder
from omni_release.model import Report
from omni_release.seams import World

if TYPE_CHECKING:
    from omni_release.run import Request


def whole(request: Request, home: Home, environment: Mapping[str, str], one: Callable[[Request], Report]) -> Report:
    """The last part's report; `one` runs a part. Raises UsageError where it cannot begin.

    What is wrong outside is told before the rehearsal, which takes its time, and looked at again after it.
    """
    given = targets.destination(request.to, request.project.settings.index, environment)
    found = places.found(given.target, canonicalize_name(request.project.name))
    request = replace(request, destination=replace(given, target=found))
    if request.lane == "published":
        return one(request)
    proofs = replace(request, lane="doctor")
    if request.lane == "doctor":
        return one(proofs)
    run = home.run(request.run) if request.run else None
    _refuse_unattended(request, run, found.upload)
    if run is not None and run.rehearsed() is not None:
        return one(request)
    before = one(proofs)
    if before.verdict in ("failed", "interrupted"):
        return before
    rehearsal = one(replace(request, lane="rehearse", destination=None))
    if rehearsal.verdict != "passed" or rehearsal.run is None:
        return rehearsal
    return one(replace(request, run=rehearsal.run, artifacts=None))


def _refuse_unattended(request: Request, run: RunFolder | None, address: str) -> None:
    """Raises UsageError where nobody could type the version in the end, and nobody has let it go."""
    stream = sys.stdout if request.format == "text" else sys.stderr
    attended = sys.stdin.isatty() and stream.isatty()
    if not (request.yes or request.dry or attended or (run is not None and run.confirmed(address))):
        raise UsageError(
            "nobody is at a terminal to type the version that may be published",
            "Where that is meant to be so, in CI say, add --yes.",
        )


def what_now(report: Report, world: World) -> Iterator[str]:
    """What a person is to know of a release that did not come to its end: one screen, or nothing if it never began."""
    pinned, target = report.artifacts, world.index.target
    if not pinned or not world.journal.confirmed(target.upload):
        return
    project, version = artifacts.name_and_version(pinned[0].name)
    run = Path(report.run).name if report.run else ""
    if report.interrupted:
        yield f"It may be there in part. Go on with it: omni-release release --to {target.name} --run {run}"
        return
    yield from publishing.explained(target, project, version, world.index.standings(project, pinned), run)
