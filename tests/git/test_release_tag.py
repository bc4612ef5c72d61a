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
from omni_release.git import release_tag
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
    tag_found = release_tag.released_tag(*release_and_world(tmp_path, stated, versions))
    assert (tag_found and tag_found.name) == found


def test_tag_without_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A very old tag has no tagger: its commit has the time."""
    tagged_repository(tmp_path, "other", "2026-06-01", monkeypatch)
    commit = git("rev-parse", "HEAD", cwd=tmp_path).strip()
    (tmp_path / "tag").write_text(f"object {commit}\ntype commit\ntag v1.0\n\nreleased\n", encoding="ascii")
    tag = git("hash-object", "-t", "tag", "-w", "--literally", "tag", cwd=tmp_path).strip()
    git("update-ref", "refs/tags/v1.0", tag, cwd=tmp_path)
    found = release_tag.released_tag(*release_and_world(tmp_path, "1.0", ("1.0",)))
    assert found is not None
    assert (found.name, found.time.date()) == ("v1.0", datetime.date(2026, 6, 1))


def release_and_world(root: Path, stated: str | None, versions: tuple[str, ...] | None) -> tuple[Release, World]:
    """The project `acme` in this folder, and an index with these versions of it."""
    project = SimpleNamespace(root=root, name="acme", settings=SimpleNamespace(git=SimpleNamespace(tag="")))
    clock, journal = SimpleNamespace(now=lambda: NOW), SimpleNamespace(artifacts=tuple)
    world = SimpleNamespace(clock=clock, journal=journal, default_index=Index(versions))
    return cast("Release", SimpleNamespace(project=project, version=stated)), cast("World", world)
