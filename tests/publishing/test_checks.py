"""The target index, asked before a release goes there."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace

import pytest

from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release, Severity, Target
from omni_release.core.world import IndexFile, World
from omni_release.index import targets
from omni_release.publishing.checks import upload_window

PYPI = targets.destination("pypi", {}, {}).target


@dataclass(frozen=True)
class Holding:
    """An index that has one file of the version."""

    target: Target
    uploaded: datetime.datetime | None

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """The file."""
        return (IndexFile("acme-1.0.tar.gz", None, "", self.uploaded),)


def on(world: World, target: Target, uploaded: datetime.datetime | None = None) -> World:
    """The world, with that index in it."""
    return replace(world, index=Holding(target, uploaded))  # type: ignore[arg-type]  # as much of one as is asked


def test_age_that_pypi_does_not_tell(release: Release, world: World) -> None:
    """Whether PyPI would take the rest of a release is not known while its age is not."""
    with pytest.raises(Inconclusive, match=r"does not tell when the files of 1\.0 came"):
        list(upload_window(release, on(world, PYPI)))


def test_age_that_another_index_does_not_tell(release: Release, world: World) -> None:
    """Another index may have no such rule: it is a warning, as an old release is there."""
    (finding,) = upload_window(release, on(world, Target("ours", "https://ours.invalid/")))
    assert (finding.rule, finding.severity) == ("release-too-old", Severity.WARNING)


@pytest.mark.parametrize(("days", "found"), [(1, []), (15, [Severity.ERROR])])
def test_age(days: int, found: list[Severity], release: Release, world: World) -> None:
    """Fourteen days are what PyPI gives."""
    there = on(world, PYPI, world.clock.now() - datetime.timedelta(days=days))
    assert [finding.severity for finding in upload_window(release, there)] == found
