"""What an index says of a project itself: its status (PEP 792), and the classifier of its newest distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omni_release.core.errors import CannotTell, to_install
from omni_release.core.redaction import left_out
from omni_release.index import session
from omni_release.index.responses import said, troubles

if TYPE_CHECKING:
    from pypi_simple import ProjectPage, PyPISimple

_SILENCE = 15.0
_GIVEN_UP = ("archived", "deprecated", "quarantined")
_INACTIVE = "Classifier: Development Status :: 7 - Inactive"


def status(simple_url: str, project: str) -> str:
    """Why nobody should depend on a project, by the index; empty where it says nothing of the kind.

    Raises CannotTell where the index does not answer, or does not know the project.
    """
    try:
        import pypi_simple
    except ImportError:
        raise CannotTell("pypi-simple is not installed, which asks an index", to_install("release")) from None
    try:
        return session.within(session.DEADLINE, simple_url, lambda: _status(simple_url, project))
    except pypi_simple.NoSuchProjectError:
        raise CannotTell("the index does not know it") from None
    except troubles() as error:
        raise CannotTell(f"{left_out(simple_url)} does not answer: {said(error)}") from None


def _status(simple_url: str, project: str) -> str:
    with session.opened(simple_url) as client:
        page = client.get_project_page(project, timeout=_SILENCE)
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
        return bool(files) and _INACTIVE in client.get_package_metadata(files[-1], verify=False, timeout=_SILENCE)
    except pypi_simple.NoMetadataError:
        return False
