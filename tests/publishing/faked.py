"""A release to the rehearsal index without sockets, programs or waiting, on a fake clock.

What is real: the upload step and the check after it, the engine, the client that reads the index, and the index itself
with its rules and its scripted faults. What is not: the wire between them, and twine, which is played as it was
measured (a 5xx gets five more attempts at once, a hanging index hangs it for ever).
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import io
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar, cast

import requests
from requests.adapters import BaseAdapter
from werkzeug.test import EnvironBuilder

from omni_release.adapters.files import LocalFiles
from omni_release.core import documents, engine
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Artifact, Outcome, Project, Release, Target
from omni_release.core.settings import Publish, Settings
from omni_release.core.tasks import Lane, check, step
from omni_release.core.world import Access, Completed, Credentials, World
from omni_release.index.client import Client
from omni_release.local_index.server import IndexSetup, LocalIndex
from omni_release.publishing import steps as publishing_steps
from omni_release.publishing.checks import release_listed
from omni_release.publishing.steps import Upload
from tests.index.support import ACCOUNT, PASSWORD, PROJECT, USER, form

if TYPE_CHECKING:
    from pypi_simple import PyPISimple

_T = TypeVar("_T")
_SILENCE = 15.0
_RETRIED = (500, 501, 502, 503)


class Clock:
    """Time that passes in `sleep` only. `jumps`: after how many seconds the wall clock is set by how many."""

    def __init__(self, *jumps: tuple[float, float]) -> None:
        self.passed = 0.0
        self._jumps = jumps

    def now(self) -> datetime.datetime:
        return self.elsewhere() + datetime.timedelta(seconds=sum(by for at, by in self._jumps if self.passed >= at))

    def elsewhere(self) -> datetime.datetime:
        """The wall clock of the index, without jumps."""
        return datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC) + datetime.timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.passed += seconds


class Hangs(Exception):
    """The index never answers."""


class Closing(threading.Event):
    """The event that a hanging or slow answer waits for: time passes, or it never ends."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.until = 0.0  # whoever waits for the answer goes away then

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None:
            raise Hangs
        if self._clock.passed + timeout > self.until:
            self._clock.passed = max(self._clock.passed, self.until)
            raise Hangs
        self._clock.sleep(timeout)
        return False


class Wire(BaseAdapter):
    """Sends requests directly to the index."""

    def __init__(self, index: LocalIndex, clock: Clock) -> None:
        super().__init__()
        self._index = index
        self._clock = clock

    def until(self, moment: float) -> None:
        """Set the moment at which the client stops waiting."""
        closing: Any = self._index.stopping
        closing.until = moment

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body: Any = request.body
        data = body.encode() if isinstance(body, str) else body or b""
        method, stream = request.method or "GET", io.BytesIO(data)
        builder = EnvironBuilder(request.path_url, self._index.url, method=method, input_stream=stream)
        builder.headers.extend(dict(request.headers))
        builder.content_length = len(data)
        started: list[Any] = []
        answer: Any = ()
        try:
            start: Any = lambda *given: started.append(given)  # noqa: E731 - nobody writes to what it gives
            answer = self._index._application(builder.get_environ(), start)
            chunks = b"".join(answer)
        except ConnectionError as error:
            raise requests.ConnectionError(f"('Connection aborted.', {error!r})", request=request) from None
        finally:
            with contextlib.suppress(AttributeError):  # not every answer can be closed
                answer.close()
        return _response(request, started[-1][0], started[-1][1], chunks)

    def close(self) -> None:
        pass


def _response(request: requests.PreparedRequest, status: str, headers: Any, body: bytes) -> requests.Response:
    response = requests.Response()
    response.status_code, response.reason = int(status[:3]), status[4:]
    response.headers.update(dict(headers))
    response.raw = io.BytesIO(body)
    response.url, response.request = request.url or "", request
    return response


@dataclass(frozen=True)
class Reader(Client):
    """The real client, on this transport."""

    wire: Any = None
    clock: Clock = field(default_factory=Clock)

    @contextlib.contextmanager
    def _session(self) -> Iterator[PyPISimple]:
        with super()._session() as client:
            client.s.mount("http://", self.wire)
            yield client

    def _within(self, question: Callable[[], _T]) -> _T:
        begun = self.clock.monotonic()
        self.wire.until(begun + self.deadline)
        answer = question()
        if self.clock.monotonic() - begun >= self.deadline:
            self.clock.passed = begun + self.deadline
            raise Inconclusive(f"no answer within {self.deadline:g} s")
        return answer

    def _get(self, client: PyPISimple, url: str, accept: str) -> requests.Response:
        try:
            return super()._get(client, url, accept)
        except Hangs:
            self.clock.sleep(_SILENCE)
            raise requests.ReadTimeout("read timed out") from None


