"""Hostile uploads: each is refused, and the memory of the server does not grow."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from omni_release.core import documents
from tests.index.support import PASSWORD, SDIST, WHEEL, bare, metadata, wheel

MIB = 1024 * 1024
ALLOWED = 160 * MIB  # of growth; a form or an archive that were read whole would need more
LATIN = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--b--\r\n'


@dataclass(frozen=True)
class Server:
    """An index in a process of its own."""

    upload: str
    pid: int
    folder: Path

    def post(self, data: object, **headers: str) -> requests.Response:
        """Send a body."""
        auth = ("rehearsal", PASSWORD)
        return requests.post(self.upload, data=data, headers=headers, auth=auth, timeout=120)  # type: ignore[arg-type]

    def send(self, path: Path, name: str, filetype: str) -> requests.Response:
        """Send a file with what a client would say of it."""
        from requests_toolbelt import MultipartEncoder  # type: ignore[import-untyped]  # it has no types

        digest = documents.sha256(path)
        fields = {"protocol_version": "1", ":action": "file_upload", "metadata_version": "2.1", "name": "acme-sound"}
        fields |= {"version": "1.0", "filetype": filetype, "sha256_digest": digest}
        with path.open("rb") as file:
            encoder = MultipartEncoder([*fields.items(), ("content", (name, file, "application/octet-stream"))])
            return self.post(encoder, **{"Content-Type": encoder.content_type})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`omni-release index serve`, with its rules imported."""
    folder = tmp_path_factory.mktemp("served")
    argv = [sys.executable, "-m", "omni_release", "index", "serve", "--name", "Acme.Sound", "--format", "json"]
    environment = bare() | {"OMNI_RELEASE_INDEX_PASSWORD": PASSWORD}
    with subprocess.Popen(
        [*argv, "--folder", str(folder / "index")], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert (said["name"], said["password"]) == ("acme-sound", "")
        found = Server(said["upload"], process.pid, folder / "index")
        made = wheel(folder, name="acme_sound-1.0-0-py3-none-any.whl")
        assert found.send(made, made.name, "bdist_wheel").status_code == 200
        yield found
        process.terminate()
    assert process.returncode == 0


@contextlib.contextmanager
def bounded(server: Server) -> Iterator[None]:
    """The most that the server ever had in memory grows by little, and nothing is left on its disk."""
    before = psutil.Process(server.pid).memory_info().rss
    held = sorted((server.folder / "held").iterdir())
    yield
    grown = _peak(server.pid) - before
    print(f"grown by {grown / MIB:.0f} MiB")
    assert grown < ALLOWED
    assert sorted((server.folder / "held").iterdir()) == held
    assert not list((server.folder / "incoming").iterdir())


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():  # elsewhere than on Linux what it has now must do
        return int(psutil.Process(pid).memory_info().rss)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def zip_bomb(path: Path) -> None:
    """A gigabyte of nothing, in a wheel."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("acme_sound.py", "w") as file:
        for _ in range(300):
            file.write(bytes(MIB))


def lying_zip(path: Path) -> None:
    """A bomb that states a small size."""
    zip_bomb(path)
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 10)
    path.write_bytes(bytes(data))


def many_entries(path: Path) -> None:
    """A directory that would not fit."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one", "")
    data = path.read_bytes()
    at, end = data.rfind(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    entry, size = data[at:end], end - at
    directory = entry * 400_000
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65534, 65534, size * 400_000, at, 0)
    path.write_bytes(data[:at] + directory + tail)


def tar_bomb(path: Path) -> None:
    """A gigabyte of nothing, in an sdist."""
    head = tarfile.TarInfo("acme_sound-1.0/data")
    head.size = 400 * MIB
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head.tobuf())
        for _ in range(400):
            file.write(bytes(MIB))


def long_header(path: Path) -> None:
    """An extended header of a gigabyte: tarfile would read it whole."""
    head = tarfile.TarInfo("pax")
    head.type, head.size = tarfile.XHDTYPE, 400 * MIB
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head.tobuf())
        for _ in range(400):
            file.write(bytes(MIB))


def many_members(path: Path) -> None:
    """Half a million empty files."""
    one = tarfile.TarInfo("acme_sound-1.0/x").tobuf()
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(100):
            file.write(one * 5000)


