"""Package indexes: sessions with a time limit, logins for private ones, and what HTTP statuses and errors mean."""

from __future__ import annotations

import contextlib
import datetime
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
    from requests import Response, Session

_Answer = TypeVar("_Answer")

PYPI_SIMPLE = "https://pypi.org/simple/"
"""PyPI's simple API, which pip and uv use where nothing else is configured."""

DEADLINE = 30.0
"""Seconds that one question to an index may take, whatever the index does meanwhile."""


def in_utc(time: datetime.datetime) -> datetime.datetime:
    """The time in UTC, which one without a zone is taken to be in (PEP 700 requires UTC)."""
    return time.replace(tzinfo=time.tzinfo or datetime.UTC).astimezone(datetime.UTC)


@contextlib.contextmanager
def open_session(url: str) -> Iterator[PyPISimple]:
    """A session with the index at `url`; for one on this machine without proxies and .netrc."""
    import pypi_simple

    with pypi_simple.PyPISimple(url) as client:
        if is_loopback(urllib.parse.urlsplit(url).hostname):
            client.s.trust_env = False
        yield client


def within_deadline(deadline: float, url: str, question: Callable[[], _Answer]) -> _Answer:
    """The answer to a question. Raises Inconclusive after `deadline` seconds, and leaves its thread behind.

    A request's own timeout does not suffice: it starts again with each byte, and excludes the resolution of names.
    """
    answers: list[_Answer] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(question())
        except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
            errors.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(deadline)
    if errors:
        raise errors[0]
    if not answers:
        raise Inconclusive(f"{strip_userinfo(url)} did not answer within {deadline:g} s", "Check that the index is up.")
    return answers[0]


_TEMPORARY = re.compile(r"temporar|read-only|try again|rate limit|too many|timed? ?out", re.IGNORECASE)


def classify_status(status: int, reason: str) -> tuple[FileState, str]:
    """The state that an HTTP status other than success stands for, and its text; of a page and an upload.

    Some 403 are temporary, as their message says. A file that already exists may be ours: only its listing shows that.
    """
    text = f"{status} {reason}".strip()
    if status in (404, 410):
        return FileState.ABSENT, text
    if 400 <= status < 500 and status not in (408, 409, 425, 429):
        unclear = _TEMPORARY.search(reason) or "already exist" in reason
        return (FileState.INCONCLUSIVE if unclear else FileState.REFUSED), text
    return FileState.INCONCLUSIVE, text


class ResponseTooLarge(Exception):
    """A response that exceeds the limit for a page."""


def read_errors() -> tuple[type[Exception], ...]:
    """The exceptions of a request to an index that is down, breaks off, or sends an invalid page."""
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


_MOST_NESTED = 10


def describe_error(error: Exception) -> str:
    """An exception in one line: its own type, and the message of the innermost exception that it wraps."""
    innermost: BaseException = error
    for _ in range(_MOST_NESTED):
        wrapped = (getattr(innermost, "reason", None), *innermost.args, innermost.__cause__)
        inner = next((candidate for candidate in wrapped if isinstance(candidate, BaseException)), None)
        if inner is None or not str(inner):
            break
        innermost = inner
    return f"{type(error).__name__}: {strip_userinfo(' '.join(str(innermost).split()))}"[:300]


_LOGIN_REQUIRED = (401, 403, 404)  # some indexes hide private projects behind a 404
_LOGIN_REJECTED = (401, 403)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class IndexLogin:
    """The credentials for reading an index: those for uploads, which go only to the server of the URL `upload`.

    `credentials` returns the user name and the password, or None.
    """

    upload: str = ""
    credentials: Callable[[], tuple[str, str] | None] = lambda: None

    def get(self, session: Session, url: str, headers: Mapping[str, str], timeout: float) -> Response:
        """The response to a GET, with its body unread; repeated with the credentials where it fails without."""
        plain = session.get(url, headers=headers, timeout=timeout, stream=True)
        if plain.status_code not in _LOGIN_REQUIRED or not self.applies_to(url):
            return plain
        if (credentials := self.credentials()) is None:
            return plain
        logged_in = session.get(url, headers=headers, timeout=timeout, stream=True, auth=credentials)
        # Wrong credentials, or credentials only for uploads, say nothing about the files.
        rejected = plain.status_code == 404 and logged_in.status_code in _LOGIN_REJECTED
        (logged_in if rejected else plain).close()
        return plain if rejected else logged_in

    def applies_to(self, url: str) -> bool:
        """Whether a URL is on the server that files are uploaded to: the same scheme, host and port."""
        return bool(self.upload) and same_server(url, self.upload)

    def add_to(self, url: str) -> str:
        """The URL with the user name and the password in it: a secret, for the environment of a program."""
        user, password = self.credentials() or ("", "")
        parts = urllib.parse.urlsplit(url)
        userinfo = ":".join(urllib.parse.quote(part, safe="") for part in (user, password))
        return urllib.parse.urlunsplit(parts._replace(netloc=f"{userinfo}@{parts.netloc.rpartition('@')[2]}"))


ANONYMOUS = IndexLogin()
"""For a public index."""


def same_server(url: str, other: str) -> bool:
    """Whether two URLs have the same scheme, host and port."""
    return _origin(url) == _origin(other)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine."""
    host = (host or "").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
