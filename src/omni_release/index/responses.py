"""What it means that an index refuses, breaks off or talks nonsense: a status, an exception, and how each is told."""

from __future__ import annotations

import re

from omni_release.core.redaction import left_out
from omni_release.core.world import Standing

_NESTED = 10
_PASSES = re.compile(r"temporar|read-only|try again|rate limit|too many|timed? ?out", re.IGNORECASE)


def answered(status: int, reason: str) -> tuple[Standing, str]:
    """What an HTTP answer other than success says, and why: of an index's page, and of an upload.

    Some 403 pass by themselves: the message tells. A file that exists already may well be ours: its listing tells.
    """
    said = f"{status} {reason}".strip()
    if status in (404, 410):
        return Standing.ABSENT, said
    if 400 <= status < 500 and status not in (408, 409, 425, 429):
        passes = _PASSES.search(reason) or "already exist" in reason
        return (Standing.CANNOT_TELL if passes else Standing.REFUSED), said
    return Standing.CANNOT_TELL, said


class TooMuch(Exception):
    """A page that has no end."""


def troubles() -> tuple[type[Exception], ...]:
    """What can go wrong with an index that is not there, breaks off or talks nonsense."""
    import pypi_simple
    import requests
    import urllib3

    return (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        pypi_simple.UnexpectedRepoVersionWarning,
        pypi_simple.UnsupportedRepoVersionError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        TooMuch,
    )


def said(error: Exception) -> str:
    """An exception in one line: of several that hold one another the first's kind, and the last's words."""
    innermost: BaseException = error
    for _ in range(_NESTED):
        held = (getattr(innermost, "reason", None), *innermost.args, innermost.__cause__)
        inner = next((one for one in held if isinstance(one, BaseException)), None)
        if inner is None or not str(inner):
            break
        innermost = inner
    return f"{type(error).__name__}: {left_out(' '.join(str(innermost).split()))}"[:300]
