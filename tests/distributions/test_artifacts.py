"""Names, metadata and contents of small distributions, valid and broken."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from omni_release import distributions
from omni_release.core import documents
from omni_release.core.errors import Inconclusive, InvalidDistribution
from omni_release.core.model import Artifact

METADATA = "Metadata-Version: 2.4\nName: acme\nVersion: 1.0\nSummary: für größe\n\nThe description.\n".encode()
WHEEL = "acme-1.0-py3-none-any.whl"
SDIST = "acme-1.0.tar.gz"


def wheel(folder: Path, **files: bytes) -> Path:
    """A wheel that holds `acme.py` and these files, `__` for each slash and `_dot_` for each dot."""
    path = folder / WHEEL
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("acme.py", "x = 1\n" * 1000)
        archive.mkdir("acme_data")
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return path


def sdist(folder: Path, *files: tuple[str, bytes]) -> Path:
    """An sdist that holds these files."""
    path = folder / SDIST
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("acme-1.0-py3-none-any.whl", ("acme", "1.0")),
        ("Acme_Tools-1.0rc1-py3-none-any.whl", ("acme-tools", "1.0rc1")),
        ("acme-1.0+local.1-1-cp311-cp311-manylinux_2_17_x86_64.whl", ("acme", "1.0+local.1")),
        ("acme_tools-1.0.tar.gz", ("acme-tools", "1.0")),
        ("acme-tools-1.0.0.tar.gz", ("acme-tools", "1.0.0")),
    ],
)
def test_name_and_version(name: str, found: tuple[str, str]) -> None:
    """A distribution's file name states its project, normalised, and its version."""
    assert distributions.name_and_version(name) == found


@pytest.mark.parametrize(
    "name",
    ["acme.whl", "acme-1.0.whl", "acme-one-py3-none-any.whl", "acme.tar.gz", "acme-x.tar.gz", "acme-1.0.egg", ""],
)
def test_other_names(name: str) -> None:
    """A name that is neither a wheel's nor an sdist's is invalid."""
    with pytest.raises(InvalidDistribution, match=r"(?i)invalid"):
        distributions.name_and_version(name)


@pytest.mark.parametrize(
    ("stated", "built", "found"),
    [
        (None, None, None),
        ("1.0", None, "1.0"),
        (None, "1.0", "1.0"),
        ("1.0.0-rc.1", "1.0.0rc1", "1.0.0-rc.1"),
        ("2.0", "1.0", "1.0"),
    ],
)
def test_released(stated: str | None, built: str | None, found: str | None) -> None:
    """The built version is released, even if the project has another by now; the spelling is the project's."""
    pinned = (Artifact(f"acme-{built}-py3-none-any.whl", 1, "0"),) if built else ()
    assert distributions.version_to_release(stated, pinned) == found


def test_is_wheel() -> None:
    """A file name that ends in .whl is a wheel."""
    assert distributions.is_wheel(WHEEL)
    assert not distributions.is_wheel(SDIST)


def test_metadata_of_a_wheel(tmp_path: Path) -> None:
    """The metadata is that of the top .dist-info, not of something that is packed inside."""
    vendored = {"acme___vendor__other-2_dot_0_dot_dist-info__METADATA": b"Name: other\nVersion: 2.0\n"}
    found = distributions.metadata(wheel(tmp_path, **vendored, **{"acme-1_dot_0_dot_dist-info__METADATA": METADATA}))
    assert (found["Name"], found["Version"]) == ("acme", "1.0")
    assert found.get_payload() == "The description.\n"


def test_metadata_of_an_sdist(tmp_path: Path) -> None:
    """The metadata is that of the top folder, not of an .egg-info or of something inside."""
    inside = (f"acme-1.0/{name}/PKG-INFO" for name in ("acme.egg-info", "tests/data"))
    others = [(name, b"Name: other\nVersion: 2.0\n") for name in inside]
    found = distributions.metadata(sdist(tmp_path, *others, ("acme-1.0/PKG-INFO", METADATA)))
    assert (found["Name"], found["Version"]) == ("acme", "1.0")


