"""Run a command as a child of ours, and end as it does.

    python -I shield.py COMMAND ARGUMENT...

Stands between a run and tests that end their parent's process group: what they end is this.
"""

import subprocess
import sys

if __name__ == "__main__":
    code = subprocess.call(sys.argv[1:])  # noqa: S603 - what the run was told to run
    sys.exit(code if code >= 0 else 128 - code)
