"""Which breaks of the API are meant: by the settings, or by the changelog's section of the version."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from omni_release.api import ApiChange
from omni_release.core.settings import AcceptedBreak, Api
from omni_release.versions import prose
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member
from omni_release.versions.pep440 import equals
from omni_release.versions.place import Text

_BREAKING = re.compile(
    r"\bbreak(?:ing|s)?\b|\bbackwards?[- ]incompatib|\bincompatible\b|\bremov(?:ed|als?)\b", re.IGNORECASE
)
_NAME = re.compile(r"`+([A-Za-z_][\w.]*)(?:\([^`]*\))?`+")
_UNRELEASED = re.compile(r"\W*\[?unreleased\]?", re.IGNORECASE)
_SUBHEADING = re.compile(r"\s*#|\*\*[^*]+\*\*:?\s*$")


@dataclass(frozen=True)
class Acceptance:
    """Why a break is accepted, and where that is written."""

    reason: str
    setting: AcceptedBreak | None = None


def accepted(change: ApiChange, version: str, settings: Api, announced: Iterable[tuple[str, str]]) -> Acceptance | None:
    """Why a break is accepted in this version; None where it is not. `announced` are names and where they are."""
    for one in settings.accepted:
        if equals(one.version, version) and any(fnmatch.fnmatchcase(name, one.name) for name in _names(change.name)):
            return Acceptance(f"accepted in the settings: {one.reason}", one)
    for name, where in announced:
        if any(own == name or own.endswith(f".{name}") for own in _names(change.name)):
            return Acceptance(f"announced in {where}")
    return None


def _names(name: str) -> Iterator[str]:
    """The names of an object and of what it is in: a class that is accepted includes its methods."""
    parts = name.removesuffix(".__init__").split(".")
    yield name
    for count in range(len(parts), 1, -1):
        yield ".".join(parts[:count])


def announced(root: Path, version: str) -> tuple[tuple[str, str], ...]:
    """The names that the changelog calls breaking in the section of this version, or in Unreleased, and their places.

    A name is in backquotes, in a line that says so (`Breaking: …`, `Removed …`) or below such a heading.
    """
    checkout = Checkout(str(root))
    texts = prose.changelogs(Member(checkout, checkout.inside))
    return tuple(found for text in texts for found in _announced(text, version))


def _announced(text: Text, version: str) -> Iterator[tuple[str, str]]:
    lines = text.text.splitlines()
    starts = [
        text.text.count("\n", 0, match.start()) + 1
        for match in prose.version_headings(text)
        if equals(match[1], version)
    ] or [number for number, line in enumerate(lines, 1) if _UNRELEASED.match(line.lstrip("#* "))]
    for start in starts[:1]:
        breaking = False
        section = prose.section_below(text.text, start).splitlines()
        offset = next(
            (n for n in range(start, len(lines)) if section and lines[n].strip() == section[0].strip()), start
        )
        for number, line in enumerate(section, offset + 1):
            if _SUBHEADING.match(line):
                breaking = _BREAKING.search(line) is not None
            elif breaking or _BREAKING.search(line):
                yield from ((name, f"{text.path}:{number}") for name in _NAME.findall(line))
