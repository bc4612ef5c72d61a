"""The indexes of a run: its own for a rehearsal (started on first use), the target's, and this machine's default."""

from __future__ import annotations

import abc
import contextlib
import functools
import hashlib
import http.client
import json
import os
import secrets
import sys
import threading
import urllib.parse
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_release import distributions
from omni_release.core.model import REHEARSAL, Artifact, Target
from omni_release.core.world import (
    Access,
    Credentials,
    FileState,
    FileStatus,
    IndexFile,
    Processes,
    ProjectStatus,
    ToolAnswer,
)
from omni_release.index import ANONYMOUS, IndexLogin

if TYPE_CHECKING:
    from omni_release.adapters.credentials import CredentialResolver
    from omni_release.index.client import Client
    from omni_release.local_index import StoredFile
    from omni_release.local_index.server import IndexSetup, LocalIndex
    from omni_release.local_index.store import Store

INSTALLER_VARIABLES = ("UV_DEFAULT_INDEX", "PIP_INDEX_URL")
"""The variables that set the default index of uv and pip."""

_USER = "rehearsal"
_PASSWORD = "rehearsal-password"  # noqa: S105 - a secret's name, not its value
_URL_WITH_LOGIN = "index-address"  # a secret's name
_SILENCE = 15.0  # seconds without a byte
_CHUNK = 64 * 1024


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

    def project_status(self, project: str) -> ProjectStatus | None:
        return self._client.project_status(project)

    def provenance(self, file: IndexFile) -> bytes | None:
        return self._client.provenance(file)


class SharedServer:
    """One index for several runs side by side, started by the first: each has a project on it, and an account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: LocalIndex | None = None

    def serve(self, setup: IndexSetup) -> tuple[LocalIndex, Store]:
        """The server, with the project of this setup on it; and the project's files."""
        from omni_release.local_index.server import LocalIndex

        with self._lock:
            if self._server is None:
                self._server = LocalIndex(setup)
                return self._server, self._server.store
            return self._server, self._server.serve(setup.project, setup.folder, setup.account)

    def close(self) -> None:
        """Stop the server if it was started."""
        if self._server is not None:
            self._server.stop()


class Rehearsal(_Readable):
    """See `core.world.Index`: the run's own index.

    Its pages are known byte for byte. Where they are as expected, they are not parsed: importing the libraries for
    that takes longer than all else in a run that uses the results of an earlier one.

    `environment` says where this machine's default index is; `script` is a fault script. `shared` is the server of
    several runs; without it, the run starts one.
    """

    def __init__(
        self,
        folder: Path,
        project: str,
        environment: Mapping[str, str] = os.environ,
        script: str = "",
        shared: SharedServer | None = None,
    ) -> None:
        self._shared = shared
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
            url = self._hosted[0].url
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
        with self._connection() as connection:
            if (listed := self._listed(project, connection)) is not None:
                url = f"{self._hosted[0].url}/files/"
                return tuple(IndexFile(f.name, f.digests.sha256, f"{url}{f.name}", f.uploaded) for f in listed)
        return super().files(project)

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        with self._connection() as connection:
            if (files := self._listed(project, connection)) is not None:
                listed = {file.name: file.digests.sha256 for file in files}
                ours = [file for file in artifacts if file.name in listed]
                if all(listed[file.name] == file.sha256 == _served(file, connection) for file in ours):
                    return tuple(_status(file, listed) for file in artifacts)
        return super().file_statuses(project, artifacts)  # says what is wrong

    def _listed(self, project: str, connection: http.client.HTTPConnection) -> tuple[StoredFile, ...] | None:
        """The files of the index, if each form of the project's page lists just these; None if one does not."""
        from omni_release.local_index import store

        files = self._hosted[1].files()
        for content_type in (store.JSON, store.HTML):
            with _get(connection, f"/simple/{project}/", content_type) as response:
                status, page = response.status, response.read()
            expected = store.project_page(project, files, content_type).encode()
            if (status, page) != (200, expected) and (status, files) != (404, ()):
                return None
        return files

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        """A connection with the server; an error of it ends what is done with it."""
        host = urllib.parse.urlsplit(self.target.simple).netloc
        broken = contextlib.suppress(OSError, http.client.HTTPException)
        with broken, contextlib.closing(http.client.HTTPConnection(host, timeout=_SILENCE)) as connection:
            yield connection

    def close(self) -> None:
        """Stop the server if it was started."""
        if self._shared is None and "_hosted" in self.__dict__:
            self._hosted[0].stop()

    @property
    def _client(self) -> Client:
        return reader(self.target.simple)

    @functools.cached_property
    def _hosted(self) -> tuple[LocalIndex, Store]:
        """The server, and the files of the project on it."""
        from packaging.utils import canonicalize_name

        from omni_release.environments.installer_config import default_index
        from omni_release.local_index import Account
        from omni_release.local_index.server import IndexSetup

        name = canonicalize_name(self._project)
        account = Account(_USER, self._password, name)
        setup = IndexSetup(self._folder, name, account, default_index(self._environment), script=self._script)
        return (self._shared or SharedServer()).serve(setup)


