"""The processes that use a folder: real programs that run from it, work in it, or have its files open."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from omni_release.adapters.folder_use import processes_using

WAIT = "import sys; print('up', flush=True); sys.stdin.read()"


def using(folder: Path, code: str, cwd: Path, *, program: str = sys.executable) -> str:
    """How a program with this code uses the folder; empty where it does not."""
    argv = [program, "-c", f"{code}\n{WAIT}"]
    with subprocess.Popen(argv, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        found = {each.pid: each.how for each in processes_using(folder).programs}
        running.communicate()
        assert running.returncode == 0
    return found.get(running.pid, "")


def test_kinds_of_use(tmp_path: Path) -> None:
    """An open file, a mapped file, a working folder, and none of them."""
    folder = tmp_path / "environment"
    folder.mkdir()
    (folder / "data.bin").write_bytes(b"x" * 4096)
    opened = f"file = open({str(folder / 'data.bin')!r}, 'rb')"
    assert using(folder, opened, tmp_path) == "has data.bin open"
    mapped = f"{opened}; import mmap; kept = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ); file.close()"
    assert using(folder, mapped, tmp_path) in ("has data.bin loaded", "has data.bin open")
    assert using(folder, "", folder) == "works in its folder environment"
    assert using(folder, "", tmp_path) == ""
    assert using(tmp_path / "environmen", "", folder) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="links to a program need rights there")
def test_link_to_a_program(tmp_path: Path) -> None:
    """The Python of a virtual environment is a link: the path or name that was started counts."""
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "acme-python").symlink_to(Path(sys.executable).resolve())
    assert using(folder, "", tmp_path, program=str(folder / "bin" / "acme-python")) == "runs acme-python from it"
    assert using(folder, "", tmp_path, program="environment/bin/acme-python") == "runs acme-python from it"
    assert shutil.which("acme-python") is None


def test_own_process_is_omitted(tmp_path: Path) -> None:
    """The process that asks is not reported, although it uses the folder."""
    with (tmp_path / "open.txt").open("w"):
        assert not [each for each in processes_using(tmp_path).programs if "open.txt" in each.how]
