"""Who is told the password for uploads, and who is not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from werkzeug.serving import make_server
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from omni_release.adapters.credentials import Finder
from omni_release.adapters.index import INSTALLERS, PackageIndex
from omni_release.core import documents
from omni_release.core.errors import Inconclusive, PermanentRefusal
from omni_release.core.model import Target
from omni_release.core.world import FileState
from omni_release.index import IndexLogin, targets
from omni_release.index.client import Client
from omni_release.index.targets import destination

PASSWORD = "pl4nted-s3cret"
WHEEL = b"the bytes of a wheel"
NAME = "acme-1.0-py3-none-any.whl"


@dataclass
class Server:
    """An index of one project; `answers` says what becomes of a request by its authorization, `asked` keeps it all."""

    answers: Callable[[str, bool], Response | None] = lambda path, known: None
    files: str = ""  # where they are, if not here
    url: str = ""
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def __call__(self, environ: object, start: object) -> object:
        request = Request(environ)  # type: ignore[arg-type]  # as a server gives them
        given = request.authorization
        known = given is not None and (given.username, given.password) == ("me", PASSWORD)
        self.asked.append((request.path, given is not None))
        answer = self.answers(request.path, known) or self._page(request.path)
        return answer(request.environ, start)  # type: ignore[arg-type]

    def _page(self, path: str) -> Response:
        if path.endswith(".whl"):
            return Response(WHEEL)
        if path == "/simple/acme/":
            return Response(f'<a href="{self.files}/files/{NAME}">{NAME}</a>', content_type="text/html")
        return Response("", content_type="text/html")


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    """It, on a free port of this machine."""
    running = make_server("127.0.0.1", 0, server, threaded=True)  # type: ignore[arg-type]
    server.url = f"http://127.0.0.1:{running.server_port}"
    threading.Thread(target=lambda: running.serve_forever(poll_interval=0.02), daemon=True).start()
    try:
        yield server
    finally:
        running.shutdown()
        running.server_close()


def only_known(status: int) -> Callable[[str, bool], Response | None]:
    """Who does not log in is answered so."""
    return lambda path, known: None if known else Response("no", status)


def client(server: Server, upload: str = "") -> Client:
    """What reads it; files are sent there too, unless elsewhere is said."""
    login = IndexLogin(upload or f"{server.url}/legacy/", lambda: ("me", PASSWORD))
    return Client(f"{server.url}/simple/", 10, login)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_one_that_wants_to_know(status: int, tmp_path: Path) -> None:
    """Its page and its files are read, and installers are told how; also where it hides what is there."""
    made = tmp_path / NAME
    made.write_bytes(WHEEL)
    with serving(Server(only_known(status))) as server:
        (told,) = client(server).file_statuses("acme", [documents.artifact_of(made)])
        assert told.state is FileState.OURS, told
        assert client(server).wants_login("acme")
        given = destination(f"{server.url.replace('//', f'//me:{PASSWORD}@')}/legacy/", {}, {"HOME": str(tmp_path)})
        target = Target("ours", f"{server.url}/legacy/", f"{server.url}/simple/")
        index = PackageIndex(target, Finder(target, given.given, {}))
        assert tuple(index.reading("acme")) == INSTALLERS
        secret = index.secrets[index.reading("acme")["UV_DEFAULT_INDEX"]]()
        assert secret == f"{server.url}/simple/".replace("//", f"//me:{PASSWORD}@", 1)
        assert PASSWORD not in f"{index.reading('acme')} {index.access()}"


def test_one_that_everybody_may_read(tmp_path: Path) -> None:
    """It is told no password, also where it has nothing of the project."""
    made = tmp_path / NAME
    made.write_bytes(WHEEL)
    with serving(Server()) as server:
        assert client(server).file_statuses("acme", [documents.artifact_of(made)])[0].state is FileState.OURS
        assert not client(server).wants_login("acme")
        assert not any(known for _, known in server.asked)


def test_another_server_is_told_nothing(tmp_path: Path) -> None:
    """Neither one that uploads do not go to, nor one that the page names, nor one that a redirect leads to."""
    made = tmp_path / NAME
    made.write_bytes(WHEEL)
    with serving(Server(only_known(401))) as other:
        with pytest.raises(PermanentRefusal) as raised:
            client(other, "https://127.0.0.1/legacy/").files("acme")
        assert "it is told no password" in raised.value.hint
        with serving(Server(only_known(401), files=other.url)) as server:
            assert client(server).file_statuses("acme", [documents.artifact_of(made)])[0].state is FileState.REFUSED
        elsewhere = Server(lambda path, known: redirect(other.url + path) if known else Response("no", 401))
        with serving(elsewhere) as server:
            with pytest.raises(PermanentRefusal):
                client(server).files("acme")
            assert any(known for _, known in server.asked)
        assert not any(known for _, known in other.asked)


def test_credentials_that_it_does_not_take() -> None:
    """That is told, at once; where it only has nothing for who does not log in, what it says counts."""
    with serving(Server(lambda path, known: Response("no", 401))) as server:
        with pytest.raises(PermanentRefusal) as raised:
            client(server).files("acme")
        assert "does not take the credentials for uploads" in raised.value.hint
        assert not client(server).wants_login("acme")
    uploads_alone = Server(lambda path, known: Response("no", 403 if known else 404))
    with serving(uploads_alone) as server:
        assert client(server).files("acme") == ()
        assert any(known for _, known in server.asked)


def test_where_it_is_among_the_usual_places() -> None:
    """Where every address asks who it is, the one that then answers counts, not the first that is asked."""

    def answers(path: str, known: bool) -> Response | None:
        if not known:
            return Response("who?", 401)
        return None if path.startswith("/me/dev/+simple/") else Response("not here", 404)

    with serving(Server(answers)) as server:
        target = Target("x", f"{server.url}/me/dev/")
        login = IndexLogin(target.upload, lambda: ("me", PASSWORD))
        assert targets.discover(target, "acme", login).simple == f"{server.url}/me/dev/+simple/"


def test_pypi_is_told_nothing(tmp_path: Path) -> None:
    """Everybody may read it: a token is for uploads."""
    for name in ("pypi", "testpypi"):
        found = destination(name, {}, {"HOME": str(tmp_path)})
        login = Finder(found.target, found.given, {"TWINE_PASSWORD": PASSWORD}).login
        assert not login.is_for(found.target.simple) and login.credentials() is None


def test_nobody_answers() -> None:
    """No login is wanted by an index that is not there; what it has cannot be told."""
    nowhere = Client("http://127.0.0.1:9/simple/", 5, IndexLogin("http://127.0.0.1:9/", lambda: ("me", PASSWORD)))
    assert not nowhere.wants_login("acme")
    with pytest.raises(Inconclusive):
        nowhere.files("acme")
