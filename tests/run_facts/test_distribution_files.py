"""The files of the distributions, and what the checkout, the sdist and the wheel do not have in common."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from omni_release.core.model import Package, Release
from omni_release.run_facts import distribution_files

CODE, OTHER = "code\n", "other\n"
SOUND = {"src/acme/__init__.py": CODE, "src/acme/data.txt": OTHER, "README.md": "read\n"}
INSIDE = {"acme/__init__.py": CODE, "acme/data.txt": OTHER}

CASES: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str], list[str]]] = {
    "same": (SOUND, SOUND, INSIDE, []),
    "generated": (
        SOUND,
        {**SOUND, "PKG-INFO": "x"},
        {**INSIDE, "acme-1.0.dist-info/METADATA": "x"},
        ["1 file of the sdist not in the checkout"],
    ),
    "hollow wheel": (SOUND, SOUND, {}, ["2 files of the import packages not in the wheel"]),
    "not in the sdist": (
        {**SOUND, "src/acme/more.py": "more\n"},
        SOUND,
        INSIDE,
        ["1 file of the import packages not in the wheel", "1 file of the checkout not in the sdist"],
    ),
    "changed by the build": (SOUND, SOUND, {**INSIDE, "acme/data.txt": "built\n"}, ["1 file with other bytes"]),
    "added by the build": (SOUND, SOUND, {**INSIDE, "acme/_version.py": "1\n"}, ["1 file only in the wheel"]),
    "prefix dropped": (
        SOUND,
        {**INSIDE, "README.md": "read\n"},
        {},
        ["2 files of the import packages not in the wheel", "2 files at another path in the sdist"],
    ),
}


def built(release: Release, checkout: Mapping[str, str], sdist: Mapping[str, str], wheel: Mapping[str, str]) -> Release:
    """A run that has built these files."""
    release.dist.mkdir(parents=True)
    hashes = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in checkout.items()}
    (release.folder / "files.json").write_text(json.dumps(hashes), encoding="utf-8")
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        for name, content in wheel.items():
            archive.writestr(name, content)
    with tarfile.open(release.dist / "acme-1.0.tar.gz", "w:gz") as tar:
        for name, content in sdist.items():
            info = tarfile.TarInfo(f"acme-1.0/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content.encode()))
    packages = (Package(Path("src/acme"), "acme"),)
    return dataclasses.replace(release, project=dataclasses.replace(release.project, packages=packages))


@pytest.mark.parametrize("case", CASES)
def test_differences(case: str, release: Release) -> None:
    """Each kind of difference is named, with the number of its files, and nothing else is."""
    checkout, sdist, wheel, expected = CASES[case]
    release = built(release, checkout, sdist, wheel)
    found = distribution_files.differences(release, distribution_files.packed(release))
    assert [difference.title for difference in found] == expected


def test_states(release: Release) -> None:
    """A file has a size where it is packed, and says that its bytes are others, or its path in the sdist."""
    release = built(release, *CASES["changed by the build"][:3])
    (difference,) = distribution_files.differences(release, distribution_files.packed(release))
    assert dataclasses.astuple(difference.files[0]) == ("src/acme/data.txt", "yes", "6 B", "6 B, other bytes")
    release = built(dataclasses.replace(release, folder=release.folder / "other"), *CASES["prefix dropped"][:3])
    *_, moved = distribution_files.differences(release, distribution_files.packed(release))
    assert moved.files[0].sdist == "5 B, at acme/__init__.py"


def test_contents(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are listed with their sizes, up to a number; an archive that cannot be read says why."""
    release = built(release, SOUND, SOUND, INSIDE)
    (release.dist / "acme-1.1-py3-none-any.whl").write_bytes(b"PK broken")
    monkeypatch.setattr(distribution_files, "_FILES", 1)
    packed = distribution_files.packed(release)
    sdist, wheel, broken = distribution_files.contents(packed)
    assert ([file.path for file in sdist.files], sdist.more) == (["src/acme/__init__.py"], 2)
    assert (wheel.files[0].size, wheel.more) == (5, 1)
    assert "not a readable archive" in broken.problem
    assert distribution_files.differences(release, packed) == ()
