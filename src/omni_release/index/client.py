"""What an index says it has: JSON and HTML, with hashes, caches by-passed, within a deadline, and told apart.

Each file stands in one of five ways (`seams.Standing`), and no exit code, no status and no page alone decides which:
ours is only what both of the index's pages list with our sha256, and what is served with our bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from omni_release import index
from omni_release.core.errors import Inconclusive, PermanentRefusal, install_hint
from omni_release.core.model import Artifact
from omni_release.core.redaction import strip_userinfo
from omni_release.core.world import FileState, FileStatus, IndexFile
from omni_release.index import ANONYMOUS, IndexLogin, ResponseTooLarge, classify_status, describe_error, read_errors

if TYPE_CHECKING:
    from pypi_simple import PyPISimple
    from requests import Response
if TYPE_CHECKING:
    import pypi_simple
if TYPE_CHECKING:
    from pypi_simple import ProjectPage, PyPISimple


_T = TypeVar("_T")


_SILENCE = 15.0

_PAGE = 32 * 1024 * 1024

_CHUNK = 64 * 1024

_FRESH = {"Cache-Control": "no-cache", "Pragma": "no-cache"}

_TAKES_NO_LOGIN = (
    "It wants to know who reads, and does not take the credentials for uploads: are they there, and right?"
)

_WANTS_LOGIN = (
    "It wants to know who reads, and is not the very server that files are sent to, so it is told no password. "
    "What was sent could not be proved to be there: nothing is."
)


@dataclass(frozen=True)
class Client:
    """Reads the index whose simple API is at `simple_url`, by `login` where it wants that.

    `deadline` is for one question, in seconds.
    """

    simple_url: str
    deadline: float = index.DEADLINE
    login: IndexLogin = ANONYMOUS

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """What the index lists; empty where it does not know the project. Raises CannotTell, also where it refuses."""
        listed = self._within(lambda: self._listed(project, "any"))
        if isinstance(listed, _NoSuchForm):
            listed = self._within(lambda: self._listed(project, "html"))
        if isinstance(listed, FileStatus):
            said = f"{self._shown} does not say what it has: {listed.why}"
            if listed.state is FileState.REFUSED:
                raise PermanentRefusal(said, _TAKES_NO_LOGIN if self.login.is_for(self.simple_url) else _WANTS_LOGIN)
            raise Inconclusive(said, "Is the index up?")
        return listed

    def wants_login(self, project: str) -> bool:
        """Whether it lists the project for those alone who log in. No answer is a no."""
        try:
            return self._within(lambda: self._refuses(project))
        except Inconclusive:
            return False

    def _refuses(self, project: str) -> bool:
        address = f"{self.simple_url}{project}/"
        if not self.login.is_for(address):
            return False
        try:
            with self._session() as client, ANONYMOUS.got(client.s, address, _FRESH, self._silence) as plain:
                if plain.status_code == 200:
                    return False
                with self.login.got(client.s, address, _FRESH, self._silence) as known:
                    return known.status_code == 200
        except read_errors():
            return False

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        """How each artifact stands, in their order. Raises nothing for what an index can do."""
        try:
            return self._within(lambda: self._standings(project, artifacts))
        except Inconclusive as error:
            return tuple(FileStatus(artifact.name, FileState.INCONCLUSIVE, error.message) for artifact in artifacts)

    def page(self, url: str) -> FileStatus:
        """Whether a page of the index answers. Raises nothing for what an index can do."""
        try:
            return self._within(lambda: self._page(url))
        except Inconclusive as error:
            return FileStatus(url, FileState.INCONCLUSIVE, error.message)

    def _page(self, url: str) -> FileStatus:
        try:
            with self._session() as client, self._got(client, url, "text/html, */*") as response:
                if response.status_code == 200:
                    return FileStatus(url, FileState.OURS, "200")
                standing, why = classify_status(response.status_code, response.reason or "")
                return FileStatus(url, standing, why)
        except read_errors() as error:
            return FileStatus(url, FileState.INCONCLUSIVE, describe_error(error))

    def _standings(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        pages = [self._listed(project, accept) for accept in ("json", "html")]
        # An index may well have one of the two alone.
        pages = [page for page in pages if not isinstance(page, _NoSuchForm)] or pages
        return tuple(self._standing(artifact, pages) for artifact in artifacts)

    def _standing(self, artifact: Artifact, pages: Sequence[tuple[IndexFile, ...] | FileStatus]) -> FileStatus:
        told = [classified(artifact, page) for page in pages]
        standings = {each.state for each in told}
        if standings == {FileState.OURS, FileState.ABSENT}:
            return FileStatus(
                artifact.name, FileState.INCONCLUSIVE, "one of the index's pages lists it, the other does not yet"
            )
        for worst in (FileState.OTHER_BYTES, FileState.INCONCLUSIVE, FileState.REFUSED, FileState.ABSENT):
            if worst in standings:
                return next(each for each in told if each.state is worst)
        url = next(
            file.url
            for page in pages
            if not isinstance(page, FileStatus)
            for file in page
            if file.name == artifact.name
        )
        return self._served(artifact, url)

    def _served(self, artifact: Artifact, url: str) -> FileStatus:
        """Whether the bytes that are served are ours: read as far as ours go, and one byte more."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._session() as client, self._got(client, url.partition("#")[0], "*/*") as response:
                if response.status_code != 200:
                    return FileStatus(artifact.name, *classify_status(response.status_code, response.reason or ""))
                for chunk in _chunks(response):
                    digest.update(chunk)
                    size += len(chunk)
                    if size > artifact.size:
                        break
        except read_errors() as error:
            return FileStatus(artifact.name, FileState.INCONCLUSIVE, describe_error(error))
        if size < artifact.size:
            return FileStatus(artifact.name, FileState.INCONCLUSIVE, f"{size} of {artifact.size} bytes came")
        if digest.hexdigest() != artifact.sha256:
            return FileStatus(
                artifact.name, FileState.OTHER_BYTES, f"the bytes served have the sha256 {digest.hexdigest()}"
            )
        return FileStatus(artifact.name, FileState.OURS, f"sha256 {artifact.sha256}")

    def _listed(self, project: str, accept: str) -> tuple[IndexFile, ...] | FileStatus:
        """A page's files, or why there is none."""
        import pypi_simple

        accepted = {"json": pypi_simple.ACCEPT_JSON_PREFERRED, "html": pypi_simple.ACCEPT_HTML_ONLY}
        wanted = accepted.get(accept, pypi_simple.ACCEPT_ANY)
        try:
            with self._session() as client, self._got(client, f"{self.simple_url}{project}/", wanted) as response:
                if response.status_code == 404:
                    return ()
                if response.status_code != 200:
                    kind = _NoSuchForm if response.status_code == 406 else FileStatus
                    return kind(project, *classify_status(response.status_code, response.reason or ""))
                page = _parsed(project, b"".join(_limited(_chunks(response))), response)
        except read_errors() as error:
            return FileStatus(project, FileState.INCONCLUSIVE, describe_error(error))
        return tuple(IndexFile(p.filename, p.digests.get("sha256"), p.url, p.upload_time) for p in page.packages)

    def _session(self) -> AbstractContextManager[PyPISimple]:
        return index.open_session(self.simple_url)

    def _got(self, client: PyPISimple, url: str, accept: str) -> Response:
        return self.login.got(client.s, url, {"Accept": accept, **_FRESH}, self._silence)

    @property
    def _silence(self) -> float:
        """How long it may say nothing, in seconds."""
        return min(_SILENCE, self.deadline)

    @property
    def _shown(self) -> str:
        """The index's address, without what may be in it."""
        return strip_userinfo(self.simple_url)

    def _within(self, question: Callable[[], _T]) -> _T:
        return index.within_deadline(self.deadline, self.simple_url, question)


