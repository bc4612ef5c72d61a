"""Run a command as a child process, and end with its exit code.

    python -I process_group.py COMMAND ARGUMENT...

Tests that end the process group of their parent end this program, not the run. With OMNI_RELEASE_AS_USER in the
environment, the command does not run as root, but as a user who owns the same files (Linux).
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

_AS_USER = "OMNI_RELEASE_AS_USER"
_NEW_USER_NAMESPACE = 0x10000000  # CLONE_NEWUSER of sched.h
_USER = 1000


def leave_root() -> None:
    """Become another user in a namespace of its own; what this process starts has no rights of root.

    Raises OSError where the kernel does not allow it. Source: user_namespaces(7).
    """
    if sys.platform != "win32":
        user, group = os.getuid(), os.getgid()
        if ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER_NAMESPACE) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{_USER} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{_USER} {group} 1", encoding="ascii")


if __name__ == "__main__":
    if os.environ.pop(_AS_USER, ""):
        leave_root()
    code = subprocess.call(sys.argv[1:])  # noqa: S603 - the command of the run
    sys.exit(code if code >= 0 else 128 - code)
