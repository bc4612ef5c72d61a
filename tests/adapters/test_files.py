"""Files: changed whole or not at all, on a real disk."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path, PurePosixPath

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.core.actions import Copy, Move, Write
from omni_release.core.errors import Conflict

FILES = LocalFiles()
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and limits of POSIX")


def mode(path: Path) -> int:
    """The bits that say who may do what."""
    return stat.S_IMODE(path.stat().st_mode)


def test_write(tmp_path: Path) -> None:
    """A file gets exactly these bytes, in a folder that is made for it; nothing else lies beside it."""
    path = tmp_path / "new/folder/größe.txt"
    for data in (b"one\r\n\x00\xff", b"", b"two"):
        FILES.write(Write(path, data))
        assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


@on_posix
@pytest.mark.parametrize("bits", [0o600, 0o640, 0o755, 0o444])
def test_write_keeps_the_mode(bits: int, tmp_path: Path) -> None:
    """Who may read or run a file stays as it was."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(bits)
    FILES.write(Write(path, b"new"))
    assert (mode(path), path.read_bytes()) == (bits, b"new")


@on_posix
def test_write_of_a_new_file(tmp_path: Path) -> None:
    """A new file can be read by all, as one that an editor made."""
    FILES.write(Write(tmp_path / "file", b"new"))
    assert mode(tmp_path / "file") == 0o644


def test_write_that_fails(tmp_path: Path) -> None:
    """Where the file cannot be replaced what was there stays, and no temporary file is left."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/inside").write_bytes(b"old")
    with pytest.raises(OSError, match="folder"):
        FILES.write(Write(tmp_path / "folder", b"new"))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder/inside").read_bytes() == b"old"


@on_posix
def test_write_on_a_full_disk(tmp_path: Path) -> None:
    """A write that fails half-way, at a limit of the system's, leaves the old content and no temporary file."""
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from omni_release.core.actions import Write; from omni_release.adapters.files import LocalFiles\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: LocalFiles().write(Write(Path(sys.argv[1]), b'x' * 100_000))\n"
        "except OSError as error: print(error.strerror)\n"
    )
    path = tmp_path / "file"
    path.write_bytes(b"old")
    said = subprocess.run([sys.executable, "-c", script, path], check=True, capture_output=True, text=True).stdout
    assert said == "File too large\n"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_is_never_seen_half_done(tmp_path: Path) -> None:
    """Whoever reads meanwhile sees the old bytes or the new ones."""
    path = tmp_path / "file"
    contents = {b"a" * 200_000, b"b" * 200_000}
    path.write_bytes(min(contents))
    over = threading.Event()
    seen: set[bytes] = set()

    def look() -> None:
        while not over.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for _ in range(20):
            for data in contents:
                FILES.write(Write(path, data))
    finally:
        over.set()
        reader.join(timeout=30)
    assert seen <= contents


def test_move(tmp_path: Path) -> None:
    """A file and a folder are moved, into a folder that is made for them."""
    (tmp_path / "dist/sub").mkdir(parents=True)
    (tmp_path / "dist/sub/file").write_bytes(b"content")
    FILES.move(Move(tmp_path / "dist/sub/file", tmp_path / "new/place/file"))
    FILES.move(Move(tmp_path / "dist", tmp_path / "removed/dist"))
    assert (tmp_path / "new/place/file").read_bytes() == b"content"
    assert (tmp_path / "removed/dist/sub").is_dir()
    assert not (tmp_path / "dist").exists()


@on_posix
@pytest.mark.parametrize("kind", ["folder", "file", "dangling"])
def test_move_of_a_link(kind: str, tmp_path: Path) -> None:
    """A link is moved as the link that it is; what it points to is not touched."""
    outside = tmp_path / "outside"
    if kind == "folder":
        outside.mkdir()
        (outside / "precious").write_bytes(b"precious")
    elif kind == "file":
        outside.write_bytes(b"precious")
    (tmp_path / "dist").symlink_to(outside)
    FILES.move(Move(tmp_path / "dist", tmp_path / "removed/dist"))
    assert not (tmp_path / "dist").is_symlink()
    assert os.readlink(tmp_path / "removed/dist") == str(outside)
    assert outside.exists() is (kind != "dangling")
    if kind == "folder":
        assert (outside / "precious").read_bytes() == b"precious"


@on_posix
@pytest.mark.parametrize("target", ["file", "folder", "empty", "link", "dangling"])
def test_move_onto_something(target: str, tmp_path: Path) -> None:
    """Where something lies already nothing is moved, and nothing is replaced."""
    (tmp_path / "source").write_bytes(b"source")
    (tmp_path / "file").write_bytes(b"target")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/inside").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "dangling").symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Conflict, match="already exists"):
        FILES.move(Move(tmp_path / "source", tmp_path / target))
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_bytes() == b"target"


def test_move_of_nothing(tmp_path: Path) -> None:
    """What is not there cannot be moved."""
    with pytest.raises(FileNotFoundError):
        FILES.move(Move(tmp_path / "gone", tmp_path / "target"))


def copied(tmp_path: Path, *names: str) -> Path:
    """The folder into which these files were copied."""
    FILES.copy(Copy(tmp_path / "source", tmp_path / "target", tuple(map(PurePosixPath, names))))
    return tmp_path / "target"


def test_copy(tmp_path: Path) -> None:
    """The files that are named, and no others, with their bytes and their folders."""
    for name in ("a.txt", "sub/deep/b.bin", "not-named"):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_bytes(name.encode() + b"\r\n\x00")
    target = copied(tmp_path, "a.txt", "sub/deep/b.bin")
    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()) == [
        "a.txt",
        "sub/deep/b.bin",
    ]
    assert (target / "sub/deep/b.bin").read_bytes() == b"sub/deep/b.bin\r\n\x00"
    assert not (tmp_path / "target.partial").exists()


def test_copy_replaces(tmp_path: Path) -> None:
    """What an earlier copy left, whole or cut short, is gone after the next one."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source/new").touch()
    for folder in ("target", "target.partial"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "old").touch()
    assert [path.name for path in copied(tmp_path, "new").iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


def test_copy_skips_what_is_gone(tmp_path: Path) -> None:
    """A file that was deleted since it was listed is passed over; a copy of nothing is an empty folder."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source/here").touch()
    assert [path.name for path in copied(tmp_path, "gone", "here", "sub/gone").iterdir() if path.is_file()] == ["here"]
    assert list(copied(tmp_path).iterdir()) == []


@on_posix
def test_copy_keeps_links_and_modes(tmp_path: Path) -> None:
    """A link is copied as a link, also one that leads nowhere; a program can still be run."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "run.sh").touch()
    (source / "run.sh").chmod(0o755)
    (source / "link").symlink_to("run.sh")
    (source / "dangling").symlink_to("nowhere")
    target = copied(tmp_path, "run.sh", "link", "dangling")
    assert mode(target / "run.sh") == 0o755
    assert os.readlink(target / "link") == "run.sh"
    assert os.readlink(target / "dangling") == "nowhere"
