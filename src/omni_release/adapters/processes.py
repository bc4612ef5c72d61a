"""Programs on this machine: each in a group of its own, with a deadline, its output kept, and none left behind.

What outlives its group's leader is ended with it. What has left the group (a test that daemonises), and everything when
the run itself is killed with SIGKILL, is ended by a watchdog that notices that our end of its pipe is gone.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TypedDict

from omni_release import scripts
from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed, Inconclusive
from omni_release.core.redaction import secret_pattern, strip_userinfo_from_bytes
from omni_release.core.world import Completed, ToolAnswer, UsingProcesses
from omni_release.programs import RUN_VARIABLE, git_env

_TAIL = 40

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

_LATER = 10

_CHUNK = 64 * 1024


class LocalProcesses:
    """See `seams.Processes`.

    `secret` gives a secret's value by its name, `known` all that must not be in a log; `ran` is told how each program
    ended.
    """

    def __init__(
        self,
        secret: Callable[[str], str],
        ran: Callable[[Run, Completed], None] = lambda *_: None,
        known: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._secret = secret
        self._ran = ran
        self._known = known
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._stopped = False
        self._watchdog: subprocess.Popen[bytes] | None = None

    def run(self, command: Run) -> Completed:
        command.log.parent.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        secrets = {variable: self._secret(name) for variable, name in command.secrets.items()}
        tail: collections.deque[str] = collections.deque(maxlen=_TAIL)
        with command.log.open("ab", buffering=0) as log:  # on a full disk nothing is left to write at its end
            process = self._start(command, dict(command.environment) | secrets)
            reader = threading.Thread(
                target=_pump, args=(process.stdout, log, tail, (*secrets.values(), *self._known())), daemon=True
            )
            reader.start()
            timed_out = False
            try:
                process.wait(timeout=command.deadline)
            except subprocess.TimeoutExpired:
                timed_out = True
            finally:
                # Also after an end of its own accord: what it started in the background goes with it.
                _end(process)
                self._forget(process)
                reader.join(timeout=5)
                if process.stdout is not None and not reader.is_alive():
                    process.stdout.close()
        completed = Completed(process.returncode, tuple(tail), time.monotonic() - begun, timed_out)
        self._ran(command, completed)
        return completed

    def ask(
        self, *argv: str, cwd: Path, environment: Mapping[str, str] | None = None, deadline: float = 60.0
    ) -> ToolAnswer | None:
        inner = git_env(os.environ) if environment is None else environment
        try:
            with self._lock:
                self._go_on()
                process = self._begun(argv, cwd, inner, subprocess.PIPE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Inconclusive(f"{argv[0]} does not answer: {error}") from None
        try:
            streams = process.communicate(timeout=deadline)
        except subprocess.TimeoutExpired:
            raise Inconclusive(f"{_named(argv)} did not answer within {deadline:g} s") from None
        finally:
            with self._lock:
                self._running.pop(process.pid, None)
            if process.poll() is None:
                _end(process)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        out, said = (stream.decode("utf-8", "surrogateescape") for stream in streams)
        return ToolAnswer(process.returncode, out, said.strip())

    def using(self, folder: Path) -> UsingProcesses:
        from omni_release.adapters.processes_using import holders

        return holders(folder)

    def stop_all(self) -> None:
        with self._lock:
            self._stopped = True
            running = list(self._running.values())
        for process in running:
            _end(process)

    @property
    def stopped(self) -> bool:
        """Whether the run is at its end, and nothing more is started."""
        return self._stopped

    def close(self) -> None:
        """Let the watchdog end what is left, and end itself. Nothing can be run after this."""
        with self._lock:
            self._stopped = True
        if self._watchdog is not None and self._watchdog.stdin is not None:
            with contextlib.suppress(OSError):
                self._watchdog.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._watchdog.wait(timeout=10)

    def _start(self, command: Run, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self._lock:
            self._go_on()
            self._watch()
            marker = command.environment.get(RUN_VARIABLE)
            if marker and marker != os.environ.get(RUN_VARIABLE):  # never the run that this very process belongs to
                self._tell(f"={marker}")
            try:
                process = self._begun(command.argv, command.cwd, environment, subprocess.STDOUT)
            except OSError as error:
                raise ActionFailed(
                    f"cannot start {command.argv[0]}: {error.strerror}", f"Is it installed, and is {command.cwd} there?"
                ) from None
            if command.background and sys.platform != "win32":
                with contextlib.suppress(OSError):  # it has ended already
                    os.setpriority(os.PRIO_PGRP, process.pid, _LATER)
            self._tell(f"+{process.pid}")
            return process

    def _go_on(self) -> None:
        """Nothing is started after `stop_all`. Under the lock."""
        if self._stopped:
            raise ActionFailed("the run was interrupted")

    def _begun(
        self, argv: Sequence[str], cwd: Path, environment: Mapping[str, str], errors: int
    ) -> subprocess.Popen[bytes]:
        """A program that `stop_all` ends from now on. Under the lock."""
        process = subprocess.Popen(  # noqa: S603 - running programs is what this seam is for
            argv,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            **_own_group(),
        )
        self._running[process.pid] = process
        return process

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.pop(process.pid, None)
            self._tell(f"-{process.pid}")

    def _watch(self) -> None:
        if self._watchdog is None:
            script = scripts.program("watchdog")
            self._watchdog = subprocess.Popen(  # noqa: S603 - our own file, our own interpreter
                [sys.executable, "-I", str(script), RUN_VARIABLE],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **_own_group(),
            )

    def _tell(self, line: str) -> None:
        assert self._watchdog is not None and self._watchdog.stdin is not None
        with contextlib.suppress(OSError):  # a watchdog that somebody ended: the run goes on without one
            self._watchdog.stdin.write(f"{line}\n".encode())
            self._watchdog.stdin.flush()


def _named(argv: tuple[str, ...]) -> str:
    """The program and its verb, and no more: what is asked may be nobody's business."""
    verb = next((word for word in argv[1:] if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)), "")
    return f"{Path(argv[0]).stem} {verb}".rstrip()


