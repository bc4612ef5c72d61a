"""The emulated server of any vendor: HTTP on loopback, faults by script and by chance, and faults below HTTP."""

from __future__ import annotations

import gzip
import json
import random
import select
import socket  # noqa: TID251  # a server is a thing of the network: it hangs, drops and truncates on real sockets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from omni_release import loopback
from omni_release.core.vendors import KEY_HEADERS
from omni_release.emulators.api import Api, Asked, Played
from omni_release.emulators.responses import Reply
from omni_release.loopback import Fault, LoopbackServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_OK = Fault("ok")


@dataclass(frozen=True)
class Call:
    """A received request. `met` is its fault or reply; `left` if the client disconnected before its end."""

    version: str
    model: str
    method: str
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    met: str
    left: bool = False


class FaultModel:
    """Random faults: calls fail at a `rate` (0 to 1).

    With `burst` 0 each call is drawn independently. Otherwise bursts of failures of `burst` seconds on average
    alternate with good periods, both of random length, so that in the long run the same share of the time is bad.
    """

    def __init__(self, rate: float, burst: float, draw: random.Random) -> None:
        self._rate = rate
        self._burst = burst
        self._draw = draw
        self._bad = draw.random() < rate
        self._until = self._spell()

    def _spell(self) -> float:
        """The length of the next period in seconds."""
        if not self._burst or not 0 < self._rate < 1:
            return 0.0
        mean = self._burst if self._bad else self._burst * (1 - self._rate) / self._rate
        return self._draw.expovariate(1 / mean)

    def fails(self, now: float) -> bool:
        """Whether a call at `now` (seconds, never decreasing) fails."""
        if not self._burst or not 0 < self._rate < 1:
            return self._draw.random() < self._rate
        while now >= self._until:
            self._bad = not self._bad
            self._until += self._spell()
        return self._bad


