"""A whole release to pypiserver, and the places where a secret could leak."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest

from omni_release.core import documents
from tests.index.support import pypi_server
from tests.publishing.support import PASSWORD, Place, Runner, outside

PLANTED = "pl4nted-s3cret-0123456789"
INSTALLERS = ("install-with-pip", "works-with-pip", "pip-check")


def test_private_pypiserver(place: Place, runner: Runner, tmp_path: Path) -> None:
    """A release to a server with a login for reading, without JSON and upload times; a second changes nothing.

    uv and pip get the password only in their environment: it is in no program's arguments and in no file.
    """
    seen: list[str] = []
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(seen, over), daemon=True)
    with pypi_server(tmp_path, locked="update,download,list") as url:
        to = ("release", "--to", url, "--yes", "--run", place.run.name)
        refused = runner.run(place, *to, variables={"TWINE_PASSWORD": PLANTED})
        assert refused.code == 3, refused.said
        assert "403" in refused.said and PLANTED not in refused.said
        assert "rejects the upload credentials" in refused.said
        watch.start()
        ended = runner.run(place, *to)
        over.set()
        watch.join()
        assert ended.code == 0, ended.said
        held = {path.name: documents.sha256(path) for path in (tmp_path / "packages").iterdir() if path.is_file()}
        assert held == place.dist
        assert place.tags() == {"v1.2.3": place.head()}
        again = runner.run(place, *to, without=INSTALLERS)
        assert again.code == 0, again.said
    assert PASSWORD not in ended.said
    assert not [line for line in seen if PASSWORD in line]
    for path in place.checkout.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("where", ["environment", "url", "pypirc"])
def test_no_secret_comes_out(where: str, place: Place, runner: Runner) -> None:
    """A wrong password is reported, and is in no output, no file of the run and no program's arguments."""
    home = place.folder / "tmp"
    home.mkdir()
    seen: list[str] = []
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(seen, over), daemon=True)
    with outside(place.folder / "index") as index:
        to, variables = index.upload, dict[str, str]()
        unset: tuple[str, ...] = ("TWINE_USERNAME", "TWINE_PASSWORD")
        if where == "environment":
            unset, variables = (), {"TWINE_PASSWORD": PLANTED}
        elif where == "url":
            to = index.upload.replace("://", f"://tester:{PLANTED}@")
        else:
            section = f"[ours]\nrepository = {index.upload}\nusername = tester\npassword = {PLANTED}\n"
            (home / ".pypirc").write_text(f"[distutils]\nindex-servers = ours\n{section}", encoding="utf-8")
            to = "ours"
        watch.start()
        given = ("release", "--to", to, "--yes", "--run", place.run.name)
        ended = runner.run(place, *given, unset=unset, variables=variables)
        over.set()
        watch.join()
    assert ended.code == 1, ended.said
    assert "403" in ended.said
    assert PLANTED not in ended.said
    assert not [line for line in seen if PLANTED in line]
    for path in place.checkout.rglob("*"):
        assert not path.is_file() or PLANTED.encode() not in path.read_bytes(), path


def _watch(seen: list[str], over: threading.Event) -> None:
    """The arguments of every program of this machine, again and again."""
    while not over.wait(0.05):
        seen += [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]
