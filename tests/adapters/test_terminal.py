"""Progress on a terminal and in a pipe."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from omni_release.adapters.terminal import Live
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
def test_titles_are_escaped(said: str) -> None:
    """A title is shown without markup, control characters and secrets."""
    stream = io.StringIO()
    with Live(stream, lambda text: text.replace("s3cret", "[redacted]")) as shown:
        shown.started("one", f"{said} with s3cret\x1b[2J")
        shown.ended("one")
        shown.started("two", "another")
        shown.say([f"ok    {said}"])
    assert "s3cret" not in stream.getvalue() and "\x1b[2J" not in stream.getvalue()
    assert f"ok    {said}" in stream.getvalue()
