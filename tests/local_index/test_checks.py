"""The upload rules as a check: all refusals at once, before an upload."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.local_index.metadata_rules import ACCEPTED
from omni_release.publishing.checks import upload_rules
from tests.index.support import SDIST, WHEEL, metadata, sdist, wheel


@dataclass(frozen=True)
class Clock:
    """A clock that never moves."""

    def now(self) -> datetime.datetime:
        return datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def found(dist: Path) -> list[tuple[str, str]]:
    """The rule and the message of each finding."""
    release = cast("Release", SimpleNamespace(dist=dist, project=SimpleNamespace(root=dist)))
    world = cast("World", SimpleNamespace(clock=Clock()))
    return [(finding.rule, finding.message) for finding in upload_rules(release, world)]


def test_sound_distributions(tmp_path: Path) -> None:
    """Distributions that an index accepts have no findings."""
    wheel(tmp_path)
    sdist(tmp_path)
    assert found(tmp_path) == []


def test_all_refusals_at_once(tmp_path: Path) -> None:
    """Every refusal of each file is reported, not only the first."""
    lines = ("Classifier: Acme :: Unheard", "Classifier: Private :: Do Not Upload", f"Summary: {'x' * 600}")
    wheel(
        tmp_path,
        metadata("1.0+g1", *lines, "License-Expression: Mine", form="2.4"),
        name="acme_sound-1.0-py3-none-linux_x86_64.whl",
    )
    sdist(tmp_path, metadata("1.0", "License-File: LICENSE", form="2.4"))
    of_sdist, of_wheel = (
        [rule for rule, said in found(tmp_path) if said.startswith(name)] for name in (SDIST, "acme_sound-1.0-")
    )
    assert of_sdist == ["index-sdist-license-files"]
    assert of_wheel == [
        *("index-core-metadata", "index-classifiers", "index-classifiers", "index-summary-length"),
        *(
            "index-local-version",
            "index-wheel-name",
            "index-wheel-platform",
        ),
    ]


@pytest.mark.parametrize(("from_tag", "says"), [(True, True), (False, False)])
def test_a_version_of_no_tag(from_tag: bool, says: bool, tmp_path: Path) -> None:
    """A local version of a project whose version comes from tags: the fix is to tag the commit."""
    version = (
        'dynamic = ["version"]\n[build-system]\nrequires = ["hatch-vcs"]\n' if from_tag else 'version = "1.0+g1"\n'
    )
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "acme-sound"\n{version}', encoding="utf-8")
    wheel(tmp_path, metadata("1.0+g1"), name="acme_sound-1.0+g1-py3-none-any.whl")
    message = dict(found(tmp_path))["index-local-version"]
    assert ("→ commit all changes and tag the commit" in message) is says


@pytest.mark.parametrize(("form", "refused"), [("2.1", False), ("2.2", False), ("2.3", False), ("2.4", True)])
def test_license_files(form: str, refused: bool, tmp_path: Path) -> None:
    """Old back ends state license files before the field is defined: clients leave it out, and PyPI takes the file."""
    whole = metadata("1.0", "License-File: LICENSE", form=form)
    wheel(tmp_path, whole)
    sdist(tmp_path, whole)
    rules = [rule for rule, _ in found(tmp_path)]
    assert rules == (["index-sdist-license-files", "index-wheel-license-files"] if refused else [])


def test_second_sdist(tmp_path: Path) -> None:
    """A distribution can conflict with an earlier one of the same build."""
    sdist(tmp_path)
    sdist(tmp_path, name="acme-sound-1.0.tar.gz")
    assert "index-one-sdist" in dict(found(tmp_path))


def test_no_archive(tmp_path: Path) -> None:
    """A file that is not an archive breaks the rules on archives and on metadata."""
    (tmp_path / WHEEL).write_bytes(b"no zip")
    rules = [rule for rule, _ in found(tmp_path)]
    assert "index-archive" in rules
    assert "index-core-metadata" in rules


@pytest.mark.parametrize("version", [*(known.version for known in ACCEPTED), "2.6", "2.7", "3.0"])
def test_metadata_versions(version: str, tmp_path: Path) -> None:
    """Each version of the table is taken; a later one, also one that the libraries know, is refused by name."""
    wheel(tmp_path, metadata(form=version))
    refused = [said for rule, said in found(tmp_path) if rule == "index-metadata-version"]
    expected = f"metadata-version: {version}; PyPI takes up to 2.5 (since 2026-02-17)."
    assert [expected in said for said in refused] == [True] * (version not in {known.version for known in ACCEPTED})


def test_documented_metadata_versions() -> None:
    """The page has each version with its day and its source."""
    page = (Path(__file__).parents[2] / "docs" / "rehearsal-index.md").read_text(encoding="utf-8")
    for known in ACCEPTED:
        (row,) = (line for line in page.splitlines() if known.source in line)
        assert str(known.since) in row
        assert known.version in row
