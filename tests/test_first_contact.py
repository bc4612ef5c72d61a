"""A first try from a built wheel, in real environments of uvx, uv tool, pipx and pip, with nothing else installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import child_environment, copy_case

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[1]
UV, UVX, PIPX = (str(Path(sys.executable).with_name(name)) for name in ("uv", "uvx", "pipx"))
OWN = "omni-release"

WAYS: dict[str, tuple[list[str], list[str]]] = {
    "uvx": ([], [UVX, "--from", "WHEEL", OWN]),
    "uv tool": ([UV, "tool", "install", "WHEEL"], [OWN]),
    "pipx": ([PIPX, "install", "WHEEL"], [OWN]),
    "pipx run": ([], [PIPX, "run", "--spec", "WHEEL", OWN]),
    "pip": (["venv/bin/python", "-m", "pip", "install", "--quiet", "WHEEL"], ["venv/bin/omni-release"]),
    "uv pip": ([UV, "pip", "install", "--quiet", "--python", "venv", "WHEEL"], ["venv/bin/omni-release"]),
}
"""For each way: what installs the wheel, and what runs it."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture
def run(tmp_path: Path, wheel: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command as a user without anything else: a home of its own, and only the system's programs and ours."""
    links = tmp_path / "programs"
    links.mkdir()
    for program in (UV, UVX, PIPX):
        (links / Path(program).name).symlink_to(program)
    (links / "git").symlink_to(str(shutil.which("git")))
    home = tmp_path / "home"
    kept = {key: value for key, value in child_environment().items() if key.startswith(("PIP_", "SSL_", "TMPDIR"))}
    path = os.pathsep.join(map(str, (home / ".local" / "bin", links, "/usr/bin", "/bin")))
    environment = {
        **kept,
        "HOME": str(home),
        "PATH": path,
        "UV_PYTHON": sys.executable,
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }

    def run_in(folder: Path, command: list[str] | str) -> subprocess.CompletedProcess[str]:
        words = command if isinstance(command, str) else [word.replace("WHEEL", str(wheel)) for word in command]
        if isinstance(words, list) and words[0].startswith("venv/"):
            words[0] = str(tmp_path / words[0])
        return subprocess.run(
            words,
            shell=isinstance(words, str),
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=280,
            check=False,
        )

    return run_in


@pytest.fixture
def port_in_use() -> Iterator[int]:
    """A port that another program has, so that the emulator ends at once."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.skipif(sys.platform == "win32", reason="the paths of this test are those of Linux and macOS")
@pytest.mark.parametrize("way", WAYS)
def test_first_try(
    way: str, run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, port_in_use: int
) -> None:
    """A rehearsal passes in each; its next command, and that for a missing extra, work as they are printed."""
    install, command = WAYS[way]
    root = copy_case("sound", tmp_path / "project")
    if way in ("pip", "uv pip"):
        seed = ["--seed"] if way == "pip" else []
        assert run(tmp_path, [UV, "venv", "--quiet", *seed, "venv"]).returncode == 0
    if install:
        installed = run(tmp_path, install)
        assert installed.returncode == 0, installed.stderr
    rehearsed = run(root, [*command, "rehearse"])
    assert rehearsed.returncode == 0 and "PASSED" in rehearsed.stdout, rehearsed.stdout + rehearsed.stderr
    step = next(line.partition("  Next    ")[2] for line in rehearsed.stdout.splitlines() if "  Next    " in line)
    shown = run(root, f"{step} --help")
    assert "release --to pypi" in step and shown.returncode == 0, step + shown.stderr
    assert "usage: omni-release release" in shown.stdout
    emulator = ["emulate", "gemini", "--port", str(port_in_use)]
    without = run(root, [*command, *emulator])
    assert without.returncode == 2 and "PIL is not installed" in without.stderr, without.stderr
    sentence = without.stderr.splitlines()[-1].partition("Install it with: ")[2]
    typed = run(root, sentence)
    if way not in ("uvx", "pipx run"):  # there the sentence is the command itself, with the extra
        assert typed.returncode == 0, typed.stderr
        typed = run(root, [*command, *emulator])
    assert "PIL" not in typed.stderr and str(port_in_use) in typed.stderr, typed.stderr
