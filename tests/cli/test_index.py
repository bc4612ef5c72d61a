"""`omni-release index serve`, end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import omni
from tests.index.support import bare, ran, wheel


def test_serve(tmp_path: Path) -> None:
    """It prints its URLs, stores the password in a file that only the owner can read, and ends with Ctrl-C."""
    argv = [sys.executable, "-m", "omni_release", "index", "serve", "--name", "acme-sound", "--format", "json"]
    with subprocess.Popen(argv, cwd=tmp_path, env=bare(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        served = json.loads(process.stdout.readline())
        stored = Path(served["password"])
        assert stored.stat().st_mode & 0o077 == 0 or os.name == "nt"
        password = stored.read_text(encoding="utf-8")
        who = {"TWINE_USERNAME": served["user"], "TWINE_PASSWORD": password}
        upload = [sys.executable, "-m", "twine", "upload", "--non-interactive", "--repository-url", served["upload"]]
        ended = ran([*upload, str(wheel(tmp_path))], tmp_path, who)
        assert (ended.code, password in json.dumps(served)) == (0, False), ended.said
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
    assert (process.returncode, stored.exists()) == (0, False)


def test_wrong_calls(tmp_path: Path) -> None:
    """An invalid script, an invalid port and a missing project: exit code 2, with a hint."""
    for arguments, message in (
        (("--name", "acme", "--script", "503 retry=1"), "Its options:"),
        (("--name", "acme", "--port", "70000"), "must be a number from 0 to 65535, not '70000'"),
        ((), "there is no pyproject.toml"),
    ):
        ended = omni("index", "serve", *arguments, cwd=tmp_path)
        assert (ended.code, message in ended.err) == (2, True), ended.err
