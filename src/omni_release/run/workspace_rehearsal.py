"""Rehearse the packages of a workspace: each when all that it needs has passed, independent ones side by side."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from packaging.utils import canonicalize_name

from omni_release import distributions, run
from omni_release.adapters.secrets import Secrets
from omni_release.adapters.terminal import SectionScreen
from omni_release.core.errors import InvalidDistribution, OmniReleaseError
from omni_release.core.model import LOCAL_WHEEL, Status
from omni_release.report import next_step, workspace
from omni_release.report.workspace import Section, WorkspaceReport
from omni_release.run import lane_run
from omni_release.run.workspace_session import WorkspaceSession
from omni_release.workspaces import order
from omni_release.workspaces.model import Workspace

_ARTIFACTS = "artifacts"
"""The folder of a run with the distributions that were given, one folder a package."""


def report(session: WorkspaceSession, sections: Mapping[str, Section]) -> WorkspaceReport:
    """The report of a rehearsal."""
    request = session.request
    run_folder = str(session.folder.path) if session.folder.path.is_dir() else None
    ordered = tuple(sections[key] for key in flat_order(session.workspace, sections))
    found = WorkspaceReport(
        "rehearse",
        session.workspace.name,
        "rehearsal",
        0.0,
        ordered,
        run_folder,
        interrupted=session.interrupted.is_set(),
        notes=tuple(private_notes(session.workspace)) if not request.packages else (),
    )
    rehearsed = replace(request, lane="rehearse")
    if found.interrupted:
        only = [word for id in request.only for word in ("--only", id)]
        resumed = rehearsed.command("--run", session.name, *only, *request.reuse)
        return replace(found, step=resumed if run_folder else "")
    release = partial(replace(request, lane="release").command, "--to", request.to or "pypi")
    if any(section.report is not None and section.report.uncommitted for section in ordered):
        released = next_step.after_commit(release())
    else:
        released = release("--run", session.name)
    whole = run_folder is not None and not request.only and request.lane == "rehearse"
    return replace(found, step=workspace.next_after(found, rehearsed.command(), released if whole else ""))


def private_notes(found: Workspace) -> Iterator[str]:
    """A line for the packages that no run is about."""
    private = [f"{package.name} ({package.private})" for package in found.packages.values() if package.private]
    if private:
        yield f"left out, because never released: {', '.join(private)}"


def flat_order(found: Workspace, keys: Iterable[str]) -> tuple[str, ...]:
    """The packages, each after those that it needs."""
    return tuple(key for batch in order.batches(found, keys) for key in batch)


def rehearse(
    session: WorkspaceSession, keys: Iterable[str], rehearsed: Mapping[str, Section] = MappingProxyType({})
) -> dict[str, Section]:
    """Rehearse packages, each when all that it needs has passed, independent ones side by side.

    `rehearsed` are those whose rehearsal in this run has passed already.
    """
    ordered = flat_order(session.workspace, keys)
    before = order.before(session.workspace, ordered)
    not_copied = _take_artifacts(session)
    done = {key: not_copied[key] for key in ordered if key in not_copied} | dict(rehearsed)
    waiting = [key for key in ordered if key not in done]
    running: dict[Future[Section], str] = {}
    screens: dict[str, SectionScreen] = {}
    session.screen.follow(
        lambda: workspace.running_lines({session.package(k).name: s.running for k, s in screens.items()})
    )
    limit = max(os.cpu_count() or 1, 1)
    with ThreadPoolExecutor(limit, thread_name_prefix="package") as pool:
        while waiting or running:
            try:
                for key in [key for key in waiting if before[key] <= done.keys()]:
                    if reason := _blocked(session, key, done):
                        done[key] = session.section(key, reason=reason)
                        waiting.remove(key)
                    elif len(running) < limit:
                        secrets = run.secrets_of(session.package_request(key, "rehearse"))
                        screens[key] = SectionScreen(session.screen, secrets.redact)
                        future = pool.submit(_rehearse_one, session, key, secrets, screens[key], before[key])
                        running[future] = key
                        waiting.remove(key)  # last: after an interruption each key is still in one of the three
                ended, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in ended:
                    key = running[future]
                    done[key] = future.result()
                    screen = screens.pop(key, None)
                    if screen and session.request.verbosity >= 0:
                        screen.show(session.screen)
                        session.screen.say([""])
                    del running[future]
            except KeyboardInterrupt:
                session.interrupt()
    session.screen.follow(tuple)
    return done


def _blocked(session: WorkspaceSession, key: str, done: Mapping[str, Section]) -> str:
    """Why a package is not rehearsed: the first that it needs, at runtime or to build, and that is not there."""
    if session.interrupted.is_set():
        return "the run was interrupted"
    for other in flat_order(session.workspace, order.needs(session.workspace, [key]) - {key}):
        if other in done and not _usable(done[other]):
            return f"needs {done[other].name}, which {'failed' if done[other].verdict == 'failed' else 'did not pass'}"
    return ""


def _usable(section: Section) -> bool:
    """Whether other packages can be installed with this one: it is on the index, and nothing is wrong with it.

    What is unknown about it, or waits for a person, does not keep others from being tested.
    """
    if section.report is None or section.verdict in ("failed", "interrupted"):
        return False
    upload = next((outcome.status for outcome in section.report.outcomes if outcome.id == "upload"), Status.PASSED)
    return upload in (Status.PASSED, Status.PLANNED)


def _rehearse_one(
    session: WorkspaceSession, key: str, secrets: Secrets, screen: SectionScreen, before: frozenset[str]
) -> Section:
    """The rehearsal of one package. An error that keeps it from starting is a failure of this package alone."""
    recorded = session.recorded_runs()
    resumed = recorded.get(key)
    try:
        request = session.package_request(
            key,
            "rehearse",
            run=str(resumed) if resumed else None,
            only=session.request.only,
            artifacts=None if resumed else _artifacts(session, key),
            siblings=distribution_folders(recorded, before),
        )
        ended = lane_run.run_one(
            request, session.store(key, secrets), secrets, part=session.part(key, screen, record=not resumed)
        )
    except (OmniReleaseError, OSError) as error:
        section = session.failed_section(key, error, secrets.redact)
        screen.say([f"{section.name}: {section.reason}"])
        return section
    return session.section(key, ended, redact=secrets.redact)


def distribution_folders(recorded: Mapping[str, Path], keys: frozenset[str]) -> tuple[Path, ...]:
    """The folders with the distributions of these packages, as the index of the run holds them."""
    found = []
    for key in sorted(keys & recorded.keys()):
        held, built = recorded[key] / "index" / "files", recorded[key] / "dist"
        found += [held if held.is_dir() else built] if held.is_dir() or built.is_dir() else []
        local = recorded[key] / LOCAL_WHEEL
        found += [local] if local.is_dir() else []
    return tuple(found)


def _take_artifacts(session: WorkspaceSession) -> dict[str, Section]:
    """Copy the distributions in `--artifacts` into the run's folder, by package, so that a resumed run has them too.

    Returns the packages whose files cannot be copied: their folders stay empty.
    """
    given, kept = session.request.artifacts, session.folder.path / _ARTIFACTS
    if given is None or session.request.dry or kept.is_dir():
        return {}
    failed: dict[str, Section] = {}
    copied = kept.with_name(f"{_ARTIFACTS}.new")
    shutil.rmtree(copied, ignore_errors=True)  # of a run that was ended while it copied
    copied.mkdir()
    for key in session.projects:
        own = _own(given, key)
        folder = copied / key
        try:
            for path in own:
                folder.mkdir(exist_ok=True)
                (folder / path.name).write_bytes(path.read_bytes())
        except OSError as error:
            failed[key] = session.failed_section(key, error, session.redact)
            shutil.rmtree(folder)
            folder.mkdir()
    copied.rename(kept)
    return failed


def _artifacts(session: WorkspaceSession, key: str) -> Path | None:
    """A folder with the distributions of one package that were given; None where there are none of it.

    A dry run, which copies nothing, gets the folder of all packages.
    """
    kept, given = session.folder.path / _ARTIFACTS, session.request.artifacts
    if kept.is_dir():
        return kept / key if (kept / key).is_dir() else None
    return given if given is not None and _own(given, key) else None


def _own(folder: Path, key: str) -> list[Path]:
    """The distributions of one package in a folder. Those with an invalid name too: its run reports them."""
    return [path for path in distributions.in_folder(folder) if canonicalize_name(_project_of(path)) == key]


def _project_of(path: Path) -> str:
    try:
        return distributions.name_and_version(path.name)[0]
    except InvalidDistribution:
        return path.name.partition("-")[0] if path.suffix == ".whl" else path.name.rpartition("-")[0]
