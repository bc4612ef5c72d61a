"""A package index that is only read, by its simple API."""

from __future__ import annotations

from omni_release.errors import CannotTell
from omni_release.seams import IndexFile

_TIMEOUT = 15.0


class SimpleIndex:
    """What an index has; nothing is uploaded here. See `seams.Index.files`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/"

    def files(self, project: str) -> tuple[IndexFile, ...]:
        try:
            import pypi_simple
            import requests
        except ImportError:
            raise CannotTell("asking an index needs omni-release[release]", "Install that.") from None
        with pypi_simple.PyPISimple(self._url) as client:
            try:
                page = client.get_project_page(project, timeout=_TIMEOUT)
            except pypi_simple.NoSuchProjectError:
                return ()
            except (requests.RequestException, ValueError) as error:
                raise CannotTell(f"{self._url} does not answer: {type(error).__name__}", "Is it up?") from None
        return tuple(IndexFile(p.filename, p.digests.get("sha256"), p.url) for p in page.packages)