class _NoSuchForm(FileStatus):
    """The index has no page of the kind that was asked for, which says nothing of its files."""


def classified(artifact: Artifact, page: tuple[IndexFile, ...] | FileStatus) -> FileStatus:
    """How an artifact stands on a page, or in place of one."""
    if isinstance(page, FileStatus):
        return FileStatus(artifact.name, page.state, page.why)
    found = [file for file in page if file.name == artifact.name]
    if not found:
        return FileStatus(artifact.name, FileState.ABSENT, "it is not listed")
    for file in found:
        if file.sha256 not in (None, artifact.sha256):
            return FileStatus(artifact.name, FileState.OTHER_BYTES, f"it is listed with the sha256 {file.sha256}")
    return FileStatus(artifact.name, FileState.OURS, "it is listed")  # where no hash is told, the bytes served decide


def _limited(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > _PAGE:
            raise ResponseTooLarge(f"a page of more than {_PAGE} bytes")
        yield chunk


def _chunks(response: Response) -> Iterator[bytes]:
    return response.iter_content(_CHUNK)


def _parsed(project: str, body: bytes, response: Response) -> pypi_simple.ProjectPage:
    import json

    import pypi_simple

    content_type = response.headers.get("Content-Type", "")
    if "json" in content_type.partition(";")[0]:
        return pypi_simple.ProjectPage.from_json_data(json.loads(body), response.url)
    if "html" not in content_type:
        raise ValueError(f"a page of the type {content_type!r}, which is no simple index's")
    return pypi_simple.ProjectPage.from_html(project, body, response.url)


_SILENCE_STATUS = 15.0

_GIVEN_UP = ("archived", "deprecated", "quarantined")

_INACTIVE = "Classifier: Development Status :: 7 - Inactive"


def project_status(simple_url: str, project: str) -> str:
    """Why nobody should depend on a project, by the index; empty where it says nothing of the kind.

    Raises CannotTell where the index does not answer, or does not know the project.
    """
    try:
        import pypi_simple
    except ImportError:
        raise Inconclusive("pypi-simple is not installed, which asks an index", install_hint("release")) from None
    try:
        return index.within_deadline(index.DEADLINE, simple_url, lambda: _status(simple_url, project))
    except pypi_simple.NoSuchProjectError:
        raise Inconclusive("the index does not know it") from None
    except read_errors() as error:
        raise Inconclusive(f"{strip_userinfo(simple_url)} does not answer: {describe_error(error)}") from None


def _status(simple_url: str, project: str) -> str:
    with index.open_session(simple_url) as client:
        page = client.get_project_page(project, timeout=_SILENCE_STATUS)
        stated = str(page.status or "").lower()
        if stated in _GIVEN_UP:
            return f"the index calls it {stated}" + (f": {page.status_reason}" if page.status_reason else "")
        return "its makers call it inactive" if _inactive(client, page) else ""


def _inactive(client: PyPISimple, page: ProjectPage) -> bool:
    """By the metadata of the newest file that has them beside it (PEP 658).

    Where they are said to be there and are not, the index says nothing of the kind. They need not have a hash.
    """
    import pypi_simple

    files = [file for file in page.packages if file.has_metadata and not file.is_yanked]
    try:
        return bool(files) and _INACTIVE in client.get_package_metadata(
            files[-1], verify=False, timeout=_SILENCE_STATUS
        )
    except pypi_simple.NoMetadataError:
        return False
