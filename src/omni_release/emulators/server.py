"""The server: HTTP on loopback, the script, the weather, and what happens below HTTP."""

from __future__ import annotations

import gzip
import json
import random
import re
import select
import socket  # noqa: TID251  # a server is a thing of the network: it hangs, drops and truncates on real sockets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from omni_release.core.errors import UsageError
from omni_release.emulators import responses, script, service
from omni_release.emulators.responses import Reply
from omni_release.emulators.script import Step, Weather

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PATH = re.compile(r"/(v1|v1beta)/models(?:/([^/:]+))?(?::(\w+))?/?")
_GENERATES = ("generateContent", "streamGenerateContent")
_OK = Step("ok")
LATENCIES = {"gemini-3-pro-image": (17.0, 29.0), "gemini-3.1-flash-image": (6.0, 6.0)}
"""Seconds from and to, by model; others take 3 (single samples, 2025-11 to 2026-08). Faults come after 1 to 3."""


@dataclass(frozen=True)
class Call:
    """A request that came in, and what it met. `left` says that the client went away before the answer was whole."""

    version: str
    model: str
    method: str
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    met: str
    left: bool = False


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart: Nagle would hold the body back for 40 ms

    def log(self, type: str, message: str, *args: object) -> None:
        pass


class GeminiEmulator:
    """A server on 127.0.0.1, ready when the constructor returns.

    `script` says what the first calls meet (see script.py); `fault_rate` (of all models, or by model) and `burst` (in
    seconds) what the others meet, drawn from `seed`. `time_scale` multiplies all times: latencies, bursts, and the
    delays that it asks for; 0 answers at once. `key` is the only key that is taken; without it all are, but those
    that begin with "invalid". The same calls in the same order, with the same `seed` and `now`, get the same bytes.
    Raises UsageError on a script that cannot be read.
    """

    def __init__(
        self,
        script: str = "",
        *,
        port: int = 0,
        seed: int = 0,
        fault_rate: float | Mapping[str, float] = 0.0,
        burst: float = 0.0,
        time_scale: float = 0.0,
        key: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._seed = seed
        self._number = 0
        self._draw = random.Random(seed)  # noqa: S311  # no secret: the same faults again is what it is for
        self._rate = fault_rate
        self._burst = burst * time_scale
        self._scale = time_scale
        self._key = key
        self._now = now
        self._weather: dict[str, Weather] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._calls: list[Call] = []
        self.script(script)
        try:
            self._server: BaseWSGIServer = make_server(
                "127.0.0.1", port, self._application, threaded=True, request_handler=_Quiet
            )
        except (OSError, SystemExit, OverflowError) as error:  # werkzeug exits where the port is taken
            raise UsageError(f"the emulator cannot listen on port {port}", "Take --port 0: any free one.") from error
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server, and what hangs in it."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def script(self, text: str) -> None:
        """Tell it what the next calls meet, in place of what was left of its script."""
        steps = script.parsed(text)
        with self._changed:
            self._steps = list(steps)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The requests so far, each as soon as its answer is sent or its client has left."""
        with self._changed:
            return tuple(self._calls)

    def wait_for(self, condition: Callable[[tuple[Call, ...]], bool], seconds: float = 10.0) -> bool:
        """Wait until the calls are as wanted; False where they are not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(tuple(self._calls)), seconds)

    def _application(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        content = request.get_data()  # all of it, always: the connection goes on
        found = _PATH.fullmatch(request.path)
        version, model, method = found.groups(default="") if found else ("", "", "")
        step = self._step(model) if method in _GENERATES else _OK
        if not found:
            reply = Reply(404, b"<html>404</html>", {"Content-Type": "text/html; charset=UTF-8"}, "no such path")
        else:
            reply = self._refusal(request) or self._reply(request, content, version, model, method, step)
        left = self._wait(environ["werkzeug.socket"], self._latency(model, method, reply, step))
        call = Call(
            version, model, method, _json(content), _said(request), step.name if step != _OK else reply.name, left
        )
        return self._sent(request, reply, step, call, environ["werkzeug.socket"])(environ, start)

    def _refusal(self, request: Request) -> Reply | None:
        key = request.headers.get("x-goog-api-key", "")
        if not key:
            return responses.no_key()
        wrong = key != self._key if self._key is not None else key.startswith("invalid")
        return responses.bad_key() if wrong else None

    def _reply(self, request: Request, content: bytes, version: str, model: str, method: str, step: Step) -> Reply:
        if request.method == "GET" and not method:
            size = request.args.get("pageSize", service.PAGE, type=int)
            return service.got(version, model) if model else service.listed(request.args.get("pageToken", ""), size)
        if request.method != "POST" or method not in _GENERATES:
            return responses.not_found(version, model, method or request.method)
        body = _json(content)
        if not body:
            return responses.invalid("Invalid JSON payload received.")
        after = None if step.after is None else step.after * (self._scale or 1)
        with self._changed:
            self._number += 1
            salt = f"{self._seed}/{self._number}".encode()
        asked = service.Asked(version, model, body, step.name, self._now(), salt)
        reply = responses.scripted(step.name, version, model, after) or service.generated(asked)
        return service.streamed(reply, sse=request.args.get("alt") == "sse") if method != _GENERATES[0] else reply

    def _step(self, model: str) -> Step:
        with self._changed:
            at = next((at for at, step in enumerate(self._steps) if step.model in ("", model)), None)
            if at is not None:
                return self._steps.pop(at)
            rate = self._rate.get(model, self._rate.get("", 0.0)) if isinstance(self._rate, Mapping) else self._rate
            if model not in self._weather:
                self._weather[model] = Weather(rate, self._burst, self._draw)
            if not self._weather[model].fails(time.monotonic()):
                return _OK
            return Step(self._draw.choices(("503", "500", "429"), (7, 1, 2))[0], after=2.0)

    def _latency(self, model: str, method: str, reply: Reply, step: Step) -> float:
        if step.name == "slow":
            return (1.0 if step.after is None else step.after) * (self._scale or 1)
        if not self._scale or method not in _GENERATES:
            return 0.0
        low, high = LATENCIES.get(model, (3.0, 3.0)) if reply.code == 200 else (1.0, 3.0)
        with self._changed:
            return self._draw.uniform(low, high) * self._scale

    def _wait(self, peer: socket.socket, seconds: float) -> bool:
        """Let time pass; True as soon as the client has left."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._stopping.is_set():
            if select.select([peer], [], [], min(left, 0.05))[0]:
                try:
                    if not peer.recv(1, socket.MSG_PEEK):
                        return True
                except OSError:
                    return True
                self._stopping.wait(min(left, 0.01))  # more bytes of the same client: a next request that waits
        return False

    def _sent(self, request: Request, reply: Reply, step: Step, call: Call, peer: socket.socket) -> Response:
        if step.name == "hang":
            self._wait(peer, 3600)
            call = replace(call, left=True)
        if step.name == "trickle":
            return self._trickling(_response(request, reply), call, step, peer)
        self._record(call)
        if call.left or step.name in ("drop", "hang"):
            peer.shutdown(socket.SHUT_RDWR) if step.name == "drop" else None
            raise ConnectionAbortedError  # which werkzeug takes for what it is: nobody is there any more
        response = _response(request, reply)
        if step.name == "truncate":
            whole = response.get_data()
            response.response = _cut(whole, peer)
            response.headers["Content-Length"] = str(len(whole))
        return response

    def _record(self, call: Call) -> None:
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def _trickling(self, response: Response, call: Call, step: Step, peer: socket.socket) -> Response:
        whole = response.get_data()
        seconds = (30.0 if step.after is None else step.after) * (self._scale or 1)

        def drops() -> Iterator[bytes]:
            left = True
            size = max(1, len(whole) // 100)
            try:
                for at in range(0, len(whole), size):
                    yield whole[at : at + size]
                    if self._wait(peer, seconds / 100) and at + size < len(whole):
                        return
                left = False
            finally:
                self._record(replace(call, left=left))

        response.response = drops()
        response.headers["Content-Length"] = str(len(whole))
        return response


def _cut(whole: bytes, peer: socket.socket) -> Iterable[bytes]:
    yield whole[: len(whole) // 2]
    peer.shutdown(socket.SHUT_RDWR)


def _response(request: Request, reply: Reply) -> Response:
    content = reply.content if isinstance(reply.content, bytes) else json.dumps(reply.content, indent=2).encode()
    headers = {**responses.HEADERS, "Server-Timing": "gfet4t7; dur=48", **reply.headers}
    if "gzip" in request.headers.get("Accept-Encoding", "") and (reply.code != 200 or request.method == "GET"):
        content = gzip.compress(content, 1)
        headers["Content-Encoding"] = "gzip"
    return Response(content, reply.code, headers)


def _json(content: bytes) -> dict[str, Any]:
    try:
        read = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _said(request: Request) -> dict[str, str]:
    """The headers, without the key: what is kept is shown sooner or later."""
    return {name.lower(): value for name, value in request.headers.items() if name.lower() != "x-goog-api-key"}
