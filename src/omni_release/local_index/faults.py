"""What a script's clauses do to a request and to its answer."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from omni_release.local_index.misbehaviour import Clause

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ANSWERS = {
    "500": "500 Internal Server Error",
    "503": "503 Service Unavailable",
    "429": "429 Too Many Requests",
    "403": "403 New uploads are temporarily disabled. Try again later.",
}
_CHUNK = 64 * 1024


class Dropped(ConnectionAbortedError):
    """The connection is closed here: werkzeug takes it as the client's doing, and says nothing."""


def before(clauses: Sequence[Clause], request: Request, closing: threading.Event) -> None:
    """What happens before a request is even looked at."""
    for clause in clauses:
        if clause.name == "hang":
            closing.wait()
            raise Dropped
        if clause.name == "drop" and clause.on == "upload":
            left = int(clause.number("at"))
            while left > 0 and (chunk := request.stream.read(min(left, _CHUNK))):
                left -= len(chunk)
            raise Dropped


def instead(clauses: Sequence[Clause]) -> Response | None:
    """An answer without a look at the request. Its body is read to its end, as a server behind a proxy would."""
    for clause in clauses:
        if clause.name in _ANSWERS:
            response = Response(_ANSWERS[clause.name], content_type="text/plain")
            response.status = _ANSWERS[clause.name]
            if after := clause.options.get("retry-after"):
                response.headers["Retry-After"] = after
            return response
    return None


def after(clauses: Sequence[Clause], response: Response, closing: threading.Event) -> WSGIApplication:
    """The answer, and what becomes of it on its way."""
    answer: WSGIApplication = response
    for clause in clauses:
        if clause.name == "store-then-drop":
            raise Dropped
        if clause.name == "store-then-500" and response.status_code == 200:
            answer = Response("500 Internal Server Error", 500)
        elif clause.name == "drop":
            answer = _Changed(answer, partial(_cut, at=int(clause.number("at"))))
        elif clause.name == "trickle":
            size, seconds = int(clause.number("bytes")), clause.number("seconds")
            answer = _Changed(answer, partial(_slowly, size=size, seconds=seconds, closing=closing))
    return answer


class _Changed:
    """An answer whose body comes in another way."""

    def __init__(self, answer: WSGIApplication, body: _Body) -> None:
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


def _slowly(data: Iterable[bytes], size: int, seconds: float, closing: threading.Event) -> Iterator[bytes]:
    for chunk in data:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]
            if closing.wait(seconds):
                return


if TYPE_CHECKING:
    from collections.abc import Callable

    _Body = Callable[[Iterable[bytes]], Iterator[bytes]]
