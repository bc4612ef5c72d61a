"""The upload window of a partly uploaded release, and the evidence of its rehearsal."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Any

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.core.documents import to_json
from omni_release.core.errors import Inconclusive
from omni_release.core.journal import RunFolder
from omni_release.core.model import Release, Severity, Target
from omni_release.core.world import IndexFile, World
from omni_release.index import targets
from omni_release.publishing.checks import rehearsal_passed, upload_window

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


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ([("tests-pass", "passed", "20261126-051149-000")], ["tests-pass: cached, from 20261126-051149-000, "]),
        ([("tests-pass", "passed", "20261126-051149-000"), ("tests-pass", "passed", "")], []),
        ([("tests-pass", "passed", "20261126-051149-000"), ("tests-pass", "skipped", "")], ["tests-pass: cached"]),
        ([("tests-pass", "passed", "")], []),
    ],
)
@pytest.mark.parametrize("evidence", ["cached", "fresh"])
def test_cached_evidence(
    release: Release, world: World, evidence: Any, events: list[tuple[str, str, str]], shown: list[str]
) -> None:
    """A release shows what its rehearsal has used of earlier runs; the settings can refuse it."""
    run = RunFolder(release.folder, LocalFiles())
    file = {"name": "acme-1.0.tar.gz", "size": 1, "sha256": "0" * 64}
    (release.folder / "artifacts.json").write_text(to_json({"tree": "", "commit": None, "artifacts": [file]}))
    at = (world.clock.now() - datetime.timedelta(minutes=2)).isoformat(timespec="seconds")
    for task, status, source in events:
        cached = {"cached": source, "cached_at": at} if source else {}
        run.record("outcome", task=task, status=status, target="rehearsal", **cached)
    run.record("ended", lane="rehearse", whole=True, verdict="passed")
    settings = replace(release.project.settings, evidence=evidence)
    release = replace(release, project=replace(release.project, settings=settings))
    found = [finding for finding in rehearsal_passed(release, world) if "cached, from" in finding.message]
    assert [finding.message[: len(start)] for finding, start in zip(found, shown, strict=True)] == shown
    severity = Severity.ERROR if evidence == "fresh" else Severity.NOTICE
    assert all(finding.severity is severity and "2 minutes ago" in finding.message for finding in found)