def _get(connection: http.client.HTTPConnection, path: str, accepted: str) -> http.client.HTTPResponse:
    """The answer to a GET, with its body unread."""
    connection.request("GET", path, headers={"Accept": accepted, "Cache-Control": "no-cache"})
    return connection.getresponse()


def _status(file: Artifact, listed: Collection[str]) -> FileStatus:
    """The status of a file whose bytes are served, if it is listed."""
    if file.name in listed:
        return FileStatus(file.name, FileState.OURS, f"sha256 {file.sha256}")
    return FileStatus(file.name, FileState.ABSENT, "not listed")


def _served(file: Artifact, connection: http.client.HTTPConnection) -> str:
    """The SHA-256 of the bytes that are served as this file."""
    digest = hashlib.sha256()
    with _get(connection, f"/files/{file.name}", "*/*") as response:
        while chunk := response.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


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
    """See `core.world.DefaultIndex`: the index that pip or uv uses in this environment.

    With `processes`, files are listed and fetched by another process: to import the libraries for that takes longer
    than most of what a run does itself.
    """

    def __init__(self, environment: Mapping[str, str], processes: Processes | None = None) -> None:
        self._environment = environment
        self._processes = processes

    @property
    def _url(self) -> str:
        from omni_release.environments.installer_config import default_index

        return default_index(self._environment)

    def status(self, project: str) -> str:
        from omni_release.index.client import project_status

        return project_status(self._url, project)

    def has_version(self, project: str, version: str) -> bool:
        return any(distributions.is_of(file.name, version) for file in self.files(project))

    def files(self, project: str) -> tuple[IndexFile, ...]:
        if self._processes is None:
            return reader(self._url).files(project)
        from omni_release.index import apart

        found = apart.quick_answer(self._run(apart.quick_call(project)).out)
        if found is None:
            found = self._ask(apart.call("files", project))
        return tuple(map(apart.from_dict, found))

    def fetch(self, file: IndexFile, folder: Path) -> Path:
        if self._processes is None:
            from omni_release.index import downloads

            return downloads.kept(self._url, file, folder)
        from omni_release.index import apart

        return Path(self._ask(apart.call("fetch", json.dumps(apart.to_dict(file)), str(folder))))

    def _ask(self, argv: tuple[str, ...]) -> Any:
        from omni_release.index import apart

        answer = self._run(argv)
        return apart.answer(answer.out, answer.code)

    def _run(self, argv: tuple[str, ...]) -> ToolAnswer:
        from omni_release.core.secret_variables import without_secrets
        from omni_release.index import apart
        from omni_release.scripts.ask_index import URL

        assert self._processes is not None
        environment = without_secrets(self._environment, ()) | {URL: self._url}
        answer = self._processes.ask(*argv, cwd=Path(sys.prefix), environment=environment, deadline=apart.DEADLINE)
        return answer or ToolAnswer(1, "", "")
