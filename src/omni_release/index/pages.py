"""Read the pages of a package index: the files of a project, and its status (PEP 503, PEP 691, PEP 792)."""

from __future__ import annotations

import json
import urllib.parse
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple

from omni_release import index
from omni_release.core.world import ACTIVE, IndexFile, ProjectStatus
from omni_release.index import ResponseTooLarge

if TYPE_CHECKING:
    from pypi_simple import ProjectPage
    from requests import Response

_LARGEST = 32 * 1024 * 1024
_CHUNK = 64 * 1024


def read_body(response: Response, most: int) -> bytes:
    """The body of a response. Raises ResponseTooLarge."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > most:
            raise ResponseTooLarge(f"a page of more than {most} bytes")
    return bytes(body)


class Page(NamedTuple):
    """A project's page, as the library reads it, and what it states of the project."""

    parsed: ProjectPage
    status: ProjectStatus

    @property
    def files(self) -> tuple[IndexFile, ...]:
        """The files that it lists."""
        return tuple(
            IndexFile(
                file.filename,
                file.digests.get("sha256"),
                file.url,
                index.in_utc(file.upload_time) if file.upload_time else None,
                (file.yanked_reason or "") if file.is_yanked else None,
                file.requires_python or "",
                file.provenance_url or "",
            )
            for file in self.parsed.packages
        )


_STATUS = "pypi:project-status"


class _MetaElements(HTMLParser):
    """Collects the `meta` elements of a page, the first of each name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    @classmethod
    def of(cls, text: str) -> dict[str, str]:
        """The content of each, by its name."""
        parser = cls()
        parser.feed(text)
        return parser.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "meta" and (name := given.get("name")):
            self.found.setdefault(name, given.get("content") or "")


def parse(project: str, response: Response) -> Page:
    """The page of a project. Raises ResponseTooLarge, and ValueError for another content type.

    The library refuses a whole page for a status that it does not know, or one incomplete address of a provenance: the
    status is read, and the address completed, before.
    """
    import pypi_simple

    body = read_body(response, _LARGEST)
    content_type = response.headers.get("Content-Type", "")
    if "json" in content_type.partition(";")[0]:
        try:
            document = json.loads(body)
            stated = document.pop("project-status", None) if isinstance(document, dict) else None
            _complete_addresses(document, response.url)
            page = pypi_simple.ProjectPage.from_json_data(document, response.url)
        except RecursionError:
            raise ValueError("a page of JSON that is nested too deeply") from None
        known = stated if isinstance(stated, dict) else {"status": stated}
        return Page(page, _status(known.get("status"), known.get("reason")))
    if "html" in content_type:
        known = _MetaElements.of(body.decode("utf-8", "replace"))
        body = body.replace(_STATUS.encode(), b"not-for-the-library")
        page = pypi_simple.ProjectPage.from_html(project, body, response.url)
        return Page(page, _status(known.get(_STATUS), known.get(f"{_STATUS}-reason")))
    raise ValueError(f"{content_type!r} is not the content type of a simple index")


def _complete_addresses(document: object, page: str) -> None:
    """Complete the addresses of provenance (PEP 740) on a page; what is no text is left out."""
    files = document.get("files") if isinstance(document, dict) else None
    for file in files if isinstance(files, list) else ():
        if isinstance(file, dict) and (address := file.pop("provenance", None)) and isinstance(address, str):
            file["provenance"] = urllib.parse.urljoin(page, address)


def _status(stated: object, reason: object) -> ProjectStatus:
    """The status that a page states: `active` where it states none."""
    if not stated:
        return ACTIVE
    return ProjectStatus(" ".join(str(stated).split()).lower(), " ".join(str(reason or "").split()))
