"""Where a version stands, and whether all places agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omni_release.model import Project
from omni_release.project import table


@dataclass(frozen=True)
class Place:
    """A place where the project's version stands. `line` and `column` (from 1, in characters) are the value's.

    `role` is `source` (what the build reads) or `mirror` (must agree with it).
    """

    path: str
    line: int
    column: int
    value: str
    role: str


_ASSIGNED = re.compile(r"""^__version__(?:\s*:\s*[\w.]+)?\s*=\s*(["'])(?P<value>[^"'\n]+)\1""", re.MULTILINE)
_PYPROJECT = re.compile(r"""^\s*version\s*=\s*(["'])(?P<value>[^"'\n]+)\1""", re.MULTILINE)


def find(project: Project) -> tuple[Place, ...]:
    """All places, the source first."""
    stated = table(project.metadata, "project").get("version")
    places = [*_pyproject(project.root, stated)] if isinstance(stated, str) else []
    for package in project.packages:
        file = package if package.suffix == ".py" else package / "__init__.py"
        if (project.root / file).is_file():
            places.extend(_python(project.root, file, "mirror" if places else "source"))
    return tuple(places)


def drift(places: tuple[Place, ...]) -> tuple[Place, ...]:
    """The places whose version is another than the source's; another spelling (PEP 440) is not drift."""
    source = next((place for place in places if place.role == "source"), None)
    return tuple(place for place in places if source and _normal(place.value) != _normal(source.value))


def version_of(places: tuple[Place, ...]) -> str | None:
    """The source's version, normalised; None where no place states it."""
    return next((_normal(place.value) for place in places if place.role == "source"), None)


def _normal(value: str) -> str:
    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(value))
    except InvalidVersion:
        return value


def _pyproject(root: Path, stated: str) -> Iterator[Place]:
    text = (root / "pyproject.toml").read_text(encoding="utf-8-sig")
    section = re.search(r"^\[project\][^\S\n]*(?:#.*)?$", text, re.MULTILINE)
    begin = section.end() if section else 0
    match = next((m for m in _PYPROJECT.finditer(text, begin) if m["value"] == stated), None)
    yield _place("pyproject.toml", text, match, "source") if match else Place("pyproject.toml", 1, 1, stated, "source")


def _python(root: Path, file: Path, role: str) -> Iterator[Place]:
    text = (root / file).read_text(encoding="utf-8-sig", errors="replace")
    if match := _ASSIGNED.search(text):
        yield _place(file.as_posix(), text, match, role)


def _place(path: str, text: str, match: re.Match[str], role: str) -> Place:
    at = match.start("value")
    line = text.count("\n", 0, at) + 1
    return Place(path, line, at - text.rfind("\n", 0, at), match["value"], role)
