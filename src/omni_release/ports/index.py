"""The rehearsal index as a run sees it: started when it is first asked for, ended with the run."""

from __future__ import annotations

import functools
import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release.model import Artifact
from omni_release.seams import IndexFile, Told

if TYPE_CHECKING:
    from omni_release.index.client import Client
    from omni_release.index.server import RehearsalIndex

_PASSWORD = "rehearsal-password"  # noqa: S105 - a secret's name, not its value


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
    def username(self) -> str:
        return "rehearsal"

    @property
    def credentials(self) -> Mapping[str, str]:
        return {"TWINE_PASSWORD": _PASSWORD}

    @property
    def upload_url(self) -> str:
        return f"{self._running.url}/legacy/"

    @property
    def simple_url(self) -> str:
        return f"{self._running.url}/simple/"

    def files(self, project: str) -> tuple[IndexFile, ...]:
        return self._client.files(project)

    def standings(self, project: str, artifacts: Sequence[Artifact]) -> tuple[Told, ...]:
        return self._client.standings(project, artifacts)

    def close(self) -> None:
        """End the server, if it was ever started."""
        if "_started" in self.__dict__:
            self._started.__exit__(None, None, None)

    @property
    def _client(self) -> Client:
        from omni_release.index.client import Client

        return Client(self.simple_url)

    @property
    def _running(self) -> RehearsalIndex:
        with self._lock:
            return self._started

    @functools.cached_property
    def _started(self) -> RehearsalIndex:
        from omni_release.index.elsewhere import default_index
        from omni_release.index.server import RehearsalIndex, Setup
        from omni_release.index.submission import Account

        account = Account(self.username, self._password, self._project)
        return RehearsalIndex(
            Setup(self._folder, self._project, account, default_index(self._environment), script=self._script)
        )
