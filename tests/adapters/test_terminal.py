"""Progress on a terminal and in a pipe."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from omni_release.adapters.terminal import Rich, terminal
from tests.conftest import child_environment


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe ends otherwise there")
def test_closed_pipe(tmp_path: Path) -> None:
    """A closed pipe does not end the program."""
    program = (
        "import sys\n"
        "from omni_release.adapters.terminal import terminal\n"
        "sys.stdin.readline()\n"
        "with terminal(sys.stdout, {}, str) as shown:\n"
        "    for number in range(1000):\n"
        "        shown.say([f'line {number}'])\n"
        "open('done', 'w').close()\n"
    )
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=child_environment(),
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    os.close(reading)
    _, said = child.communicate(b"go\n", timeout=60)
    assert (child.returncode, said) == (0, b"")
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("said", ["`grep -q [/] index.html` passes", "`pip install .[test]` passes"])
def test_lines_are_escaped(said: str) -> None:
    """A line is shown without markup, control characters and secrets."""
    stream = io.StringIO()
    with Rich(stream, {}, lambda text: text.replace("s3cret", "[redacted]"), live=False) as shown:
        shown.say([f"{said} with s3cret\x1b[2J", "  \u2714 Build  it"])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert "s3cret" not in plain and "\x1b" not in plain
    assert said in plain and "\u2714 Build" in plain


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_in_a_pipe(environment: dict[str, str], coloured: bool) -> None:
    """FORCE_COLOR colours the lines in a pipe, NO_COLOR prevents it."""
    stream = io.StringIO()
    with terminal(stream, environment, str) as shown:
        shown.say(["  PASSED  it"])
    assert ("\x1b[" in stream.getvalue()) is coloured


@pytest.mark.parametrize(("encoding", "unicode"), [("utf-8", True), ("ascii", False), ("cp1252", False)])
def test_encoding(encoding: str, unicode: bool) -> None:
    """A stream whose encoding has no other marks gets those of ASCII."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert terminal(stream, {}, str).unicode is unicode


@pytest.mark.parametrize(("columns", "width"), [("80", 80), ("", 100), ("wide", 100), ("3", 40), ("0", 100)])
def test_width_of_a_pipe(columns: str, width: int) -> None:
    """A pipe is as wide as COLUMNS says."""
    assert terminal(io.StringIO(), {"COLUMNS": columns}, str).width == width


@pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")
@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminal(variables: dict[str, str], tmp_path: Path) -> None:
    """A terminal shows what is running, but a dumb one; the permanent lines are the same on each."""
    import pty

    program = (
        "import os, sys, threading\n"
        "from omni_release.adapters.terminal import terminal\n"
        "drawn = threading.Event()\n"
        "def running():\n"
        "    drawn.set()\n"
        "    return ['Build  running-now']\n"
        "with terminal(sys.stdout, os.environ, str) as shown:\n"
        "    shown.follow(running)\n"
        "    assert drawn.wait(60 if os.environ['TERM'] != 'dumb' else 0) is (os.environ['TERM'] != 'dumb')\n"
        "    shown.say(['  PASSED  it'])\n"
    )
    leader, follower = pty.openpty()
    environment = child_environment() | {"TERM": "xterm-256color"} | variables
    child = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment, stdout=follower)
    os.close(follower)
    shown = b""
    with contextlib.suppress(OSError):  # a closed pseudo-terminal
        while data := os.read(leader, 4096):
            shown += data
    os.close(leader)
    assert child.wait(60) == 0
    assert (b"running-now" in shown) is (variables != {"TERM": "dumb"})
    assert b"PASSED" in shown
    assert (b"\x1b[1;32m" in shown) is (variables == {})
