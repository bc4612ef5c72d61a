"""Run a command as a child process, and end with its exit code.

    python -I process_group.py COMMAND ARGUMENT...

Tests that end the process group of their parent end this program, not the run. With OMNI_RELEASE_AS_USER in the
environment, the command does not run as root, but as a user who owns the same files (Linux).
"""

import os
import sys

_AS_USER = "OMNI_RELEASE_AS_USER"
_NEW_USER_NAMESPACE = 0x10000000  # CLONE_NEWUSER of sched.h
_USER = 1000
_NO_PROGRAM = 127  # of a shell


def leave_root() -> None:
    """Become another user in a namespace of its own; what this process starts has no rights of root.

    Raises OSError where the kernel does not allow it. Source: user_namespaces(7).
    """
    if sys.platform != "win32":
        import ctypes
        from pathlib import Path

        user, group = os.getuid(), os.getgid()
        if ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER_NAMESPACE) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{_USER} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{_USER} {group} 1", encoding="ascii")


def run(command: "list[str]") -> int:
    """Run a command; its exit code, as a shell has it. The modules for it are imported on Windows alone."""
    if sys.platform == "win32":
        import subprocess

        return subprocess.call(command)  # noqa: S603 - the command of the run
    else:  # noqa: RET505 - the type checker then sees one branch on each platform
        from _signal import SIGPIPE, SIGXFSZ  # type: ignore[import-not-found]  # `signal`, which is known, imports `enum`

        try:
            # Python ignores these signals; what it starts must not, unless it does so itself.
            process = os.posix_spawnp(command[0], command, os.environ, setsigdef=(SIGPIPE, SIGXFSZ))
        except OSError as error:
            sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
            return _NO_PROGRAM
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        return code if code >= 0 else 128 - code


if __name__ == "__main__":
    if os.environ.pop(_AS_USER, ""):
        leave_root()
    sys.exit(run(sys.argv[1:]))
