"""Packages of the index that are rehearsed without settings, and what came of it.

`python -m tests.compatibility` rehearses them and writes `docs/compatibility.md`; `packages.toml` lists them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("packages.toml")
RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"


@dataclass(frozen=True)
class Package:
    """A release of the index: its sdist by sha256, and the build back end by its name in the list.

    `uses_ai` says that it calls an AI service, or is an SDK of one. `parts_of_tests`: the sdist has test files, but not
    what they import or read. `opinion` is what a reader thinks of its result.
    """

    name: str
    version: str
    sha256: str
    backend: str
    uses_ai: bool
    in_ci: bool
    parts_of_tests: bool
    opinion: str


def packages(path: Path = LIST) -> tuple[Package, ...]:
    """The packages of the list, in its order."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    opinions = document["opinions"]
    return tuple(
        Package(
            name,
            row["version"],
            row["sha256"],
            backend,
            uses_ai=name in document["uses-ai"],
            in_ci=name in document["in-ci"],
            parts_of_tests=name in document["parts-of-tests"],
            opinion=opinions.get(name, ""),
        )
        for backend, rows in document["packages"].items()
        for name, row in rows.items()
    )
