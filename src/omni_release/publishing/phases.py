"""A release in parts: the proofs, the rehearsal that it needs, and what cannot be undone."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from omni_release import distributions, source_tree
from omni_release.core import documents
from omni_release.core.errors import Inconclusive, UsageError
from omni_release.core.journal import RunFolder
from omni_release.core.model import ALREADY_DONE, Release, Report, Target
from omni_release.core.runs import Request, RunStore
from omni_release.core.world import FileState, FileStatus, World
from omni_release.index import targets


def refuse_unattended(request: Request, run: RunFolder | None) -> None:
    """Raises UsageError where nobody could type the version in the end, and nobody has let it go."""
    stream = sys.stdout if request.format == "text" else sys.stderr
    assert request.destination is not None
    attended = sys.stdin.isatty() and stream.isatty()
    if not (request.yes or request.dry or attended or (run is not None and run.confirmed(request.destination.upload))):
        raise UsageError(
            "nobody is at a terminal to type the version that may be published",
            "Where that is meant to be so, in CI say, add --yes.",
        )


def finished_already(home: RunStore, release: Release, world: World) -> Iterator[str]:
    """What is said before a rehearsal that need not be: there is a finished one of this very checkout."""
    commit = release.commit.sha if release.commit else None
    now = source_tree.fingerprint(release.project.root, world.processes)
    for run in home.runs():
        try:
            stands = run.rehearsal_verdict() == "passed" and (run.commit_built(), run.tree_hash()) == (commit, now)
        except Inconclusive:
            continue
        if stands and all(_unchanged(run.path / "dist" / one.name, one.sha256) for one in run.artifacts()):
            said = "a rehearsal of this very checkout has passed already; to publish what it has built"
            yield f"{said}: --run {run.path.name}. Without that, a new one begins."
            return


def _unchanged(path: Path, expected: str) -> bool:
    return path.is_file() and documents.sha256(path) == expected


def explained(target: Target, project: str, version: str, told: Sequence[FileStatus], again: str) -> Iterator[str]:
    """What cannot be undone, and what to do: one screen. `again` is the command that goes on."""
    there = [each for each in told if each.state is FileState.OURS]
    manage = _manage(target, project, version)
    yield f"{project} {version} on {target.name}:"
    for each in told:
        yield f"  {each.name}: {'there, and ours' if each.state is FileState.OURS else each.why}"
    if any(each.state is FileState.OTHER_BYTES for each in told):
        yield "It holds other bytes than ours under our name. A file name can be used once only: this version is spent."
        yield "Raise it, and release that: omni-release version bump patch"
    elif len(there) == len(told):
        yield "All of it is there: nothing is left to send. What is told above is gone on with by:"
        yield f"  {again}"
        yield f"Should what is there be wrong, yank it by hand, and release the next version: {manage}"
    elif any(each.state is not FileState.ABSENT for each in told if each not in there):
        yield f"{target.name} does not say what of it is there: it may be all of it, or a part."
        yield "When it answers, go on, and nothing is sent twice:"
        yield f"  {again}"
        return
    elif there:
        yield "What is there cannot be replaced or taken back. Either go on, and nothing is sent twice:"
        yield f"  {again}"
        yield "or give this version up, and raise it: omni-release version bump patch"
    else:
        yield "Nothing of it is there: mend what is wrong above, and run this again:"
        yield f"  {again}"
    if there and len(there) < len(told):
        yield f"So that nobody installs what is half there, yank it by hand: {manage}"


def _manage(target: Target, project: str, version: str) -> str:
    import urllib.parse

    if targets.is_pypi(target):
        return urllib.parse.urljoin(target.simple, f"/manage/project/{project}/release/{version}/")
    return target.page_of(project, version) or f"on the web pages of {target.name}"


def what_now(request: Request, report: Report, world: World) -> Iterator[str]:
    """What a person is to know at the end of a release, beyond its verdict: one screen at the most.

    Nothing where it never began, or where it went through.
    """
    pinned, target = report.artifacts, world.index.target
    if not pinned or not world.journal.confirmed(target.upload):
        return
    project, version = distributions.name_and_version(pinned[0].name)
    if report.verdict == "passed":
        upload = next((one for one in report.outcomes if one.id == "upload"), None)
        if upload is not None and any(finding.message == ALREADY_DONE for finding in upload.findings):
            yield f"All of {project} {version} was on {target.name} already, with these very bytes: nothing was sent."
        return
    again = _again(request, report, target.name)
    if report.interrupted:
        yield f"It may be there in part. Go on with it: {again}"
        return
    yield from explained(target, project, version, world.index.file_statuses(project, pinned), again)


def _again(request: Request, report: Report, index: str) -> str:
    """The command that goes on with this very run."""
    named = request.run and ("/" in request.run or os.sep in request.run)  # the run of another checkout
    run = report.run if named else Path(report.run or "").name
    words = ("omni-release", "release", "--to", index, "--run", str(run), *(("--yes",) if request.yes else ()))
    return shlex.join(words)
