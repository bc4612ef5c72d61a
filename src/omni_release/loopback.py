"""Servers on 127.0.0.1 with scripted faults: what the local index and the emulators have in common.

A fault script is a list of faults, separated by `;`. A fault is a name with options:

    503 after=1.5; hang skip=2 times=3; 429 times=always

Each fault has the options `skip=N` (requests that are answered as usual before the first one that meets it) and
`times=N` (requests that meet it, or `always`). `after=SECONDS` is always a delay. A server declares its own faults
and their further options.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from omni_release.core.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

ALWAYS = "always"


@dataclass(frozen=True)
class Option:
    """An option of a fault: its default, a regular expression for its values, and what that expects."""

    default: str
    pattern: str
    expected: str


COUNT = Option("0", r"\d{1,9}", "a whole number")
SECONDS = Option("", r"\d{1,5}(\.\d{1,9})?", "a number of seconds")
NAME = Option("", r".+", "a name")


def choice(*words: str) -> Option:
    """An option that takes one of these words; the first is its default."""
    return Option(words[0], "|".join(map(re.escape, words)), " or ".join(words))


@dataclass(frozen=True)
class FaultType:
    """A fault that a server can show: its options besides `skip` and `times`, and the default of `times`."""

    options: Mapping[str, Option] = field(default_factory=dict)
    times: str = "1"


@dataclass(frozen=True)
class Fault:
    """A fault of a script. `times` is None where it never ends; `options` has a value for each option of its type."""

    name: str
    skip: int = 0
    times: int | None = 1
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def after(self) -> float | None:
        """The delay in seconds; None where the script states none."""
        value = self.options.get("after")
        return float(value) if value else None

    def number(self, option: str) -> int:
        """The value of an option that is a whole number."""
        return int(self.options[option])


def parse(script: str, types: Mapping[str, FaultType]) -> tuple[Fault, ...]:
    """The faults of a script, in its order. Raises UsageError for an unknown fault, option or value."""
    return tuple(_fault(words, types) for part in script.split(";") if (words := part.split()))


def _fault(words: list[str], types: Mapping[str, FaultType]) -> Fault:
    name, *given = words
    if name not in types:
        hint = did_you_mean(name, types, f"Known faults: {', '.join(types)}.", cutoff=0.4)
        raise UsageError(f"unknown fault {name!r} in the script", hint)
    times = Option(types[name].times, rf"{ALWAYS}|\d{{1,9}}", f"a whole number or `{ALWAYS}`")
    options = {"skip": COUNT, "times": times, **types[name].options}
    values = {option: declared.default for option, declared in options.items()}
    for word in given:
        option, _, value = word.partition("=")
        if option not in options:
            raise UsageError(f"{name} has no option {option!r}", f"Its options: {', '.join(sorted(options))}.")
        if not re.fullmatch(options[option].pattern, value):
            raise UsageError(f"{name} has {option}={value!r}", f"`{option}` takes {options[option].expected}.")
        values[option] = value
    skip, times_given = int(values.pop("skip")), values.pop("times")
    return Fault(name, skip, None if times_given == ALWAYS else int(times_given), values)


class _QuietHandler(WSGIRequestHandler):
    """Logs nothing, and closes a connection that a fault has dropped: it would wait for another request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart: Nagle would hold the body back for 40 ms

    def log(self, type: str, message: str, *args: object) -> None:
        pass

    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
        self.close_connection = True


class LoopbackServer:
    """A WSGI application on 127.0.0.1, in threads. It listens when the constructor returns; `port` 0 takes a free one.

    Whatever waits while it answers waits for `stopping`, which is set when the server stops. Raises UsageError where
    it cannot listen on the port.
    """

    def __init__(self, application: WSGIApplication, port: int = 0) -> None:
        self.stopping = threading.Event()
        try:
            self._server: BaseWSGIServer = make_server(
                "127.0.0.1", port, application, threaded=True, request_handler=_QuietHandler
            )
        except (OSError, SystemExit, OverflowError) as error:  # werkzeug exits where the port is taken
            raise UsageError(f"cannot listen on port {port}", "Use --port 0 for any free port.") from error
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server, and what waits in it."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
