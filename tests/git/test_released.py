"""A release of the past: the tag on the commit, and what the index has."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.git import released
from tests.conftest import git

NOW = datetime.datetime(2026, 6, 30, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Index:
    """A default index with these versions; None where it does not answer."""

    versions: tuple[str, ...] | None

    def has_version(self, project: str, version: str) -> bool:
        if self.versions is None:
            raise Inconclusive("no answer", "")
        return version in self.versions


def tagged_repository(root: Path, tag: str, day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository with a commit and an annotated tag of that day."""
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{day}T12:00:00+00:00")
    git("init", "--quiet", cwd=root)
    git("commit", "--quiet", "--allow-empty", "--message=released", cwd=root)
    git("tag", "--annotate", "--message=released", tag, cwd=root)


@pytest.mark.parametrize(
    ("stated", "tag", "day", "versions", "found"),
    [
        ("1.0", "v1.0", "2026-06-01", ("1.0",), "v1.0"),
        (None, "v1.0", "2026-06-01", ("1.0",), "v1.0"),  # only the build determines the version
        (None, "other", "2026-06-01", ("1.0",), None),
        ("1.0", "acme-1.0", "2026-06-01", ("1.0",), "acme-1.0"),
        ("1.0", "v1.0", "2026-06-29", ("1.0",), None),  # the release has just begun
        ("1.0", "v1.0", "2026-06-01", ("0.9",), None),  # it can still be released
        ("1.0", "v1.0", "2026-06-01", None, None),
        ("1.0", "v0.9", "2026-06-01", ("0.9", "1.0"), None),  # another version's tag
        ("1.0", "other-1.0", "2026-06-01", ("1.0",), None),
    ],
)
def test_released(
    stated: str | None,
    tag: str,
    day: str,
    versions: tuple[str, ...] | None,
    found: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only a version that the index has, whose tag on this commit is days old, is judged by that day."""
    tagged_repository(tmp_path, tag, day, monkeypatch)
    settings = SimpleNamespace(git=SimpleNamespace(tag=""))
    project = SimpleNamespace(root=tmp_path, name="acme", settings=settings)
    release = cast("Release", SimpleNamespace(project=project, version=stated))
    clock, journal = SimpleNamespace(now=lambda: NOW), SimpleNamespace(artifacts=tuple)
    world = cast("World", SimpleNamespace(clock=clock, journal=journal, default_index=Index(versions)))
    tag_found = released.released_tag(release, world)
    assert (tag_found and tag_found.name) == found
