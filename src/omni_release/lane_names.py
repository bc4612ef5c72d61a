"""The names in the lanes: of the tasks and rules of all of them, and those that a project's settings refer to."""

from __future__ import annotations

from omni_release import custom_tasks, lanes
from omni_release.core import severity, waivers
from omni_release.core.model import Project
from omni_release.core.tasks import Lane, RuleClass, Task

_MODES = {"smoke": ("live", "emulated", "recorded"), "record": ("live", "emulated"), "version": ("", "staged")}


def every(project: Project | None = None) -> tuple[Lane, ...]:
    """Each lane in each of its modes, with the tasks that the project adds."""
    all_lanes = tuple(lanes.lane(name, mode=mode) for name in lanes.ALL for mode in _MODES.get(name, ("",)))
    if project is None:
        return all_lanes
    return tuple(custom_tasks.with_project_tasks(lane, project) for lane in all_lanes)


def task_ids(project: Project) -> frozenset[str]:
    """The ids of a project's tasks in all lanes."""
    return frozenset(task.id for lane in every(project) for task in lane.tasks)


def validate(lane: Lane, project: Project) -> None:
    """Check that the waivers and the severities of the settings name what exists, looking at the cheapest first.

    Raises SettingsError where one does not.
    """

    def bug_patterns(*, own: bool) -> list[str]:
        from omni_release.code import scan

        rules = scan.project_rules(project.root, project.settings.audit.rules) if own else scan.shipped_rules()
        ids = [scan.rule_name(id) for file in rules for id in file.ids]
        return [*ids, *(f"bug-patterns/{id}" for id in ids)]

    def tasks() -> tuple[Task, ...]:
        return tuple(task for lane in every(project) for task in lane.tasks)

    def severities_of_bug_patterns() -> list[severity.Name]:  # what a project configured itself always blocks
        shipped = [severity.Name(id, RuleClass.QUALITY) for id in bug_patterns(own=False)]
        return shipped + [severity.Name(id, RuleClass.RELEASE) for id in bug_patterns(own=True)]

    waivers.validate(
        project,
        lambda: waivers.names(lane.tasks),
        lambda: bug_patterns(own=False) + bug_patterns(own=True),
        lambda: waivers.names(tasks()),
    )
    severity.validate(
        project, lambda: severity.names(lane.tasks), severities_of_bug_patterns, lambda: severity.names(tasks())
    )
