"""pip and uv, with the rehearsal index as their ONE index, and dependencies from the machine's default one."""

from __future__ import annotations

import base64
import datetime
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from omni_release.core import documents
from omni_release.environments.installer_config import default_index
from omni_release.local_index.server import LocalIndex
from tests.index.support import Ran, form, metadata, ran, running, sent, wheel, wheel_files, zipped

OLD = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
UV = uv.find_uv_bin()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LocalIndex]:
    """With a wheel of ours that depends on a project that the default index has."""
    made = wheel(tmp_path, metadata("1.0", "Requires-Dist: iniconfig"))
    with running(tmp_path, fallback=default_index(os.environ)) as found:
        assert sent(found, form(made), made).status_code == 200
        yield found


@pytest.fixture
def python(tmp_path: Path) -> str:
    """An interpreter of a fresh environment."""
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")], check=True)
    return str(tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def pinned(folder: Path) -> str:
    """A requirements file with our wheel and its hash."""
    (path,) = folder.glob("*.whl")
    (folder / "own.txt").write_text(f"acme-sound==1.0 --hash=sha256:{documents.sha256(path)}\n")
    return str(folder / "own.txt")


def planted(folder: Path) -> Path:
    """A higher version of our name, by a stranger: a folder of links, and an index of files."""
    links, name = folder / "links", "acme_sound-9.9.9-py3-none-any.whl"
    zipped(links / name, wheel_files(metadata("9.9.9"), info="acme_sound-9.9.9.dist-info"))
    page = links / "simple" / "acme-sound" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<!DOCTYPE html><html><body><a href="{(links / name).as_uri()}">{name}</a></body></html>')
    return links


def version(python: str, name: str = "acme_sound") -> str:
    """What is installed."""
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def install(tool: str, python: str, index: LocalIndex, folder: Path, *arguments: str, **more: str) -> Ran:
    """With pip or uv, from our index alone."""
    url = f"{index.url}/simple/"
    if tool == "pip":
        argv = [sys.executable, "-m", "pip", "--python", python, "install", "--no-cache-dir", "--index-url", url]
    else:
        argv = [UV, "pip", "install", "--python", python, "--no-config", "--no-cache", "--default-index", url]
    return ran([*argv, *arguments], folder, more, timeout=120)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_installed(tool: str, index: LocalIndex, python: str, tmp_path: Path) -> None:
    """Ours by its hash, then its dependency, which comes from the default index."""
    own = install(tool, python, index, tmp_path, "--no-deps", "--require-hashes", "-r", pinned(tmp_path))
    assert own.code == 0, own.said
    whole = install(tool, python, index, tmp_path, "acme-sound==1.0")
    assert whole.code == 0, whole.said
    assert (version(python), bool(version(python, "iniconfig"))) == ("1.0", True)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_cooldown(tool: str, index: LocalIndex, python: str, tmp_path: Path) -> None:
    """A cooldown hides a file of a minute ago, by our upload-time; lifted for it alone, the dependency still obeys."""
    cooldown = {"pip": "--uploaded-prior-to", "uv": "--exclude-newer"}[tool]
    hidden = install(tool, python, index, tmp_path, cooldown, OLD, "acme-sound==1.0")
    assert hidden.code == 1, hidden.said
    lifted = ("--exclude-newer-package", "acme-sound=2100-01-01T00:00:00Z") if tool == "uv" else ("--no-deps",)
    limits = (cooldown, OLD) if tool == "uv" else ()
    ours = install(tool, python, index, tmp_path, *lifted, *limits, "acme-sound==1.0")
    assert ours.code == 0, ours.said
    assert version(python) == "1.0"
    if tool == "pip":
        needed = install(tool, python, index, tmp_path, cooldown, OLD, "iniconfig")
        assert needed.code == 0, needed.said
    assert version(python, "iniconfig")


def test_pip_takes_the_plant_unless_told(index: LocalIndex, python: str, tmp_path: Path) -> None:
    """The danger is real: with a stranger's links in pip's file their 9.9.9 wins; without that file ours does."""
    links = planted(tmp_path)
    settings = tmp_path / "pip.conf"
    extra = (links / "simple").as_uri()
    settings.write_text(f"[global]\nfind-links = {links}\nextra-index-url = {extra}\n")
    theirs = install("pip", python, index, tmp_path, "--no-deps", "acme-sound", PIP_CONFIG_FILE=str(settings))
    assert (theirs.code, version(python)) == (0, "9.9.9"), theirs.said
    ours = install("pip", python, index, tmp_path, "--no-deps", "--force-reinstall", "acme-sound")
    assert (ours.code, version(python)) == (0, "1.0"), ours.said


def test_uv_takes_ours(index: LocalIndex, python: str, tmp_path: Path) -> None:
    """uv with the plants in its variables takes them, and with its one index ours."""
    links = planted(tmp_path)
    ours = install("uv", python, index, tmp_path, "acme-sound")
    assert (ours.code, version(python)) == (0, "1.0"), ours.said
    theirs = {"UV_FIND_LINKS": str(links)}
    taken = install("uv", python, index, tmp_path, "--no-deps", "--upgrade", "acme-sound", **theirs)
    assert (taken.code, version(python)) == (0, "9.9.9"), taken.said


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_private_default_index(tool: str, python: str, tmp_path: Path) -> None:
    """Credentials in the default index's URL reach the installer, and nothing that it prints."""
    secret = "s3cret-of-the-company"
    dependency = wheel(tmp_path / "company", metadata("1.0", name="acme-dep"), name="acme_dep-1.0-py3-none-any.whl",
                       info="acme_dep-1.0.dist-info")  # fmt: skip
    asked: list[str] = []

    def application(environ: object, start: object) -> object:
        request = Request(environ)  # type: ignore[arg-type]
        asked.append(request.path)
        known = f"Basic {base64.b64encode(f'me:{secret}'.encode()).decode()}"
        if request.headers.get("Authorization") != known:
            response = Response("who?", 401, {"WWW-Authenticate": 'Basic realm="company"'})
        elif request.path.endswith(".whl"):
            response = Response(dependency.read_bytes(), content_type="application/octet-stream")
        else:
            link = f'<a href="/files/{dependency.name}">{dependency.name}</a>'
            response = Response(f"<!DOCTYPE html><html><body>{link}</body></html>", content_type="text/html")
        return response(environ, start)  # type: ignore[arg-type]

    company = make_server("127.0.0.1", 0, application, threaded=True)  # type: ignore[arg-type]
    company.log = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=company.serve_forever, daemon=True).start()
    url = f"http://me:{secret}@127.0.0.1:{company.port}/simple/"
    made = wheel(tmp_path, metadata("1.0", "Requires-Dist: acme-dep"))
    try:
        with running(tmp_path, fallback=url) as index:
            assert sent(index, form(made), made).status_code == 200
            ended = install(tool, python, index, tmp_path, "--verbose", "acme-sound")
            assert (ended.code, version(python, "acme_dep")) == (0, "1.0"), ended.said
            assert secret not in ended.said
    finally:
        company.shutdown()
        company.server_close()
    assert asked
