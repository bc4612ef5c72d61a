"""Run as a program of its own: ends what a run has started and could not end itself.

    python watchdog.py VARIABLE

Each line on stdin is `+PID` (a process group was started), `-PID` (it has ended) or `=VALUE`: every process in whose
environment VARIABLE has this value belongs to the run, in whatever group or session it is. The end of stdin is the end
of the run, however it came about: what is still there is ended then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time


def main() -> None:
    """Watch until stdin ends, then end what is left."""
    groups: set[int] = set()
    values: set[str] = set()
    for line in sys.stdin:
        kind, said = line[0], line[1:].rstrip("\n")
        if kind == "=":
            values.add(said)
        elif kind == "+":
            groups.add(int(said))
        else:
            groups.discard(int(said))
    ended = time.time()
    for pid in groups:
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                os.system(f"taskkill /PID {pid} /T /F")  # noqa: S605 - a number and nothing else
            else:
                os.killpg(pid, signal.SIGKILL)
    _end_marked(sys.argv[1], values, ended)


def _end_marked(variable: str, values: set[str], ended: float) -> None:
    """End what has left its group: a test that daemonises, say. What began later belongs to a run that goes on."""
    try:
        import psutil
    except ImportError:  # the base install starts nothing that could
        return
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            ours = process.pid != os.getpid() and process.create_time() < ended
            if ours and process.environ().get(variable) in values:
                process.kill()


if __name__ == "__main__":
    main()
