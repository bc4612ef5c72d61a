"""Reading an index: our own, pypiserver, and servers that are none."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import uv
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from omni_release.core import documents
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Artifact
from omni_release.core.world import FileState
from omni_release.index.client import Client
from omni_release.local_index.server import IndexSetup, LocalIndex
from tests.index.support import (
    ACCOUNT,
    PROJECT,
    WHEEL,
    form,
    metadata,
    pypi_server,
    ran,
    running,
    sdist,
    sent,
    twine,
    wheel,
)

SOMETHING = Artifact(WHEEL, 3, "0" * 64)


@contextmanager
def answering(body: str, status: int = 200, content_type: str = "text/html") -> Iterator[str]:
    """A server that always sends this response."""
    server = make_server("127.0.0.1", 0, Response(body, status, content_type=content_type), threaded=True)
    server.log = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}/simple/"
    finally:
        server.shutdown()
        server.server_close()


def state_of(url: str, wanted: Artifact, deadline: float = 30.0) -> FileState:
    """The state of one file."""
    return Client(url, deadline).file_statuses(PROJECT, [wanted])[0].state


def test_ours_absent_and_other_bytes(tmp_path: Path) -> None:
    """Three files with three states, and the listing."""
    made, source = wheel(tmp_path), sdist(tmp_path)
    with running(tmp_path) as index:
        client = Client(f"{index.url}/simple/")
        assert client.files(PROJECT) == ()
        assert state_of(client.simple_url, documents.artifact_of(made)) is FileState.ABSENT
        assert sent(index, form(made), made).status_code == 200
        theirs = documents.artifact_of(wheel(tmp_path / "another", metadata(about="another")))
        statuses = client.file_statuses(PROJECT, [documents.artifact_of(made), documents.artifact_of(source), theirs])
        assert [file.state for file in statuses] == [FileState.OURS, FileState.ABSENT, FileState.OTHER_BYTES]
        assert [(file.name, file.sha256) for file in client.files(PROJECT)] == [
            (made.name, documents.artifact_of(made).sha256)
        ]
        pages = [
            requests.head(f"{index.url}/simple/{PROJECT}/", timeout=9),
            requests.head(f"{index.url}/files/{WHEEL}", timeout=9),
        ]
        assert [(page.status_code, page.content) for page in pages] == [(200, b""), (200, b"")]
        named = requests.get(f"{index.url}/simple/Acme.Sound/", timeout=9, allow_redirects=False)
        assert (named.status_code, named.headers["Location"]) == (301, f"/simple/{PROJECT}/")
        elsewhere = requests.get(f"{index.url}/simple/Some.Dep/", timeout=9, allow_redirects=False)
        assert elsewhere.headers["Location"] == "http://127.0.0.1:9/simple/some-dep/"


def test_pypiserver(tmp_path: Path) -> None:
    """pypiserver has only HTML pages; what twine and uv upload to it is read."""
    made, source = wheel(tmp_path), sdist(tmp_path)
    with pypi_server(tmp_path) as url:
        assert state_of(f"{url}/simple/", documents.artifact_of(made)) is FileState.ABSENT
        assert twine(f"{url}/", made).code == 0
        assert twine(f"{url}/", made).code == 1
        argv = [uv.find_uv_bin(), "publish", "--no-config", "--trusted-publishing", "never", "--publish-url", f"{url}/"]
        who = {"UV_PUBLISH_USERNAME": "a", "UV_PUBLISH_PASSWORD": "b"}
        assert ran([*argv, str(source)], tmp_path, who).code == 0
        statuses = Client(f"{url}/simple/").file_statuses(
            PROJECT, [documents.artifact_of(made), documents.artifact_of(source)]
        )
        assert [file.state for file in statuses] == [FileState.OURS, FileState.OURS]
        theirs = documents.artifact_of(wheel(tmp_path / "another", metadata(about="another")))
        assert state_of(f"{url}/simple/", theirs) is FileState.OTHER_BYTES


class OneForm(LocalIndex):
    """An index with pages in one form only; a strict one also refuses requests that name both."""

    form = "html"
    strict = False

    def _application(self, environ: Any, start: Any) -> Iterable[bytes]:
        accepted = environ.get("HTTP_ACCEPT", "*/*")
        if environ["PATH_INFO"].startswith("/simple/"):
            takes = self.form in accepted or (not self.strict and "*/*" in accepted)
            if not takes or (self.strict and self.form == "html" and "json" in accepted):
                return Response("Not Acceptable", 406)(environ, start)
            environ["HTTP_ACCEPT"] = "text/html" if self.form == "html" else "application/vnd.pypi.simple.v1+json"
        return super()._application(environ, start)


@pytest.mark.parametrize(("form_", "strict"), [("html", False), ("html", True), ("json", False), ("json", True)])
def test_index_with_one_form(form_: str, strict: bool, tmp_path: Path) -> None:
    """With only HTML or only JSON pages, and 406 for the other, the existing page decides."""
    made, source = wheel(tmp_path), sdist(tmp_path)
    kind: Any = type("Index", (OneForm,), {"form": form_, "strict": strict})
    with kind(IndexSetup(tmp_path / "index", PROJECT, ACCOUNT, "http://127.0.0.1:9/simple/")) as index:
        client = Client(f"{index.url}/simple/")
        assert client.files(PROJECT) == ()
        assert sent(index, form(made), made).status_code == 200
        theirs = documents.artifact_of(wheel(tmp_path / "another", metadata(about="another")))
        statuses = client.file_statuses(PROJECT, [documents.artifact_of(made), documents.artifact_of(source), theirs])
        assert [file.state for file in statuses] == [FileState.OURS, FileState.ABSENT, FileState.OTHER_BYTES]
        assert [file.name for file in client.files(PROJECT)] == [made.name]


@pytest.mark.parametrize(
    ("body", "status", "content_type", "expected"),
    [
        ("no", 401, "text/html", FileState.REFUSED),
        ("no", 403, "text/html", FileState.REFUSED),
        ("no", 404, "text/html", FileState.ABSENT),
        ("no", 406, "text/html", FileState.REFUSED),
        ("no", 500, "text/html", FileState.INCONCLUSIVE),
        ("welcome", 200, "text/plain", FileState.INCONCLUSIVE),
        ("{", 200, "application/vnd.pypi.simple.v1+json", FileState.INCONCLUSIVE),
        ("{}", 200, "application/vnd.pypi.simple.v1+json", FileState.INCONCLUSIVE),
        ("[]", 200, "application/vnd.pypi.simple.v1+json", FileState.INCONCLUSIVE),
        ("<a href='x'>x</a>", 200, "text/html", FileState.ABSENT),
    ],
)
def test_no_index(body: str, status: int, content_type: str, expected: FileState) -> None:
    """Refusals, failures and invalid pages have different states."""
    with answering(body, status, content_type) as url:
        assert state_of(url, SOMETHING) is expected


def test_unreachable_index() -> None:
    """An unreachable index is inconclusive, and the message shows no credentials."""
    client = Client("http://me:s3cret@127.0.0.1:9/simple/")
    (file,) = client.file_statuses(PROJECT, [SOMETHING])
    assert file.state is FileState.INCONCLUSIVE
    assert "s3cret" not in file.why
    assert file.why.startswith("ConnectionError: [") and "HTTPConnectionPool" not in file.why, "as the system says it"
    with pytest.raises(Inconclusive) as raised:
        client.files(PROJECT)
    assert "s3cret" not in raised.value.message
