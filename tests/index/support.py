"""Shared by tests that use an index: small distributions, a rehearsal index, and the real clients.

The tests of index, local_index and publishing use it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import uv

from omni_release.local_index import Account
from omni_release.local_index.server import IndexSetup, LocalIndex
from tests.waiting import until

PROJECT = "acme-sound"
USER, PASSWORD = "tester", "s3cret-of-the-index"
ACCOUNT = Account(USER, PASSWORD, PROJECT)
WHEEL = "acme_sound-1.0-py3-none-any.whl"
SDIST = "acme_sound-1.0.tar.gz"
PATIENCE = 60.0


@dataclass(frozen=True)
class Ran:
    """The exit code and the output of a client."""

    code: int
    said: str


def metadata(version: str = "1.0", *lines: str, name: str = "acme-sound", form: str = "2.1", about: str = "") -> str:
    """Core metadata."""
    head = (f"Metadata-Version: {form}", f"Name: {name}", f"Version: {version}", *lines)
    return "\n".join(head) + f"\n\n{about}"


def wheel_files(
    stated: str, *, info: str = "acme_sound-1.0.dist-info", more: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """A wheel's files, with their RECORD."""
    tag = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {"acme_sound.py": "VALUE = 1\n", f"{info}/METADATA": stated, f"{info}/WHEEL": tag, **(more or {})}
    found = {name: content.encode() for name, content in files.items()}
    found[f"{info}/RECORD"] = record(found, f"{info}/RECORD")
    return found


def record(files: Mapping[str, bytes], name: str) -> bytes:
    """A RECORD of these files."""
    rows = [f"{file},sha256={_digest(content)},{len(content)}" for file, content in files.items()]
    return "\n".join([*rows, f"{name},,", ""]).encode()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip archive, the same for the same files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return path


def tarred(path: Path, files: Mapping[str, bytes]) -> Path:
    """A .tar.gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def wheel(folder: Path, stated: str | None = None, *, name: str = WHEEL, **more: Any) -> Path:
    """A valid wheel, unless the arguments make it invalid."""
    return zipped(folder / name, wheel_files(metadata() if stated is None else stated, **more))


def sdist(
    folder: Path,
    stated: str | None = None,
    *,
    name: str = SDIST,
    root: str = "acme_sound-1.0",
    more: Mapping[str, bytes] | None = None,
) -> Path:
    """A valid sdist, unless the arguments make it invalid."""
    inside = {
        f"{root}/PKG-INFO": (metadata() if stated is None else stated).encode(),
        f"{root}/acme_sound.py": b"VALUE = 1\n",
    }
    return tarred(folder / name, inside | dict(more or {}))


@contextlib.contextmanager
def running(
    folder: Path, *, account: Account = ACCOUNT, fallback: str = "http://127.0.0.1:9/simple/", **more: Any
) -> Iterator[LocalIndex]:
    """An index for the length of a test."""
    with LocalIndex(IndexSetup(folder / "index", PROJECT, account, fallback, **more)) as index:
        yield index


def bare() -> dict[str, str]:
    """An environment without settings for installers and publishers."""
    ours = ("PIP_", "UV_", "TWINE_", "VIRTUAL_ENV", "PYTHONPATH")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "NO_COLOR": "1", "PYTHONUTF8": "1", "COLUMNS": "400"}


def ran(argv: list[str], cwd: Path, more: Mapping[str, str] | None = None, *, timeout: float = PATIENCE) -> Ran:
    """Run a client; its code is -1 after the timeout."""
    try:
        ended = subprocess.run(
            argv,
            cwd=cwd,
            env=bare() | dict(more or {}),
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ran(-1, "did not end")
    return Ran(ended.returncode, " ".join(f"{ended.stdout} {ended.stderr}".split()))


def twine(url: str, *files: Path, password: str = PASSWORD, timeout: float = PATIENCE, cwd: Path | None = None) -> Ran:
    """Upload with the real twine."""
    given = ["--non-interactive", "--disable-progress-bar", "--verbose", "--repository-url", url]
    argv = [sys.executable, "-m", "twine", "upload", *given, *map(str, files)]
    where = cwd or files[0].parent
    return ran(argv, where, {"TWINE_USERNAME": USER, "TWINE_PASSWORD": password}, timeout=timeout)


def uv_publish(index: LocalIndex, *files: Path, more: tuple[str, ...] = (), timeout: float = PATIENCE) -> Ran:
    """Upload with the real uv."""
    argv = [uv.find_uv_bin(), "publish", "--no-config", "--trusted-publishing", "never", *more, "--publish-url"]
    argv += [f"{index.url}/legacy/", *map(str, files)]
    who = {"UV_PUBLISH_USERNAME": USER, "UV_PUBLISH_PASSWORD": PASSWORD}
    return ran(argv, files[0].parent, who, timeout=timeout)


Change = Callable[[dict[str, Any]], None]


def form(path: Path, change: Change = lambda fields: None) -> list[tuple[str, Any]]:
    """The fields that twine sends for a file, changed."""
    from twine.package import PackageFile
    from twine.repository import Repository

    fields: dict[str, Any] = dict(PackageFile.from_filename(str(path), None).metadata_dictionary())
    change(fields)
    flat = Repository._convert_metadata_to_list_of_tuples(fields)  # type: ignore[arg-type]  # whatever a stranger sends
    return [*flat, (":action", "file_upload"), *([] if "protocol_version" in fields else [("protocol_version", "1")])]


def sent(
    index: LocalIndex, fields: list[tuple[str, Any]], path: Path | None, name: str | None = None
) -> requests.Response:
    """Post a form as twine does."""
    from requests_toolbelt import MultipartEncoder  # type: ignore[import-untyped]  # it has no types

    whole = list(fields)
    if path is not None:
        whole.append(("content", (name or path.name, path.read_bytes(), "application/octet-stream")))
    encoder = MultipartEncoder(whole)
    return requests.post(
        f"{index.url}/legacy/",
        data=encoder,
        headers={"Content-Type": encoder.content_type},
        auth=(USER, PASSWORD),
        allow_redirects=False,
        timeout=PATIENCE,
    )


def _accounts(folder: Path) -> Path:
    """An htpasswd file with one account."""
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).digest()).decode()
    path = folder / "htpasswd"
    path.write_text(f"{USER}:{{SHA}}{digest}\n", encoding="utf-8")
    return path


@contextlib.contextmanager
def pypi_server(folder: Path, *, locked: str = "") -> Iterator[str]:
    """pypiserver in a process of its own; the `locked` actions (update, download, list) require a login."""
    (folder / "packages").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [
        sys.executable,
        "-m",
        "pypiserver",
        "run",
        "-i",
        "127.0.0.1",
        "-p",
        str(port),
        *(("-a", locked, "-P", str(_accounts(folder))) if locked else ("-a", ".", "-P", ".")),
        "--disable-fallback",
    ]
    with (folder / "pypiserver.log").open("wb") as log:
        process = subprocess.Popen([*argv, str(folder / "packages")], env=bare(), stdout=log, stderr=log)

    def listens() -> bool:
        assert process.poll() is None, (folder / "pypiserver.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        until(listens, within=PATIENCE)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
