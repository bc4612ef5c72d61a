"""The runs of a whole workspace, for `status`, `runs` and `report` at its root."""

from __future__ import annotations

from omni_release.cli import lane
from omni_release.report import next_step

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from omni_release.core.journal import RunFolder
    from omni_release.workspaces.model import Workspace


def state_of(workspace: Workspace) -> dict[str, Any]:
    """The packages, the last rehearsal and the last release of the workspace, and the next command."""
    from omni_release import git_queries
    from omni_release.core.runs import WORKSPACE

    runs = lane.run_store(workspace.root, WORKSPACE).runs()
    ended = {name: next(filter(None, (_last(folder, name) for folder in runs)), None) for name in _LANES}
    head = git_queries.head(str(workspace.root))
    newest = max(filter(None, ended.values()), key=lambda found: found["at"], default=None)
    return {
        "workspace": workspace.name,
        "packages": [package.name for package in workspace.released],
        "branch": head.branch if head else None,
        "commit": head.sha if head else None,
        "clean": head.clean if head else None,
        **ended,
        "next": (newest and newest["next"]) or next_step.REHEARSE,
    }


_LANES = {"rehearse": "Rehearsal", "release": "Release"}


def _last(folder: RunFolder, lane: str) -> dict[str, Any] | None:
    """When a lane last ended in a run, with which verdict, and what was to be done then."""
    from omni_release.core.documents import read_json
    from omni_release.core.errors import Inconclusive

    events = [event for event in folder.ended() if event["lane"] == lane]
    if not events:
        return None
    try:
        report = read_json(folder.path / "report.json")
    except Inconclusive:
        report = None
    written = report if isinstance(report, dict) and report.get("lane") == lane else {}
    event = events[-1]
    found = {"run": folder.path.name, "at": event["at"], "verdict": event["verdict"], "target": event.get("target")}
    return {**found, "next": written.get("next", "")}


def lines(state: dict[str, Any]) -> Iterator[str]:
    """The state for a person."""
    from omni_release.core.model import ago
    from omni_release.core.text import counted

    facts = [state["branch"] or ""]
    if state["clean"] is not None:
        facts.append("clean" if state["clean"] else "with uncommitted changes")
    packages = counted(len(state["packages"]), "package")
    yield f"{state['workspace']}: {packages}   {', '.join(filter(None, facts))}".rstrip()
    for name, label in _LANES.items():
        if last := state[name]:
            where = f" to {last['target']}" if name == "release" else ""
            yield f"  {label:<11} {last['verdict']}{where} {ago(_seconds_since(last['at']))}   {last['run']}"
        elif name == "rehearse":
            yield f"  {label:<11} none yet"
    yield f"  Next        {state['next']}"


def _seconds_since(at: str) -> float:
    import datetime

    return (datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(at)).total_seconds()
