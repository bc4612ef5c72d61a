"""Where something was done: on which machine, in which job of a service. To compare two of them, not to find one."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# https://www.freedesktop.org/software/systemd/man/latest/machine-id.html: it is not to leave the machine as it is.
_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_PURPOSE = "omni-release place of a build\n"


@dataclass(frozen=True)
class BuildPlace:
    """The hash of the machine's own id, empty where it has none; and the `job`, empty unless it had a new machine."""

    machine: str = ""
    job: str = ""

    def is_other(self, place: BuildPlace) -> bool | None:
        """Whether this is another place; None where that cannot be known."""
        if self.job and place.job:
            return self.job != place.job
        return self.machine != place.machine if self.machine and place.machine else None


def here(environment: Mapping[str, str]) -> BuildPlace:
    """This machine, and the job of GitHub that these variables describe, where that is on a runner of GitHub's.

    Each job has a new machine there. A runner of your own keeps its machine: what counts is that.
    """
    own = _machine_id()
    machine = hashlib.sha256(f"{_PURPOSE}{own}".encode()).hexdigest() if own else ""
    if environment.get("GITHUB_ACTIONS") != "true" or environment.get("RUNNER_ENVIRONMENT") != "github-hosted":
        return BuildPlace(machine)
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB")
    return BuildPlace(machine, " ".join(environment.get(name, "") for name in (*names, "RUNNER_NAME")))


def _machine_id() -> str:
    """The id of the machine; on Windows and macOS the address of its network card. Empty where there is none."""
    if platform.system() not in ("Windows", "Darwin"):
        return next((text for path in _FILES if path.is_file() and (text := path.read_text("ascii").strip())), "")
    import uuid

    node = uuid.getnode()
    return "" if node >> 40 & 1 else f"{node:012x}"  # that bit is set where the number is random (RFC 9562)
