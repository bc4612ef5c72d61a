"""`omni-release inspect` with releases and files: what is wrong with them, without a checkout and without a build."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from omni_release.core.errors import Inconclusive, UsageError
from omni_release.index import downloads
from tests.conftest import child_environment, omni

Listed = Callable[[list[Path]], str]

PYPROJECT = """[build-system]
requires = ["no-such-back-end"]
build-backend = "no_such_back_end"
[project]
name = "acme"
version = "1.0"
[tool.omni-release]
import-packages = ["elsewhere"]
"""


def sdist(folder: Path, version: str = "1.0", **files: str) -> Path:
    """An sdist that cannot be built: its back end does not exist."""
    path = folder / f"acme-{version}.tar.gz"
    info = f"Metadata-Version: 2.1\nName: acme\nVersion: {version}\nSummary: x\n"
    contents = {"PKG-INFO": info, "pyproject.toml": PYPROJECT, "acme/__init__.py": "", **files}
    with tarfile.open(path, "w:gz") as archive:
        for name, text in contents.items():
            member = tarfile.TarInfo(f"acme-{version}/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def wheel(folder: Path, tag: str = "py3-none-any", version: str = "1.0", **files: str) -> Path:
    """A wheel of these files."""
    path = folder / f"acme-{version}-{tag}.whl"
    dist_info = f"acme-{version}.dist-info"
    contents = {
        **files,
        f"{dist_info}/METADATA": f"Metadata-Version: 2.1\nName: acme\nVersion: {version}\nSummary: x\n",
        f"{dist_info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{name},,\n" for name in (*contents, f"{dist_info}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (*contents.items(), (f"{dist_info}/RECORD", record)):
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("in_wheel", "rules"),
    [
        ({"acme/__init__.py": ""}, set()),
        ({"other.py": ""}, {"distributions-match/hollow-wheel", "wheel-complete/lost-module"}),
    ],
)
def test_files(in_wheel: dict[str, str], rules: set[str], tmp_path: Path) -> None:
    """An sdist and a wheel are compared; the sdist is never built, its settings are not followed, nothing is left."""
    files = (sdist(tmp_path), wheel(tmp_path, **in_wheel))
    before = sorted(tmp_path.iterdir())
    ran = omni("inspect", *files, "--format", "json", cwd=tmp_path)
    found = {f["rule"] for o in ran.document["outcomes"] for f in o["findings"] if f["severity"] == "error"}
    assert (rules <= found, ran.document["run"]) == (True, None)
    assert not {"build-reproducible", "rebuild"} & {outcome["id"] for outcome in ran.document["outcomes"]}
    assert {outcome["stage"] for outcome in ran.document["outcomes"]} == {"source", "inspect", "verify"}
    assert "rehearsal index" not in ran.err
    assert ran.outcome("build")["status"] == "passed"
    assert sorted(path for path in tmp_path.iterdir() if path.name != ".cache") == before  # that of all runs


def test_an_sdist_alone_is_not_installed(tmp_path: Path) -> None:
    """Without a wheel nothing is installed, for that would build."""
    ran = omni("inspect", sdist(tmp_path), "--format", "json", cwd=tmp_path)
    ids = {outcome["id"] for outcome in ran.document["outcomes"]}
    assert "twine-check" in ids
    assert not {"install-with-uv", "works-with-uv", "install-candidate"} & ids


def test_a_broken_wheel(tmp_path: Path) -> None:
    """A file that is no archive is a finding, not a traceback."""
    (tmp_path / "acme-1.0-py3-none-any.whl").write_bytes(b"not a zip")
    ran = omni("inspect", "acme-1.0-py3-none-any.whl", cwd=tmp_path)
    assert ran.code == 1
    assert "not a readable archive" in ran.out


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("README.md", "neither an sdist nor a wheel"),
        ("missing.whl", "has no sdist and no wheel of missing.whl"),
        ("./missing.whl", "neither a file nor a release"),
        ("acme>=1", "neither a file nor a release"),
        ("acme==x", "neither a file nor a release"),
    ],
)
def test_refused(what: str, says: str, tmp_path: Path, listed: Listed) -> None:
    """What is neither a file nor a release is a usage error."""
    (tmp_path / "README.md").touch()
    ran = omni("inspect", what, cwd=tmp_path, environment=child_environment(PIP_INDEX_URL=listed([])))
    assert (ran.code, says in ran.err) == (2, True)


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[Listed]:
    """A function that serves files as the simple API of an index on this machine; its URL."""
    servers: list[http.server.ThreadingHTTPServer] = []
    (tmp_path / "served").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    def serve(files: list[Path]) -> str:
        for path in files:
            folder = tmp_path / "served" / "simple" / "acme"
            folder.mkdir(parents=True, exist_ok=True)
            (tmp_path / "served" / path.name).write_bytes(path.read_bytes())
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            with (folder / "index.html").open("a", encoding="utf-8") as page:
                page.write(f'<a href="/{path.name}#sha256={digest}">{path.name}</a>\n')
        handler = partial(Quiet, directory=str(tmp_path / "served"))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/simple/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("", {"acme-1.1.tar.gz", "acme-1.1-py3-none-any.whl"}),
        ("1.0", {"acme-1.0.tar.gz", "acme-1.0-py3-none-any.whl"}),
        ("2.0rc1", {"acme-2.0rc1-py3-none-any.whl"}),
    ],
)
def test_which_files_are_downloaded(version: str, expected: set[str], tmp_path: Path, listed: Listed) -> None:
    """The newest final version, or the one that is named: its sdist, and the wheel for this machine."""
    files = [sdist(tmp_path, number) for number in ("1.0", "1.1")]
    files += [wheel(tmp_path, version=number) for number in ("1.0", "1.1", "2.0rc1")]
    files.append(wheel(tmp_path, "cp27-cp27m-win32", "1.1"))
    url = listed(files)
    (tmp_path / "got").mkdir()
    assert {path.name for path in downloads.download(url, "acme", version, tmp_path / "got")} == expected


def test_downloads_that_fail(tmp_path: Path, listed: Listed) -> None:
    """A missing version, other bytes and a missing file each have their own error."""
    url = listed([wheel(tmp_path)])
    (tmp_path / "got").mkdir()
    with pytest.raises(UsageError, match="has no sdist and no wheel of acme 3"):
        downloads.download(url, "acme", "3", tmp_path / "got")
    (tmp_path / "served" / "acme-1.0-py3-none-any.whl").write_bytes(b"other")
    with pytest.raises(Inconclusive, match="another sha256"):
        downloads.download(url, "acme", "1.0", tmp_path / "got")
    (tmp_path / "served" / "acme-1.0-py3-none-any.whl").unlink()
    (tmp_path / "got" / "acme-1.0-py3-none-any.whl").unlink()
    with pytest.raises(Inconclusive, match="was not downloaded"):
        downloads.download(url, "acme", "1.0", tmp_path / "got")


@pytest.mark.long
def test_a_release_of_the_index(tmp_path: Path, listed: Listed) -> None:
    """A name is downloaded from the index of this machine, installed and imported."""
    url = listed([wheel(tmp_path, **{"acme/__init__.py": "import missing_module\n"})])
    environment = child_environment(PIP_INDEX_URL=url, UV_INDEX_URL=url)
    ran = omni("inspect", "acme", cwd=tmp_path, environment=environment)
    assert ran.code == 1
    assert "works-with-uv/import-fails" in ran.out
    assert "missing_module" in ran.out