@dataclass(frozen=True)
class Index:
    """See `core.world.Index`."""

    target: Target
    reader: Reader

    def access(self) -> Access:
        return Access(Credentials.PRESENT, "the test")

    def files(self, project: str) -> Any:
        return self.reader.files(project)

    def file_statuses(self, project: str, artifacts: Any) -> Any:
        return self.reader.file_statuses(project, artifacts)


@dataclass
class Twine:
    """See `core.world.Processes`: runs a simulated twine."""

    wire: Wire
    clock: Clock
    sent: list[tuple[str, str]] = field(default_factory=list)

    def run(self, command: Run) -> Completed:
        begun = self.clock.monotonic()
        self.wire.until(begun + command.deadline)
        tail: list[str] = []
        try:
            for path in [Path(word) for word in command.argv if word.endswith((".whl", ".tar.gz"))]:
                if not self._post(path, tail):
                    return Completed(1, tuple(tail), self.clock.monotonic() - begun)
        except Hangs:
            self.clock.passed = begun + command.deadline
            return Completed(-15, tuple(tail), command.deadline, timed_out=True)
        except requests.ConnectionError as error:
            return Completed(1, ("Traceback (most recent call last):", f"ConnectionError: {error}"), 0.0)
        if self.clock.monotonic() - begun > command.deadline:
            return Completed(-15, tuple(tail), command.deadline, timed_out=True)
        return Completed(0, tuple(tail), self.clock.monotonic() - begun)

    def _post(self, path: Path, tail: list[str]) -> bool:
        from requests_toolbelt import MultipartEncoder  # type: ignore[import-untyped]  # it has no types

        self.sent.append((path.name, hashlib.sha256(path.read_bytes()).hexdigest()))
        with requests.Session() as session:
            session.mount("http://", self.wire)
            for _ in range(6):
                content = (path.name, path.read_bytes(), "application/octet-stream")
                body = MultipartEncoder([*form(path), ("content", content)])
                headers = {"Content-Type": body.content_type}
                url = f"{self.wire._index.url}/legacy/"
                answer = session.post(url, data=body.to_string(), headers=headers, auth=(USER, PASSWORD))
                if answer.status_code not in _RETRIED:
                    break
        if answer.status_code == 200:
            return True
        phrase = HTTPStatus(answer.status_code).phrase
        tail += [f"ERROR    HTTPError: {answer.status_code} {phrase} from {url}", f"         {answer.reason}"]
        return False

    def ask(self, *argv: str, cwd: Path) -> None:
        return None

    def stop_all(self) -> None:
        pass


@dataclass
class Journal:
    """See `core.world.Journal`: it has the pinned artifacts only."""

    pinned: tuple[Artifact, ...]

    def artifacts(self) -> tuple[Artifact, ...]:
        return self.pinned

    def record(self, event: str, **facts: Any) -> None:
        pass


@dataclass(frozen=True)
class Published:
    """The result: the outcomes, the files on the index, the uploads, and the duration."""

    upload: Outcome
    shown: Outcome
    held: dict[str, str | None]
    sent: tuple[tuple[str, str], ...]
    seconds: float

    @property
    def passed(self) -> bool:
        return self.upload.status.value == self.shown.status.value == "passed"


def publish(dist: Path, folder: Path, script: str, times: Publish, *jumps: tuple[float, float]) -> Published:
    """Publish the files in `dist` to an index that plays the script; `jumps` are those of the clock."""
    clock = Clock(*jumps)
    pinned = tuple(documents.artifact_of(path) for path in sorted(dist.iterdir()))
    setup = IndexSetup(folder, PROJECT, ACCOUNT, "http://127.0.0.1:9/simple/", script=script, clock=clock.elsewhere)
    with LocalIndex(setup) as index:
        index.stopping = Closing(clock)
        wire = Wire(index, clock)
        target = Target("outside", f"{index.url}/legacy/", f"{index.url}/simple/")
        twine = Twine(wire, clock)
        project = Project(dist, PROJECT, (), Settings(publish=times), {})
        release = Release(project, "1.0", "outside", None, dist.parent, dist.parent, PurePosixPath())
        reader: Any = Index(target, Reader(target.simple, wire=wire, clock=clock))
        programs, journal = cast(Any, twine), cast(Any, Journal(pinned))  # as far as they are asked
        world = World(programs, LocalFiles(), clock, reader, journal, {"PATH": sys.prefix}, publisher=publishing_steps)
        lane = Lane("publish", (step(Upload()), check(release_listed, needs="upload")))
        outcomes = {o.id: o for o in engine.run(lane, release, world, today=clock.now().date())}
        held = {held.name: held.digests.sha256 for held in index.store.files()}
    shown = outcomes["release-listed"]
    return Published(outcomes["upload"], shown, held, tuple(twine.sent), clock.passed)
