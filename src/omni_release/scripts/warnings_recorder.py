"""Record every deprecation warning of every Python process of a candidate environment, as lines of JSON.

A `.pth` file in the environment imports this at the start of each interpreter, before anything else and in child
processes too. It wraps `warnings.warn` itself, so no filter, no `try` and no `once per location` hides a warning. One
that a test catches on purpose (`pytest.warns`, `assertWarns`) is marked as expected.

Runs on the interpreter of the environment under test: one file, with the standard library alone. It therefore appends
its lines itself, in place of core/documents.py.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import sys
import threading
import warnings
from importlib.machinery import PathFinder
from types import FrameType
from typing import Any

_CATEGORIES = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
_MAX_FRAMES = 100
_MAX_WARNINGS = 10000
_PYTEST = os.sep + "_pytest" + os.sep
_IMPORT = ("import", 0, "")
_WRAPPERS = ("record_warn", "record_explicit", "record_shown", "record_enter", "record_leave")
# Modules that warn on behalf of what they decorate, and the names that it has there.
_DECORATORS = re.compile(
    r"[/\\](?:_py_warnings|warnings|typing_extensions|deprecation)\.py$|[/\\](?:deprecated|wrapt)[/\\]"
)
_DECORATED = ("arg", "wrapped_", "wrapped", "function", "func", "cls")
_OUTERMOST = "OMNI_RELEASE_PYTEST"
_OPTIONS = "OMNI_RELEASE_PYTEST_OPTIONS"  # how many of the last arguments are those of omni-release
_ELSEWHERE = "OMNI_RELEASE_RECORD"  # another file to record to
_NETWORK = "OMNI_RELEASE_RECORD_NETWORK"  # set to record connections, too
_LOCAL = re.compile(r"(?:127\.|::1$|localhost|0\.0\.0\.0$|::$|$)")
_INSTALLED = "OMNI_RELEASE_INSTALLED"  # set to import the packages from this environment, wherever else they are
_NO_DEADLINE = "OMNI_RELEASE_NO_DEADLINE"  # set for tests without a deadline of Hypothesis, unless they state it
_OFF = "OMNI_RELEASE_UNRECORDED"  # set for programs that are not part of the tests


class _Recorder:
    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: set[object] = set()
        self._lock = threading.RLock()
        self._busy = threading.local()
        self._catching: list[tuple[str, bool, list[Any]]] = []

    def record(
        self, category: object, message: object, place: tuple[str, int], caller: FrameType | None, raiser: str = ""
    ) -> None:
        """Record one warning; `raiser` is the file of the code that gives it, empty for C code.

        It never raises: the program under test must not notice.
        """
        if not (isinstance(category, type) and issubclass(category, _CATEGORIES)) or getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            self._write(category, str(message), place, _frames(caller), raiser)
        except Exception:  # noqa: BLE001, S110 - as the docstring says
            pass
        finally:
            self._busy.now = False

    def entered(self, filename: str, *, record: bool) -> None:
        """A `catch_warnings` was entered: pytest's own around each test, or one of a test."""
        own = _PYTEST in filename and not filename.endswith("recwarn.py")
        self._catching.append((filename, record and not own, list(warnings.filters)))

    def left(self) -> None:
        """A `catch_warnings` was left."""
        if self._catching:
            self._catching.pop()

    def _ignored_by(self, category: type, message: str) -> str:
        """The file with the innermost `catch_warnings`, if a filter that was added there ignores this warning."""
        if not self._catching:
            return ""
        filename, _, before = self._catching[-1]
        for entry in warnings.filters:
            action, text, kind = entry[:3]
            if issubclass(category, kind) and (text is None or text.match(message)):
                return filename if action == "ignore" and entry not in before else ""
        return ""

    def _write(
        self, category: type, message: str, place: tuple[str, int], frames: list[tuple[str, int, str]], raiser: str
    ) -> None:
        expected = bool(self._catching) and self._catching[-1][1]
        key = (category.__name__, message, place, tuple(frames[:5]), expected)
        with self._lock:
            if key in self._seen or len(self._seen) >= _MAX_WARNINGS:
                return
            self._seen.add(key)
        file, line = place
        entry = {"category": category.__name__, "message": message, "file": file, "line": line, "expected": expected}
        ignored_by = self._ignored_by(category, message)
        self.append({**entry, "raiser": raiser, "ignored_by": ignored_by, "frames": frames})

    def imported(self, packages: list[str]) -> None:
        """Record the file of each imported package, or the first folder of a namespace."""
        files = {}
        for name in packages:
            module = sys.modules.get(name)
            file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
            if file:
                files[name] = os.path.abspath(file)
        if files:
            self.append({"imported": files})

    def append(self, entry: dict[str, Any]) -> None:
        """Append one line, in one write: parallel processes do not mix their lines."""
        data = json.dumps(entry) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, data.encode())
        finally:
            os.close(descriptor)


