"""One run for the packages of a workspace: whole runs of single packages, in order, with one index and one report.

A package has the same lanes and the same run folder as by itself: `.omni-release/runs/RUN` in its own folder, so that
each other command works there. `.omni-release/workspace/` at the root has what is about all of them: the lock, and for
each run its journal, which names the runs of the packages, and its report.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from omni_release import git_queries, run, source_tree
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.secrets import Secrets
from omni_release.adapters.terminal import terminal
from omni_release.core import own_commands
from omni_release.core.journal import RunFolder
from omni_release.core.model import display_path
from omni_release.core.redaction import redacted
from omni_release.core.runs import WORKSPACE, Request, RunStore
from omni_release.core.settings import Settings
from omni_release.report import files as report_files
from omni_release.report import workspace
from omni_release.report.workspace import WorkspaceReport
from omni_release.run import lane_run, workspace_rehearsal, workspace_release
from omni_release.run.workspace_session import WorkspaceRequest, WorkspaceSession, load
from omni_release.workspaces import order


def run_workspace(request: WorkspaceRequest) -> int:
    """Run a lane for the packages of a workspace; the exit code. Raises UsageError where it cannot start."""
    keys = request.keys
    order.batches(request.workspace, keys)  # raises where there is no order
    run.interrupt_on_signals()
    projects = {key: load(request.workspace, key) for key in keys}
    for loaded in projects.values():
        asked = Request(request.lane, loaded, artifacts=request.artifacts, only=request.only, rebuilt=request.rebuilt)
        run.check_request(asked)
        lane_run.lane_of(asked)  # raises where it has no such task, or the settings name one that does not exist
    secrets = Secrets.of(os.environ)
    secrets.know_of_files(os.environ)
    for address in (request.to, *(str(a) for each in projects.values() for a in each.settings.index.values())):
        secrets.know_addresses(address)
    root = request.workspace.root
    store = RunStore(root, LocalFiles(), secrets.redact, source_tree.tracked_run_files, WORKSPACE)
    stream = sys.stdout if request.format == "text" else sys.stderr
    with contextlib.ExitStack() as stack:
        store.require_own()
        tell = functools.partial(print, file=stream, flush=True)
        if not request.dry:
            stack.enter_context(store.lock(f"omni-release {request.lane}", tell))
        screen = stack.enter_context(terminal(stream, os.environ, secrets.redact))
        session = WorkspaceSession(request, projects, _folder(request, store), screen, secrets.redact)
        stack.callback(session.server.close)
        for key in keys:
            own = session.store(key, secrets)
            own.require_own()
            if not request.dry:
                stack.enter_context(own.lock(f"omni-release {request.lane} of {request.workspace.name}", tell))
        report = _report(session, keys)
    if request.format in workspace.FORMATS:
        sys.stdout.write(workspace.FORMATS[request.format].document(redacted(report, secrets.redact)))
    return report.exit_code


def _report(session: WorkspaceSession, keys: tuple[str, ...]) -> WorkspaceReport:
    """Run the lane, and show its summary."""
    begun = time.monotonic()
    if session.request.lane == "release":
        report = workspace_release.release(session, keys)
    else:
        _header(session, len(keys))
        report = workspace_rehearsal.report(session, workspace_rehearsal.rehearse(session, keys))
    report = replace(report, seconds=round(time.monotonic() - begun, 3))
    _write(session, report)
    page = session.folder.path / report_files.PAGE
    shown = display_path(Path.cwd(), page) if report.run and page.is_file() else ""
    seen = redacted(report, lambda words: own_commands.typed(session.redact(words)))
    session.screen.say(workspace.summary_lines(seen, session.layout, page=shown))
    return report


def _header(session: WorkspaceSession, number: int) -> None:
    request = session.request
    if request.verbosity < 0:
        return
    head = git_queries.head(str(session.workspace.root))
    words = [*filter(None, (head.branch, head.sha[:7]))] if head else []
    state = f"{' '.join(words) or 'no commit'}, {'clean' if head.clean else 'uncommitted changes'}" if head else ""
    session.screen.say([workspace.header_line(session.workspace.name, number, state, "rehearsal index"), ""])


def _folder(request: WorkspaceRequest, store: RunStore) -> RunFolder:
    """The folder of the run: the one that is named, or a new one."""
    if request.run:
        return store.run(request.run)
    if request.dry:
        return store.planned()
    folder = store.new_run()
    store.remove_old(folder, Settings().keep_runs, shutil.rmtree)
    return folder


def _write(session: WorkspaceSession, report: WorkspaceReport) -> None:
    """Write the report and its page into the folder of the run, and where else they were asked for."""
    from omni_release import run_facts

    shown, folders = redacted(report, session.redact), list[Path]()
    try:
        if report.run and not session.request.dry:
            session.folder.record("ended", lane=report.lane, target=report.target, verdict=report.verdict)
            folders.append(session.folder.path)
        if session.request.output:
            session.request.output.mkdir(parents=True, exist_ok=True)
            folders.append(session.request.output)
        for folder in folders:
            report_files.write_forms(report, workspace.FORMATS, folder, LocalFiles(), session.redact)
        root = session.workspace.root
        problem = run_facts.write_workspace_page(shown, root, folders, LocalFiles(), os.environ)
        session.screen.say([problem] if problem else [])
        document = functools.partial(workspace.FORMATS["md"].document, shown)
        report_files.write_step_summary(document, os.environ)
    except OSError as error:
        session.screen.say([f"cannot write the report: {error.strerror}: {error.filename or session.folder.path}"])