class Emulator(LoopbackServer):
    """A server of an API on 127.0.0.1, ready when the constructor returns. `base_url` is what its clients take.

    `script` has the faults of the first calls. All other calls fail at random, with `fault_rate` (of all
    models, or by model), in bursts of `burst` seconds on average, drawn from `seed`. `time_scale` multiplies all times:
    latencies, bursts, requested delays; with 0 the server answers at once. `key` is the only valid key; without it, all
    keys are valid except those that begin with "invalid". The same calls in the same order, with the same `seed` and
    `now`, get the same bytes. Raises UsageError if the script is invalid or the port is taken.
    """

    def __init__(
        self,
        api: Api,
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
        self._api = api
        self._seed = seed
        self._number = 0
        self._draw = random.Random(seed)  # noqa: S311  # no secret: the seed makes the faults reproducible
        self._rate = fault_rate
        self._burst = burst * time_scale
        self._scale = time_scale
        self._key = key
        self._now = now
        self._fault_models: dict[str, FaultModel] = {}
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self.script(script)
        super().__init__(self._application, port)
        self.base_url = self.url + api.path

    def script(self, text: str) -> None:
        """Replace the rest of the script. Raises UsageError for a script that cannot be read."""
        faults = [fault for fault in loopback.parse(text, self._api.faults) if fault.times != 0]
        with self._changed:
            self._script = faults

    @property
    def calls(self) -> tuple[Call, ...]:
        """The requests so far, each as soon as its answer is sent or its client has disconnected."""
        with self._changed:
            return tuple(self._calls)

    def wait_for(self, condition: Callable[[tuple[Call, ...]], bool], seconds: float = 10.0) -> bool:
        """Wait until the calls meet the condition; False if they do not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(tuple(self._calls)), seconds)

    def _application(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        content = request.get_data()  # always all of it, since the connection is kept open
        asked = self._api.read(request, content)
        fault = self._fault(asked.model) if asked.plays else _OK
        reply = self._api.check_key(request, self._key)
        if reply is None:
            reply = self._api.reply(asked, request, self._played(asked, fault))
        request.close()  # the files of a form
        left = self._wait(environ["werkzeug.socket"], self._latency(asked, reply, fault))
        met = reply.name if fault.name == "ok" else fault.name
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower() not in KEY_HEADERS}
        call = Call(asked.version, asked.model, asked.method, asked.body, headers, met, left)
        return self._response(request, reply, fault, call, environ["werkzeug.socket"])(environ, start)

    def _played(self, asked: Asked, fault: Fault) -> Played:
        with self._changed:
            self._number += asked.plays
            salt = f"{self._seed}/{self._number}".encode()
        after = None if fault.after is None else fault.after * (self._scale or 1)
        return Played(fault.name, after, self._now(), salt)

    def _fault(self, model: str) -> Fault:
        with self._changed:
            for at, fault in enumerate(self._script):
                if fault.options["model"] in ("", model):
                    return self._take(at)
            rate = self._rate.get(model, self._rate.get("", 0.0)) if isinstance(self._rate, Mapping) else self._rate
            if model not in self._fault_models:
                self._fault_models[model] = FaultModel(rate, self._burst, self._draw)
            if not self._fault_models[model].fails(time.monotonic()):
                return _OK
            return Fault(self._draw.choices(("503", "500", "429"), (7, 1, 2))[0], options={"after": "2"})

    def _take(self, at: int) -> Fault:
        """The fault at this place of the script, once less to come; `skip` comes first."""
        fault = self._script[at]
        if fault.skip:
            self._script[at] = replace(fault, skip=fault.skip - 1)
            return _OK
        if fault.times == 1:
            del self._script[at]
        elif fault.times is not None:
            self._script[at] = replace(fault, times=fault.times - 1)
        return fault

    def _latency(self, asked: Asked, reply: Reply, fault: Fault) -> float:
        """Seconds until the reply: of an image as long as the service takes, of an error 1 to 3."""
        if fault.name == "slow":
            return (1.0 if fault.after is None else fault.after) * (self._scale or 1)
        if not self._scale or not asked.plays:
            return 0.0
        low, high = self._api.latencies.get(asked.model, (3.0, 3.0)) if reply.code == 200 else (1.0, 3.0)
        with self._changed:
            return self._draw.uniform(low, high) * self._scale

    def _wait(self, peer: socket.socket, seconds: float) -> bool:
        """Wait; True as soon as the client has disconnected."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.stopping.is_set():
            if select.select([peer], [], [], min(left, 0.05))[0]:
                try:
                    if not peer.recv(1, socket.MSG_PEEK):
                        return True
                except OSError:
                    return True
                self.stopping.wait(min(left, 0.01))  # more bytes of the same client: its next request
        return False

    def _response(self, request: Request, reply: Reply, fault: Fault, call: Call, peer: socket.socket) -> Response:
        """The response of the call, with its faults below HTTP; records the call."""
        if fault.name == "hang":
            self._wait(peer, 3600)
            call = replace(call, left=True)
        if fault.name == "trickle":
            return self._trickle(self._encode(request, reply), call, fault, peer)
        self._record(call)
        if call.left or fault.name in ("drop", "hang"):
            peer.shutdown(socket.SHUT_RDWR) if fault.name == "drop" else None
            raise ConnectionAbortedError  # werkzeug takes it as a client that has disconnected
        response = self._encode(request, reply)
        if fault.name == "truncate":
            body = response.get_data()

            def half() -> Iterator[bytes]:
                yield body[: len(body) // 2]
                peer.shutdown(socket.SHUT_RDWR)

            response.response = half()
            response.headers["Content-Length"] = str(len(body))
        return response

    def _record(self, call: Call) -> None:
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def _trickle(self, response: Response, call: Call, fault: Fault, peer: socket.socket) -> Response:
        """The response with a body that takes the fault's time; records the call at its end."""
        body = response.get_data()
        seconds = (30.0 if fault.after is None else fault.after) * (self._scale or 1)

        def chunks() -> Iterator[bytes]:
            left = True
            size = max(1, len(body) // 100)
            try:
                for start in range(0, len(body), size):
                    yield body[start : start + size]
                    if self._wait(peer, seconds / 100) and start + size < len(body):
                        return
                left = False
            finally:
                self._record(replace(call, left=left))

        response.response = chunks()
        response.headers["Content-Length"] = str(len(body))
        return response

    def _encode(self, request: Request, reply: Reply) -> Response:
        content = reply.content if isinstance(reply.content, bytes) else json.dumps(reply.content, indent=2).encode()
        headers = {**self._api.headers, **reply.headers}
        if "gzip" in request.headers.get("Accept-Encoding", "") and (reply.code != 200 or request.method == "GET"):
            content = gzip.compress(content, 1)
            headers["Content-Encoding"] = "gzip"
        return Response(content, reply.code, headers)
