"""A release in parts: the proofs, the rehearsal that it needs, and what cannot be undone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name

from omni_release import lanes, source_tree
from omni_release.core.errors import CannotTell, UsageError
from omni_release.core.journal import RunFolder
from omni_release.core.model import Release, Report, Target
from omni_release.core.request import Request
from omni_release.core.runs import Home
from omni_release.core.world import World
from omni_release.distributions import artifacts
from omni_release.index import discovery
from omni_release.index.auth import Login


def whole(
    request: Request,
    home: Home,
    target: Target,
    login: Login,
    one: Callable[[Request], Report],
) -> Report:
    """The last part's report; `one` runs a part, `login` is what the target may be read with.

    Raises UsageError where it cannot begin. What is wrong outside is told before the rehearsal, which takes its time,
    and looked at again after it.
    """
    found = discovery.found(target, canonicalize_name(request.project.name), login)
    request = replace(request, destination=found)
    if request.lane == "published":
        return one(request)
    if request.lane == "doctor":
        return one(request)
    run = home.run(request.run) if request.run else None
    _refuse_unattended(request, run, found.upload)
    if run is not None and run.rehearsed() is not None:
        return one(request)
    before = one(replace(request, lane="doctor", only=lanes.PROOFS))
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


def finished_already(home: Home, release: Release, world: World) -> Iterator[str]:
    """What is said before a rehearsal that need not be: there is a finished one of this very checkout."""
    commit = release.commit.sha if release.commit else None
    now = source_tree.fingerprint(release.project.root, world.processes)
    for run in home.runs():
        try:
            stands = run.rehearsed() == "passed" and (run.built_at(), run.built_from()) == (commit, now)
        except CannotTell:
            continue
        if stands and all(_unchanged(run.path / "dist" / one.name, one.sha256) for one in run.artifacts()):
            said = "a rehearsal of this very checkout has passed already; to publish what it has built"
            yield f"{said}: --run {run.path.name}. Without that, a new one begins."
            return


def _unchanged(path: Path, expected: str) -> bool:
    return path.is_file() and artifacts.sha256(path) == expected
