"""Release the packages of a workspace: all are proved before the first upload, then each is sent, in order.

1. The plan: what has changed, and what prevents a release.
2. The world around each package, its rehearsal where it has none, and then both again with the files that were built.
3. One confirmation by a person.
4. Whole releases of single packages, in order: upload, listing, installation, tag. It stops at the first that is not
   proved; what is on the index stays, and the same run goes on where it has stopped.

The journal of the run says which packages are in the release, and which are complete. What is on the index is asked
again for each of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from omni_release import git, lanes, run
from omni_release.adapters.terminal import Within
from omni_release.core.errors import OmniReleaseError
from omni_release.core.journal import RunFolder
from omni_release.core.model import Release, Report, Status
from omni_release.core.text import counted
from omni_release.core.world import World
from omni_release.git import release_tag
from omni_release.report import json_report
from omni_release.report.workspace import Section, WorkspaceReport
from omni_release.run import lane_run, workspace_confirmation
from omni_release.run.workspace_rehearsal import distribution_folders, private_notes, rehearse
from omni_release.run.workspace_session import WorkspaceSession
from omni_release.workspaces import order
from omni_release.workspaces.plan import Plan, of_release, problems_of_left_out, remaining

_TAGS = ("tag-release", "push-tag", "draft-release")
_AFTER_THE_PROOF = ("draft-release", "local-environment-unused", "upgrade-local", "after-release-answered")
"""Tasks after a package is proved: the next one does not wait for them."""


@dataclass
class _Phase:
    """A release that goes on: the packages in order, what is known of each so far, and the names of their tags."""

    session: WorkspaceSession
    keys: tuple[str, ...]
    notes: tuple[str, ...]
    sections: dict[str, Section] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def report(self, *, interrupted: bool = False, step: str = "", stopped: str = "") -> WorkspaceReport:
        """The report; packages without a section were `stopped` for this reason."""
        session = self.session
        found = (self.sections.get(key) or session.section(key, reason=stopped) for key in self.keys)
        folder = str(session.folder.path) if session.folder.path.is_dir() else None
        name, target = session.workspace.name, session.request.to
        return WorkspaceReport("release", name, target, 0.0, tuple(found), folder, interrupted, self.notes, step)


def release(session: WorkspaceSession, keys: tuple[str, ...]) -> WorkspaceReport:
    """Release what has changed among these packages, or resume such a release."""
    recorded = _recorded(session, keys)
    if recorded is None:
        plan = of_release(session.workspace, session.request.packages, session.request.since)
        phase = _Phase(session, plan.order, tuple(_notes(session, plan)))
        if not _possible(phase, plan):
            return phase.report(stopped="nothing is sent while another package has a problem")
    else:
        phase = _Phase(session, recorded, ())
    if not phase.keys:
        return phase.report()
    _show_plan(phase)
    try:
        return _release(phase)
    except KeyboardInterrupt:
        return phase.report(interrupted=True, step=session.resume, stopped="the run was interrupted")


def _recorded(session: WorkspaceSession, keys: tuple[str, ...]) -> tuple[str, ...] | None:
    """The packages of the release that this run has begun, of those that are asked for; None where it has not."""
    for event in session.folder.events():
        if event.get("event") == "release":
            return tuple(key for key in event["packages"] if key in keys)
    return None


def _notes(session: WorkspaceSession, plan: Plan) -> Iterator[str]:
    """What is left out of the release."""
    if not session.request.packages:
        yield from private_notes(session.workspace)
        unchanged = [p.name for p in session.workspace.released if p.key not in plan.reasons]
        if unchanged:
            yield f"left out, because unchanged: {', '.join(unchanged)}"
    yield from remaining(plan)
    yield from (f"{problem.where}: {problem.message} {problem.hint}" for problem in plan.warnings)


def _possible(phase: _Phase, plan: Plan) -> bool:
    """Whether nothing prevents the release; each problem is shown, and is in the section of its package."""
    session = phase.session
    left_out = problems_of_left_out(plan, named=bool(session.request.packages))
    problems = (*plan.problems, *left_out)
    for problem in problems:
        reason = f"{problem.where}: {problem.message}\n→ {problem.hint}"
        package = session.workspace.packages[problem.key]
        if problem.key in session.projects:
            before = phase.sections.get(problem.key)
            reason = f"{before.reason}\n{reason}" if before else reason
            phase.sections[problem.key] = session.section(problem.key, reason=reason, ended="failed")
        else:
            phase.sections[problem.key] = Section(
                package.name, package.folder, package.version, None, reason, ended="failed"
            )
    phase.keys = (*phase.keys, *(key for key in phase.sections if key not in phase.keys))
    return not problems


def _show_plan(phase: _Phase) -> None:
    """Show what is released, in order, and what is not."""
    session = phase.session
    if session.request.verbosity < 0:
        return
    number = counted(len(phase.keys), "package")
    lines = [f"{session.workspace.name}: release of {number} to {session.request.to}, in this order:"]
    packages = [session.package(key) for key in phase.keys]
    lines += [f"  {number}. {p.name} {p.version or ''}".rstrip() for number, p in enumerate(packages, 1)]
    session.screen.say([*lines, *(f"  {note}" for note in phase.notes), ""])


def _release(phase: _Phase) -> WorkspaceReport:
    session = phase.session
    workspace_confirmation.require(session, phase.keys)
    if not session.request.dry:
        session.folder.record("release", target=session.request.to, packages=list(phase.keys))
    open_keys = [key for key in phase.keys if key not in _complete(session)]
    rehearsed = _rehearsed(session, open_keys)
    missing = [key for key in open_keys if key not in rehearsed]
    if missing:
        if not _check(phase, missing, only=lanes.PROOFS, stop=("failed", "interrupted")):
            return _not_begun(phase)
        sections = rehearse(session, open_keys, rehearsed)
        phase.sections |= sections
        if any(section.verdict != "passed" for section in sections.values()):
            return _not_begun(phase)
    if not _check(phase, open_keys, mode="rehearsed", stop=("failed", "interrupted", "inconclusive", "waiting")):
        return _not_begun(phase)
    if len(phase.keys) > 1 and not session.request.dry:
        try:
            workspace_confirmation.confirm(session, open_keys)
        except (OmniReleaseError, OSError) as error:
            phase.sections = {key: session.failed_section(key, error, session.redact) for key in open_keys}
            return phase.report(step=session.resume, stopped="released already")
    return _send(phase)


def _not_begun(phase: _Phase) -> WorkspaceReport:
    """The report of a release before the first upload of this run."""
    begun = bool(_complete(phase.session))
    reason = "another package has a problem" if begun else "nothing is sent while another package has a problem"
    step = phase.session.resume if phase.session.folder.path.is_dir() else ""
    verdicts = {section.verdict for section in phase.sections.values()}
    if "planned" in verdicts:
        reason, step = "needs what is only planned", ""
    interrupted = "interrupted" in verdicts or phase.session.interrupted.is_set()
    return phase.report(interrupted=interrupted, step=step, stopped=reason)


def _complete(session: WorkspaceSession) -> dict[str, Path]:
    """The packages whose release to this index is complete, with the folder of the run."""
    runs = session.recorded_runs()
    events = (e for e in session.folder.events() if e.get("event") == "released")
    names = [str(e["name"]) for e in events if e.get("target") == session.request.to]
    return {name: runs[name] for name in names if name in runs}


def _rehearsed(session: WorkspaceSession, keys: Iterable[str]) -> dict[str, Section]:
    """The packages whose rehearsal in this run has passed. What has changed since then is found before the upload."""
    found = {}
    for key, path in session.recorded_runs().items():
        folder = RunFolder(path, session.folder.files)
        if key in keys and folder.rehearsal_verdict() == "passed":
            report = _read(path / "report.json")
            found[key] = session.section(key, report, ended="passed")
    return found


def _read(path: Path) -> Report | None:
    try:
        return json_report.read(path.read_text(encoding="utf-8"))
    except OSError:
        return None


def _check(
    phase: _Phase, keys: Sequence[str], *, stop: tuple[str, ...], only: tuple[str, ...] = (), mode: str = ""
) -> bool:
    """Check the world around each package, whatever the others come to; whether the release can go on."""
    runs = phase.session.recorded_runs()
    for key in keys:

        def named(release: Release, world: World, key: str = key) -> None:
            try:
                repository = git.open_repository(release, world)
                version = release_tag.released_version(release, world)
                phase.tags[key] = release_tag.tag_name(release, repository, version)
            except OmniReleaseError:  # a check reports it
                phase.tags.pop(key, None)

        found = str(runs[key]) if mode else None
        phase.sections[key] = _run_one(phase, key, "doctor", then=named, only=only, mode=mode, run=found)
        if phase.sections[key].verdict == "interrupted":
            return False
    return not any(phase.sections[key].verdict in stop for key in keys)


def _run_one(
    phase: _Phase, key: str, lane: str, *, then: Callable[[Release, World], None] | None = None, **more: object
) -> Section:
    """The run of one package, with what finds the credentials for it alone; an error that ends it is in its section."""
    session = phase.session
    asked = session.package_request(key, lane, **more)
    secrets = run.secrets_of(asked)
    screen = Within(session.screen, secrets.redact)
    try:
        request, resolver = run.to_index(asked)
        store = session.store(key, secrets)
        run.keep_rebuilds(request, store)
        report = lane_run.run_one(request, store, secrets, resolver, session.part(key, screen, then=then))
    except (OmniReleaseError, OSError) as error:
        section = session.failed_section(key, error, secrets.redact)
        screen.say([f"{section.name}: {section.reason}"])
        return section
    session.screen.say([""] if session.request.verbosity >= 0 else [])
    return session.section(key, report, redact=secrets.redact)


def _send(phase: _Phase) -> WorkspaceReport:
    """Release each package in order, until one is not proved."""
    session, runs, complete = phase.session, phase.session.recorded_runs(), _complete(phase.session)
    waits_for = order.before(session.workspace, phase.keys)
    stopped = ""
    sent: dict[str, Section] = {}
    phase.sections = sent  # for the report of an interrupted run
    for number, key in enumerate(phase.keys):
        if key in complete:
            sent[key] = session.section(key, _published(session, complete[key]), ended="passed")
            continue
        if stopped:
            sent[key] = session.section(key, reason=f"{stopped} comes first, and is not complete")
            continue
        later = {phase.tags.get(other) for other in phase.keys[number + 1 :]}
        shared = phase.tags.get(key) in later and key in phase.tags
        only = tuple(task.id for task in lanes.lane("release").tasks if task.id not in _TAGS) if shared else ()
        given = distribution_folders(runs, waits_for[key])
        section = _run_one(phase, key, "release", run=str(runs[key]), only=only, siblings=given)
        sent[key] = section
        if section.verdict == "passed" and not session.request.dry:
            try:
                session.folder.record("released", name=key, target=session.request.to)
            except OSError as error:
                sent[key] = section = session.failed_section(key, error, session.redact)
        if section.report is None or not _proved(section.report):
            stopped = session.package(key).name
    report = phase.report()
    begun = report.verdict not in ("passed", "planned")
    return replace(report, interrupted=report.verdict == "interrupted", step=session.resume if begun else "")


def _proved(report: Report) -> bool:
    """Whether the package is on the index, can be installed, and is tagged: what comes after it may be sent."""
    good = (Status.PASSED, Status.SKIPPED, Status.PLANNED)
    own = (outcome for outcome in report.outcomes if outcome.id not in _AFTER_THE_PROOF)
    return not report.interrupted and all(outcome.status in good for outcome in own)


def _published(session: WorkspaceSession, path: Path) -> Report | None:
    """The report of a release that is complete; None where it cannot be read."""
    found = (_read(file) for file in path.glob("published/*/report.json"))
    return next((report for report in found if report and report.target == session.request.to), None)
