"""Secrets: looked up by name at the moment a program starts, and kept out of everything that is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from omni_release.userinfo import left_out

_SECRET = re.compile(r"(?:API_?KEY|TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIALS?)(?:_|$)")
_SHORTEST = 8


class Secrets:
    """Knows how to look up each secret, and remembers each value that it gave away, to redact it."""

    def __init__(self) -> None:
        self._sources: dict[str, Callable[[], str]] = {}
        self._given: set[str] = set()

    def offer(self, sources: Mapping[str, Callable[[], str]]) -> None:
        """Add secrets: a name, and how its value is found."""
        self._sources.update(sources)

    def resolve(self, name: str) -> str:
        """A secret's value."""
        value = self._sources[name]()
        if value:
            self._given.add(value)
        return value

    def know(self, environment: Mapping[str, str]) -> None:
        """Remember the values of variables whose names say that they are secrets."""
        self._given.update(v for k, v in environment.items() if _SECRET.search(k) and len(v) >= _SHORTEST)

    @property
    def given(self) -> frozenset[str]:
        """All values that are to be kept out."""
        return frozenset(self._given)

    def redact(self, text: str) -> str:
        """The text without any value that was given away, and without what stands before the host in an address."""
        for value in sorted(self._given, key=len, reverse=True):  # one may be a part of another
            text = text.replace(value, "[redacted]")
        return left_out(text)
