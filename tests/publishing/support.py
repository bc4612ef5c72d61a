"""Shared by the tests of publishing: a finished rehearsal, an index outside the run, and runs that are killed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, TYPE_CHECKING, Any

from omni_release.local_index import Account
from omni_release.local_index.server import IndexSetup, LocalIndex
from tests.conftest import child_environment, copy_case, git, omni

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PROJECT = "acme-sound"
USER, PASSWORD = "tester", "s3cret-of-the-index"
ACCESS = {"TWINE_USERNAME": USER, "TWINE_PASSWORD": PASSWORD}
PATIENCE = 300.0
INSTALLS = (
    "install-with-uv",
    "works-with-uv",
    "verify-commands",
    "install-with-pip",
    "works-with-pip",
    "pip-check",
)
"""The tasks of a release that install it, which take most of its time."""


@dataclass(frozen=True)
class Place:
    """A checkout with a finished rehearsal, and the bare repository that it is pushed to."""

    folder: Path

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def remote(self) -> Path:
        return self.folder / "remote.git"

    @property
    def run(self) -> Path:
        """The only run."""
        (found,) = (path for path in (self.checkout / ".omni-release" / "runs").iterdir() if path.name[0].isdigit())
        return found

    @property
    def dist(self) -> dict[str, str]:
        """What was built: the names, and the sha256."""
        return self.dist_of(self.run)

    @staticmethod
    def dist_of(run: Path) -> dict[str, str]:
        """What this run has built."""
        pinned = json.loads((run / "artifacts.json").read_text(encoding="utf-8"))
        return {entry["name"]: entry["sha256"] for entry in pinned["artifacts"]}

    def copy(self, folder: Path) -> Place:
        """A copy in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        git("remote", "set-url", "origin", str(folder / "remote.git"), cwd=folder / "checkout")
        return Place(folder)

    def head(self) -> str:
        """The commit that is checked out."""
        return git("rev-parse", "HEAD", cwd=self.checkout).strip()

    def tags(self) -> dict[str, str]:
        """The tags on the remote, and the commits that they are of."""
        listed = git("for-each-ref", "--format=%(refname:short) %(*objectname)", "refs/tags", cwd=self.remote)
        return dict(line.split() for line in listed.splitlines())