def pytest_load_initial_conftests() -> None:
    """Show the tests the command line of the project: some test what reads `sys.argv`."""
    own = int(os.environ.pop(_OPTIONS, "0"))
    if own < len(sys.argv):
        del sys.argv[len(sys.argv) - own :]


def pytest_sessionstart(session: Any) -> None:
    """Mark the outermost of nested runs of pytest (such as in the tests of a plugin): only that one counts."""
    session.config._omni_release_outermost = _OUTERMOST not in os.environ
    os.environ.setdefault(_OUTERMOST, str(os.getpid()))


def pytest_collection() -> None:
    """Set no deadline for the examples of Hypothesis: on a slow machine, they take longer."""
    if os.environ.get(_NO_DEADLINE):
        from hypothesis import settings

        settings.register_profile("omni-release", parent=settings.default, deadline=None)
        settings.load_profile("omni-release")


def pytest_sessionfinish(session: Any, exitstatus: int) -> None:
    """Record how a run of pytest ended, as a wrapper may lose its exit code."""
    outermost = getattr(session.config, "_omni_release_outermost", False)
    if not outermost or hasattr(session.config, "workerinput"):
        return
    os.environ.pop(_OUTERMOST, None)
    for recorder in getattr(warnings, "_omni_release_recorders", {}).values():
        recorder.append({"pytest": int(exitstatus), "failed": session.testsfailed})


def _frames(frame: FrameType | None) -> list[tuple[str, int, str]]:
    """`(file, line, function)` of each caller, the innermost first; `import` is the import system's own frames."""
    frames: list[tuple[str, int, str]] = []
    while frame is not None and len(frames) < _MAX_FRAMES:
        if _is_import_system(frame):
            if not frames or frames[-1] != _IMPORT:
                frames.append(_IMPORT)
        elif frame.f_code.co_name not in _WRAPPERS:
            frames.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return frames


