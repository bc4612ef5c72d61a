"""End the processes of a run that it could not end itself, and remove folders that nothing needs meanwhile.

A program of its own, so it survives the run.

    python watchdog.py VARIABLE

Each line on stdin is one of these: `+PID`, a process group was started; `-PID`, it has ended; `=VALUE`, every process
with VARIABLE=VALUE in its environment belongs to the run, whatever its group or session; `~FOLDER`, to be removed. The
end of stdin is the end of the run, for any reason: all processes that are left are ended then.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
import time


def main() -> None:
    """Read stdin to its end, then end the process groups that are left."""
    with contextlib.suppress(ImportError):
        import psutil  # noqa: F401 - now, when nothing waits for it
    groups: set[int] = set()
    values: set[str] = set()
    for line in sys.stdin:
        kind, content = line[0], line[1:].rstrip("\n")
        if kind == "=":
            values.add(content)
        elif kind == "~":
            threading.Thread(target=shutil.rmtree, args=(content,), kwargs={"ignore_errors": True}).start()
        elif kind == "+":
            groups.add(int(content))
        else:
            groups.discard(int(content))
    ended = time.time()
    for pid in groups:
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                os.system(f"taskkill /PID {pid} /T /F")  # noqa: S605 - a number and nothing else
            else:
                os.killpg(pid, signal.SIGKILL)
    _kill_marked(sys.argv[1], values, ended)


def _kill_marked(variable: str, values: set[str], ended: float) -> None:
    """Kill processes that have left their group, such as daemons of tests. Later ones belong to a resumed run."""
    try:
        import psutil
    except ImportError:  # the base install starts no such process
        return
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            ours = process.pid != os.getpid() and process.create_time() < ended
            if ours and process.environ().get(variable) in values:
                process.kill()


if __name__ == "__main__":
    main()
