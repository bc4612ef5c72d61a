"""The index before a build, and the page of the release: present, late, missing, refused or unknown."""

from __future__ import annotations

import contextlib
import datetime
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import pytest

from omni_release.adapters.index import Rehearsal
from omni_release.core import engine
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Outcome, Release, Status, Target
from omni_release.core.tasks import Lane, check
from omni_release.core.world import FileStatus, Index, World
from omni_release.index.client import Client
from omni_release.publishing.checks import index_responds, project_page
from tests.repositories import TODAY, Checkout, cloned, pinned


def test_index_responds(release: Release, world: World) -> None:
    """The index is started, and has no files of the project."""
    assert list(index_responds(release, world)) == []
    world.index.close()  # type: ignore[attr-defined]  # the rehearsal's own


def test_index_does_not_respond(release: Release, world: World, tmp_path: Path) -> None:
    """An index that does not listen is inconclusive."""
    index = Rehearsal(tmp_path / "index", "acme")
    url = index.target.simple
    index.close()

    with pytest.raises(Inconclusive, match=r"127\.0\.0\.1"):
        list(index_responds(release, replace(world, index=Client(url))))  # type: ignore[arg-type]  # the check only asks for files


@dataclass
class Clock:
    """Time that passes in `sleep` only."""

    passed: float = 0.0

    def now(self) -> datetime.datetime:
        """Some moment."""
        return datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)

    def monotonic(self) -> float:
        """The seconds that were slept."""
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""
        self.passed += seconds


@dataclass(frozen=True)
class Paged:
    """An index with web pages, read by the real client."""

    target: Target
    asked: list[str] = field(default_factory=list)

    def page(self, url: str) -> FileStatus:
        """Read by the real client."""
        self.asked.append(url)
        return Client(self.target.simple, deadline=5).page(url)


@contextlib.contextmanager
def serving(*statuses: int) -> Iterator[str]:
    """A server that answers with these statuses in turn, and then always with the last."""
    left = list(statuses)

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *given: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Something to release."""
    return cloned(tmp_path)


def outcome(checkout: Checkout, simple: str, page: str = "project/{name}/{version}/") -> tuple[Outcome, list[str]]:
    """The outcome of the check, and the requested URLs."""
    with checkout.open() as (release, world):
        pinned(release, world)
        index = Paged(Target("shelf", simple=simple, page=f"{simple}{page}" if page else ""))
        told = replace(world, index=cast(Index, index), clock=Clock())
        (found,) = engine.run(Lane("one", (check(project_page),)), release, told, today=TODAY)
    return found, index.asked


def test_page_exists(checkout: Checkout) -> None:
    """The page of this very version, with the name as it is normalised."""
    with serving(200) as simple:
        found, asked = outcome(checkout, simple)
        assert found.status is Status.PASSED
        assert asked == [f"{simple}project/acme/1.2.0/"]


def test_late_page(checkout: Checkout) -> None:
    """A late page and a busy index are waited for."""
    with serving(404, 503, 404, 200) as simple:
        found, asked = outcome(checkout, simple)
        assert (found.status, len(asked)) == (Status.PASSED, 4)


@pytest.mark.parametrize(
    ("status", "expected"), [(404, Status.FAILED), (403, Status.INCONCLUSIVE), (503, Status.INCONCLUSIVE)]
)
def test_no_page(checkout: Checkout, status: int, expected: Status) -> None:
    """A missing page fails; a refused or failing one is inconclusive, within the time limit."""
    with serving(status) as simple:
        found, asked = outcome(checkout, simple)
        assert found.status is expected
        assert str(status) in found.findings[0].message
        assert len(asked) < 20


def test_no_server(checkout: Checkout) -> None:
    """Without a server the check is inconclusive."""
    assert outcome(checkout, "http://127.0.0.1:9/simple/")[0].status is Status.INCONCLUSIVE


def test_unknown_address_of_pages(checkout: Checkout) -> None:
    """Without a known address of pages the check is skipped."""
    found, asked = outcome(checkout, "http://127.0.0.1:9/simple/", page="")
    assert (found.status, asked) == (Status.SKIPPED, [])
