"""The rehearsal index as a run sees it: started when it is first asked for, ended with the run."""

from __future__ import annotations

import functools
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release.errors import CannotTell
from omni_release.seams import IndexFile

if TYPE_CHECKING:
    from omni_release.index.server import RehearsalIndex

_PASSWORD = "rehearsal-password"  # noqa: S105 - a secret's name, not its value
_TIMEOUT = 15.0


class Rehearsal:
    """See `seams.Index`."""

    def __init__(self, folder: Path, project: str) -> None:
        self._folder = folder
        self._project = project
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
        import pypi_simple
        import requests

        with pypi_simple.PyPISimple(self.simple_url) as client:
            client.s.trust_env = False
            try:
                page = client.get_project_page(project, timeout=_TIMEOUT)
            except pypi_simple.NoSuchProjectError:
                return ()
            except requests.RequestException as error:
                raise CannotTell(f"{self.simple_url} does not answer: {error}", "Is the index up?") from None
        return tuple(IndexFile(p.filename, p.digests.get("sha256"), p.url) for p in page.packages)

    def close(self) -> None:
        """End the server, if it was ever started."""
        if "_started" in self.__dict__:
            self._started.__exit__(None, None, None)

    @property
    def _running(self) -> RehearsalIndex:
        with self._lock:
            return self._started

    @functools.cached_property
    def _started(self) -> RehearsalIndex:
        import pypi_simple

        from omni_release.index.server import RehearsalIndex

        elsewhere = pypi_simple.PYPI_SIMPLE_ENDPOINT
        return RehearsalIndex(
            self._folder, self._project, username=self.username, password=self._password, elsewhere=elsewhere
        )
