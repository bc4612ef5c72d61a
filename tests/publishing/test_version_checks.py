"""Whether the version can follow those that an index has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import pytest

from omni_release.core import engine
from omni_release.core.model import Outcome, Release, Target
from omni_release.core.tasks import Lane, check
from omni_release.core.world import Index, IndexFile, World
from omni_release.publishing.version_checks import version_follows_index
from tests.repositories import TODAY


@dataclass(frozen=True)
class Listing:
    """An index that lists an sdist of each of these versions."""

    versions: tuple[str, ...]
    target: Target = Target("ours", "https://ours.invalid/")  # noqa: RUF009 - immutable

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """Their names."""
        names = (f"{project}-{version}.tar.gz" for version in self.versions)
        return tuple(IndexFile(name, None, "") for name in (*names, "not-a-distribution.exe"))


CASES = [
    ("1.2.0", (), ""),
    ("1.2.0", ("1.1.0", "1.1.9"), ""),
    ("1.2.0", ("1.1.0", "2.0.0rc1"), ""),
    ("1.2.0", ("1.2", "2.0.0"), ""),
    ("0.5.0", ("1.0.5", "1.0.6"), "error: ours: 0.5.0 is lower than 1.0.6, the newest version, and begins"),
    ("0.1.dev1", ("1.2.0", "1.3.0"), "error: ours: 0.1.dev1 is lower than 1.3.0"),
    ("1.4.9", ("1.4.8", "1.4.10"), "error: ours: 1.4.9 is lower than 1.4.10 of the same series"),
    ("1.5.0rc1", ("1.4.8", "1.5.0"), "error: ours: 1.5.0rc1 is lower than 1.5.0 of the same series"),
    ("1.4.9", ("1.4.8", "2.0.0"), "warning: ours: 1.4.9 is a release of an older series; the newest version is 2.0.0"),
    ("1.5.0", ("1.4.8", "2.0.0"), "warning: ours: 1.5.0 is a release of an older series"),
    ("1!1.0", ("2026.1",), ""),
]


@pytest.mark.parametrize(("version", "listed", "expected"), CASES)
def test_version(version: str, listed: tuple[str, ...], expected: str, release: Release, world: World) -> None:
    """What goes back stops; a maintenance release is advised of; one that has begun is finished."""
    named = replace(release, version=version)
    seen = replace(world, index=cast(Index, Listing(listed)))
    outcome: Outcome
    (outcome,) = engine.run(Lane("one", (check(version_follows_index),)), named, seen, today=TODAY)
    said = " | ".join(f"{finding.severity}: {finding.message}" for finding in outcome.findings)
    assert said.startswith(expected) and bool(said) == bool(expected)
    assert (outcome.status.value == "failed") == expected.startswith("error")