def test_wheel_without_metadata(tmp_path: Path) -> None:
    """A wheel without metadata is invalid."""
    with pytest.raises(InvalidDistribution, match=r"acme-1\.0-py3-none-any\.whl contains no \.dist-info/METADATA"):
        distributions.metadata(wheel(tmp_path, **{"acme-1_dot_0_dot_dist-info__WHEEL": b""}))


@pytest.mark.parametrize("name", ["acme-1.0/setup.py", "PKG-INFO", "acme-1.0/acme.egg-info/PKG-INFO"])
def test_sdist_without_metadata(name: str, tmp_path: Path) -> None:
    """An sdist without PKG-INFO in its top folder is invalid."""
    with pytest.raises(InvalidDistribution, match=r"acme-1\.0\.tar\.gz contains no PKG-INFO"):
        distributions.metadata(sdist(tmp_path, (name, METADATA)))


def test_folder_in_place_of_metadata(tmp_path: Path) -> None:
    """A folder called PKG-INFO is not metadata."""
    with tarfile.open(tmp_path / SDIST, "w:gz") as archive:
        member = tarfile.TarInfo("acme-1.0/PKG-INFO")
        member.type = tarfile.DIRTYPE
        archive.addfile(member)
    with pytest.raises(InvalidDistribution, match="contains no PKG-INFO"):
        distributions.metadata(tmp_path / SDIST)


@pytest.mark.parametrize("name", [WHEEL, SDIST])
@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 and no more", b"\x1f\x8b and no more"])
def test_no_archive(name: str, content: bytes, tmp_path: Path) -> None:
    """A file that is not an archive is invalid."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidDistribution, match=r"is not a readable archive"):
        distributions.metadata(tmp_path / name)


@pytest.mark.parametrize("name", [WHEEL, SDIST])
def test_damaged_archive(name: str, tmp_path: Path) -> None:
    """An archive that is damaged or cut anywhere is invalid, or still read if the damage is elsewhere."""
    metadata = METADATA + b"".join(b"%d line\n" % n for n in range(500))
    if name == WHEEL:
        path = wheel(tmp_path, **{"acme-1_dot_0_dot_dist-info__METADATA": metadata})
    else:
        path = sdist(tmp_path, ("acme-1.0/setup.py", b"x"), ("acme-1.0/PKG-INFO", metadata))
    sound = path.read_bytes()
    refused = 0
    for at in range(0, len(sound), 7):
        for broken in (sound[:at], sound[:at] + b"\xff\xff\xff" + sound[at + 3 :]):
            path.write_bytes(broken)
            try:
                distributions.metadata(path)
            except InvalidDistribution:
                refused += 1
    assert refused > len(sound) / 7


def test_names(tmp_path: Path) -> None:
    """The files in a wheel, without its folders."""
    found = distributions.names(wheel(tmp_path, **{"acme-1_dot_0_dot_dist-info__METADATA": METADATA}))
    assert found == ("acme.py", "acme-1.0.dist-info/METADATA")


def test_names_of_no_zip(tmp_path: Path) -> None:
    """A wheel that is not a zip archive is invalid."""
    (tmp_path / WHEEL).write_bytes(b"not a zip")
    with pytest.raises(InvalidDistribution, match=r"acme-1\.0-py3-none-any\.whl is not a readable archive"):
        distributions.names(tmp_path / WHEEL)


def test_in_folder(tmp_path: Path) -> None:
    """The distributions of a folder, the sdist first; without any it is inconclusive."""
    for missing in (tmp_path, tmp_path / "gone"):
        with pytest.raises(Inconclusive, match="no distributions in"):
            distributions.in_folder(missing)
    for name in (WHEEL, SDIST, "acme-1.0-cp311-cp311-win_amd64.whl", "notes.txt"):
        (tmp_path / name).touch()
    found = [path.name for path in distributions.in_folder(tmp_path)]
    assert found == [SDIST, "acme-1.0-cp311-cp311-win_amd64.whl", WHEEL]


def test_artifact(tmp_path: Path) -> None:
    """A file's sha256 is that of its bytes."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    assert documents.sha256(path) == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    assert documents.artifact_of(path) == Artifact("file", 3_000_000, documents.sha256(path))
