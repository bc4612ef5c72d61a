"""Secrets: looked up by name when a program starts, and redacted from everything that is written."""

from __future__ import annotations

import contextlib
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from omni_release.core import redaction
from omni_release.core.secret_variables import is_named_like_secret

# Variables for the address of an index or a proxy, which may contain a password.
_ADDRESS = re.compile(r"(?:TWINE|UV|PIP|HATCH|PDM|POETRY|FLIT)_|.*_PROXY$", re.IGNORECASE)
_IN_INI_FILE = re.compile(r"^[ \t]*password[ \t]*[=:][ \t]*(\S.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_IN_NETRC = re.compile(r"\bpassword\s+(\S+)")
_TOKEN_LENGTH = 16  # a user name this long may be a token
_LARGEST_FILE = 1_000_000


class Secrets:
    """Looks up secrets by name, and redacts all values that it has returned or found."""

    def __init__(self) -> None:
        self._sources: dict[str, Callable[[], str]] = {}
        self._values: set[str] = set()
        self._compiled = 0, re.compile(redaction.secret_pattern(()))

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Secrets:
        """With the secrets of the environment: see `know`."""
        secrets = cls()
        secrets.know(environment)
        return secrets

    def offer(self, sources: Mapping[str, Callable[[], str]]) -> None:
        """Add secrets by name, each with the function that returns its value."""
        self._sources.update(sources)

    def resolve(self, name: str) -> str:
        """The value of a secret."""
        value = self._sources[name]()
        if value:
            self._values |= set(redaction.encodings(value))
            self.know_addresses(value)
        return value

    def know(self, environment: Mapping[str, str]) -> None:
        """Remember the secrets in variables: those with a name like a secret, and passwords in the URLs of indexes."""
        self._remember(value for name, value in environment.items() if is_named_like_secret(name))
        for name, value in environment.items():
            if _ADDRESS.match(name):
                self.know_addresses(value)

    def know_addresses(self, text: str) -> None:
        """Remember the secrets in the URLs of a text: passwords, and tokens in a path or a query."""
        self._remember(_passwords_in_urls(text))
        self._remember(_tokens_in_urls(text))

    def know_of_files(self, environment: Mapping[str, str]) -> None:
        """Remember the passwords in this user's configuration files: a program that reads them may print them."""
        for path, pattern in _configuration_files(environment):
            with contextlib.suppress(OSError):
                if path.is_file() and path.stat().st_size <= _LARGEST_FILE:
                    text = path.read_text(encoding="utf-8-sig", errors="replace")
                    self._remember(match[1].strip("\"'") for match in pattern.finditer(text))
                    self.know_addresses(text)

    def _remember(self, values: Iterator[str]) -> None:
        # A short word would be found in all texts, and is redacted only if a program receives it.
        for value in filter(redaction.is_distinctive, values):
            self._values |= set(redaction.encodings(value))

    @property
    def given(self) -> frozenset[str]:
        """All values to redact."""
        return frozenset(self._values)

    def redact(self, text: str) -> str:
        """The text without all known values, the credentials in URLs and headers, and keys of known shapes."""
        values, (count, pattern) = self.given, self._compiled
        if count != len(values):  # they only become more
            pattern = re.compile(redaction.secret_pattern(values))
            self._compiled = len(values), pattern

        def redact(text: str) -> str:
            return redaction.strip_unknown(redaction.strip_cut(pattern.sub("[redacted]", text), values))

        return redaction.redact_under_styles(text, redact)


def _passwords_in_urls(text: str) -> Iterator[str]:
    """The passwords in the URLs of a text, quoted and unquoted."""
    for userinfo in redaction.userinfo_in(text):
        _, colon, password = userinfo.partition(":")
        if colon or len(userinfo) >= _TOKEN_LENGTH:
            secret = password if colon else userinfo
            # The password may contain an unquoted `@`, or one may follow later in the URL.
            for value in (secret, secret.partition("@")[0]):
                yield value
                yield urllib.parse.unquote(value)


_URL = re.compile(r"https?://[^\s'\"<>]+")
_PART = re.compile(r"[^/?&=#;]+")
_TOKEN = re.compile(r"(?=[\w.~-]*[0-9])(?=[\w.~-]*[A-Za-z])[\w.~-]*[A-Za-z0-9]{16}[\w.~-]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _tokens_in_urls(text: str) -> Iterator[str]:
    """The parts of the path and the query of URLs that look like tokens: no words, but letters and digits in a row."""
    for match in _URL.finditer(text):
        _, _, rest = match[0].partition("://")
        for part in _PART.findall(rest.partition("/")[2]):
            if _TOKEN.fullmatch(part) or _UUID.fullmatch(part):
                yield part


def _configuration_files(environment: Mapping[str, str]) -> Iterator[tuple[Path, re.Pattern[str]]]:
    """The files that may contain passwords of indexes, each with the pattern of a password."""
    from omni_release import programs
    from omni_release.environments.installer_config import pip_files, uv_files

    home = programs.user_home(environment)
    yield home / ".pypirc", _IN_INI_FILE
    named = environment.get("NETRC")
    for path in (Path(named),) if named else (home / ".netrc", home / "_netrc"):
        yield path, _IN_NETRC
    for path in (*pip_files(environment), *uv_files(environment)):
        yield path, _IN_INI_FILE
