"""GitHub by its program gh: the repository that an address names, and the environment of gh."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping

from omni_release import git, git_queries
from omni_release.core.model import Project, Release
from omni_release.core.secret_variables import without_secrets
from omni_release.core.settings import Settings
from omni_release.core.world import World
from omni_release.programs import RUN_VARIABLE

TIMEOUT = 120.0
"""Seconds that one call of gh may take."""

NOT_LOGGED_IN = 4
"""gh's exit code for it."""

_ADDRESSES = (
    re.compile(r"(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[^/:@]+)(?::\d+)?/(?P<path>[^/]+/[^/]+?)(?:\.git)?/?"),
    re.compile(r"(?:[^/@:]+@)?(?P<host>[^/:@]{2,}):(?P<path>[^/]+/[^/]+?)(?:\.git)?/?"),
)


def program(environment: Mapping[str, str]) -> str | None:
    """The path of gh; None where it is not installed."""
    return shutil.which("gh", path=environment.get("PATH"))


def repository_at(address: str) -> str:
    """HOST/OWNER/NAME of a remote's address, without the credentials that may be in it; empty where it is none."""
    parts = next((match for pattern in _ADDRESSES if (match := pattern.fullmatch(address))), None)
    return f"{parts['host'].removeprefix('ssh.')}/{parts['path']}" if parts else ""


def repository_of(project: Project) -> str:
    """HOST/OWNER/NAME of the remote of a checkout, by the settings or `origin`; empty where it has none."""
    remote = project.settings.git.remote or "origin"
    return repository_at((git_queries.output(str(project.root), "remote", "get-url", remote) or "").strip())


def variables(outer: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The variables for gh, which finds its token or configuration in them; without prompts and debug output."""
    given = without_secrets(outer, (*git.GH_TOKENS, *settings.git.pass_env))
    given.pop("GH_DEBUG", None)
    return given | {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1"}


def environment(release: Release, world: World) -> dict[str, str]:
    """The variables for gh in a run."""
    return variables(world.environment, release.project.settings) | {RUN_VARIABLE: str(release.folder)}
