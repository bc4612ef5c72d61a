"""Run the real command line, each time in a process of its own, and kill it at an interaction with the world.

    python runner.py

Each line of stdin is a run, as JSON: `argv`, `cwd`, `environment` (variables to add), `log` (the file for its output),
`full` (the number of the interaction from which on nothing can be written, 0: none; `errno` is the error),
`terminal` (a terminal to use instead, or empty), `without` (tasks that its lane omits), `ignore_interrupts` (SIGINT is
ignored at its start), `trace` (the file for its interactions with the world) and `kill`: the number of the interaction
at which it ends by SIGKILL (0: none). Each answer is a line: `{"pid": …}` when the run has started, `{"code": …}` when
it has ended. A run is a fork of this process, which has imported everything.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from omni_release import lanes, run
from omni_release.adapters import credentials  # noqa: F401
from omni_release.cli import main as cli_main
from omni_release.core import world as core_world
from omni_release.core.tasks import Lane
from omni_release.run import real_world

_WRITES = r"before (?:files\.|journal\.|processes\.run)"

TOUCHING = {
    "processes": ("run", "ask"),
    "files": ("write", "move", "copy", "link"),
    "clock": ("sleep",),
    "index": ("files", "file_statuses"),
    "journal": ("record", "pin", "cache"),
}
"""The methods of each interface by which a run changes the world or reads it."""


class Counter:
    """Counts interactions with the world, before and after each, and kills the process at one of them.

    From the interaction `full` on, nothing can be written: `error` is the number of the operating system's error.
    """

    def __init__(self, kill: int, trace: Path, full: int = 0, error: int = 0) -> None:
        self._numbers = itertools.count(1)
        self._kill = kill
        self._full = full
        self._error = error
        self._trace = trace.open("ab", buffering=0)
        self._lock = threading.Lock()

    def touch(self, what: str) -> None:
        """Count one interaction."""
        with self._lock:
            number = next(self._numbers)
            self._trace.write(f"{number} {what}\n".encode())
            if number == self._kill:
                os.kill(os.getpid(), signal.SIGKILL)
        if self._full and number >= self._full and re.match(_WRITES, what):
            raise OSError(self._error, os.strerror(self._error), "/the/disk")

    def wrapped(self, name: str, seam: Any) -> Any:
        """The interface, with its interactions counted."""
        return Counted(self, name, seam)


class Counted:
    """An interface whose interactions are counted."""

    def __init__(self, counter: Counter, name: str, seam: Any) -> None:
        self._counter = counter
        self._name = name
        self._seam = seam

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._seam, attribute)
        if attribute not in TOUCHING[self._name]:
            return found
        return functools.partial(self._touching, attribute, found)

    def _touching(self, attribute: str, call: Any, *given: Any, **more: Any) -> Any:
        what = f"{self._name}.{attribute} {str(given[0])[:60]!r}" if given else f"{self._name}.{attribute}"
        self._counter.touch(f"before {what}")
        try:
            return call(*given, **more)
        finally:
            self._counter.touch(f"after {what}")


def main() -> None:
    """Answer until stdin ends."""
    import filelock  # noqa: F401 - as above
    import pypi_simple  # noqa: F401
    import requests  # noqa: F401
    import rich.progress  # noqa: F401
    import twine.utils  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            run_one(asked)
        say(pid=pid)
        _, status = os.waitpid(pid, 0)
        say(code=os.waitstatus_to_exitcode(status))


def say(**answer: int) -> None:
    """A line of JSON."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def run_one(asked: dict[str, Any]) -> None:
    """Run the command line in this very process, and end it."""
    code = 70
    try:
        with open(asked["log"], "ab") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        if asked["ignore_interrupts"]:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        if asked["terminal"]:
            sit_down(asked["terminal"])
        os.chdir(asked["cwd"])
        os.environ.update(asked["environment"])
        counter = Counter(asked["kill"], Path(asked["trace"]), asked["full"], asked["errno"])
        real = core_world.World

        def world(*interfaces: Any, **others: Any) -> core_world.World:
            made = real(*interfaces, **others)
            counted: dict[str, Any] = {name: counter.wrapped(name, getattr(made, name)) for name in TOUCHING}
            return replace(made, **counted)

        whole, without = lanes.lane, set(asked["without"])
        run.lanes.lane = lambda *given, **more: _without(whole(*given, **more), without)  # type: ignore[attr-defined]
        real_world.World = world  # type: ignore[attr-defined, assignment]  # the one place that makes a world
        code = cli_main.main(asked["argv"])
    except BaseException:  # noqa: BLE001 - told in the log; nothing may get out of the fork
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def sit_down(terminal: str) -> None:
    """Make this terminal stdin, stdout and stderr of the process, and its controlling terminal."""
    os.setsid()  # the terminal becomes the controlling one, and closing it sends a signal
    number = os.open(terminal, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(number, stream)
    os.close(number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - until the end of the process
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115


def _without(lane: Lane, ids: set[str]) -> Lane:
    """The lane without these tasks, whose needs are passed on to the tasks that needed them."""
    needs = {task.id: task.needs for task in lane.tasks}

    def kept(names: Iterable[str]) -> Iterator[str]:
        for name in names:
            if name in ids:
                yield from kept(needs[name])
            else:
                yield name

    left = (task for task in lane.tasks if task.id not in ids)
    return replace(lane, tasks=tuple(replace(task, needs=tuple(dict.fromkeys(kept(task.needs)))) for task in left))


if __name__ == "__main__":
    main()