def rehearsed(
    folder: Path, case: str = "sound", settings: str = "", before: Callable[[Path], None] = lambda checkout: None
) -> Place:
    """A checkout in sync with a bare remote, with a passed rehearsal. `before` that, it may commit and tag."""
    place = Place(folder)
    folder.mkdir()
    copy_case(case, place.checkout)
    if settings:
        with (place.checkout / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(settings)
        git("commit", "--all", "--quiet", "--message=settings", cwd=place.checkout)
    git("config", "user.name", "Tester", cwd=place.checkout)
    git("config", "user.email", "tester@example.invalid", cwd=place.checkout)
    git("init", "--bare", "--quiet", "--initial-branch=main", str(place.remote), cwd=folder)
    git("remote", "add", "origin", str(place.remote), cwd=place.checkout)
    before(place.checkout)
    git("push", "--quiet", "--set-upstream", "origin", "main", "--tags", cwd=place.checkout)
    temporary = folder / "tmp"
    temporary.mkdir()
    ran = omni("rehearse", cwd=place.checkout, environment=child_environment(TMPDIR=str(temporary)))
    shutil.rmtree(temporary)
    assert ran.code == 0, ran.out + ran.err
    return place


@dataclass
class Sent:
    """An upload that reached the index: the file's name, the sha256 of its bytes, and the answer's status."""

    name: str
    sha256: str
    status: str


@dataclass
class Watched:
    """What happens in the middle of an upload, and what was uploaded."""

    at: int = -1  # after so many bytes of a request's body; -1: never
    stored: bool = False  # when it is stored, and not answered yet
    uploads: int = 0  # after so many uploads that are left alone
    then: Callable[[], None] = lambda: None
    sent: list[Sent] = field(default_factory=list)


class OutsideIndex(LocalIndex):
    """A rehearsal index that lives outside the run, keeps a record of uploads, and can do something in the middle."""

    def __init__(self, folder: Path, watched: Watched | None = None, script: str = "", **more: Any) -> None:
        self.watched = watched or Watched()
        account = Account(USER, PASSWORD, PROJECT)
        super().__init__(IndexSetup(folder, PROJECT, account, "http://127.0.0.1:9/simple/", script=script, **more))

    def _application(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return super()._application(environ, start)
        self.watched.uploads -= 1
        body = _Body(environ["wsgi.input"], self.watched)
        environ["wsgi.input"] = body
        said: list[str] = []

        def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            said.append(status)
            return start(status, headers, *more)

        try:
            return super()._application(environ, started)
        finally:
            if body.whole:
                self.watched.sent.append(_sent(body.whole, environ.get("CONTENT_TYPE", ""), said))
            if self.watched.stored and self.watched.uploads < 0:
                self.watched.stored = False
                self.watched.then()

    @property
    def upload(self) -> str:
        """Where files are sent."""
        return f"{self.url}/legacy/"

    def held(self) -> dict[str, str | None]:
        """What it holds: the names, and the sha256."""
        return {held.name: held.digests.sha256 for held in self.store.files()}


class _Body(io.RawIOBase):
    """A request's body as it is read."""

    def __init__(self, source: IO[bytes], watched: Watched) -> None:
        self._source = source
        self._watched = watched
        self._read: list[bytes] = []
        self._size = 0

    @property
    def whole(self) -> bytes:
        return b"".join(self._read)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if 0 <= self._watched.at <= self._size and self._watched.uploads < 0:
            self._watched.at = -1
            self._watched.then()
        data = self._source.read(size)
        self._read.append(data)
        self._size += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readline(self, size: int | None = -1) -> bytes:
        return self.read(-1 if size is None else size)


def _sent(body: bytes, content_type: str, said: list[str]) -> Sent:
    from werkzeug.formparser import parse_form_data

    environ = {"wsgi.input": io.BytesIO(body), "CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    _, _, files = parse_form_data({**environ, "REQUEST_METHOD": "POST"})
    status = said[0] if said else ""
    if (content := files.get("content")) is None:
        return Sent("", "", status)
    with contextlib.closing(content):
        return Sent(content.filename or "", hashlib.sha256(content.read()).hexdigest(), status)


@dataclass(frozen=True)
class Ended:
    """The exit code of a run, its output, and its interactions with the world."""

    code: int
    said: str
    touches: tuple[str, ...]

    @property
    def words(self) -> str:
        """The output with single blanks, as lines are wrapped at the width of the terminal."""
        return " ".join(self.said.split())


class Runner:
    """Runs of the command line, by `runner.py`: cheap ones."""

    def __enter__(self) -> Runner:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("runner.py"))],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=child_environment(),
        )
        self._number = 0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(PATIENCE)

    def run(
        self,
        place: Place,
        *arguments: str,
        kill: int = 0,
        full: int = 0,
        error: int = 0,
        watched: Watched | None = None,
        without: Iterable[str] = (),
        unset: Iterable[str] = (),
        variables: Mapping[str, str] = MappingProxyType({}),
        terminal: str = "",
        ignore_interrupts: bool = False,
    ) -> Ended:
        """A run to its end; the pid is known to `watched` while it runs."""
        self._number += 1
        temporary = place.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        log, trace = place.folder / f"log-{self._number}", place.folder / f"trace-{self._number}"
        access = {name: value for name, value in ACCESS.items() if name not in set(unset)}
        environment = {"HOME": str(temporary), "TMPDIR": str(temporary), "COLUMNS": "400", **access, **variables}
        asked: dict[str, Any] = {
            "argv": list(arguments),
            "cwd": str(place.checkout),
            "environment": environment,
            "kill": kill,
            "full": full,
            "errno": error,
            "terminal": terminal,
            "ignore_interrupts": ignore_interrupts,
            "without": list(without),
        }
        began = self._ask({**asked, "log": str(log), "trace": str(trace)})
        if watched is not None:
            watched.then = lambda: _killed(began["pid"])
        ended = self._answer()
        said = log.read_text(encoding="utf-8", errors="replace")
        return Ended(ended["code"], said, tuple(trace.read_text(encoding="utf-8", errors="replace").splitlines()))

    def _ask(self, asked: dict[str, Any]) -> dict[str, int]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, int]:
        assert self._process.stdout is not None
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer


def _killed(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def outside(folder: Path, watched: Watched | None = None, script: str = "", **more: Any) -> Iterator[OutsideIndex]:
    """An index for the length of a test."""
    with OutsideIndex(folder, watched, script, **more) as index:
        assert isinstance(index, OutsideIndex)
        yield index


def released(place: Place, index: OutsideIndex) -> dict[str, Any]:
    """The state of a release as others see it: the files on the index, and the tags."""
    return {"index": index.held(), "tags": place.tags()}
