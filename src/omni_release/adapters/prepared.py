"""Programs of Python that are started before they are needed: they import their modules meanwhile.

A build leaves the other cores idle. To import twine takes longer than its upload to an index on this machine.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from omni_release import programs
from omni_release.core.actions import Run

_TWINE = ("twine", "twine.cli", "twine.commands.check", "twine.commands.upload", "readme_renderer.rst")
OF_A_REHEARSAL = (
    _TWINE,
    _TWINE,
    ("check_wheel_contents", "check_wheel_contents.checker"),
    ("omni_release.scripts.build", "build"),
)
"""The programs of a rehearsal after its build (`python -m NAME`), each with modules to import for it."""

_AT_START = ("PYTHON", "LANG", "LC_", "LD_", "DYLD_", "TZ")


class _ProcessGroup(TypedDict, total=False):
    start_new_session: bool
    creationflags: int


def own_group() -> _ProcessGroup:
    """The options of `subprocess.Popen` for a program that can be stopped together with all that it starts."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    else:  # noqa: RET505 - the type checker then sees one branch on each platform
        return {"start_new_session": True}


@dataclass(frozen=True)
class _Ready:
    """A process that waits to run the program `name`. `at_start` are the variables that it has read by then."""

    name: str
    process: subprocess.Popen[bytes]
    at_start: Mapping[str, str]

    def does(self, command: Run, environment: Mapping[str, str]) -> bool:
        """Whether this process does what a new one would."""
        call = programs.module(sys.executable, self.name)
        return command.argv[: len(call)] == call and _read_at_start(environment) == self.at_start


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that Python, or the loader of its libraries, reads when it starts."""
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


class PreparedPrograms:
    """The processes of these programs that wait, or are about to. They end with this process, whatever ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: list[_Ready] = []
        self._closed = False

    def prepare(self, wanted: tuple[tuple[str, ...], ...], environment: Mapping[str, str]) -> None:
        """Start the programs, one after the other in the background: the run itself is to have the other core.

        `environment` are the variables until they are taken, without secrets.
        """
        threading.Thread(target=self._prepare, args=(wanted, environment), daemon=True).start()

    def _prepare(self, wanted: tuple[tuple[str, ...], ...], environment: Mapping[str, str]) -> None:
        for words in wanted:
            with self._lock:
                if self._closed:
                    return
                try:
                    process = subprocess.Popen(  # noqa: S603 - our own program, our own interpreter
                        programs.module(sys.executable, "omni_release.scripts.prepared", *words),
                        cwd=Path(sys.prefix),
                        env=dict(environment),
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        **own_group(),
                    )
                except OSError:  # it shows when the program is run
                    return
                self._ready.append(_Ready(words[0], process, _read_at_start(environment)))
            assert process.stderr is not None
            process.stderr.read()  # ends when its modules are imported
            process.stderr.close()

    def take(self, command: Run, environment: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
        """The process that now runs this command; None where none is prepared for it, or it cannot be run."""
        if not command.cwd.is_dir():
            return None
        with self._lock:
            found = next((each for each in self._ready if each.does(command, environment)), None)
            if found is None:
                return None
            self._ready.remove(found)
        arguments = command.argv[len(programs.module(sys.executable, found.name)) :]
        call = {"arguments": arguments, "cwd": str(command.cwd), "environment": dict(environment)}
        assert found.process.stdin is not None
        with contextlib.suppress(OSError):
            found.process.stdin.write(json.dumps(call).encode() + b"\n")
            found.process.stdin.close()
            return found.process
        _end(found.process)  # something else has killed it
        return None

    def close(self) -> None:
        """Stop those that were not needed, and start no more."""
        with self._lock:
            self._closed = True
            unused, self._ready = self._ready, []
        for each in unused:
            _end(each.process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that runs nothing yet. Its stderr is closed where it is read."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with contextlib.suppress(OSError):  # what was to be written
            pipe.close()
