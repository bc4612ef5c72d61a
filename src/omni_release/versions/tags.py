"""Which tags are a project's, and which versions they are of: by their names alone."""

from __future__ import annotations

import re
from typing import NamedTuple

from omni_release.versions.member import canonical
from omni_release.versions.pep440 import Version, parse

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = re.compile(r"(?:v|ver|version|r|rel|release)?[-_/.]?v?", re.IGNORECASE)
_END = re.compile(r"[-_/@.=]*v?$", re.IGNORECASE)


class Tag(NamedTuple):
    """A tag of a version: its name, what stands in it before the version, and whether that names the project."""

    name: str
    prefix: str
    version: Version
    named: bool


def split(tag: str) -> tuple[str, str] | None:
    """What stands before the version in a tag's name, and the version; None where it has none."""
    parts = _parts(tag)
    return (parts[0], tag.removeprefix(parts[0])) if parts else None


def ours(tags: Iterable[str], project: str) -> list[Tag]:
    """Those that may be the project's: that name it, or name no project."""
    found = [Tag(tag, *parts, _names(parts[0], project)) for tag in tags if (parts := _parts(tag))]
    return [tag for tag in found if tag.named or _PLAIN.fullmatch(tag.prefix)]


def _names(prefix: str, project: str) -> bool:
    stem = _END.sub("", prefix)
    return canonical(project) in (canonical(stem), canonical(stem.rpartition("/")[2]))


def _parts(tag: str) -> tuple[str, Version] | None:
    for at, letter in enumerate(tag):
        if letter.isdigit() and (version := parse(tag[at:])):
            return tag[:at], version
    return None
