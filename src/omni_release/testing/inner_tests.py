"""Tests inside an import package that the wheel leaves out, and that are imported as a part of it.

They run as a part of the installed package alone: next to it, `from .. import x` and `import acme.tests` lead nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.core.model import Project
from omni_release.file_roles import TEST_FOLDERS

_RELATIVE = re.compile(r"^[ \t]*from[ \t]+(\.{2,})", re.MULTILINE)


@dataclass(frozen=True)
class InnerTests:
    """A folder of tests in the checkout, its files, and its place below site-packages."""

    folder: PurePosixPath
    installed: PurePosixPath
    files: tuple[PurePosixPath, ...]


def inner_tests(project: Project, files: Iterable[PurePosixPath], shipped: frozenset[str]) -> tuple[InnerTests, ...]:
    """The folders of such tests. `files` are those of the checkout, `shipped` the names of the wheels' files."""
    found: dict[tuple[PurePosixPath, PurePosixPath], list[PurePosixPath]] = {}
    for file in files if shipped else ():
        for package in project.packages:
            path = PurePosixPath(package.path.as_posix())
            parts = file.relative_to(path).parts if file.is_relative_to(path) else ()
            depth = next((n for n, part in enumerate(parts[:-1]) if part in TEST_FOLDERS), None)
            if depth is not None:
                inside = PurePosixPath(*parts[: depth + 1])
                places = path / inside, PurePosixPath(*package.name.split(".")) / inside
                found.setdefault(places, []).append(file)
                break
    return tuple(
        InnerTests(folder, installed, tuple(file.relative_to(folder) for file in listed))
        for (folder, installed), listed in found.items()
        if not any(name.startswith(f"{installed}/") for name in shipped)
        and any(_is_part(project.root, folder, installed, file) for file in listed)
    )


def _is_part(root: Path, folder: PurePosixPath, installed: PurePosixPath, file: PurePosixPath) -> bool:
    """Whether a module of the tests imports relatively from above their folder, or from them by their full name."""
    if file.suffix != ".py":
        return False
    try:
        text = (root / file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    full_name = re.escape(".".join(installed.parts))
    above = any(len(dots) > len(file.relative_to(folder).parts) for dots in _RELATIVE.findall(text))
    return above or re.search(rf"(?m)^[ \t]*(?:from|import)[ \t]+{full_name}\b", text) is not None
