"""The tasks that a project adds to a lane: its own commands, and the items of its checklists."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import programs
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, SettingsError
from omni_release.core.model import Finding, Project, Release
from omni_release.core.settings import TABLE, Command
from omni_release.core.settings_reader import line_of
from omni_release.core.tasks import Lane, Rule, RuleClass, Stage, Task, reports, stage, step
from omni_release.core.world import World

_FILE = "pyproject.toml"
_PHASES = {"before-release-answered": "before", "after-release-answered": "after"}
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_TAIL = 15  # lines of a command's output in its finding
_RULE = "command"


def with_project_tasks(lane: Lane, project: Project) -> Lane:
    """The lane with the project's own tasks. Raises SettingsError where a command of the settings is invalid."""
    tasks: list[Task] = []
    for task in lane.tasks:
        items = tuple(_item_tasks(task, project, {task.id for task in tasks}))
        tasks += [*items, dataclasses.replace(task, needs=(*task.needs, *(item.id for item in items)))]
    return dataclasses.replace(lane, tasks=(*tasks, *_command_tasks(lane.name, project)))


def _item_tasks(task: Task, project: Project, earlier: set[str]) -> Iterator[Task]:
    """The items that `task` requires, if it is the one that requires a phase's checklists: a task each.

    An item needs the check that it names, where that is one of the `earlier` tasks of the lane, and what `task` needs.
    """
    if task.id not in _PHASES:
        return
    from omni_release import checklists
    from omni_release.checklists.checks import ChecklistReadable, ItemAnswered

    for checklist in checklists.read(project.root):
        if checklist.when != _PHASES[task.id]:
            continue
        if checklist.problems:
            id, title = f"{checklist.name}/itself", f"Checklist {checklist.name} is valid"
            fix = f"Correct the reported line in {checklists.FOLDER}/."
            yield Task(id, title, fix, ChecklistReadable(checklist), task.needs, stage=task.stage)
        for item in checklist.items:
            check = (item.check,) if item.check in earlier else ()
            fix = "Correct what its check found, or answer it with `omni-release sign`."
            yield Task(item.id, item.says, fix, ItemAnswered(item), task.needs + check, stage=task.stage)


def _command_tasks(lane: str, project: Project) -> Iterator[Task]:
    """A task for each command of this lane, after the copy that they run in."""
    if not project.settings.command:
        return
    from omni_release.builds import CopyForCommands

    lines = _validate_commands(project)
    chosen = [command for command in project.settings.command if lane in command.when]
    if any(command.where == "copy" for command in chosen):
        yield from stage(Stage.CODE, step(CopyForCommands()))
    names = {command.name for command in chosen}
    for command in chosen:
        needs = tuple(f"command-{name}" for name in command.needs if name in names)
        copy = ("copy-for-commands",) if command.where == "copy" else ()
        yield Task(
            f"command-{command.name}",
            f"Command `{' '.join(command.run)}` passes",
            f"Run it by hand in the project's folder; it is the `run` of a [[{TABLE}.command]].",
            CommandPasses(command, lines[command.name]),
            copy + needs,
            stage=Stage.CODE,
        )


def _validate_commands(project: Project) -> dict[str, int | None]:
    """The line of each command in pyproject.toml, by name. Raises SettingsError for the first one that cannot run."""
    text = (project.root / _FILE).read_text(encoding="utf-8-sig")
    lines: dict[str, int | None] = {}
    for number, command in enumerate(project.settings.command):
        for key, error, hint in _command_errors(command, lines.keys()):
            line = line_of(text, (TABLE, "command", number, key))
            raise SettingsError(f"the command {command.name!r} {error}", hint, path=project.root / _FILE, line=line)
        lines[command.name] = line_of(text, (TABLE, "command", number, "name"))
    return lines


def _command_errors(command: Command, earlier: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """The errors of a command: key, error, hint. `earlier` are the names of those before it."""
    cwd = PurePosixPath(command.cwd.replace("\\", "/"))
    if not _NAME.fullmatch(command.name):
        yield "name", "has an invalid name", "Use lowercase letters, digits and hyphens: npm-build."
    if command.name in earlier:
        yield "name", "is defined twice", "Give each command its own name."
    if unknown := [name for name in command.needs if name not in earlier]:
        yield "needs", f"needs {unknown[0]!r}, which is not defined before it", "Move it below the command it needs."
    if cwd.is_absolute() or ".." in cwd.parts or re.match(r"[A-Za-z]:", command.cwd):
        yield "cwd", f"runs in {command.cwd!r}, which is outside the project", "Name a folder inside the project."
    if not command.when:
        yield "when", "joins no lane", 'Set when = ["gate"], or ["rehearse"], or both.'


@reports(Rule(_RULE, RuleClass.RELEASE, "Command of the project fails"))
@dataclass(frozen=True)
class CommandPasses:
    """The check that one command ends with exit code 0. `line` is its line in pyproject.toml."""

    command: Command
    line: int | None

    def __call__(self, release: Release, world: World) -> Iterator[Finding]:
        command = self.command
        top = release.project.root if command.where == "checkout" else release.commands_tree
        cwd = top / command.cwd
        if not cwd.is_dir():
            message = f"the project has no folder {command.cwd!r}, or git does not track it"
            yield Finding(message, _RULE, path=_FILE, line=self.line)
            return
        inner = programs.test_env(world.environment, release.folder, command.pass_env)
        # Programs that are installed with omni-release are found without an activated environment, too.
        inner["PATH"] = os.pathsep.join((inner.get("PATH", os.defpath), str(Path(sys.executable).parent)))
        log = release.logs / f"command-{command.name}.log"
        log.unlink(missing_ok=True)
        argv = (self._find_program(cwd, inner["PATH"]), *command.run[1:])
        completed = world.processes.run(Run(argv, cwd, inner, log, command.timeout))
        if completed.code != 0:
            folder = f" in {command.cwd}" if command.cwd != "." else ""
            ended = f"`{shlex.join(command.run)}`{folder} {completed.ended(command.timeout)}"
            message = "\n".join((ended, *completed.tail[-_TAIL:], f"Full output: {log}"))
            yield Finding(message, _RULE, path=_FILE, line=self.line)

    def _find_program(self, cwd: Path, path: str) -> str:
        """The full path of the program (on Windows of npm.cmd, say). Raises Inconclusive where there is none."""
        program = self.command.run[0]
        found = shutil.which(cwd / program if os.path.dirname(program) else program, path=path)
        if found is None:
            raise Inconclusive(
                f"`{program}` is not installed, or not in PATH: `{shlex.join(self.command.run)}` did not run",
                f"Install it, or remove the command {self.command.name!r} from this lane ({_FILE}:{self.line}).",
            )
        return found
