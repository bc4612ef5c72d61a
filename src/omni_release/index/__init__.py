"""Package indexes: which one is meant, where it is read, by whom, and what it says that it has."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from omni_release.core.errors import Inconclusive
from omni_release.core.redaction import strip_userinfo
from omni_release.core.world import FileState

if TYPE_CHECKING:
    from pypi_simple import PyPISimple
if TYPE_CHECKING:
    from requests import Response, Session


_T = TypeVar("_T")


DEADLINE = 30.0
"""How long one question may take, in seconds, whatever the index does meanwhile."""


@contextlib.contextmanager
def open_session(url: str) -> Iterator[PyPISimple]:
    """A session with the index that is there."""
    import pypi_simple

    with pypi_simple.PyPISimple(url) as client:
        if is_loopback(urllib.parse.urlsplit(url).hostname):
            client.s.trust_env = False  # no proxy, and nothing of a .netrc
        yield client


def within_deadline(deadline: float, url: str, question: Callable[[], _T]) -> _T:
    """The answer, or CannotTell after the deadline: whatever hangs (a name, a header, a byte) is left behind."""
    answers: list[_T] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(question())
        except BaseException as error:  # noqa: BLE001 - raised again, in the thread that asked
            errors.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(deadline)
    if errors:
        raise errors[0]
    if not answers:
        raise Inconclusive(f"{strip_userinfo(url)} did not answer within {deadline:g} s", "Is the index up?")
    return answers[0]


_NESTED = 10

_PASSES = re.compile(r"temporar|read-only|try again|rate limit|too many|timed? ?out", re.IGNORECASE)


def classify_status(status: int, reason: str) -> tuple[FileState, str]:
    """What an HTTP answer other than success says, and why: of an index's page, and of an upload.

    Some 403 pass by themselves: the message tells. A file that exists already may well be ours: its listing tells.
    """
    said = f"{status} {reason}".strip()
    if status in (404, 410):
        return FileState.ABSENT, said
    if 400 <= status < 500 and status not in (408, 409, 425, 429):
        passes = _PASSES.search(reason) or "already exist" in reason
        return (FileState.INCONCLUSIVE if passes else FileState.REFUSED), said
    return FileState.INCONCLUSIVE, said


class ResponseTooLarge(Exception):
    """A page that has no end."""


def read_errors() -> tuple[type[Exception], ...]:
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
        ResponseTooLarge,
    )


def describe_error(error: Exception) -> str:
    """An exception in one line: of several that hold one another the first's kind, and the last's words."""
    innermost: BaseException = error
    for _ in range(_NESTED):
        held = (getattr(innermost, "reason", None), *innermost.args, innermost.__cause__)
        inner = next((one for one in held if isinstance(one, BaseException)), None)
        if inner is None or not str(inner):
            break
        innermost = inner
    return f"{type(error).__name__}: {strip_userinfo(' '.join(str(innermost).split()))}"[:300]


_UNANSWERED = (401, 403, 404)  # some say 404 of what is not everybody's business

_DENIED = (401, 403)

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class IndexLogin:
    """What an index may be read with. `upload` is where files are sent; the user and the password are for there."""

    upload: str = ""
    credentials: Callable[[], tuple[str, str] | None] = lambda: None

    def got(self, session: Session, url: str, headers: Mapping[str, str], timeout: float) -> Response:
        """The answer to a GET, unread. Where there is none without credentials, and one with them, that one."""
        plain = session.get(url, headers=headers, timeout=timeout, stream=True)
        if plain.status_code not in _UNANSWERED or not self.is_for(url) or (given := self.credentials()) is None:
            return plain
        known = session.get(url, headers=headers, timeout=timeout, stream=True, auth=given)
        # Credentials that are wrong, or for uploads alone, say nothing of what is there.
        worse = plain.status_code == 404 and known.status_code in _DENIED
        (known if worse else plain).close()
        return plain if worse else known

    def is_for(self, url: str) -> bool:
        """Whether an address is of the server that files are sent to."""
        return bool(self.upload) and _origin(url) == _origin(self.upload)

    def address(self, url: str) -> str:
        """The address with the user and the password in it: a secret, for a program's environment."""
        user, password = self.credentials() or ("", "")
        parts = urllib.parse.urlsplit(url)
        userinfo = ":".join(urllib.parse.quote(part, safe="") for part in (user, password))
        return urllib.parse.urlunsplit(parts._replace(netloc=f"{userinfo}@{parts.netloc.rpartition('@')[2]}"))


ANONYMOUS = IndexLogin()
"""For an index that everybody may read."""


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def is_loopback(host: str | None) -> bool:
    """Whether a host is this very machine."""
    if host is None or host == "localhost":
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