class _Group(TypedDict, total=False):
    start_new_session: bool
    creationflags: int


def _own_group() -> _Group:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    else:  # noqa: RET505 - so that the type checker sees one of the two on each platform
        return {"start_new_session": True}


def _pump(source: IO[bytes] | None, log: IO[bytes], tail: collections.deque[str], secrets: tuple[str, ...]) -> None:
    assert source is not None
    writable = True
    with contextlib.suppress(ValueError, OSError):  # closed from the other side
        for line in _redacted(source, secrets):
            tail.append(_COLOUR.sub("", line.decode("utf-8", "replace")).rstrip())
            try:
                if writable:
                    log.write(line)
            except OSError as error:
                # Go on reading: a program whose pipe is full would wait for ever.
                writable = False
                tail.append(f"(from here on not kept: {error.strerror})")


def _redacted(source: IO[bytes], secrets: tuple[str, ...]) -> Iterator[bytes]:
    """The lines, an endless one in chunks, without a secret: neither one in another, nor one cut by a chunk's end."""
    values = [os.fsencode(secret) for secret in secrets if secret]
    longest, hidden = max(map(len, values), default=0), re.compile(os.fsencode(secret_pattern(secrets)))
    held = b""
    while chunk := source.readline(_CHUNK):
        line = held + chunk
        line = strip_userinfo_from_bytes(hidden.sub(b"[redacted]", line))
        whole = line.endswith(b"\n") or len(chunk) < _CHUNK
        end = len(line) if whole or not values else max(len(line) - longest + 1, 0)
        line, held = line[:end], line[end:]
        yield line
    if held:
        yield held


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started: at once, since nothing that matters is written outside the run folder."""
    if sys.platform == "win32":
        _end_tree(process.pid)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_tree(pid: int) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for child in (*parent.children(recursive=True), parent):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


_SLICE = 0.2


class SystemClock:
    """See `seams.Clock`. A sleep ends with ActionFailed when the run is `stopped`."""

    def __init__(self, stopped: Callable[[], bool] = lambda: False) -> None:
        self._stopped = stopped

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._stopped():
                raise ActionFailed("the run was interrupted")
            time.sleep(min(left, _SLICE))
