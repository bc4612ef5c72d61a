"""The upload window of a partly uploaded release."""

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
class IndexWithFile:
    """An index that has one file of the version."""

    target: Target
    uploaded: datetime.datetime | None

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """The file."""
        return (IndexFile("acme-1.0.tar.gz", None, "", self.uploaded),)


def on(world: World, target: Target, uploaded: datetime.datetime | None = None) -> World:
    """The world with that index."""
    return replace(world, index=IndexWithFile(target, uploaded))  # type: ignore[arg-type]  # it has what the check uses


def test_unknown_age_on_pypi(release: Release, world: World) -> None:
    """Without an upload time, the check is inconclusive on PyPI."""
    with pytest.raises(Inconclusive, match=r"does not report upload times for 1\.0"):
        list(upload_window(release, on(world, PYPI)))


def test_unknown_age_on_another_index(release: Release, world: World) -> None:
    """Another index may have no such limit: it is a warning."""
    (finding,) = upload_window(release, on(world, Target("ours", "https://ours.invalid/")))
    assert (finding.rule, finding.severity) == ("upload-window-closed", Severity.WARNING)


@pytest.mark.parametrize(("days", "found"), [(1, []), (15, [Severity.ERROR])])
def test_age(days: int, found: list[Severity], release: Release, world: World) -> None:
    """PyPI accepts files for 14 days."""
    partial = on(world, PYPI, world.clock.now() - datetime.timedelta(days=days))
    assert [finding.severity for finding in upload_window(release, partial)] == found
