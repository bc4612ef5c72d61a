"""Record what every Python process of an environment reads, starts and connects to, as lines of JSON.

A `.pth` file in the environment imports this at the start of each interpreter, before anything else and in child
processes too. An audit hook (https://docs.python.org/3/library/audit_events.html) sees each file that is opened, each
folder that is listed, and each program that is started. A line has the `process`, and one of:

    "start": the parent process, "at": when          "spawn": a program, "flags": its first arguments
    "read": a file, "changed": when, "to": where its link leads; "list": a folder, in the same way
    "write": a file that is only written
    "native": a file of compiled code                "connect": a host or a socket, "port"; "bind": a port
    "unclear": what may have read something that is not recorded

Times are in nanoseconds since 1970; `changed` is that of the last change of the file or its attributes (ctime), null
for what is not there. Each path is recorded once for each process. Runs on the interpreter of the environment under
test: one file, with the standard library alone.
"""

from __future__ import annotations

import _thread
import json
import os
import stat
import sys
import time
from typing import Any

_OFF = "OMNI_RELEASE_UNRECORDED"  # set for programs that are not part of the tests
_INSTALLED = "_omni_release_reads"
_WRITES = os.O_WRONLY | os.O_TRUNC
_PROGRAMS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.startfile/2", "pty.spawn")
_NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo")
_OTHERS = ("os.listdir", "os.scandir", "import", "subprocess.Popen", "sqlite3.connect", "ctypes.dlopen")
_EVENTS = frozenset(("open", *_OTHERS, *_NETWORK, *_PROGRAMS))


class _Recorder:
    def __init__(self, path: str, own: tuple[str, ...], quiet: tuple[str, ...]) -> None:
        self._path = path
        self._own = own
        self._quiet = quiet
        self._process = 0
        self._seen: set[tuple[str, object]] = set()
        self._unwritten: list[bytes] = []
        self._starting: dict[int, str] = {}

    def record(self, kind: str, value: object, *, each: bool = False, **more: object) -> None:
        """Append a line, the first time or `each` time; one that cannot be written now is written with the next."""
        if self._process != (process := os.getpid()):  # also after a fork: it reads by itself
            self._process, self._seen = process, set()
        if (kind, value) in self._seen and not each:
            return
        self._seen.add((kind, value))
        self._unwritten.append(json.dumps({"process": process, kind: value, **more}).encode() + b"\n")
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError:  # no descriptor is left, for example
            return
        try:
            while self._unwritten:
                os.write(descriptor, self._unwritten.pop())
        finally:
            os.close(descriptor)

    def path(self, kind: str, name: Any) -> None:
        """Record a file or folder, but not of Python and of other packages, which are known by their versions."""
        if isinstance(name, int) or name is None:
            return
        path = os.path.abspath(os.fsdecode(name))
        if (kind, path) in self._seen and self._process == os.getpid():
            return
        if f"{path}{os.sep}".startswith(self._quiet) and not path.startswith(self._own):
            return
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            self.record(kind, path, changed=None)
            return
        if kind == "write":
            self.record(kind, path)
        elif stat.S_ISDIR(found.st_mode) if kind == "list" else stat.S_ISREG(found.st_mode):
            self.record(kind, path, changed=found.st_ctime_ns, to=os.path.realpath(path))

    def event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Record one event of the audit hook."""
        if event == "open":
            self.path("write" if arguments[2] & _WRITES else "read", arguments[0])
        elif event in ("os.listdir", "os.scandir"):
            self.path("list", "." if arguments[0] is None else arguments[0])
        elif event == "import":
            if arguments[1]:
                self._native(arguments[1])
        elif event == "ctypes.dlopen":
            self._native(arguments[0] or "")
        elif event == "sqlite3.connect":
            name = os.fsdecode(arguments[0])
            if name.startswith("file:"):
                self.record("unclear", "a database with an address")
            elif name not in ("", ":memory:"):
                self.path("read", name)
        elif event == "subprocess.Popen":
            words = arguments[1]
            flags = [] if isinstance(words, (str, bytes)) else [os.fsdecode(word) for word in words[1:8]]
            program = self._starting[_thread.get_ident()] = os.fsdecode(arguments[0])
            self.record("spawn", program, each=True, flags=flags)
        elif event == "os.posix_spawn" and os.fsdecode(arguments[0]) == self._starting.pop(_thread.get_ident(), None):
            pass  # by subprocess, from Python 3.13 on: recorded already
        elif event in _PROGRAMS:
            self.record("unclear", f"{event}: {arguments[0]!r}")
        else:
            self._network(event, arguments)

    def _native(self, name: Any) -> None:
        path = os.fsdecode(name)
        if not path.startswith(os.path.dirname(os.__file__)):
            self.record("native", path)

    def _network(self, event: str, arguments: tuple[Any, ...]) -> None:
        address = arguments[:2] if event == "socket.getaddrinfo" else arguments[1]
        host, port = (*address, None)[:2] if isinstance(address, tuple) else (address, None)
        port = port if isinstance(port, int) else None
        if event == "socket.bind":
            if port:
                self.record("bind", port)
        elif isinstance(host, (str, bytes)):
            self.record("connect", f"{os.fsdecode(host)}:{port or 0}", host=os.fsdecode(host), port=port)


def install(path: str, own: list[str], quiet: list[str]) -> None:
    """Start to record to the file `path`: nothing in the folders `quiet`, but what is in `own`."""
    installed: list[str] = sys.__dict__.setdefault(_INSTALLED, [])
    if os.environ.get(_OFF) or path in installed:
        return  # lib and lib64 of an environment are one folder, so its .pth files are read twice
    installed.append(path)
    standard = {os.path.dirname(os.__file__), os.path.dirname(os.path.realpath(os.__file__))}
    folders = tuple(os.path.join(folder, "") for folder in (*standard, *quiet, "/proc", "/dev", "/sys"))
    recorder = _Recorder(path, tuple(own), (*folders, os.path.join(path, "")))
    recorder.record("start", os.getppid() if hasattr(os, "getppid") else 0, at=time.time_ns())
    if sys.pycache_prefix:
        recorder.record("unclear", "compiled modules are in another folder")
    for module in list(sys.modules.values()):
        if isinstance(file := getattr(module, "__file__", None), str):
            recorder.path("read", file)
    busy: set[int] = set()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _EVENTS or (thread := _thread.get_ident()) in busy:
            return
        busy.add(thread)
        try:
            recorder.event(event, arguments)
        except Exception as error:  # noqa: BLE001 - the program under test must not notice
            recorder.record("unclear", f"{event}: {type(error).__name__}")
        finally:
            busy.discard(thread)

    sys.addaudithook(hook)
