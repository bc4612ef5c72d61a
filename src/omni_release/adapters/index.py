"""The indexes of a run: its own for a rehearsal (started on first use), the target's, and this machine's default."""

from __future__ import annotations

import abc
import functools
import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release import distributions
from omni_release.core.model import REHEARSAL, Artifact, Target
from omni_release.core.world import Access, Credentials, FileStatus, IndexFile
from omni_release.index import ANONYMOUS, IndexLogin

if TYPE_CHECKING:
    from omni_release.adapters.credentials import CredentialResolver
    from omni_release.index.client import Client
    from omni_release.local_index.server import LocalIndex

INSTALLER_VARIABLES = ("UV_DEFAULT_INDEX", "PIP_INDEX_URL")
"""The variables that set the default index of uv and pip."""

_USER = "rehearsal"
_PASSWORD = "rehearsal-password"  # noqa: S105 - a secret's name, not its value
_URL_WITH_LOGIN = "index-address"  # a secret's name


def reader(simple_url: str, login: IndexLogin = ANONYMOUS) -> Client:
    """A client that reads the index whose simple API is at `simple_url`."""
    from omni_release.index.client import Client

    return Client(simple_url.rstrip("/") + "/", login=login)


class _Readable(abc.ABC):
    """The part of `core.world.Index` that is answered by the index's simple API."""

    @property
    @abc.abstractmethod
    def _client(self) -> Client:
        """The client that reads it."""

    def files(self, project: str) -> tuple[IndexFile, ...]:
        return self._client.files(project)

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        return self._client.file_statuses(project, artifacts)

    def page(self, url: str) -> FileStatus:
        return self._client.page(url)


class Rehearsal(_Readable):
    """See `core.world.Index`: the run's own index.

    `environment` says where this machine's default index is; `script` is a fault script.
    """

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
        """The names of its secrets, each with the function that returns the value."""
        return {_PASSWORD: lambda: self._password}

    @property
    def target(self) -> Target:
        with self._lock:  # tasks run in parallel, and the server is started once
            url = self._server.url
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

    def close(self) -> None:
        """Stop the server if it was started."""
        if "_server" in self.__dict__:
            self._server.__exit__(None, None, None)

    @property
    def _client(self) -> Client:
        return reader(self.target.simple)

    @functools.cached_property
    def _server(self) -> LocalIndex:
        from packaging.utils import canonicalize_name

        from omni_release.environments.installers import default_index
        from omni_release.local_index import Account
        from omni_release.local_index.server import IndexSetup, LocalIndex

        name = canonicalize_name(self._project)
        account = Account(_USER, self._password, name)
        return LocalIndex(
            IndexSetup(self._folder, name, account, default_index(self._environment), script=self._script)
        )


class PackageIndex(_Readable):
    """See `core.world.Index`: the target's index, which exists without the run."""

    def __init__(self, target: Target, credentials: CredentialResolver) -> None:
        self.target = target
        self._credentials = credentials

    @property
    def secrets(self) -> Mapping[str, Callable[[], str]]:
        """The names of its secrets, each with the function that returns the value."""
        login, simple = self._credentials.login, self.target.simple
        return {**self._credentials.secrets, _URL_WITH_LOGIN: lambda: login.add_to(simple)}

    def access(self) -> Access:
        return self._credentials.access()

    def reading(self, project: str) -> Mapping[str, str]:
        return dict.fromkeys(INSTALLER_VARIABLES, _URL_WITH_LOGIN) if self._client.wants_login(project) else {}

    def close(self) -> None:
        """Nothing to stop."""

    @property
    def _client(self) -> Client:
        return reader(self.target.simple, self._credentials.login)


class MachineIndex:
    """See `core.world.DefaultIndex`: the index that pip or uv uses in this environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def status(self, project: str) -> str:
        from omni_release.environments.installers import default_index
        from omni_release.index.client import project_status

        return project_status(default_index(self._environment), project)

    def has_version(self, project: str, version: str) -> bool:
        from omni_release.environments.installers import default_index
        from omni_release.index.client import Client

        files = Client(default_index(self._environment)).files(project)
        return any(distributions.is_of(file.name, version) for file in files)
