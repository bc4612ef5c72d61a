"""The project's own commands: a front end's build, a type checker, whatever else has to end well."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omni_release.core.actions import Run
from omni_release.core.errors import CannotTell
from omni_release.core.model import Finding, Release
from omni_release.core.settings import Command
from omni_release.core.world import Completed, World
from omni_release.environments import env_vars

_SHOWN = 15
_RULE = "command"
_FILE = "pyproject.toml"


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
        inner = env_vars.for_tests(world.environment, release.folder)
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
            raise CannotTell(
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
