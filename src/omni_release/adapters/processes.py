"""Run programs: each in its own process group, with a deadline and a log, and leave none running.

A group is killed when its leader ends. A watchdog process kills what has left its group, such as a daemon started by a
test, and everything when the run itself is killed with SIGKILL: the watchdog then sees the end of its pipe.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from omni_release import scripts
from omni_release.adapters.prepared import PreparedPrograms, own_group
from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed, Inconclusive
from omni_release.core.redaction import redact_under_styles, secret_pattern, strip_cut, strip_unknown_from_bytes
from omni_release.core.world import Completed, ToolAnswer, UsingProcesses
from omni_release.programs import RUN_VARIABLE, git_env

_TAIL_LINES = 40
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BACKGROUND_PRIORITY = 10  # nice level
_ELLIPSIS = "…".encode()
_CHUNK = 64 * 1024


class LocalProcesses:
    """See `core.world.Processes`.

    `secret` returns a secret's value by its name, `known` all values that must not be in a log; `ran` is called with
    the result of each program. A program that is among the `prepared` ones is not started again.
    """

    def __init__(
        self,
        secret: Callable[[str], str],
        ran: Callable[[Run, Completed], None] = lambda *_: None,
        known: Callable[[], Collection[str]] = tuple,
        prepared: PreparedPrograms | None = None,
    ) -> None:
        self._secret = secret
        self._ran = ran
        self._known = known
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._stopped = False
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._prepared = prepared or PreparedPrograms()

    def run(self, command: Run) -> Completed:
        command.log.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        secrets = {variable: self._secret(name) for variable, name in command.secrets.items()}
        tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        with command.log.open("ab", buffering=0) as log:  # unbuffered: on a full disk, closing it would fail
            process = self._start(command, dict(command.environment) | secrets)
            reader = threading.Thread(
                target=_pump, args=(process.stdout, log, tail, (*secrets.values(), *self._known())), daemon=True
            )
            reader.start()
            timed_out = False
            try:
                _wait(process, command.deadline)
            except subprocess.TimeoutExpired:
                timed_out = True
            finally:
                # Also after a normal exit, because of the programs that it started in the background.
                _stop(process)
                self._forget(process)
                reader.join(timeout=5)
                if process.stdout is not None and not reader.is_alive():
                    process.stdout.close()
        completed = Completed(process.returncode, tuple(tail), time.monotonic() - started, timed_out)
        self._ran(command, completed)
        return completed

    def ask(
        self,
        *argv: str,
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        deadline: float = 60.0,
        stdin: bytes = b"",
    ) -> ToolAnswer | None:
        inner = git_env(os.environ) if environment is None else environment
        try:
            with self._lock:
                self._raise_if_stopped()
                source = subprocess.PIPE if stdin else subprocess.DEVNULL
                process = self._open(argv, cwd, inner, subprocess.PIPE, source)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Inconclusive(f"cannot run {argv[0]}: {error}", "Correct what the operating system reports.") from None
        try:
            streams = process.communicate(stdin or None, timeout=deadline)
        except subprocess.TimeoutExpired:
            # The program and its verb only: other arguments may be secret.
            verb = next((word for word in argv[1:] if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)), "")
            name = f"{Path(argv[0]).stem} {verb}".rstrip()
            message = f"{name} did not answer within {deadline:g} s"
            raise Inconclusive(message, "Run it by hand to see what it waits for, then run this again.") from None
        finally:
            with self._lock:
                self._running.pop(process.pid, None)
            if process.poll() is None:
                _stop(process)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        out, err = (stream.decode("utf-8", "surrogateescape") for stream in streams)
        return ToolAnswer(process.returncode, out, err.strip())

    def using(self, folder: Path) -> UsingProcesses:
        from omni_release.adapters.folder_use import processes_using

        return processes_using(folder)

    def discard(self, folder: Path) -> None:
        """Have a folder removed while the run goes on."""
        if not (str(folder).isascii() and str(folder).isprintable()):  # the watchdog may have another encoding
            shutil.rmtree(folder, ignore_errors=True)
            return
        with self._lock:
            self._start_watchdog()
            self._tell_watchdog(f"~{folder}")

    def stop_all(self) -> None:
        with self._lock:
            self._stopped = True
            running = list(self._running.values())
        for process in running:
            _stop(process)

    @property
    def stopped(self) -> bool:
        """Whether the run is stopped, and no further program is started."""
        return self._stopped

    def close(self) -> None:
        """Have the watchdog kill what is left, and end it. No program can be run afterwards."""
        with self._lock:
            self._stopped = True
        self._prepared.close()
        if self._watchdog is not None and self._watchdog.stdin is not None:
            with contextlib.suppress(OSError):
                self._watchdog.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                _wait(self._watchdog, 10)

    def _start(self, command: Run, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self._lock:
            self._raise_if_stopped()
            self._start_watchdog()
            marker = command.environment.get(RUN_VARIABLE)
            if marker and marker != os.environ.get(RUN_VARIABLE):  # not the run that this process itself belongs to
                self._tell_watchdog(f"={marker}")
            try:
                process = self._prepared.take(command, environment)
                process = process or self._open(command.argv, command.cwd, environment, subprocess.STDOUT)
            except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
                raise ActionFailed(
                    f"cannot start {command.argv[0]}: {error.strerror}",
                    f"Check that it is installed and that {command.cwd} exists.",
                ) from None
            if command.background:
                _step_back(process.pid)
            self._running[process.pid] = process
            self._tell_watchdog(f"+{process.pid}")
            return process

    def _raise_if_stopped(self) -> None:
        """Raise ActionFailed after `stop_all`. Call with the lock held."""
        if self._stopped:
            raise ActionFailed("the run was interrupted")

    def _open(
        self,
        argv: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        errors: int,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a program that `stop_all` can stop. Call with the lock held."""
        process = subprocess.Popen(  # noqa: S603 - running programs is the purpose of this module
            argv,
            cwd=cwd,
            env=dict(environment),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=errors,
            **own_group(),
        )
        self._running[process.pid] = process
        return process

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.pop(process.pid, None)
            self._tell_watchdog(f"-{process.pid}")

    def _start_watchdog(self) -> None:
        if self._watchdog is None:
            self._watchdog = subprocess.Popen(  # noqa: S603 - our own file, our own interpreter
                [sys.executable, "-I", str(scripts.program("watchdog")), RUN_VARIABLE],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **own_group(),
            )

    def _tell_watchdog(self, line: str) -> None:
        assert self._watchdog is not None and self._watchdog.stdin is not None
        with contextlib.suppress(OSError):  # the watchdog was killed: the run continues without it
            self._watchdog.stdin.write(f"{line}\n".encode())
            self._watchdog.stdin.flush()


