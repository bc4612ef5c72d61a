"""Secrets: looked up by name at the moment a program starts, and kept out of everything that is written."""

from __future__ import annotations

import contextlib
import json
import os
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from omni_release.core import redaction

_SECRET = re.compile(r"(?:API_?KEY|TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIALS?|INDEX_AUTH)(?:_|$)")
# What says where an index or a proxy is may have a password in it.
_ADDRESS = re.compile(r"(?:TWINE|UV|PIP|HATCH|PDM|POETRY|FLIT)_|.*_PROXY$", re.IGNORECASE)
_STATED = re.compile(r"^[ \t]*password[ \t]*[=:][ \t]*(\S.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_IN_NETRC = re.compile(r"\bpassword\s+(\S+)")
_TOKEN = 16
_LARGEST = 1_000_000


class Secrets:
    """Knows how to look up each secret, and remembers each value that it gave away, to redact it."""

    def __init__(self) -> None:
        self._sources: dict[str, Callable[[], str]] = {}
        self._given: set[str] = set()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Secrets:
        """With what the environment holds of them: see `know`."""
        known = cls()
        known.know(environment)
        return known

    def offer(self, sources: Mapping[str, Callable[[], str]]) -> None:
        """Add secrets: a name, and how its value is found."""
        self._sources.update(sources)

    def resolve(self, name: str) -> str:
        """A secret's value."""
        value = self._sources[name]()
        if value:
            self._given |= set(_as_written(value))
            self._remember(_in_addresses(value))
        return value

    def know(self, environment: Mapping[str, str]) -> None:
        """Remember what is secret in variables: in those whose names say so, and in the addresses of indexes."""
        self._remember(value for name, value in environment.items() if _SECRET.search(name))
        for name, value in environment.items():
            if _ADDRESS.match(name):
                self._remember(_in_addresses(value))

    def know_of_files(self, environment: Mapping[str, str]) -> None:
        """Remember the passwords of this user's other indexes: a program that reads them may print them."""
        for path, pattern in _files(environment):
            with contextlib.suppress(OSError):
                if path.is_file() and path.stat().st_size <= _LARGEST:
                    text = path.read_text(encoding="utf-8-sig", errors="replace")
                    self._remember(found[1].strip("\"'") for found in pattern.finditer(text))
                    self._remember(_in_addresses(text))

    def _remember(self, values: Iterator[str]) -> None:
        # A short word that is in use nowhere here is left: it would be found in everything.
        for value in filter(redaction.is_distinctive, values):
            self._given |= set(_as_written(value))

    @property
    def given(self) -> frozenset[str]:
        """All values that are to be kept out."""
        return frozenset(self._given)

    def redact(self, text: str) -> str:
        """The text without any value that was given away, and without what stands before the host in an address."""
        return redaction.strip_userinfo(re.sub(redaction.secret_pattern(self._given), "[redacted]", text))


def _as_written(value: str) -> Iterator[str]:
    """A value as it stands, and as programs write it into an address, JSON, XML or a literal of Python's."""
    yield value
    yield urllib.parse.quote(os.fsencode(value), safe="")
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    element = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield element
    yield element.replace('"', "&quot;").replace("\n", "&#10;")


def _in_addresses(text: str) -> Iterator[str]:
    """The passwords in the addresses of a text, as they stand there and as they are meant."""
    for found in redaction.userinfo_in(text):
        _, colon, password = found.partition(":")
        if colon or len(found) >= _TOKEN:
            secret = password if colon else found
            # It may have an unquoted `@` in it; or another one may follow later in the address.
            for value in (secret, secret.partition("@")[0]):
                yield value
                yield urllib.parse.unquote(value)


def _files(environment: Mapping[str, str]) -> Iterator[tuple[Path, re.Pattern[str]]]:
    """The files in which the passwords of indexes stand, and how one looks in there."""
    from omni_release import programs
    from omni_release.environments.installer_config import pip_files, uv_files

    home = programs.user_home(environment)
    yield home / ".pypirc", _STATED
    named = environment.get("NETRC")
    for path in (Path(named),) if named else (home / ".netrc", home / "_netrc"):
        yield path, _IN_NETRC
    for path in (*pip_files(environment), *uv_files(environment)):
        yield path, _STATED
