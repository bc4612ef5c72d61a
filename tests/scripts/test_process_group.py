"""The program between a run and the command of the tests changes nothing for the command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from omni_release import scripts

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def started(*command: str) -> subprocess.CompletedProcess[str]:
    """How a command ends that is started by the program."""
    argv = [sys.executable, "-I", str(scripts.program("process_group")), *command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_exit_code() -> None:
    """The exit code, and what is printed, are those of the command."""
    code = "import sys; print('out'); print(sys.argv[1:], file=sys.stderr); sys.exit(3)"
    done = started(sys.executable, "-c", code, "two words", "")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "['two words', '']\n")


@on_posix
@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("kill -TERM $$", 143, ""),
        ("yes | head -1 >/dev/null; echo ${PIPESTATUS[0]}", 0, "141\n"),  # SIGPIPE
        ("kill -XFSZ $$", 153, ""),
    ],
)
def test_signals(script: str, code: int, said: str) -> None:
    """A command ends by the signals that Python itself ignores, as it does in a shell."""
    done = started("bash", "-c", f"ulimit -c 0; {script}")
    assert (done.returncode, done.stdout, done.stderr) == (code, said, "")


@on_posix
def test_missing_program() -> None:
    """A program that does not exist is named, with the exit code that a shell has for it."""
    done = started("no-such-program-here")
    assert (done.returncode, done.stderr) == (127, "cannot start no-such-program-here: No such file or directory\n")
