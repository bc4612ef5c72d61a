"""A whole release to devpi, where its programs are on the PATH: no extra installs them.

python -m venv elsewhere && elsewhere/bin/pip install devpi-server
PATH=$PWD/elsewhere/bin:$PATH nox -s long -- tests/publishing/test_devpi.py
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import child_environment
from tests.index.support import sdist
from tests.publishing.support import ACCESS, PASSWORD, PATIENCE, USER, Place, Runner
from tests.publishing.test_terminal import AFTERWARDS
from tests.waiting import until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("devpi-server") is None, reason="devpi-server is not on the path"),
]


@dataclass
class Devpi:
    """The server, with a user and a non-volatile index."""

    folder: Path
    port: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def upload(self) -> str:
        return f"{self.url}/{USER}/dev/"

    def start(self) -> None:
        """Ready when this returns."""
        argv = ["devpi-server", "--serverdir", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "said.log").open("ab") as log:
            self.running.append(subprocess.Popen(argv, stdout=log, stderr=log, env=child_environment()))
        until(self._answers, within=PATIENCE)

    def _answers(self) -> bool:
        assert self.running[-1].poll() is None, (self.folder / "said.log").read_text(encoding="utf-8")
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"{self.url}/+api", timeout=10)
            return True
        return False

    def vanish(self) -> None:
        """Gone, without a word."""
        for process in self.running:
            process.kill()
            process.wait()

    def held(self) -> dict[str, str]:
        """What its page lists: the names, and the sha256."""
        accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
        page = requests.get(f"{self.upload}+simple/acme-sound/", headers=accept, timeout=10)
        files = page.json()["files"] if page.status_code == 200 else []
        return {file["filename"]: file["hashes"]["sha256"] for file in files}


@pytest.fixture
def devpi(tmp_path: Path) -> Iterator[Devpi]:
    """One for this test."""
    folder = tmp_path / "devpi"
    argv = ["devpi-init", "--serverdir", str(folder), "--no-root-pypi"]
    subprocess.run(argv, check=True, capture_output=True, timeout=PATIENCE, env=child_environment())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Devpi(folder, free.getsockname()[1])
    try:
        server.start()
        account = {"password": PASSWORD}
        assert requests.put(f"{server.url}/{USER}", json=account, timeout=30).ok
        login = requests.post(f"{server.url}/+login", json={"user": USER, **account}, timeout=30).json()["result"]
        known = base64.b64encode(f"{USER}:{login['password']}".encode()).decode()
        made: dict[str, Any] = {"type": "stage", "bases": [], "volatile": False}
        headers = {"X-Devpi-Auth": known}
        assert requests.put(server.upload.rstrip("/"), json=made, headers=headers, timeout=30).ok
        yield server
    finally:
        server.vanish()


def test_release(devpi: Devpi, place: Place, runner: Runner) -> None:
    """The simple API is found, a wrong password is refused, the files are uploaded; a second run changes nothing."""
    to = ("release", "--to", devpi.upload, "--yes", "--run", place.run.name)
    refused = runner.run(place, *to, variables={"TWINE_PASSWORD": "not-the-password-0123"})
    assert refused.code == 1, refused.said
    assert f"{devpi.upload} refuses the upload: 401" in refused.said
    ended = runner.run(place, *to)
    assert ended.code == 0, ended.said
    assert f"{devpi.upload}+simple/: no files of acme-sound on the index yet" in ended.said
    assert devpi.held() == place.dist
    assert place.tags() == {"v1.2.3": place.head()}
    again = runner.run(place, *to, without=AFTERWARDS)
    assert again.code == 0, again.said
    assert "with the same bytes: nothing was uploaded" in again.said


def test_other_bytes_on_the_index(devpi: Devpi, place: Place, runner: Runner) -> None:
    """A file with other bytes under our name stops the release."""
    (made,) = (place.run / "dist").glob("*.tar.gz")
    stated = "Metadata-Version: 2.1\nName: acme-sound\nVersion: 1.2.3\n"
    other = sdist(place.folder / "other", stated, name=made.name, root="acme_sound-1.2.3")
    twine = (sys.executable, "-m", "twine", "upload", "--non-interactive", "--repository-url", devpi.upload, str(other))
    subprocess.run(twine, check=True, capture_output=True, timeout=PATIENCE, env=child_environment(**ACCESS))
    ended = runner.run(place, "release", "--to", devpi.upload, "--yes", "--run", place.run.name)
    assert ended.code == 1, ended.said
    assert f"{made.name} already exists on the index" in ended.said
    assert list(devpi.held()) == [made.name]


def test_server_restarts(devpi: Devpi, place: Place, runner: Runner) -> None:
    """A server that is killed after the first file and restarted is waited for; nothing is uploaded twice."""

    def kill_and_start() -> None:
        until(lambda: bool(devpi.held()), within=PATIENCE)
        devpi.vanish()
        until(lambda: any(b"retrying in" in log.read_bytes() for log in place.folder.glob("log-*")), within=PATIENCE)
        devpi.start()

    meanwhile = threading.Thread(target=kill_and_start)
    meanwhile.start()
    to = ("release", "--to", devpi.upload, "--yes", "--run", place.run.name)
    ended = runner.run(place, *to, without=AFTERWARDS)
    meanwhile.join()
    assert ended.code == 0, ended.said
    assert "retrying in" in ended.said
    assert devpi.held() == place.dist
    assert place.tags() == {"v1.2.3": place.head()}
