"""Input that would fill the memory or never end: a clear finding, in bounded time and memory, without a traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import child_environment, git
from tests.hostile.conftest import Checkout

MEMORY = 500_000_000  # bytes
CPU = 10  # seconds of the processor, of the command line and all that it starts: a busy machine does not change them
DEADLINE = 240  # seconds by the clock, for what waits without end


def bounded(root: Path, *arguments: str | Path, cpu: float = CPU, deadline: float = DEADLINE) -> tuple[int, str]:
    """Run the command line within bounds of time and memory: its exit code and all of its output."""
    program = Path(sys.executable).with_name("omni-release")
    output = root.parent / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [program, *arguments], cwd=root, env=child_environment(), stdout=file, stderr=subprocess.STDOUT
        )
        alarm = threading.Timer(deadline, process.kill)
        alarm.start()
        _, status, used = os.wait4(process.pid, 0)
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    memory = used.ru_maxrss if sys.platform == "darwin" else used.ru_maxrss * 1024
    text = output.read_text(encoding="utf-8", errors="replace")
    assert process.returncode >= 0, f"ended by signal {-process.returncode}: {text}"
    assert memory < MEMORY, f"{memory} bytes"
    assert used.ru_utime + used.ru_stime < cpu, f"{used.ru_utime + used.ru_stime} s"
    assert "Traceback" not in text and "internal error" not in text, text
    return process.returncode, text


def alias_bomb() -> str:
    """A cassette whose aliases stand for 10^11 values."""
    levels = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 12)]
    body = "request: {method: GET, uri: x, parsed_body: *a11}, response: {status: {code: 200}, parsed_body: *a11}"
    return "\n".join(("a0: &a0 [xxxxxxxxxx]", *levels, f"interactions: [{{{body}}}]", "version: 1"))


def make_socket(path: Path) -> None:
    """A socket without a listener."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))  # a full path may be too long for one


FILES: dict[str, dict[str, Callable[[Path], object]]] = {
    "deep": {
        "cassettes/deep.yaml": lambda path: path.write_text("[" * 200_000),
        "cassettes/deep.json": lambda path: path.write_text('{"interactions":' * 100_000),
        "package.json": lambda path: path.write_text('{"a":' * 100_000),
        "uv.lock": lambda path: path.write_text(f"a = {'[' * 100_000}"),
        "src/acme_sound/deep.py": lambda path: path.write_text(f"x = {'(' * 100_000}"),
    },
    "large": {
        "cassettes/aliases.yaml": lambda path: path.write_text(alias_bomb()),
        "src/acme_sound/long.py": lambda path: path.write_text("x = '" + "a" * 20_000_000 + "'"),
    },
    "no files": {
        "cassettes/device.yaml": lambda path: path.symlink_to("/dev/zero"),
        "cassettes/pipe.yaml": lambda path: os.mkfifo(path),
        "src/acme_sound/device.py": lambda path: path.symlink_to("/dev/zero"),
        "src/acme_sound/pipe.py": lambda path: os.mkfifo(path),
        "NOTES.md": lambda path: path.symlink_to("/dev/zero"),
        "s.py": make_socket,
    },
}
ALONE = [pytest.param((name,), id=name, marks=pytest.mark.long) for files in FILES.values() for name in files]


@pytest.mark.parametrize("names", [*(pytest.param(tuple(files), id=kind) for kind, files in FILES.items()), *ALONE])
def test_files_of_a_checkout(names: tuple[str, ...], hostile: Checkout) -> None:
    """Each is read within bounds, or not at all."""
    (hostile.root / "cassettes").mkdir()
    for name in names:
        next(files[name] for files in FILES.values() if name in files)(hostile.root / name)
    git("add", "--all", cwd=hostile.root)
    git("commit", "--quiet", "--allow-empty", "--message=more", cwd=hostile.root)
    for command in (("gate",), ("cassettes", "shrink"), ("version", "show")):
        code, _ = bounded(hostile.root, *command)
        assert code in (0, 1, 2, 3)


@pytest.mark.long
def test_a_bomb_as_artifact(hostile: Checkout) -> None:
    """A wheel that unpacks to gigabytes is refused before anything is read from it."""
    folder = hostile.seen.parent / "artifacts"
    folder.mkdir()
    with zipfile.ZipFile(folder / "acme_sound-1.2.3-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for at in range(40):
            with wheel.open(f"acme_sound/{at}.bin", "w") as entry:
                for _ in range(100):
                    entry.write(b"\0" * 1_000_000)
    code, text = bounded(hostile.root, "inspect", "--artifacts", folder)
    assert code == 1
    assert "unpacks to 3815 MiB" in text


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_stray_files(hostile: Checkout) -> None:
    """A hundred thousand stray files give a short report; half of the time is that of ruff, ast-grep and deptry."""
    folder = hostile.root / "src" / "acme_sound" / "stray"
    folder.mkdir()
    for at in range(100_000):
        (folder / f"{at}.py").write_text("try:\n    pass\nexcept Exception:\n    pass\n")
    code, text = bounded(hostile.root, "gate", "--format", "json", cpu=9 * CPU, deadline=800)
    assert code in (0, 1, 3)
    assert len(text.splitlines()) < 60_000
    document = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert all(len(outcome["findings"]) <= 1_100 for outcome in document["outcomes"])
