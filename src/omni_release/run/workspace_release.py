"""Release the packages of a workspace in order."""

from __future__ import annotations

from omni_release.core.errors import UsageError
from omni_release.report.workspace import WorkspaceReport
from omni_release.run.workspace_session import Session


def release(session: Session, keys: tuple[str, ...]) -> WorkspaceReport:
    """Release."""
    raise UsageError("a workspace is not released as a whole", "Release each package in its folder.")
