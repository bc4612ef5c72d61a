"""How an index is read that wants to know who reads: the credentials for uploads, where it is the very same server.

They are asked for, and sent, only after the index has not answered without them; never to another host, never over
another protocol, and never to PyPI, which everybody may read.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from requests import Response, Session

_UNANSWERED = (401, 403, 404)  # some say 404 of what is not everybody's business
_DENIED = (401, 403)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Login:
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


NOBODY = Login()
"""For an index that everybody may read."""


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
