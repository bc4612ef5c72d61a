"""Indexes as a run sees them: the rehearsal's own (started when first asked for), other people's, the default one."""

from __future__ import annotations

import functools
import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release.core.model import REHEARSAL, Artifact, Target
from omni_release.core.world import Access, Credentials, FileStatus, IndexFile
from omni_release.index import ANONYMOUS, IndexLogin

if TYPE_CHECKING:
    from omni_release.adapters.credentials import Finder
    from omni_release.index.client import Client
    from omni_release.local_index.server import RehearsalIndex

INSTALLERS = ("UV_DEFAULT_INDEX", "PIP_INDEX_URL")
"""The variables that tell uv and pip where the one index is."""
_USER = "rehearsal"
_PASSWORD = "rehearsal-password"  # noqa: S105 - a secret's name, not its value
_ADDRESS = "index-address"


def reader(simple_url: str, login: IndexLogin = ANONYMOUS) -> Client:
    """What asks the index whose simple API is there what it has, and nothing else."""
    from omni_release.index.client import Client

    return Client(simple_url.rstrip("/") + "/", login=login)


class Rehearsal:
    """See `seams.Index`. `environment` tells where this machine's default index is, `script` what goes wrong."""

    def __init__(
        self, folder: Path, project: str, environment: Mapping[str, str] = os.environ, script: str = ""
    ) -> None:
        self._script = script
        self._folder = folder
        self._project = project
        self._environment = environment
        self._lock = threading.Lock()
        self._password = secrets.token_urlsafe(24)

    @property
    def secrets(self) -> Mapping[str, Callable[[], str]]:
        """The secrets' names, and how each is looked up."""
        return {_PASSWORD: lambda: self._password}

    @property
    def target(self) -> Target:
        url = self._running.url
        return Target(REHEARSAL, f"{url}/legacy/", f"{url}/simple/")

    def access(self) -> Access:
        return Access(
            Credentials.PRESENT,
            "the run itself",
            environment={"TWINE_USERNAME": _USER},
            secrets={"TWINE_PASSWORD": _PASSWORD},
        )

    def reading(self, project: str) -> Mapping[str, str]:
        return {}

    def files(self, project: str) -> tuple[IndexFile, ...]:
        return self._client.files(project)

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        return self._client.file_statuses(project, artifacts)

    def page(self, url: str) -> FileStatus:
        return self._client.page(url)

    def close(self) -> None:
        """End the server, if it was ever started."""
        if "_started" in self.__dict__:
            self._started.__exit__(None, None, None)

    @property
    def _client(self) -> Client:
        return reader(self.target.simple)

    @property
    def _running(self) -> RehearsalIndex:
        with self._lock:
            return self._started

    @functools.cached_property
    def _started(self) -> RehearsalIndex:
        from omni_release.environments.installer_config import default_index
        from omni_release.local_index import Account
        from omni_release.local_index.server import RehearsalIndex, Setup

        account = Account(_USER, self._password, self._project)
        return RehearsalIndex(
            Setup(self._folder, self._project, account, default_index(self._environment), script=self._script)
        )


class MachineIndex:
    """See `seams.Elsewhere`: the one that pip or uv would take; `environment` tells which."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def status(self, project: str) -> str:
        from omni_release.environments.installer_config import default_index
        from omni_release.index.client import project_status

        return project_status(default_index(self._environment), project)


class PackageIndex:
    """See `seams.Index`: one that other people run."""

    def __init__(self, target: Target, credentials: Finder) -> None:
        self.target = target
        self._credentials = credentials

    @property
    def secrets(self) -> Mapping[str, Callable[[], str]]:
        """The secrets' names, and how each is looked up."""
        login, simple = self._credentials.login, self.target.simple
        return {**self._credentials.secrets, _ADDRESS: lambda: login.address(simple)}

    def access(self) -> Access:
        return self._credentials.access()

    def reading(self, project: str) -> Mapping[str, str]:
        return dict.fromkeys(INSTALLERS, _ADDRESS) if self._client.wants_login(project) else {}

    def files(self, project: str) -> tuple[IndexFile, ...]:
        return self._client.files(project)

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        return self._client.file_statuses(project, artifacts)

    def page(self, url: str) -> FileStatus:
        return self._client.page(url)

    def close(self) -> None:
        """There is nothing to end."""

    @property
    def _client(self) -> Client:
        return reader(self.target.simple, self._credentials.login)
