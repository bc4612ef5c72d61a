"""Read an index: the files that it lists, and whether it has ours.

A file is ours where the JSON and the HTML page both list it with our sha256, and the index serves our bytes. All reads
bypass caches and end within a deadline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from omni_release import index
from omni_release.core.errors import Inconclusive, PermanentRefusal, install_hint
from omni_release.core.model import Artifact
from omni_release.core.redaction import strip_userinfo
from omni_release.core.world import FileState, FileStatus, IndexFile, ProjectStatus
from omni_release.index import ANONYMOUS, IndexLogin, classify_status, describe_error, pages, read_errors
from omni_release.index.pages import Page

if TYPE_CHECKING:
    from pypi_simple import PyPISimple
    from requests import Response

_Answer = TypeVar("_Answer")

_SILENCE = 15.0  # seconds without a byte
_LARGEST_PROVENANCE = 4 * 1024 * 1024
_PROVENANCE = "application/vnd.pypi.integrity.v1+json, application/json"
_CHUNK = 64 * 1024
_NO_CACHE = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
_LOGIN_REJECTED = "The index requires a login and rejects the upload credentials: check that they may read it."
_LOGIN_ELSEWHERE = (
    "The index requires a login, but is not on the server that files are uploaded to, so no password is sent to it. "
    "An upload could not be verified, so nothing is uploaded."
)


@dataclass(frozen=True)
class Client:
    """Reads the index whose simple API is at `simple_url`, with `login` where it requires one.

    `deadline` is for one question, in seconds.
    """

    simple_url: str
    deadline: float = index.DEADLINE
    login: IndexLogin = ANONYMOUS

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """The files that the index lists; none where it does not have the project.

        Raises PermanentRefusal where it refuses, and Inconclusive where it does not answer.
        """
        page = self._any_page(project)
        return () if page is None else page.files

    def project_status(self, project: str) -> ProjectStatus | None:
        """The status of a project, `active` where the index states none; None where it does not have the project.

        Raises as `files`.
        """
        page = self._any_page(project)
        return None if page is None else page.status

    def provenance(self, file: IndexFile) -> bytes | None:
        """The provenance of a file (PEP 740), as the index serves it; None where it has none.

        Raises as `files`.
        """
        if not file.provenance:
            return None

        def ask() -> bytes | FileStatus | None:
            try:
                with self._session() as client, self._get(client, file.provenance, _PROVENANCE) as response:
                    if response.status_code == 200:
                        return pages.read_body(response, _LARGEST_PROVENANCE)
                    status = FileStatus(file.name, *classify_status(response.status_code, response.reason or ""))
                    return None if status.state is FileState.ABSENT else status
            except read_errors() as error:
                return FileStatus(file.name, FileState.INCONCLUSIVE, describe_error(error))

        found = self._within(ask)
        if not isinstance(found, FileStatus):
            return found
        message = f"{strip_userinfo(self.simple_url)} does not show the provenance of {file.name}: {found.why}"
        raise Inconclusive(message, "Run the same command again later.")

    def _any_page(self, project: str) -> Page | None:
        """The page of a project in any form; None where the index does not have the project. Raises as `files`."""
        page = self._within(lambda: self._page(project, "any"))
        if isinstance(page, _NotAcceptable):
            page = self._within(lambda: self._page(project, "html"))
        if not isinstance(page, FileStatus):
            return page
        message = f"{strip_userinfo(self.simple_url)} does not list its files: {page.why}"
        if page.state is FileState.REFUSED:
            hint = _LOGIN_REJECTED if self.login.applies_to(self.simple_url) else _LOGIN_ELSEWHERE
            raise PermanentRefusal(message, hint)
        raise Inconclusive(message, "Check that the index is up.")

    def wants_login(self, project: str) -> bool:
        """Whether the index lists the project only after a login; False where it does not answer."""
        url = f"{self.simple_url}{project}/"

        def ask() -> bool:
            with self._session() as client, ANONYMOUS.get(client.s, url, _NO_CACHE, self._timeout) as anonymous:
                if anonymous.status_code == 200:
                    return False
                with self.login.get(client.s, url, _NO_CACHE, self._timeout) as response:
                    return response.status_code == 200

        if not self.login.applies_to(url):
            return False
        try:
            return self._within(ask)
        except Inconclusive:
            return False
        except read_errors():
            return False

    def page(self, url: str) -> FileStatus:
        """Whether a web page of the index exists (state OURS). Raises nothing: an error is inconclusive."""

        def ask() -> FileStatus:
            try:
                with self._session() as client, self._get(client, url, "text/html, */*") as response:
                    if response.status_code == 200:
                        return FileStatus(url, FileState.OURS, "200")
                    return FileStatus(url, *classify_status(response.status_code, response.reason or ""))
            except read_errors() as error:
                return FileStatus(url, FileState.INCONCLUSIVE, describe_error(error))

        try:
            return self._within(ask)
        except Inconclusive as error:
            return FileStatus(url, FileState.INCONCLUSIVE, error.message)

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        """The status of each artifact, in their order. Raises nothing: an error is inconclusive."""

        def ask() -> tuple[FileStatus, ...]:
            pages = [self._read_page(project, form) for form in ("json", "html")]
            # An index may offer only one of the two forms.
            pages = [page for page in pages if not isinstance(page, _NotAcceptable)] or pages
            return tuple(self._status(artifact, pages) for artifact in artifacts)

        try:
            return self._within(ask)
        except Inconclusive as error:
            return tuple(FileStatus(artifact.name, FileState.INCONCLUSIVE, error.message) for artifact in artifacts)

    def _status(self, artifact: Artifact, pages: Sequence[tuple[IndexFile, ...] | FileStatus]) -> FileStatus:
        """The status of an artifact from all pages, and from the bytes that are served."""
        statuses = {status.state: status for status in reversed([status_on_page(artifact, page) for page in pages])}
        if statuses.keys() == {FileState.OURS, FileState.ABSENT}:
            reason = "listed on one of the index's pages, but not on the other yet"
            return FileStatus(artifact.name, FileState.INCONCLUSIVE, reason)
        for state in (FileState.OTHER_BYTES, FileState.INCONCLUSIVE, FileState.REFUSED, FileState.ABSENT):
            if state in statuses:
                return statuses[state]
        files = (file for page in pages if not isinstance(page, FileStatus) for file in page)
        return self._served_status(artifact, next(file.url for file in files if file.name == artifact.name))

    def _served_status(self, artifact: Artifact, url: str) -> FileStatus:
        """Whether the bytes at `url` are the artifact's: at most one chunk more than its size is read."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._session() as client, self._get(client, url.partition("#")[0], "*/*") as response:
                if response.status_code != 200:
                    return FileStatus(artifact.name, *classify_status(response.status_code, response.reason or ""))
                for chunk in response.iter_content(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    if size > artifact.size:
                        break
        except read_errors() as error:
            return FileStatus(artifact.name, FileState.INCONCLUSIVE, describe_error(error))
        if size < artifact.size:
            return FileStatus(artifact.name, FileState.INCONCLUSIVE, f"only {size} of {artifact.size} bytes received")
        sha256 = digest.hexdigest()
        if sha256 != artifact.sha256:
            return FileStatus(artifact.name, FileState.OTHER_BYTES, f"the served bytes have sha256 {sha256}")
        return FileStatus(artifact.name, FileState.OURS, f"sha256 {artifact.sha256}")

    def _read_page(self, project: str, form: str) -> tuple[IndexFile, ...] | FileStatus:
        """The files of a project's page in the form `json`, `html` or `any`; a status where it cannot be read."""
        page = self._page(project, form)
        if isinstance(page, FileStatus):
            return page
        return () if page is None else page.files

    def _page(self, project: str, form: str) -> Page | FileStatus | None:
        """A project's page, as `_read_page`; None where there is none."""
        import pypi_simple

        accepts = {"json": pypi_simple.ACCEPT_JSON_PREFERRED, "html": pypi_simple.ACCEPT_HTML_ONLY}
        accept = accepts.get(form, pypi_simple.ACCEPT_ANY)
        try:
            with self._session() as client, self._get(client, f"{self.simple_url}{project}/", accept) as response:
                if response.status_code == 404:
                    return None
                if response.status_code != 200:
                    kind = _NotAcceptable if response.status_code == 406 else FileStatus
                    return kind(project, *classify_status(response.status_code, response.reason or ""))
                return pages.parse(project, response)
        except read_errors() as error:
            return FileStatus(project, FileState.INCONCLUSIVE, describe_error(error))

    def _session(self) -> AbstractContextManager[PyPISimple]:
        return index.open_session(self.simple_url)

    def _get(self, client: PyPISimple, url: str, accept: str) -> Response:
        return self.login.get(client.s, url, {"Accept": accept, **_NO_CACHE}, self._timeout)

    @property
    def _timeout(self) -> float:
        return min(_SILENCE, self.deadline)

    def _within(self, question: Callable[[], _Answer]) -> _Answer:
        return index.within_deadline(self.deadline, self.simple_url, question)


class _NotAcceptable(FileStatus):
    """The index does not offer the page in the requested form (406), which says nothing about its files."""


def status_on_page(artifact: Artifact, page: tuple[IndexFile, ...] | FileStatus) -> FileStatus:
    """The status of an artifact by one page, or by the status that is there instead of a page."""
    if isinstance(page, FileStatus):
        return FileStatus(artifact.name, page.state, page.why)
    listed = [file for file in page if file.name == artifact.name]
    if not listed:
        return FileStatus(artifact.name, FileState.ABSENT, "not listed")
    for file in listed:
        if file.sha256 not in (None, artifact.sha256):
            return FileStatus(artifact.name, FileState.OTHER_BYTES, f"listed with sha256 {file.sha256}")
    return FileStatus(artifact.name, FileState.OURS, "listed")  # without a hash, the served bytes decide


_UNMAINTAINED = ("archived", "deprecated", "quarantined")  # PEP 792

_INACTIVE = "Classifier: Development Status :: 7 - Inactive"


def project_status(simple_url: str, project: str) -> str:
    """Why no one should depend on a project, according to its index; empty where the index gives no reason.

    Raises Inconclusive where the index does not answer, or does not have the project.
    """
    try:
        import pypi_simple
    except ImportError:
        raise Inconclusive("pypi-simple is not installed", install_hint()) from None

    def ask() -> str:
        with index.open_session(simple_url) as client:
            headers = {"Accept": pypi_simple.ACCEPT_ANY}
            with client.s.get(
                client.get_project_url(project), headers=headers, timeout=_SILENCE, stream=True
            ) as response:
                if response.status_code == 404:
                    raise pypi_simple.NoSuchProjectError(project, response.url)
                response.raise_for_status()
                page = pages.parse(project, response)
            status = page.status
            if status.name in _UNMAINTAINED:
                return f"marked as {status.name} on the index" + (f": {status.reason}" if status.reason else "")
            # The metadata next to the newest file (PEP 658), which need not have a hash.
            files = [file for file in page.parsed.packages if file.has_metadata and not file.is_yanked]
            try:
                metadata = client.get_package_metadata(files[-1], verify=False, timeout=_SILENCE) if files else ""
            except pypi_simple.NoMetadataError:  # promised, but missing
                metadata = ""
            return "marked as inactive by its maintainers" if _INACTIVE in metadata else ""

    try:
        return index.within_deadline(index.DEADLINE, simple_url, ask)
    except pypi_simple.NoSuchProjectError:
        raise Inconclusive("the index does not have it", "Check the index that this machine installs from.") from None
    except read_errors() as error:
        message = f"{strip_userinfo(simple_url)} does not answer: {describe_error(error)}"
        raise Inconclusive(message, "Check that the index is up.") from None
