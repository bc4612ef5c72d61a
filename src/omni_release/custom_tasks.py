"""What a project itself adds to a lane: its commands, and the items of its checklists."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import programs
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, SettingsError
from omni_release.core.model import Finding, Project, Release, Stage
from omni_release.core.settings import TABLE, Command
from omni_release.core.settings_reader import line_of
from omni_release.core.tasks import Lane, Task, stage, step
from omni_release.core.world import Completed, World

_FILE = "pyproject.toml"

_MOMENTS = {"before-release-answered": "before", "after-release-answered": "after"}

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
            yield Task(
                f"{one.name}/itself",
                f"The checklist {one.name} can be read",
                remedy,
                broken,
                task.needs,
                stage=task.stage,
            )
        for item in one.items:
            check = (item.check,) if item.check in before else ()
            yield Task(item.id, item.says, _ANSWER, ItemIsAnswered(item), task.needs + check, stage=task.stage)


def _commands(lane: str, project: Project) -> Iterator[Task]:
    """A task for each command of this lane, and the copy that they run in."""
    if not project.settings.command:
        return
    from omni_release.builds.steps import CopyForCommands

    line = _validated(project)
    chosen = [command for command in project.settings.command if lane in command.when]
    if any(command.where == "copy" for command in chosen):
        yield from stage(Stage.CODE, step(CopyForCommands()))
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
            stage=Stage.CODE,
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


_SHOWN = 15

_RULE = "command"


@dataclass(frozen=True)
class CommandPasses:
    """The check that one command ends well. `line` is the one of pyproject.toml that it stands on."""

    command: Command
    line: int | None

    def __call__(self, release: Release, world: World) -> Iterator[Finding]:
        command = self.command
        top = release.project.root if command.where == "checkout" else release.commands_tree
        cwd = top / command.cwd
        if not cwd.is_dir():
            yield self._finding(f"there is no folder {command.cwd!r} in the project, or git does not know it")
            return
        inner = programs.test_env(world.environment, release.folder)
        # What was installed beside omni-release is found without an activated environment, too.
        inner["PATH"] = os.pathsep.join((inner.get("PATH", os.defpath), str(Path(sys.executable).parent)))
        log = release.logs / f"command-{command.name}.log"
        log.unlink(missing_ok=True)
        argv = (self._program(cwd, inner["PATH"]), *command.run[1:])
        completed = world.processes.run(Run(argv, cwd, inner, log, command.timeout))
        if completed.code != 0:
            yield self._finding("\n".join((self._ended(completed), *completed.tail[-_SHOWN:], f"All of it: {log}")))

    def _program(self, cwd: Path, path: str) -> str:
        """The program's whole path (on Windows that of npm.cmd, say). Raises CannotTell where there is none."""
        program = self.command.run[0]
        inside = cwd / program
        found = shutil.which(inside if os.path.dirname(program) else program, path=path)
        if found is None:
            raise Inconclusive(
                f"`{program}` is not on this machine, or not in its PATH: whether `{self._stated}` passes is not known",
                f"Install it, or take the command {self.command.name!r} out of this lane ({_FILE}:{self.line}).",
            )
        return found

    @property
    def _stated(self) -> str:
        return shlex.join(self.command.run)

    def _ended(self, completed: Completed) -> str:
        where = f" in {self.command.cwd}" if self.command.cwd != "." else ""
        return f"`{self._stated}`{where} {completed.ended(self.command.timeout)}"

    def _finding(self, said: str) -> Finding:
        return Finding(said, _RULE, path=_FILE, line=self.line)
