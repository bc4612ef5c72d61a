"""Which servers receive the upload credentials, and which do not."""

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

from omni_release.adapters.credentials import CredentialResolver
from omni_release.adapters.index import INSTALLER_VARIABLES, PackageIndex
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
    """An index of one project; `answers` returns the response to a request, `asked` records all requests."""

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
    """The server on a free port of this machine."""
    running = make_server("127.0.0.1", 0, server, threaded=True)  # type: ignore[arg-type]
    server.url = f"http://127.0.0.1:{running.server_port}"
    threading.Thread(target=lambda: running.serve_forever(poll_interval=0.02), daemon=True).start()
    try:
        yield server
    finally:
        running.shutdown()
        running.server_close()


def only_known(status: int) -> Callable[[str, bool], Response | None]:
    """This status for every request without a login."""
    return lambda path, known: None if known else Response("no", status)


def client(server: Server, upload: str = "") -> Client:
    """A client of the server; uploads go there too, unless `upload` is given."""
    login = IndexLogin(upload or f"{server.url}/legacy/", lambda: ("me", PASSWORD))
    return Client(f"{server.url}/simple/", 10, login)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_private_index(status: int, tmp_path: Path) -> None:
    """Its page and files are read with the credentials, which installers get too; also behind a 404."""
    made = tmp_path / NAME
    made.write_bytes(WHEEL)
    with serving(Server(only_known(status))) as server:
        (told,) = client(server).file_statuses("acme", [documents.artifact_of(made)])
        assert told.state is FileState.OURS, told
        assert client(server).wants_login("acme")
        given = destination(f"{server.url.replace('//', f'//me:{PASSWORD}@')}/legacy/", {}, {"HOME": str(tmp_path)})
        target = Target("ours", f"{server.url}/legacy/", f"{server.url}/simple/")
        index = PackageIndex(target, CredentialResolver(target, given.credentials, {}))
        assert tuple(index.reading("acme")) == INSTALLER_VARIABLES
        secret = index.secrets[index.reading("acme")["UV_DEFAULT_INDEX"]]()
        assert secret == f"{server.url}/simple/".replace("//", f"//me:{PASSWORD}@", 1)
        assert PASSWORD not in f"{index.reading('acme')} {index.access()}"


def test_public_index(tmp_path: Path) -> None:
    """A public index receives no password."""
    made = tmp_path / NAME
    made.write_bytes(WHEEL)
    with serving(Server()) as server:
        assert client(server).file_statuses("acme", [documents.artifact_of(made)])[0].state is FileState.OURS
        assert not client(server).wants_login("acme")
        assert not any(known for _, known in server.asked)


def test_no_password_for_other_servers(tmp_path: Path) -> None:
    """No password goes to an index elsewhere, to a file elsewhere, or along a redirect."""
    made = tmp_path / NAME
    made.write_bytes(WHEEL)
    with serving(Server(only_known(401))) as other:
        with pytest.raises(PermanentRefusal) as raised:
            client(other, "https://127.0.0.1/legacy/").files("acme")
        assert "no password is sent to it" in raised.value.hint
        with serving(Server(only_known(401), files=other.url)) as server:
            assert client(server).file_statuses("acme", [documents.artifact_of(made)])[0].state is FileState.REFUSED
        elsewhere = Server(lambda path, known: redirect(other.url + path) if known else Response("no", 401))
        with serving(elsewhere) as server:
            with pytest.raises(PermanentRefusal):
                client(server).files("acme")
            assert any(known for _, known in server.asked)
        assert not any(known for _, known in other.asked)


def test_rejected_credentials() -> None:
    """A rejected login is a permanent refusal; a 404 without a login counts where the login is rejected."""
    with serving(Server(lambda path, known: Response("no", 401))) as server:
        with pytest.raises(PermanentRefusal) as raised:
            client(server).files("acme")
        assert "rejects the upload credentials" in raised.value.hint
        assert not client(server).wants_login("acme")
    uploads_alone = Server(lambda path, known: Response("no", 403 if known else 404))
    with serving(uploads_alone) as server:
        assert client(server).files("acme") == ()
        assert any(known for _, known in server.asked)


def test_discovery_of_a_private_index() -> None:
    """Where every URL requires a login, the one that answers with it is found."""

    def answers(path: str, known: bool) -> Response | None:
        if not known:
            return Response("who?", 401)
        return None if path.startswith("/me/dev/+simple/") else Response("not here", 404)

    with serving(Server(answers)) as server:
        target = Target("x", f"{server.url}/me/dev/")
        login = IndexLogin(target.upload, lambda: ("me", PASSWORD))
        assert targets.discover(target, "acme", login).simple == f"{server.url}/me/dev/+simple/"


def test_no_password_for_reading_pypi(tmp_path: Path) -> None:
    """PyPI is public: a token is only for uploads."""
    for name in ("pypi", "testpypi"):
        found = destination(name, {}, {"HOME": str(tmp_path)})
        login = CredentialResolver(found.target, found.credentials, {"TWINE_PASSWORD": PASSWORD}).login
        assert not login.applies_to(found.target.simple) and login.credentials() is None


def test_unreachable_index() -> None:
    """An unreachable index is inconclusive and wants no login."""
    nowhere = Client("http://127.0.0.1:9/simple/", 5, IndexLogin("http://127.0.0.1:9/", lambda: ("me", PASSWORD)))
    assert not nowhere.wants_login("acme")
    with pytest.raises(Inconclusive):
        nowhere.files("acme")
