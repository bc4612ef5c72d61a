"""What pytest runs with inside the environment of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TEST = """\
import os
import sys


def test_arguments():
    assert sys.argv[1:] == {expected}
    assert "OMNI_RELEASE_PYTEST_OPTIONS" not in os.environ
"""


def test_own_options(tmp_path: Path) -> None:
    """Tests see the project's command line in `sys.argv`, without the options that were added to it."""
    theirs, own = ["-q", "test_argv.py"], ["-o", "junit_family=xunit1"]
    (tmp_path / "test_argv.py").write_text(TEST.format(expected=theirs))
    command = [sys.executable, "-m", "pytest", *theirs, *own]
    # The plug-in is named in a variable, which is not in `sys.argv`.
    variables = {
        "OMNI_RELEASE_PYTEST_OPTIONS": str(len(own)),
        "PYTEST_ADDOPTS": "-p omni_release.scripts.warnings_recorder",
    }
    ran = subprocess.run(command, cwd=tmp_path, env=os.environ | variables, check=False)
    assert ran.returncode == 0
