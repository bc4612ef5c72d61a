"""Command lines as forks of a process that has imported what they need, which saves each the start of Python.

Hundreds of tests run a command line, and imports would take half of their time. `run` starts this file as a program,
one for each command line that runs at the same time. It reads command lines from stdin, each a line of JSON, and
answers with the process id, and with the exit code at the end. With `OMNI_RELEASE_FORKS=0`, as `nox -s tests` sets it,
and on other systems than Linux, Python starts for each.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import random
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_BEFORE_PYTHON = ("PYTHON", "LC_", "LANG", "LD_")
"""The beginnings of variables that Python reads when it starts: with others of these a fork is not the same."""

_NOT_BEFORE = tuple(
    f"omni_release.{name}" for name in ("__main__", "emulators", "images", "scripts", "sessions", "smoke")
)
"""Modules that are programs, or need an extra: where a command needs one, it imports it."""

_TEMPORARY = os.environ.get("TMPDIR", "/tmp")  # before a test sets its own
_idle: list[subprocess.Popen[str]] = []


def can_run(environment: Mapping[str, str]) -> bool:
    """Whether a fork does what a new process does, in this environment."""

    def early(variables: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in variables.items() if name.startswith(_BEFORE_PYTHON)}

    if os.environ.get("OMNI_RELEASE_FORKS") == "0" or "PYTHONPATH" in environment:
        return False
    return sys.platform == "linux" and early(environment) == early(os.environ)


def run(argv: list[str], cwd: Path, environment: Mapping[str, str], timeout: float) -> tuple[int, str, str]:
    """Run a command line to its end: the exit code, stdout and stderr. Raises TimeoutExpired where it does not end."""
    server = _idle.pop() if _idle else _start()
    with tempfile.TemporaryDirectory(prefix="omni-release-tests-", dir=_TEMPORARY) as folder:
        streams = [str(Path(folder) / name) for name in ("out", "err")]
        asked = {"argv": argv, "cwd": str(cwd), "environment": dict(environment), "streams": streams}
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        pid = int(server.stdout.readline())
        try:
            if not select.select([server.stdout], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(argv, timeout)
            code = int(server.stdout.readline())
        except BaseException:  # also where the test itself is out of time
            os.kill(pid, signal.SIGKILL)
            server.kill()
            raise
        _idle.append(server)
        out, err = (Path(stream).read_text(encoding="utf-8") for stream in streams)
        return code, out, err


def _start() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, __file__],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None and server.stdout is not None
    server.stdin.close()
    server.stdout.close()
    server.wait(30)


def main() -> None:
    """Answer until stdin ends."""
    import filelock  # noqa: F401 - imported once, for all forks
    import jinja2  # noqa: F401
    import msgspec  # noqa: F401
    import platformdirs  # noqa: F401
    import rich.progress  # noqa: F401
    import validate_pyproject.api  # noqa: F401

    import omni_release

    for module in pkgutil.walk_packages(omni_release.__path__, "omni_release."):
        if not module.name.startswith(_NOT_BEFORE):
            importlib.import_module(module.name)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _run_one(asked)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run_one(asked: dict[str, Any]) -> None:
    """Run one command line in this very process, as a new one would be, and end it."""
    code: object = 1
    try:
        _open_streams(asked["streams"])
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        tempfile.tempdir = None
        random.seed()
        sys.argv = [str(ROOT / "src/omni_release/__main__.py"), *asked["argv"]]
        from omni_release import __main__

        __main__.main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - what Python does with it; nothing may get out of the fork
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # as at the end of a process: wait for threads
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _open_streams(streams: list[str]) -> None:
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, streams[0], os.O_WRONLY | os.O_CREAT),
        (2, streams[1], os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - until the end of the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file, whose modules are not those of the command line
    main()
