"""Publishing to an index: what must be true before, the upload itself, and what a person reads after it."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

from omni_release import distributions, source_tree
from omni_release.core import documents
from omni_release.core.model import ALREADY_DONE, Release, Report, Status, Target
from omni_release.core.runs import Request, RunStore
from omni_release.core.world import FileState, FileStatus, World
from omni_release.index import targets
from omni_release.report import next_step


def reusable_rehearsal(store: RunStore, release: Release, world: World) -> Iterator[str]:
    """A line that names the newest run whose rehearsal passed for this very checkout, and whose files are unchanged."""
    commit = release.commit.sha if release.commit else None
    tree = source_tree.fingerprint(release.project.root, world.processes)
    for run in store.runs():
        if not run.is_readable() or run.rehearsal_verdict() != "passed":
            continue
        if (run.commit_built(), run.tree_hash()) != (commit, tree):
            continue
        files = ((run.path / "dist" / artifact.name, artifact.sha256) for artifact in run.artifacts())
        if all(path.is_file() and documents.sha256(path) == sha256 for path, sha256 in files):
            yield (
                "a rehearsal of this checkout has already passed: "
                f"to publish its distributions instead of rehearsing again, pass --run {run.path.name}"
            )
            return


def after_release(request: Request, report: Report, world: World) -> Iterator[str]:
    """What a person must know after a release beside its verdict: at most one screen.

    Nothing where the release was never confirmed, or passed with an upload.
    """
    artifacts, target = report.artifacts, world.index.target
    if not artifacts or not world.journal.confirmed(target.upload):
        return
    project, version = distributions.project_and_version(artifacts)
    if report.verdict == "passed":
        upload = next((outcome for outcome in report.outcomes if outcome.id == "upload"), None)
        if upload is not None and any(finding.message == ALREADY_DONE for finding in upload.findings):
            yield f"{project} {version} was already on {target.name} with the same bytes: nothing was uploaded."
        return
    # The run of another checkout is named by its path, as the user named it.
    named_by_path = request.run and ("/" in request.run or os.sep in request.run)
    run = str(report.run) if named_by_path else Path(report.run or "").name
    confirmed = ("--yes",) if request.yes else ()
    resume = request.resume or next_step.release(target.name, run, *confirmed)
    if report.interrupted:
        uploaded = world.journal.last_status("upload", target.name) is Status.PASSED
        state = "all files are uploaded" if uploaded else "the release may be partly uploaded"
        yield f"Interrupted: {state}. Resume it with: {resume}"
        return
    yield from upload_state(target, project, version, world.index.file_statuses(project, artifacts), resume)


def upload_state(
    target: Target, project: str, version: str, statuses: Sequence[FileStatus], resume: str
) -> Iterator[str]:
    """Which files are on the index, and what can be done next. `resume` is the command that continues the run."""
    uploaded = [file for file in statuses if file.state is FileState.OURS]
    others = {file.state for file in statuses} - {FileState.OURS}
    partial = bool(uploaded and others)
    if targets.is_pypi(target):
        page = urllib.parse.urljoin(target.simple, f"/manage/project/{project}/release/{version}/")
    else:
        page = target.page_of(project, version) or f"the web pages of {target.name}"
    yield f"{project} {version} on {target.name}:"
    for file in statuses:
        yield f"  {file.name}: {'uploaded' if file.state is FileState.OURS else file.why}"
    if FileState.OTHER_BYTES in others:
        yield "The index has other bytes under this file name, which can be used only once."
        yield f"This version number is used up; bump it and release the next one: {next_step.NEXT_VERSION}"
    elif not others:
        yield "All files are uploaded. To continue with the remaining steps, run:"
        yield f"  {resume}"
        yield f"If the release is broken, yank it by hand and release the next version: {page}"
    elif others != {FileState.ABSENT}:
        yield f"{target.name} does not report which files it has: all, some or none may be uploaded."
        yield "Resume when it responds; no file is uploaded twice:"
        yield f"  {resume}"
        return
    elif partial:
        yield "Uploaded files cannot be replaced or taken back. Resume, and no file is uploaded twice:"
        yield f"  {resume}"
        yield f"or give up this version and bump it: {next_step.NEXT_VERSION}"
    else:
        yield "No file is uploaded. Fix the reported problems and run this again:"
        yield f"  {resume}"
    if partial:
        yield f"To keep users from installing a partial release, yank it by hand: {page}"
