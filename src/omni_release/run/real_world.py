"""What a run works on: its folder, the release that it is about, and the real world."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from omni_release import git_queries, lane_names, lanes, source_tree, versions
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import MachineIndex, PackageIndex, Rehearsal, SharedServer
from omni_release.adapters.prepared import PreparedPrograms
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.adapters.secrets import Secrets
from omni_release.adapters.terminal import AtTerminal, Terminal
from omni_release.checklists import sign_offs
from omni_release.core import baseline, vendors
from omni_release.core.actions import Run
from omni_release.core.journal import RUN_NAME, RunFolder
from omni_release.core.model import REHEARSAL, Release
from omni_release.core.runs import Request, RunStore, outcome_cache
from omni_release.core.world import Completed, World
from omni_release.environments import inputs, siblings

if TYPE_CHECKING:
    from omni_release.adapters.credentials import CredentialResolver

_ALWAYS_NEW = ("rehearse", "build")
"""The lanes that never continue in an existing run."""

TASK: ContextVar[str] = ContextVar("task", default="")
"""The id of the task that runs in a thread."""


@dataclass(frozen=True)
class Part:
    """What the run of a package gets from the run of the workspace that it is a part of.

    `screen` is where it is shown, None for the terminal; `server` serves the index of the rehearsals. `opened` is
    called with the release and the world; the run ends as interrupted where `stopped` answers True.
    """

    screen: Terminal | None = None
    server: SharedServer | None = None
    opened: Callable[[Release, World], None] = lambda release, world: None
    stopped: Callable[[], bool] = lambda: False


ALONE = Part()
"""The run of a package by itself."""


@contextlib.contextmanager
def open_world(
    request: Request,
    store: RunStore,
    secrets: Secrets,
    screen: Terminal,
    resolver: CredentialResolver | None,
    part: Part,
    prepared: PreparedPrograms | None,
) -> Iterator[tuple[Release, World]]:
    """The release that the run is about, and the real world, which is closed at the end."""
    project = request.project
    found = _run_folder(request, store, LocalProcesses(secrets.resolve))
    files = LocalFiles(sync=request.destination is not None)
    folder = replace(found, files=files, read_only=request.read_only, sync=request.destination is not None)

    def record(command: Run, completed: Completed) -> None:  # shows later where the time of a run went
        seconds = round(completed.seconds, 3)
        task = TASK.get()
        folder.record(
            "ran", log=command.log.stem, code=completed.code, seconds=seconds, **{"task": task} if task else {}
        )

    processes = LocalProcesses(secrets.resolve, record, lambda: secrets.given, prepared)
    if RUN_NAME.fullmatch(found.path.name) and found.path.is_dir() and not any(found.events()):  # a new one
        store.remove_old(found, project.settings.keep_runs, processes.discard)
    index: Rehearsal | PackageIndex
    if request.destination is None or resolver is None:
        index = Rehearsal(folder.path / "index", project.name, shared=part.server)
    else:
        index = PackageIndex(request.destination, resolver)
    secrets.offer(index.secrets)
    secrets.offer({name: functools.partial(_variable, name) for name in vendors.KEY_VARIABLES})
    target = folder.last_target() if request.lane == "checklist" else REHEARSAL
    working_tree = git_queries.working_tree(project.root, processes)
    release = Release(
        project,
        versions.version_of(versions.places_of(project)),
        target if request.destination is None else request.destination.name,
        git_queries.commit(project.root, processes),
        folder.path,
        folder.work_dir() if folder.path.is_dir() and not request.read_only else folder.path / "work-dir",
        working_tree.inside(project.root) if working_tree else PurePosixPath(),
        request.rebuilt,
    )
    try:
        world = World(
            processes,
            files,
            SystemClock(lambda: processes.stopped),
            index,
            folder,
            _environment(request, release),
            tell=lambda line: screen.say([line]),
            outcomes=outcome_cache(request, folder, os.environ) if request.lane in lanes.BUILDING else None,
            person=AtTerminal(screen, sys.stdin, lambda: processes.stopped, preapproved=request.yes),
            default_index=MachineIndex(os.environ, processes),
            answers=sign_offs,
            baseline=request.baseline or baseline.read(project.root),
            task_ids=lambda: lane_names.task_ids(project),
            approvals=request.approvals,
        )
        if world.outcomes is not None:
            inputs.tool()  # kept, and made while nothing else runs: each of its small reads would wait for a thread
        if request.lane in lanes.BUILDING:  # the others ask no index
            from omni_release.git import release_tag

            world = replace(world, released_tag=functools.partial(release_tag.released_tag, release, world))
        if not request.read_only:
            from omni_release.publishing import steps as publishing_steps

            world = replace(world, publisher=publishing_steps)
        if request.lane == "release" and not request.dry:
            folder.sync_built()
        if request.approvals and request.lane == "release" and not request.dry:
            from omni_release.publishing import approvals

            approvals.keep_handed(request.approvals, folder.path, world.files)
        part.opened(release, world)
        yield release, world
    finally:
        index.close()
        processes.close()
        if request.lane == "gate" or request.mode == "files":
            folder.remove_work_dir()


def _environment(request: Request, release: Release) -> Mapping[str, str]:
    """The variables of this process; with those that name the distributions of siblings, which are copied first."""
    if not request.siblings or request.dry or request.read_only:
        return os.environ
    return {**os.environ, **siblings.offered(request.siblings, release.work_dir, os.environ)}


def _variable(name: str) -> str:
    return os.environ.get(name, "")


def _run_folder(request: Request, store: RunStore, processes: LocalProcesses) -> RunFolder:
    """The run that `--run` names; for a part of a rehearsal, the newest one of this very tree; else a new one."""
    if request.run is not None:
        return store.run(request.run)
    runs = store.runs()
    newest = next(iter(runs), None)
    if request.lane == "checklist":
        return newest or store.none()
    if request.lane == "gate" and not request.read_only and not request.dry:
        return store.gate()
    if request.lane not in (*lanes.BUILDING, "doctor", "published") or (request.dry and newest is None):
        return store.none()
    if request.lane == "doctor":
        tree = source_tree.fingerprint(request.project.root, processes)
        built = [run for run in runs if run.is_readable() and run.tree_hash() == tree]
        rehearsed = (run for run in built if run.rehearsal_verdict() is not None)
        return next(rehearsed, None) or next(iter(built), store.none())
    if request.lane not in _ALWAYS_NEW and request.artifacts is None and newest is not None:
        if newest.is_readable() and newest.tree_hash() == source_tree.fingerprint(request.project.root, processes):
            return newest
    if request.lane == "published":
        return store.none()
    if request.dry:
        return store.planned()
    return store.new_run()
