"""The faults that a local index can show, each of which a real index has shown: what they do to a request.

Unlike a script of an emulator, all faults of a script run side by side: each counts the requests of its own kind.
"""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from omni_release.local_index import StoredFile
from omni_release.loopback import ALWAYS, COUNT, SECONDS, Fault, FaultType, Option, choice, parse

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_REQUESTS = ("upload", "list", "file")
_ANY = {"on": choice(*_REQUESTS)}
_UPLOAD, _LIST, _FILE = ({"on": choice(request)} for request in _REQUESTS)
_SIZE = Option("1", r"[1-9]\d{0,8}", "a whole number from 1 on")

FAULTS: Mapping[str, FaultType] = {
    "500": FaultType(_ANY),
    "503": FaultType(_ANY | {"after": SECONDS}),
    "429": FaultType(_ANY | {"after": SECONDS}),
    "403": FaultType(_ANY),
    "store-then-500": FaultType(_UPLOAD),
    "store-then-drop": FaultType(_UPLOAD),
    "drop": FaultType(_ANY | {"at": COUNT}),
    "hang": FaultType(_ANY),
    "trickle": FaultType(_ANY | {"bytes": _SIZE, "after": replace(SECONDS, default="0.2")}),
    "forget": FaultType(_UPLOAD),
    "list-late": FaultType(_LIST | {"listings": COUNT, "after": SECONDS}, ALWAYS),
    "list-stale": FaultType(_LIST | {"no-cache": choice("ignores", "heeds")}, ALWAYS),
    "disagree": FaultType(_LIST | {"missing": choice("json", "html")}, ALWAYS),
    "other-hash": FaultType(_LIST, ALWAYS),
    "other-bytes": FaultType(_FILE, ALWAYS),
}
"""What each does is in docs/rehearsal-index.md. `on` names the requests that a fault can meet, the usual one first."""

_STATUSES = {
    "500": "500 Internal Server Error",
    "503": "503 Service Unavailable",
    "429": "429 Too Many Requests",
    "403": "403 New uploads are temporarily disabled. Try again later.",
}
_CHUNK = 64 * 1024


class Dropped(ConnectionAbortedError):
    """The server closes the connection: to werkzeug it looks as if the client had."""


class FaultScript:
    """A script while it runs: it counts the requests of each kind. Raises UsageError for one that cannot be read."""

    def __init__(self, script: str) -> None:
        self._faults = parse(script, FAULTS)
        self._lock = threading.Lock()
        self._requests = dict.fromkeys(_REQUESTS, 0)
        self._listings: dict[str, int] = {}
        self._first: dict[str, tuple[StoredFile, ...]] = {}

    def next(self, request: str) -> tuple[Fault, ...]:
        """The faults that the next request of this kind (`upload`, `list`, `file`) meets."""
        with self._lock:
            number = self._requests[request]
            self._requests[request] += 1
        return tuple(
            fault
            for fault in self._faults
            if fault.options["on"] == request
            and number >= fault.skip
            and (fault.times is None or number < fault.skip + fault.times)
        )

    def listed(
        self, faults: Sequence[Fault], files: tuple[StoredFile, ...], page: str, now: datetime.datetime, *, fresh: bool
    ) -> tuple[StoredFile, ...]:
        """The files that a listing shows; `page` is `json` or `html`, a `fresh` client takes no cached page."""
        with self._lock:
            for file in files:
                self._listings[file.name] = self._listings.get(file.name, 0) + 1
            for fault in faults:
                match fault.name:
                    case "list-late":
                        listings, delay = fault.number("listings"), datetime.timedelta(seconds=fault.after or 0)
                        files = tuple(
                            file
                            for file in files
                            if self._listings[file.name] > listings and now - file.uploaded >= delay
                        )
                    case "list-stale":
                        first = self._first.setdefault(page, files)
                        files = files if fresh and fault.options["no-cache"] == "heeds" else first
                    case "disagree" if fault.options["missing"] == page:
                        files = files[:-1]
                    case "other-hash":
                        files = tuple(map(_with_other_hash, files))
        return files


def other_bytes(data: bytes) -> bytes:
    """As many bytes, and not the same."""
    return data[:-1] + bytes([data[-1] ^ 1]) if data else b"?"


def _with_other_hash(file: StoredFile) -> StoredFile:
    sha256 = (file.digests.sha256 or "")[::-1]
    return dataclasses.replace(file, digests=dataclasses.replace(file.digests, sha256=sha256))


def before_request(faults: Sequence[Fault], request: Request, stopping: threading.Event) -> None:
    """Apply what happens before a request is read. Raises Dropped where the connection ends."""
    for fault in faults:
        if fault.name == "hang":
            stopping.wait()
            raise Dropped
        if fault.name == "drop" and fault.options["on"] == "upload":
            left = fault.number("at")
            while left > 0 and (chunk := request.stream.read(min(left, _CHUNK))):
                left -= len(chunk)
            raise Dropped


def error_response(faults: Sequence[Fault]) -> Response | None:
    """The error that is sent in place of an answer; None where no fault is one."""
    for fault in faults:
        if fault.name in _STATUSES:
            response = Response(_STATUSES[fault.name], content_type="text/plain")
            response.status = _STATUSES[fault.name]
            if fault.after is not None:
                response.headers["Retry-After"] = f"{fault.after:g}"
            return response
    return None


def changed_response(faults: Sequence[Fault], response: Response, stopping: threading.Event) -> WSGIApplication:
    """The response as the faults let it through. Raises Dropped where the connection ends."""
    answer: WSGIApplication = response
    for fault in faults:
        if fault.name == "store-then-drop":
            raise Dropped
        if fault.name == "store-then-500" and response.status_code == 200:
            answer = Response("500 Internal Server Error", 500)
        elif fault.name == "drop":
            answer = _ChangedBody(answer, partial(_cut, at=fault.number("at")))
        elif fault.name == "trickle":
            slow = partial(_slow, size=fault.number("bytes"), seconds=fault.after or 0, stopping=stopping)
            answer = _ChangedBody(answer, slow)
    return answer


class _ChangedBody:
    """A response whose body is sent in another way."""

    def __init__(self, answer: WSGIApplication, body: Callable[[Iterable[bytes]], Iterator[bytes]]) -> None:
        self._answer = answer
        self._body = body

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        data = self._answer(environ, start)
        try:
            yield from self._body(data)
        finally:
            if (close := getattr(data, "close", None)) is not None:
                close()


def _cut(data: Iterable[bytes], at: int) -> Iterator[bytes]:
    left = at
    for chunk in data:
        if left < len(chunk):
            yield chunk[:left]
            raise Dropped
        left -= len(chunk)
        yield chunk


def _slow(data: Iterable[bytes], size: int, seconds: float, stopping: threading.Event) -> Iterator[bytes]:
    for chunk in data:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]
            if stopping.wait(seconds):
                return
