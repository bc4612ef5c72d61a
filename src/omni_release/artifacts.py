"""What distributions say of themselves: their file names and their core metadata."""

from __future__ import annotations

import email.message
import email.parser
import gzip
import tarfile
import zipfile
import zlib
from pathlib import Path

from omni_release.errors import CannotTell

# A flipped bit can make a zip archive one of a later version (NotImplementedError) or an encrypted one (RuntimeError).
_UNREADABLE = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError)


def is_wheel(name: str) -> bool:
    """Whether a file's name is a wheel's."""
    return name.endswith(".whl")


def name_and_version(name: str) -> tuple[str, str]:
    """The normalised project name and the version that a distribution's file name states.

    Raises ValueError for a name that is neither a wheel's (PEP 427) nor an sdist's (PEP 625).
    """
    from packaging.utils import parse_sdist_filename, parse_wheel_filename

    project, version, *_ = parse_wheel_filename(name) if is_wheel(name) else parse_sdist_filename(name)
    return str(project), str(version)


def metadata(path: Path) -> email.message.Message:
    """The core metadata inside a wheel (METADATA) or an sdist (PKG-INFO). Raises ValueError where there is none."""
    try:
        raw = _from_wheel(path) if is_wheel(path.name) else _from_sdist(path)
    except _UNREADABLE as error:
        raise ValueError(f"{path.name} is not a readable archive: {error}") from None
    return email.parser.BytesParser().parsebytes(raw)


def names(wheel: Path) -> tuple[str, ...]:
    """The names of the files in a wheel. Raises ValueError where it is no zip archive."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return tuple(name for name in archive.namelist() if not name.endswith("/"))
    except _UNREADABLE as error:
        raise ValueError(f"{wheel.name} is not a readable archive: {error}") from None


def in_folder(folder: Path) -> tuple[Path, ...]:
    """The distributions in a folder, the sdist first. Raises CannotTell where there are none."""
    found = sorted(folder.glob("*.tar.gz")) + sorted(folder.glob("*.whl"))
    if not found:
        raise CannotTell(f"there is nothing built in {folder}", "Build first: omni-release build")
    return tuple(found)


def _from_wheel(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            folder, _, file = name.partition("/")
            if folder.endswith(".dist-info") and file == "METADATA":
                return archive.read(name)
    raise ValueError(f"{path.name} holds no .dist-info/METADATA")


def _from_sdist(path: Path) -> bytes:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.count("/") == 1 and member.name.endswith("/PKG-INFO"):
                file = archive.extractfile(member)
                if file is not None:
                    return file.read()
    raise ValueError(f"{path.name} holds no PKG-INFO")
