"""The real files, processes and run store of this machine, for the subcommands that are no lane."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from omni_release.adapters.files import LocalFiles
from omni_release.adapters.processes import LocalProcesses
from omni_release.adapters.secrets import Secrets
from omni_release.core.model import Project
from omni_release.core.runs import RunStore
from omni_release.core.world import Files, Processes


def files() -> Files:
    """The file system."""
    return LocalFiles()


@contextlib.contextmanager
def processes() -> Iterator[Processes]:
    """Starts programs, redacts the secrets of the environment from their output, and ends them at its own end."""
    secrets = Secrets.of(os.environ)
    started = LocalProcesses(secrets.resolve, known=lambda: secrets.given)
    try:
        yield started
    finally:
        started.close()


def run_store(project: Project) -> RunStore:
    """The project's runs; the secrets of the environment are redacted from what is written there."""
    return RunStore(project.root, LocalFiles(), Secrets.of(os.environ).redact)


def redact(text: str) -> str:
    """The text without the secrets of the environment."""
    return Secrets.of(os.environ).redact(text)
