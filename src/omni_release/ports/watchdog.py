"""Run as a program of its own: ends the process groups of a run that was killed before it could do so itself.

Each line on stdin is `+PID` (a group was started) or `-PID` (it has ended); the end of stdin is the end of the run.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Watch until stdin ends, then end what is left."""
    alive: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        alive.add(pid) if line[0] == "+" else alive.discard(pid)
    for pid in alive:
        try:
            if sys.platform == "win32":
                os.system(f"taskkill /PID {pid} /T /F")  # noqa: S605 - a number and nothing else
            else:
                os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass


if __name__ == "__main__":
    main()