def _is_import_system(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return "importlib" in name and "_bootstrap" in name


def _raiser(caller: FrameType | None) -> str:
    """The file of the code that gives a warning: of a decorator such as `deprecated`, that of what it decorates."""
    if caller is None:
        return ""
    file = caller.f_code.co_filename
    if _DECORATORS.search(file):
        for name in _DECORATED:
            thing = caller.f_locals.get(name)
            code = getattr(getattr(thing, "__func__", thing), "__code__", None)
            module = sys.modules.get(getattr(thing, "__module__", None) or "") if isinstance(thing, type) else None
            if found := getattr(code, "co_filename", None) or getattr(module, "__file__", None):
                return str(found)
    return file


def _place(caller: FrameType | None, stacklevel: int) -> tuple[str, int]:
    """The line that a warning is about. Like CPython, it does not count the import system's own frames."""
    for _ in range(stacklevel - 1):
        caller = caller.f_back if caller else None
        while caller is not None and _is_import_system(caller):
            caller = caller.f_back
    return (caller.f_code.co_filename, caller.f_lineno) if caller else ("sys", 1)


def _network_hook(path: str) -> Any:
    """An audit hook that records the host of each connection to another machine, and the test that asks for it."""
    recorder, seen = _Recorder(path), set()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("socket.connect", "socket.getaddrinfo"):
            return
        address = arguments[1] if event == "socket.connect" else arguments
        host = address[0] if isinstance(address, tuple) and address else None
        host = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
        if isinstance(host, str) and not _LOCAL.match(host) and test and (host, test) not in seen:
            seen.add((host, test))
            with contextlib.suppress(OSError):
                recorder.append({"host": host, "test": test})

    return hook


class _Installed:
    """Finds the packages as they are installed here, also where the folder of the tests, or the current one, has them.

    pytest puts the parent of a package of tests first on the path: in a flat layout, that is the project's folder.
    """

    def __init__(self, packages: list[str]) -> None:
        site = os.path.dirname(os.path.abspath(__file__))
        self._folders = {name: os.path.join(site, *name.split(".")[:-1]) for name in packages}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        folder = self._folders.get(name)
        return PathFinder.find_spec(name, [folder]) if folder else None


def install(path: str, packages: list[str]) -> None:
    """Start to record the warnings of this interpreter to the file `path`.

    When the interpreter ends, it appends a line with the files of those `packages` that were imported.
    """
    if os.environ.get(_OFF):
        return
    path = os.environ.get(_ELSEWHERE) or path
    if os.environ.get(_INSTALLED) and not any(type(finder).__name__ == _Installed.__name__ for finder in sys.meta_path):
        finder: Any = _Installed(packages)
        sys.meta_path.insert(0, finder)
    if os.environ.get(_NETWORK):
        sys.addaudithook(_network_hook(path))
    module: Any = warnings
    recorders = module.__dict__.setdefault("_omni_release_recorders", {})
    if path in recorders:
        return  # lib and lib64 of an environment are one folder, so its .pth files are read twice
    recorder = recorders[path] = _Recorder(path)
    atexit.register(recorder.imported, packages)
    warn, warn_explicit, shown = module.warn, module.warn_explicit, module._showwarnmsg
    enter, leave = module.catch_warnings.__enter__, module.catch_warnings.__exit__

    def record_warn(message: Any, category: Any = None, stacklevel: int = 1, *rest: Any, **more: Any) -> None:
        kind = type(message) if isinstance(message, Warning) else category
        caller = sys._getframe(1)
        recorder.record(kind, message, _place(caller, stacklevel), caller, _raiser(caller))
        warn(message, category, stacklevel + 1, *rest, **more)

    def record_explicit(message: Any, category: Any, filename: str, lineno: int, *rest: Any, **more: Any) -> None:
        kind = type(message) if isinstance(message, Warning) else category
        caller = sys._getframe(1)
        recorder.record(kind, message, (filename, lineno), caller, _raiser(caller))
        warn_explicit(message, category, filename, lineno, *rest, **more)

    def record_shown(message: Any) -> None:
        # Warnings of C code arrive only here; those of the two functions above are recorded already.
        caller: FrameType | None = sys._getframe(1)
        while caller is not None and caller.f_code.co_filename == module.__file__:
            caller = caller.f_back
        if caller is None or caller.f_code.co_name not in _WRAPPERS:
            recorder.record(message.category, message.message, (message.filename, message.lineno), caller)
        shown(message)

    def record_enter(self: Any) -> Any:
        caller: Any = sys._getframe(1)
        while caller.f_code.co_name in _WRAPPERS:  # of another recorder, in a nested run
            caller = caller.f_back
        recorder.entered(caller.f_code.co_filename, record=bool(self._record))
        return enter(self)

    def record_leave(self: Any, *details: Any) -> Any:
        recorder.left()
        return leave(self, *details)

    module.warn, module.warn_explicit, module._showwarnmsg = record_warn, record_explicit, record_shown
    module.catch_warnings.__enter__, module.catch_warnings.__exit__ = record_enter, record_leave
