"""sdists and wheels: read, described, compared."""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release.core.errors import Inconclusive, InvalidDistribution
from omni_release.core.model import Artifact

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from email.message import Message


# A flipped bit can make a zip archive one of a later version (NotImplementedError) or an encrypted one (RuntimeError).
_UNREADABLE = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError)


def is_wheel(name: str) -> bool:
    """Whether a file's name is a wheel's."""
    return name.endswith(".whl")


def name_and_version(name: str) -> tuple[str, str]:
    """The normalised project name and the version that a distribution's file name states.

    Raises UnreadableArtifact for a name that is neither a wheel's (PEP 427) nor an sdist's (PEP 625).
    """
    from packaging.utils import parse_sdist_filename, parse_wheel_filename

    try:
        project, version, *_ = parse_wheel_filename(name) if is_wheel(name) else parse_sdist_filename(name)
    except ValueError as error:
        raise InvalidDistribution(str(error)) from None
    return str(project), str(version)


def released(stated: str | None, pinned: Sequence[Artifact]) -> str | None:
    """The version that is released: what was built, if anything was, spelled as the project states it.

    Where the project has gone on to another version, what was built is still the one. None where nobody can tell yet.
    """
    if not pinned:
        return stated
    _, built = name_and_version(pinned[0].name)
    return stated if stated and same_version(stated, built) else built


@dataclass(frozen=True)
class Entry:
    """A file in a distribution: its name (in an sdist without the folder that all of it lies in) and its bytes."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Of its bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def contents(path: Path) -> Iterator[Entry]:
    """The files in a wheel or an sdist, one at a time. Raises UnreadableArtifact where it is no readable archive."""
    try:
        yield from _of_wheel(path) if is_wheel(path.name) else _of_sdist(path)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def metadata(path: Path) -> Message:
    """The core metadata in a wheel (METADATA) or an sdist (PKG-INFO). Raises UnreadableArtifact where there is none."""
    from email.parser import BytesParser

    wanted = re.compile(r"[^/]+\.dist-info/METADATA" if is_wheel(path.name) else "PKG-INFO")
    for entry in contents(path):
        if wanted.fullmatch(entry.name):
            return BytesParser().parsebytes(entry.data)
    raise InvalidDistribution(f"{path.name} holds no {'.dist-info/METADATA' if is_wheel(path.name) else 'PKG-INFO'}")


def names(path: Path) -> tuple[str, ...]:
    """The names of the files in a distribution. Raises UnreadableArtifact where it is no readable archive."""
    try:
        if is_wheel(path.name):
            with zipfile.ZipFile(path) as wheel:
                return tuple(info.filename for info in wheel.infolist() if not info.is_dir())
        with tarfile.open(path) as sdist:
            return tuple(_in_sdist(member) for member in sdist if member.isfile())
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def installable(folder: Path) -> Path:
    """The wheel in a folder that this interpreter can install. Raises CannotTell where there is none."""
    from packaging.tags import sys_tags
    from packaging.utils import parse_wheel_filename

    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        raise Inconclusive(f"there is no wheel in {folder}", "Build first: omni-release build")
    for tag in sys_tags():
        for wheel in wheels:
            if tag in parse_wheel_filename(wheel.name)[3]:
                return wheel
    names = ", ".join(wheel.name for wheel in wheels)
    raise Inconclusive(
        f"none of {names} can be installed on this machine", "Run this on a platform that one is made for."
    )


def same_version(one: str, other: str) -> bool:
    """Whether two versions are the same as PEP 440 has it, whatever their spelling."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def is_of(name: str, version: str) -> bool:
    """Whether a file is of this version, by its name; what cannot be read as a distribution's is of none."""
    try:
        return same_version(name_and_version(name)[1], version)
    except InvalidDistribution:
        return False


def in_folder(folder: Path) -> tuple[Path, ...]:
    """The distributions in a folder, the sdist first. Raises CannotTell where there are none."""
    found = sorted(folder.glob("*.tar.gz")) + sorted(folder.glob("*.whl"))
    if not found:
        raise Inconclusive(f"there is nothing built in {folder}", "Build first: omni-release build")
    return tuple(found)


def _of_wheel(path: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield Entry(info.filename, archive.read(info))


def _of_sdist(path: Path) -> Iterator[Entry]:
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield Entry(_in_sdist(member), file.read())


def _in_sdist(member: tarfile.TarInfo) -> str:
    return member.name.partition("/")[2]


def _unreadable(path: Path, error: Exception) -> InvalidDistribution:
    return InvalidDistribution(f"{path.name} is not a readable archive: {error}")