def escapes(path: Path) -> None:
    """A file that unpacks outside."""
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("acme_sound-1.0/../../../out")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))


def hard_link(path: Path) -> None:
    """A hard link to a file of the machine's."""
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("acme_sound-1.0/link")
        member.type, member.linkname = tarfile.LNKTYPE, "../../etc/passwd"
        archive.addfile(member)


def device(path: Path) -> None:
    """A device."""
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("acme_sound-1.0/null")
        member.type = tarfile.CHRTYPE
        archive.addfile(member)


def zip_link(path: Path) -> None:
    """A link, in a wheel."""
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")


def noise(path: Path) -> None:
    """No archive at all."""
    path.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 100)


def cut(path: Path) -> None:
    """The first half of an sdist."""
    escapes(path)
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (zip_bomb, WHEEL, "times its size"),
        (lying_zip, WHEEL, ""),
        (many_entries, WHEEL, "more entries than"),
        (zip_link, WHEEL, "a link"),
        (noise, WHEEL, "not a readable archive"),
        (tar_bomb, SDIST, "times its size"),
        (long_header, SDIST, "a header of"),
        (many_members, SDIST, ""),
        (escapes, SDIST, "unpacks outside"),
        (hard_link, SDIST, "an unsafe entry"),
        (device, SDIST, "an unsafe entry"),
        (noise, SDIST, "not a readable archive"),
        (cut, SDIST, "not a readable archive"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_archive(make: Callable[[Path], None], name: str, said: str, server: Server, tmp_path: Path) -> None:
    """A hostile archive, or a file that is not one."""
    make(tmp_path / "file")
    with bounded(server):
        answer = server.send(tmp_path / "file", name, "bdist_wheel" if name == WHEEL else "sdist")
        assert (answer.status_code, answer.json()["rule"]) == (400, "archive"), answer.text
        assert said in answer.reason


def test_200_megabytes(server: Server, tmp_path: Path) -> None:
    """A file of twice the limit, which takes neither the memory nor the disk that it would."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(200 * MIB)
    with bounded(server):
        answer = server.send(path, SDIST, "sdist")
        assert (answer.status_code, answer.reason[:14]) == (400, "File too large")


def test_text_without_end(server: Server) -> None:
    """A description of 64 MiB."""

    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="description"\r\n\r\n'
        for _ in range(64):
            yield b"x" * MIB
        yield b"\r\n--b--\r\n"

    with bounded(server):
        answer = server.post(body(), **{"Content-Type": "multipart/form-data; boundary=b"})
        assert (answer.status_code, "MiB of text" in answer.reason) == (400, True)


def test_a_thousand_fields(server: Server) -> None:
    """More fields than any metadata have."""
    part = b'--b\r\nContent-Disposition: form-data; name="classifiers"\r\n\r\nx\r\n'
    with bounded(server):
        answer = server.post(part * 1000 + b"--b--\r\n", **{"Content-Type": "multipart/form-data; boundary=b"})
        assert (answer.status_code, "more than 999 fields" in answer.reason) == (400, True)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"hello", "text/plain"),
        (b"name=acme", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=b"),
        (b"--b\r\n", "multipart/form-data; boundary=b"),
        (b"--b\r\nno header\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b"),
        (b"--b\r\nX: " + b"x" * 3 * MIB, "multipart/form-data; boundary=b"),
        (LATIN, "multipart/form-data; boundary=b"),
    ],
    ids=["text", "urlencoded", "json", "no-boundary", "empty", "cut", "no-disposition", "header", "encoding"],
)  # fmt: skip
def test_not_a_form(data: bytes, kind: str, server: Server) -> None:
    """A body that is not an upload."""
    with bounded(server):
        answer = server.post(data, **{"Content-Type": kind})
        assert (answer.status_code, answer.json()["rule"]) == (400, "file-in-payload"), answer.text


def test_server_still_works(server: Server, tmp_path: Path) -> None:
    """After all hostile uploads a valid file is accepted."""
    made = wheel(tmp_path, metadata(about="after"), name="acme_sound-1.0-9-py3-none-any.whl")
    assert server.send(made, made.name, "bdist_wheel").status_code == 200
