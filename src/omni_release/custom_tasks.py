"""What a project itself adds to a lane: its commands, and the items of its checklists."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from omni_release.core.errors import SettingsError
from omni_release.core.model import Project
from omni_release.core.settings import TABLE, Command
from omni_release.core.tasks import Lane, Task, step
from omni_release.core.toml_keys import line_of

_FILE = "pyproject.toml"
_MOMENTS = {"before-release-is-answered": "before", "after-release-is-answered": "after"}
_ANSWER = "Run what it names, or mend what that has found."
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def joined(lane: Lane, project: Project) -> Lane:
    """The lane with what the project adds to it. Raises SettingsError where a command cannot be one."""
    tasks: list[Task] = []
    for task in lane.tasks:
        items = tuple(_items(task, project, {task.id for task in tasks}))
        tasks += [*items, dataclasses.replace(task, needs=(*task.needs, *(item.id for item in items)))]
    return dataclasses.replace(lane, tasks=(*tasks, *_commands(lane.name, project)))


def _items(task: Task, project: Project, before: set[str]) -> Iterator[Task]:
    """Where the task is that a moment's checklists are answered: a task for each of their items, which it then needs.

    An item waits for the check that it names, where that stands in this lane, and for what its moment waits for.
    """
    if task.id not in _MOMENTS:
        return
    from omni_release import checklists
    from omni_release.checklists.checks import ChecklistIsReadable, ItemIsAnswered

    for one in checklists.read(project.root):
        if one.when != _MOMENTS[task.id]:
            continue
        if one.problems:
            broken = ChecklistIsReadable(one)
            remedy = f"Mend the line that is named, in {checklists.FOLDER}/."
            yield Task(f"{one.name}/itself", f"The checklist {one.name} can be read", remedy, broken, task.needs)
        for item in one.items:
            check = (item.check,) if item.check in before else ()
            yield Task(item.id, item.says, _ANSWER, ItemIsAnswered(item), task.needs + check)


def _commands(lane: str, project: Project) -> Iterator[Task]:
    """A task for each command of this lane, and the copy that they run in."""
    if not project.settings.command:
        return
    from omni_release.build.copy_steps import CopyForCommands
    from omni_release.custom_commands import CommandPasses

    line = _validated(project)
    chosen = [command for command in project.settings.command if lane in command.when]
    if any(command.where == "copy" for command in chosen):
        yield step(CopyForCommands())
    names = {command.name for command in chosen}
    for command in chosen:
        needs = tuple(f"command-{name}" for name in command.needs if name in names)
        copy = ("copy-for-commands",) if command.where == "copy" else ()
        yield Task(
            f"command-{command.name}",
            f"The project's own command `{' '.join(command.run)}` passes",
            "Run it by hand in the project's folder; it is the `run` of a [[tool.omni-release.command]].",
            CommandPasses(command, line(project.settings.command.index(command))),
            copy + needs,
        )


def _validated(project: Project) -> Callable[[int], int | None]:
    """The line on which the command of a number stands. Raises SettingsError where one cannot be run."""
    text = (project.root / _FILE).read_text(encoding="utf-8-sig")

    def line(number: int, key: str = "name") -> int | None:
        return line_of(text, (TABLE, "command", number, key))

    seen: set[str] = set()
    for number, command in enumerate(project.settings.command):
        for key, said, hint in _wrong(command, seen):
            where = project.root / _FILE
            raise SettingsError(f"the command {command.name!r} {said}", hint, path=where, line=line(number, key))
        seen.add(command.name)
    return line


def _wrong(command: Command, seen: set[str]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a command: the key, what is wrong, what to do. `seen` are the names of those before it."""
    cwd = PurePosixPath(command.cwd.replace("\\", "/"))
    if not _NAME.fullmatch(command.name):
        yield "name", "has a name that no task can have", "Use small letters, digits and hyphens: npm-build."
    if command.name in seen:
        yield "name", "is there twice", "Give each command a name of its own."
    if unknown := [name for name in command.needs if name not in seen]:
        yield "needs", f"needs {unknown[0]!r}, which does not stand before it", "Put it after what it needs."
    if cwd.is_absolute() or ".." in cwd.parts or re.match(r"[A-Za-z]:", command.cwd):
        yield "cwd", f"runs in {command.cwd!r}, which lies outside the project", "Name a folder inside the project."
    if not command.when:
        yield "when", "joins no lane", 'Say when = ["gate"], or ["rehearse"], or both.'
