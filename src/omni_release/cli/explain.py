"""`omni-release explain ID`: what a task is, and what to do when it fails."""

from __future__ import annotations

import difflib
import sys

from omni_release import lanes
from omni_release.core import errors
from omni_release.core.errors import UsageError
from omni_release.core.model import Project
from omni_release.core.redaction import printable
from omni_release.core.tasks import Task


def explain(id: str, project: Project | None, *, json: bool) -> int:
    """Print what the task of this id is, in whichever lanes. Raises UsageError where there is none."""
    found = lanes.every(project)
    tasks = {task.id: task for lane in reversed(found) for task in lane.tasks}
    task = tasks.get(id)
    if task is None:
        near = difflib.get_close_matches(id, tasks, 1, 0.4)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(tasks)}."
        raise UsageError(f"there is no task {id!r}", hint)
    within = tuple(dict.fromkeys(lane.name for lane in found if any(t.id == id for t in lane.tasks)))
    sys.stdout.write(_json(task, within) if json else printable(_text(task, within)))
    return errors.EXIT_PASSED


def _text(task: Task, within: tuple[str, ...]) -> str:
    said = [f"{task.id} ({task.kind})", f"  {task.title}.", "", *(f"  {line}" for line in task.remedy.splitlines()), ""]
    said += [f"  needs: {', '.join(task.needs) or 'nothing'}", f"  in the lanes: {', '.join(within)}"]
    said += [] if task.waivable else ["  no waiver has an effect on it"]
    return "\n".join(said) + "\n"


def _json(task: Task, within: tuple[str, ...]) -> str:
    from omni_release.core.documents import to_json

    content = {
        "id": task.id,
        "kind": task.kind,
        "title": task.title,
        "remedy": task.remedy,
        "needs": list(task.needs),
        "lanes": list(within),
        "waivable": task.waivable,
    }
    return to_json(content)
