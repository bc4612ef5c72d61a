"""Run a command as a child process, and end with its exit code.

    python -I process_group.py COMMAND ARGUMENT...

Tests that end the process group of their parent end this program, not the run.
"""

import subprocess
import sys

if __name__ == "__main__":
    code = subprocess.call(sys.argv[1:])  # noqa: S603 - the command of the run
    sys.exit(code if code >= 0 else 128 - code)
