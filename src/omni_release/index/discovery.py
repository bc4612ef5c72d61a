"""Where the simple API of an index is of which only the address to upload to is known: the usual places are asked."""

from __future__ import annotations

import urllib.parse
from dataclasses import replace
from typing import TYPE_CHECKING

from omni_release.core.errors import CannotTell, UsageError
from omni_release.core.model import Target
from omni_release.index import session
from omni_release.index.auth import NOBODY, Login
from omni_release.index.responses import said, troubles

if TYPE_CHECKING:
    from requests import Response, Session

_TIMEOUT = 10.0
_MUCH = 256 * 1024
_NEEDS_AUTH = (401, 403)


def usual(upload: str) -> tuple[str, ...]:
    """Where the simple API of an index that takes uploads there may be, the likeliest first."""
    base = upload if upload.endswith("/") else f"{upload}/"
    found = (
        urllib.parse.urljoin(base, "simple/"),
        urllib.parse.urljoin(base, "../simple/"),
        urllib.parse.urljoin(base, "+simple/"),
        urllib.parse.urljoin(base, "../+simple/"),
        urllib.parse.urljoin(base, "/simple/"),
        urllib.parse.urljoin(base, "/"),
        base,
    )
    return tuple(dict.fromkeys(found))


def found(target: Target, project: str, login: Login = NOBODY) -> Target:
    """The target, with its simple API; asked by `login` where it wants that.

    Raises UsageError where it is at no usual place, CannotTell where nothing answers.
    """
    if target.simple:
        return target
    answered, why = False, ""
    with session.opened(target.upload) as client:
        for place in usual(target.upload):
            try:
                if _is_simple(client.s, place, project, login):
                    return replace(target, simple=place)
                answered = True
            except troubles() as error:
                why = said(error)
    named = f'Name it: `simple` in [tool.omni-release.index.NAME], beside `upload = "{target.upload}"`.'
    if not answered:
        raise CannotTell(f"{target.upload} does not answer: {why}", "Is the index up?")
    raise UsageError(f"the simple API of {target.upload} is at none of the usual places", named)


def _is_simple(http: Session, place: str, project: str, login: Login) -> bool:
    """Whether a simple API answers there: by its root, or by its page of the project."""
    named = place.rstrip("/").endswith("simple")
    for url in (place, f"{place}{project}/"):
        with login.got(http, url, {"Accept": _accept()}, _TIMEOUT) as answer:
            if named and answer.status_code in _NEEDS_AUTH:
                return True
            if answer.status_code == 200 and _reads_as_simple(answer, at_root=url == place, named=named):
                return True
    return False


def _reads_as_simple(answer: Response, *, at_root: bool, named: bool) -> bool:
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if kind.startswith("application/vnd.pypi.simple."):
        return True
    if "html" not in kind:
        return False
    text = next(answer.iter_content(_MUCH), b"").lower()
    if b"pypi:repository-version" in text:
        return True
    # A page of the project lists files; the root of an index is whatever its place says that it is.
    return named if at_root else any(end in text for end in (b".whl", b".tar.gz"))


def _accept() -> str:
    import pypi_simple

    return pypi_simple.ACCEPT_ANY
