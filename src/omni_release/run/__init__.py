"""Runs a lane in the real world: its lock, its phases, its secrets and its index."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from omni_release import lanes, programs, source_tree
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.secrets import Secrets
from omni_release.core.errors import UsageError
from omni_release.core.model import Report
from omni_release.core.runs import Request, RunStore
from omni_release.report import files as report_files
from omni_release.run import lane_run

if TYPE_CHECKING:
    from omni_release.adapters.credentials import CredentialResolver


def run_lane(request: Request) -> int:
    """Run a lane from end to end; the exit code. Raises UsageError where it cannot start."""
    interrupt_on_signals()
    check_request(request)
    secrets = secrets_of(request)
    store = RunStore(request.project.root, LocalFiles(), secrets.redact, source_tree.tracked_run_files)
    store.require_own()
    stream = sys.stdout if request.format == "text" else sys.stderr
    with contextlib.ExitStack() as stack:
        if not request.read_only and (not request.dry or store.path.is_dir()):
            tell = functools.partial(print, file=stream, flush=True)
            stack.enter_context(store.lock(f"omni-release {request.lane}", tell))
        if request.lane in lanes.PUBLISHING:
            report = _run_for_real_index(request, store, secrets)
        else:
            report = lane_run.run_one(request, store, secrets)
    if request.format in report_files.FORMATS:
        sys.stdout.write(report_files.rendered(report, request.format, secrets.redact))
    return report.exit_code


def interrupt_on_signals() -> None:
    """End the run as Ctrl-C does on each signal that asks for it: child processes first, then the report is written."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # SIGHUP: a closed terminal (not on Windows). SIGINT: a parent may have set it to be ignored, as shells do for `&`.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), terminate)


def secrets_of(request: Request) -> Secrets:
    """The secrets that a run can meet: of the environment, the user's files, and the addresses of indexes."""
    secrets = Secrets.of(os.environ)
    if not request.read_only or request.lane == "doctor":  # these start programs that are not ours
        secrets.know_of_files(os.environ)
    for address in (request.to or "", *map(str, request.project.settings.index.values())):
        secrets.know_addresses(address)
    return secrets


def check_request(request: Request) -> None:
    """Raises UsageError for files that are not what they are given for, and for a rehearsal within another one."""
    if request.lane in (*lanes.BUILDING, "release") and (outer := os.environ.get(programs.RUN_VARIABLE)):
        raise UsageError(
            f"nested rehearsal: this process was started by run {outer}",
            "Exclude the tests that rehearse: `command` in [tool.omni-release.tests] can select a part of them.",
        )
    if request.rebuilt:
        from omni_release.builds import evidence

        for path in request.rebuilt:
            evidence.read(path)
    if request.artifacts is None:
        return
    if not request.artifacts.is_dir():
        raise UsageError(f"there is no folder {request.artifacts}", "Give the folder of the distributions.")
    if not any(request.artifacts.glob("*.whl")) and not any(request.artifacts.glob("*.tar.gz")):
        raise UsageError(f"no wheel and no sdist in {request.artifacts}", "Give the folder of the distributions.")


def _run_for_real_index(request: Request, store: RunStore, secrets: Secrets) -> Report:
    """The report of a lane that works with a real index: that of its last phase.

    A release runs in phases: the checks of the world, the rehearsal if it is missing, then the publish. Problems of the
    world are reported before the long rehearsal, and checked again after it. Raises UsageError where it cannot start.
    """
    from omni_release.publishing import steps as publishing_steps

    request, resolver = to_index(request)
    if request.lane in ("published", "doctor"):
        return lane_run.run_one(request, store, secrets, resolver)
    run = store.run(request.run) if request.run else None
    publishing_steps.require_confirmation(request, run)
    if run is None or run.rehearsal_verdict() is None:
        checks = lane_run.run_one(replace(request, lane="doctor", only=lanes.PROOFS), store, secrets, resolver)
        if checks.verdict in ("failed", "interrupted"):
            return checks
        rehearsal = lane_run.run_one(replace(request, lane="rehearse", destination=None), store, secrets, resolver)
        if rehearsal.verdict != "passed" or rehearsal.run is None:
            return rehearsal
        request = replace(request, run=rehearsal.run, artifacts=None)
    keep_rebuilds(request, store)
    return lane_run.run_one(request, store, secrets, resolver)


def keep_rebuilds(request: Request, store: RunStore) -> None:
    """Keep the records of rebuilds that were handed over in the run folder, for a release that is resumed.

    Raises UsageError for a file that is none.
    """
    if request.rebuilt and request.run and not request.dry:
        from omni_release.builds import evidence

        folder = store.run(request.run)
        evidence.hand_over(request.rebuilt, folder.path, folder.artifacts(), folder.files)


def to_index(request: Request) -> tuple[Request, CredentialResolver]:
    """The request with the addresses of the index that it names, and what finds the credentials for that.

    Each package has a resolver of its own: a token of trusted publishing is for one project. Raises UsageError for an
    index that is not known.
    """
    from packaging.utils import canonicalize_name

    from omni_release.adapters.credentials import CredentialResolver
    from omni_release.index import targets

    destination = targets.destination(request.to, request.project.settings.index, os.environ)
    resolver = CredentialResolver(destination.target, destination.credentials, os.environ)
    name = canonicalize_name(request.project.name)
    found = targets.discover(destination.target, name, resolver.login)
    return replace(request, destination=found), resolver