def _pump(source: IO[bytes] | None, log: IO[bytes], tail: collections.deque[str], secrets: tuple[str, ...]) -> None:
    """Copy the redacted output of a program to its log and, without colours, its last lines to `tail`."""
    assert source is not None
    writable = True
    with contextlib.suppress(ValueError, OSError):  # closed by `run`
        for line in _redacted(source, secrets):
            tail.append(_COLOUR.sub("", line.decode("utf-8", "replace")).rstrip())
            try:
                if writable:
                    log.write(line)
            except OSError as error:
                # Continue to read: a program blocks while its pipe is full.
                writable = False
                tail.append(f"(not logged from here on: {error.strerror})")


def _redacted(source: IO[bytes], secrets: tuple[str, ...]) -> Iterator[bytes]:
    """The lines without secrets; a very long line in chunks, none of which ends within a secret."""
    values = [os.fsencode(secret) for secret in secrets if secret]
    longest, hidden = max(map(len, values), default=0), re.compile(os.fsencode(secret_pattern(secrets)))
    pieces = frozenset(value.decode("latin-1") for value in values)

    def redact(text: str) -> str:  # a character is a byte
        line = hidden.sub(b"[redacted]", text.encode("latin-1"))
        if b"..." in line or _ELLIPSIS in line:
            line = strip_cut(line.replace(_ELLIPSIS, b"...").decode("latin-1"), pieces).encode("latin-1")
        return strip_unknown_from_bytes(line).decode("latin-1")

    rest = b""
    while chunk := source.readline(_CHUNK):
        line = redact_under_styles((rest + chunk).decode("latin-1"), redact).encode("latin-1")
        complete = line.endswith(b"\n") or len(chunk) < _CHUNK
        end = len(line) if complete or not values else max(len(line) - longest + 1, 0)
        line, rest = line[:end], line[end:]
        yield line
    if rest:
        yield rest


def _step_back(group: int) -> None:
    """Let a process group have what time the others leave.

    Linux shares the time among sessions first (sched(7), autogroup), and each program here has one of its own: there
    the priority of a process says nothing to the others, and that of its session does.
    """
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PGRP, group, max(os.getpriority(os.PRIO_PGRP, group), _BACKGROUND_PRIORITY))
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a kernel without them; or one was set a moment ago
            Path(f"/proc/{group}/autogroup").write_text(str(_BACKGROUND_PRIORITY), encoding="ascii")


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for the end of a program. Raises TimeoutExpired where it does not end in time.

    `Popen.wait` with a time limit looks at intervals of up to 50 ms, and a run starts dozens of programs in a row:
    Linux tells at once.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a kernel before 5.3, or one that does not allow it
            descriptor = os.pidfd_open(process.pid)
            try:
                waiting = select.poll()
                waiting.register(descriptor, select.POLLIN)
                ended = waiting.poll(seconds * 1000)
            finally:
                os.close(descriptor)
            seconds = 1.0 if ended else 0.0
    process.wait(timeout=seconds)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a program and all that it started: SIGTERM, then SIGKILL after 3 seconds; on Windows the process tree."""
    if sys.platform == "win32":
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(process.pid)
            for child in (*parent.children(recursive=True), parent):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


_SLEEP_SLICE = 0.2


class SystemClock:
    """See `core.world.Clock`. A sleep raises ActionFailed when the run is `stopped`."""

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
            time.sleep(min(left, _SLEEP_SLICE))
