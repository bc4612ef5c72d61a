"""Files on other platforms, types, licenses, links of the description."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import cast

import pytest

from omni_release import distributions
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Package, Project, Release
from omni_release.core.settings import Settings
from omni_release.core.tasks import Check
from omni_release.core.world import World
from omni_release.distributions.portability_checks import (
    description_links,
    portable_files,
    typing_and_license,
)

NO_WORLD = cast(World, None)
WHEEL = "acme-1.0-py3-none-any.whl"
MARKDOWN = "Name: acme\nVersion: 1.0\nDescription-Content-Type: text/markdown\n"


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release of the package acme, whose distributions the test makes."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "src" / "acme").mkdir(parents=True)
    package = Package(Path("src/acme"), "acme")
    project = Project(tmp_path, "acme", (package,), Settings(), {"project": {"readme": "README.md"}})
    return Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path / "workshop", PurePosixPath())


def add_wheel(release: Release, files: Mapping[str, bytes], metadata: str = MARKDOWN, name: str = WHEEL) -> None:
    """A wheel with these files and this metadata."""
    with zipfile.ZipFile(release.dist / name, "w") as archive:
        for path, data in {"acme-1.0.dist-info/METADATA": metadata.encode(), **files}.items():
            archive.writestr(path, data)


def add_sdist(release: Release, *names: str) -> None:
    """An sdist with these files."""
    with tarfile.open(release.dist / "acme-1.0.tar.gz", "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(f"acme-1.0/{name}"), io.BytesIO())


def rules(check: Check, release: Release) -> list[str]:
    """The rules of a check's findings."""
    return [finding.rule for finding in check(release, NO_WORLD)]


@pytest.mark.parametrize(
    "name",
    [
        *["acme/aux.py", "AUX/x.txt", "acme/nul.tar.gz", "acme/com1.py", "acme/LPT9", "acme/con", "acme/COM¹.txt"],
        *["acme/event_14:50.xml", 'acme/a"b.txt', "acme/what?.md", "acme/end.", "acme/blank ", "acme/a\tb", "acme/a|b"],
    ],
)
def test_names_that_windows_refuses(name: str, release: Release) -> None:
    """Devices, characters and endings are found, in the wheel and in the sdist."""
    add_wheel(release, {name: b""})
    add_sdist(release, name)
    assert rules(portable_files, release) == ["windows-name", "windows-name"]


@pytest.mark.parametrize(
    "name", ["acme/auxiliary.py", "acme/console.py", "acme/com10.py", "acme/.hidden", "acme/a b.txt"]
)
def test_names_that_windows_accepts(name: str, release: Release) -> None:
    """Names that only begin like a device, dots and blanks inside are fine."""
    add_wheel(release, {name: b""})
    assert rules(portable_files, release) == []


@pytest.mark.parametrize(
    ("first", "second", "collide"),
    [
        ("acme/Shapes.py", "acme/shapes.py", True),
        ("Acme/a.py", "acme/a.py", True),
        ("acme/Data/a.py", "acme/data/b.py", True),
        ("acme/caf\u00e9.txt", "acme/cafe\u0301.txt", True),
        ("acme/a.py", "acme/b.py", False),
    ],
)
def test_names_that_collide(first: str, second: str, collide: bool, release: Release) -> None:
    """Names that are one name on a file system that ignores case, or normalises Unicode."""
    add_wheel(release, {first: b"", second: b""})
    assert rules(portable_files, release) == ["same-name"] * collide


@pytest.mark.parametrize(
    ("path", "found"), [("acme-1.0.data/data/conf.ini", True), ("acme-1.0.data/data/share/man/man1/acme.1", False)]
)
def test_data_files(path: str, found: bool, release: Release) -> None:
    """Data files at the top of the environment are found; man pages and the like belong there."""
    add_wheel(release, {path: b""})
    assert rules(portable_files, release) == ["data-in-prefix"] * found


@pytest.mark.parametrize(
    ("checkout", "wheel", "classifier", "expected"),
    [
        ("src/acme/py.typed", {"acme/__init__.py": b""}, False, ["py-typed-lost"]),
        ("src/acme/py.typed", {"acme/py.typed": b""}, True, []),
        ("py.typed", {"acme/__init__.py": b""}, True, ["typed-classifier", "py-typed-misplaced"]),
        ("src/acme/__init__.py", {"acme/__init__.py": b""}, False, []),
        ("LICENSE", {"acme/__init__.py": b""}, False, ["license-missing"]),
        ("LICENCE.md", {"acme-1.0.dist-info/licenses/LICENCE.md": b""}, False, []),
        ("COPYING", {"acme-1.0.dist-info/COPYING": b""}, False, []),
    ],
)
def test_types_and_license(
    checkout: str, wheel: dict[str, bytes], classifier: bool, expected: list[str], release: Release
) -> None:
    """Types that get lost, that are announced or misplaced, and a license that is left behind."""
    (release.project.root / checkout).write_text("", encoding="utf-8")
    add_wheel(release, wheel, MARKDOWN + "Classifier: Typing :: Typed\n" * classifier)
    assert rules(typing_and_license, release) == expected


def test_links_of_the_description(release: Release) -> None:
    """Relative links and images are found with their lines; anchors, addresses and mail are fine."""
    text = "# Acme\n[guide](docs/guide.md) ![logo](./logo.svg)\n[a](#a) [b](https://e.example/) <mailto:a@e.example>\n"
    (release.project.root / "README.md").write_text(text, encoding="utf-8")
    add_wheel(release, {}, f"{MARKDOWN}\n{text}")
    found = list(description_links(release, NO_WORLD))
    assert [(f.message.partition(" ")[0], f.path, f.line) for f in found] == [
        ("docs/guide.md", "README.md", 2),
        ("./logo.svg", "README.md", 2),
    ]


@pytest.mark.parametrize(
    "metadata",
    [
        "Description: Größe: [x](docs/guide.md)\nDescription-Content-Type: text/markdown\n",
        "Description-Content-Type: text/markdown; charset=Größe\n\n[x](docs/guide.md)\n",
        "Author: Jürgen\nDescription-Content-Type: text/markdown\n\nGröße: [x](docs/guide.md)\n",
    ],
    ids=["description", "type", "body"],
)
def test_metadata_beyond_ascii(metadata: str, release: Release) -> None:
    """Every value of the metadata is text, with all its characters, wherever it has others than those of ASCII."""
    add_wheel(release, {}, f"Name: acme\n{metadata}")
    parsed = distributions.metadata(distributions.built(release.dist)[0])
    assert {type(value) for value in parsed.values()} == {str}
    assert "\ufffd" not in f"{parsed['Description']}{parsed.get_payload()}"
    (found,) = description_links(release, NO_WORLD)
    assert found.message.startswith("docs/guide.md is relative")


@pytest.mark.parametrize(
    "metadata", ["Name: acme\n", "Name: acme\nDescription-Content-Type: text/plain\n\n[a](docs/a.md)\n"]
)
def test_description_without_links(metadata: str, release: Release) -> None:
    """An empty description and plain text have no links."""
    add_wheel(release, {}, metadata)
    with pytest.raises(NotApplicable):
        list(description_links(release, NO_WORLD))
