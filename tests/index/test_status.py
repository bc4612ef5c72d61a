"""The status of a project on its index, and indexes that lack what they promise."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from omni_release import index
from omni_release.core.errors import Inconclusive
from omni_release.index.client import Client, project_status

NAME = "acme-1.0-py3-none-any.whl"
SOUND = b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"
INACTIVE = SOUND + b"Classifier: Development Status :: 7 - Inactive\n"


@contextlib.contextmanager
def serving(metadata: bytes | None, says: Any, status: Any = None, provenance: Any = None) -> Iterator[str]:
    """The simple API of an index with this metadata; `says` is what the page states about it."""
    file = {"filename": NAME, "url": f"/files/{NAME}", "hashes": {}, "size": 1, "core-metadata": says}
    file |= {"provenance": provenance}
    page = {"meta": {"api-version": "1.4"}, "name": "acme", "versions": ["1.0"], "files": [file]}
    page |= {"project-status": status} if status else {}

    def answer(environ: Any, start: Any) -> Any:
        path = Request(environ).path
        if path == "/simple/acme/":
            body = Response(json.dumps(page), content_type="application/vnd.pypi.simple.v1+json")
        elif path.endswith(".metadata") and metadata is not None:
            body = Response(metadata, content_type="application/octet-stream")
        else:
            body = Response("no", 404)
        return body(environ, start)

    running = make_server("127.0.0.1", 0, answer, threaded=True)
    threading.Thread(target=lambda: running.serve_forever(poll_interval=0.02), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/simple/"
    finally:
        running.shutdown()
        running.server_close()


@pytest.mark.parametrize(
    ("metadata", "says", "expected"),
    [
        (None, {"sha256": "00" * 32}, ""),
        (None, True, ""),
        (SOUND, True, ""),
        (INACTIVE, True, "marked as inactive by its maintainers"),
        (INACTIVE, False, ""),
    ],
    ids=["promised and not there", "not there, without a hash", "no hash", "inactive, no hash", "none promised"],
)
def test_metadata(metadata: bytes | None, says: Any, expected: str) -> None:
    """Metadata is read with or without a hash; missing metadata gives no status."""
    with serving(metadata, says) as url:
        assert project_status(url, "acme") == expected


def test_archived() -> None:
    """The status of the index (PEP 792) is reported with its reason; an unknown project is inconclusive."""
    with serving(None, False, status={"status": "archived", "reason": "see other"}) as url:
        assert project_status(url, "acme") == "marked as archived on the index: see other"
        with pytest.raises(Inconclusive, match="does not have it"):
            project_status(url, "other")


@pytest.mark.parametrize(
    "status", [{"status": "frozen"}, {"status": "active"}, {}, {"reason": "none"}, "frozen", ["odd"]]
)
def test_unknown_status(status: Any) -> None:
    """A status that is not of PEP 792, or none, is no reason against a dependency, and hides nothing else."""
    with serving(INACTIVE, True, status=status) as url:
        assert project_status(url, "acme") == "marked as inactive by its maintainers"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("/integrity/x", "{host}/integrity/x"),
        ("x", "{host}/simple/acme/x"),
        ("https://a.invalid/x", "https://a.invalid/x"),
        (None, ""),
        (True, ""),
        ({"url": "x"}, ""),
    ],
)
def test_address_of_provenance(stated: Any, expected: str) -> None:
    """An incomplete or odd address of a provenance hides no file."""
    with serving(None, False, provenance=stated) as url:
        (file,) = Client(url).files("acme")
        assert file.provenance == expected.format(host=url.removesuffix("/simple/"))


def test_no_proxy_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index on this machine is read without a proxy."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(INACTIVE, True) as url:
        assert project_status(url, "acme") == "marked as inactive by its maintainers"


def test_endless_response(monkeypatch: pytest.MonkeyPatch) -> None:
    """A response that never ends is inconclusive after the deadline."""
    more = threading.Event()

    def drips(environ: Any, start: Any) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "application/vnd.pypi.simple.v1+json")])
        while not more.wait(0.1):
            yield b" "

    running = make_server("127.0.0.1", 0, drips, threaded=True)
    threading.Thread(target=lambda: running.serve_forever(poll_interval=0.02), daemon=True).start()
    monkeypatch.setattr(index, "DEADLINE", 0.5)
    try:
        with pytest.raises(Inconclusive, match=r"did not answer within 0\.5 s"):
            project_status(f"http://127.0.0.1:{running.server_port}/simple/", "acme")
    finally:
        more.set()
        running.shutdown()
        running.server_close()
