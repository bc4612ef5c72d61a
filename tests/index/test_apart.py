"""The index that this machine installs from, asked by another process."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from omni_release.adapters.index import MachineIndex
from omni_release.core.errors import Inconclusive
from omni_release.core.world import World
from omni_release.index import apart
from omni_release.scripts import ask_index
from tests.index.test_client import answering

FILES = [
    {"filename": "acme-1.0-py3-none-any.whl", "url": "a.whl", "hashes": {"sha256": "0" * 64}, "yanked": "broken"},
    {"filename": "acme-1.1-py3-none-any.whl", "url": "b.whl", "hashes": {}, "upload-time": "2026-11-20T10:11:00Z"},
    {"filename": "acme-1.2-py3-none-any.whl", "url": "c.whl", "hashes": {}, "upload-time": "2026-11-21T10:11:00"},
    {"filename": "acme-1.3.tar.gz", "url": "d", "hashes": {}, "upload-time": "2026-11-22T10:11:00+02:00"}
    | {"requires-python": ">=3.14"},
]
PAGE = json.dumps({"meta": {"api-version": "1.1"}, "name": "acme", "files": FILES})


def test_files(world: World) -> None:
    """The files come with all that the index states, as without another process."""
    with answering(PAGE, content_type="application/vnd.pypi.simple.v1+json") as url:
        environment = {**os.environ, "PIP_INDEX_URL": url}
        found = MachineIndex(environment, world.processes).files("acme")
        assert found == MachineIndex(environment).files("acme")
    assert [(file.yanked, str(file.uploaded), file.requires_python) for file in found] == [
        ("broken", "None", ""),
        (None, "2026-11-20 10:11:00+00:00", ""),
        (None, "2026-11-21 10:11:00+00:00", ""),
        (None, "2026-11-22 08:11:00+00:00", ">=3.14"),
    ]


def test_page_that_takes_the_libraries(world: World) -> None:
    """A page in HTML is read, and an index that is not there is an error, as without another process."""
    page = f'<!DOCTYPE html><body><a href="a.whl#sha256={"0" * 64}">acme-1.0-py3-none-any.whl</a></body>'
    with answering(page, content_type="text/html") as url:
        environment = {**os.environ, "PIP_INDEX_URL": url}
        found = MachineIndex(environment, world.processes).files("acme")
        assert found == MachineIndex(environment).files("acme")
    assert [(file.name, file.sha256) for file in found] == [("acme-1.0-py3-none-any.whl", "0" * 64)]
    with pytest.raises(Inconclusive, match="does not list its files"):
        MachineIndex(environment, world.processes).files("acme")


def test_fetch(world: World, tmp_path: Path) -> None:
    """A file that is kept is not asked for again; other bytes than listed are not taken, and no part is left."""
    with answering(PAGE, content_type="application/vnd.pypi.simple.v1+json") as url:
        index = MachineIndex({**os.environ, "PIP_INDEX_URL": url}, world.processes)
        file = index.files("acme")[0]
        with pytest.raises(Inconclusive, match="has another sha256 than the index lists"):
            index.fetch(file, tmp_path)
    assert list(tmp_path.rglob("*.whl")) == []
    sha256 = hashlib.sha256(b"kept").hexdigest()
    kept = tmp_path / sha256 / file.name
    kept.parent.mkdir()
    kept.write_bytes(b"kept")
    assert index.fetch(dataclasses.replace(file, sha256=sha256), tmp_path) == kept


@contextmanager
def sending(data: bytes) -> Iterator[str]:
    """A server that answers each connection with these bytes, and closes it."""

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:  # closed
                return
            with connection:
                connection.recv(65536)
                connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple/"
        with suppress(OSError):  # a system without it ends the thread when the socket is closed
            server.shutdown(socket.SHUT_RDWR)


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.pypi.simple.v1+json\r\n"
_BROKEN = {
    "closed at once": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "invalid status": b"HTTP/1.1 99999 OK\r\n\r\n",
    "page cut off": _HEAD + b'Content-Length: 999\r\n\r\n{"files": [',
    "whole page, cut off": _HEAD + b'Content-Length: 999\r\n\r\n{"files": []}',
    "invalid chunk": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "too many headers": _HEAD + b"X: y\r\n" * 120 + b"\r\n{}",
    "nested": _HEAD + b"\r\n" + b"[" * 200_000,
    "not compressed": _HEAD + b"Content-Encoding: gzip\r\n\r\n[]",
    "no list of files": _HEAD + b'\r\n{"meta": {"api-version": "1.0"}, "name": "acme", "files": 3}',
}


@pytest.mark.parametrize("sent", _BROKEN.values(), ids=list(_BROKEN))
def test_broken_answers(sent: bytes) -> None:
    """What is no page, or only a part of one, is asked for by the libraries, which say what is wrong."""
    with sending(sent) as url:
        assert ask_index.listed(f"{url}acme/") is None
        with pytest.raises(Inconclusive, match=r"does not list its files: [A-Z][A-Za-z]+: ."):
            MachineIndex({"PIP_INDEX_URL": url}).files("acme")


def test_broken_answer_of_an_index_asked_by_another_process(world: World) -> None:
    """The message is the one of the libraries."""
    with sending(_BROKEN["page cut off"]) as url:
        environment = {**os.environ, "PIP_INDEX_URL": url}
        with pytest.raises(Inconclusive, match="does not list its files: ChunkedEncodingError: IncompleteRead"):
            MachineIndex(environment, world.processes).files("acme")


@pytest.mark.parametrize(("code", "how"), [(-9, "was ended by signal 9"), (1, "ended with exit code 1")])
def test_programs_that_crash(code: int, how: str) -> None:
    """The program that asks the quick way has no answer then, and the other one says how it ended."""
    assert apart.quick_answer("") is None and apart.quick_answer("[{") is None
    with pytest.raises(Inconclusive, match=f"asks the index {how} without an answer"):
        apart.answer("", code)
