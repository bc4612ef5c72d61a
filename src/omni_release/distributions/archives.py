"""Archives from strangers, looked into without being unpacked: odd entries and bombs, in bounded memory.

A bomb is told by what it would become: over 64 MiB and over 50 times its size, as PyPI has it.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_MIB = 1024 * 1024
_RATIO, _SMALL = 50, 64 * _MIB
_ENTRIES = 100_000  # what is kept of each costs memory
_DIRECTORY = 16 * _MIB
_AT_ONCE = 8 * _MIB
_TEXT = 8 * _MIB
_CHUNK = 64 * 1024
_UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # a flipped bit can make an archive one of a later version
    RuntimeError,  # or an encrypted one
    UnicodeError,
    ValueError,
    OverflowError,
)


@dataclass(frozen=True)
class Source:
    """Where an archive's bytes lie, and the name that it goes by."""

    path: Path
    name: str


class BadArchive(Exception):
    """Why an archive is not taken."""


@contextlib.contextmanager
def reading(source: Source) -> Iterator[None]:
    """Whatever a broken archive makes the standard library raise comes out as BadArchive."""
    try:
        yield
    except _UNREADABLE as error:
        raise BadArchive(f"{source.name} is not a readable archive: {error}") from None


def look(source: Source) -> None:
    """Nothing is odd about the archive. Raises BadArchive."""
    with reading(source):
        if source.name.endswith(".tar.gz"):
            with contextlib.closing(_Tar(source)) as archive:
                archive.look()
        else:
            with opened(source) as archive_:
                _look_at_zip(archive_, source)


@contextlib.contextmanager
def opened(source: Source) -> Iterator[zipfile.ZipFile]:
    """A zip archive, after a look at how much memory its directory would take. Raises BadArchive."""
    with reading(source):
        _weigh(source)
        with zipfile.ZipFile(source.path) as archive:
            yield archive


def text(archive: zipfile.ZipFile, name: str) -> bytes:
    """A small file in a zip archive."""
    if archive.getinfo(name).file_size > _TEXT:
        raise BadArchive(f"{name} is larger than {_TEXT // _MIB} MiB")
    return archive.read(name)


def sha256(archive: zipfile.ZipFile, name: str) -> bytes:
    """Of a file in a zip archive, read in pieces; zipfile itself reads no more than the size stated."""
    digest = hashlib.sha256()
    with archive.open(name) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def names(source: Source) -> tuple[str, ...]:
    """The names of all entries, as they stand there. Raises BadArchive."""
    with reading(source):
        if source.name.endswith(".tar.gz"):
            with contextlib.closing(_Tar(source)) as archive:
                return tuple(member.name for member in archive.members())
        with opened(source) as archive_:
            return tuple(archive_.namelist())


def sdist_text(source: Source, name: str) -> bytes | None:
    """A small file in an sdist; None where it is not there. Raises BadArchive."""
    with reading(source):
        if not source.name.endswith(".tar.gz"):
            with opened(source) as zipped:
                return text(zipped, name) if name in zipped.namelist() else None
        with contextlib.closing(_Tar(source)) as archive:
            return archive.text(name)


def _look_at_zip(archive: zipfile.ZipFile, source: Source) -> None:
    entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    if size > _SMALL and size > _RATIO * source.path.stat().st_size:
        raise BadArchive(f"{source.name} would become {size / _MIB:.0f} MiB, over {_RATIO} times its size")
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        _judge_name(source, name)
        if name in seen:
            raise BadArchive(f"{source.name} holds {name!r} twice")
        seen.add(name)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise BadArchive(f"{source.name} holds a link: {name!r}")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadArchive(f"{source.name} holds {name!r}, compressed in a way that not all installers know")
        if entry.flag_bits & 1:
            raise BadArchive(f"{source.name} holds {name!r} encrypted")
        with archive.open(entry) as file:  # where the entry's own header has another name, this raises
            file.read(1)
    if entries and min(entry.header_offset for entry in entries) != 0:
        raise BadArchive(f"{source.name} has data before its first entry")


def _judge_name(source: Source, name: str) -> None:
    parts = PurePosixPath(name).parts
    odd = name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or not parts
    if odd or (parts and len(parts[0]) == 2 and parts[0][1] == ":"):
        raise BadArchive(f"{source.name} holds an entry that would land elsewhere: {name!r}")


_END = struct.Struct("<4s4H2LH")


def _weigh(source: Source) -> None:
    """Raises BadArchive where the directory is too large to keep, or where data follow the archive's end."""
    size = source.path.stat().st_size
    with source.path.open("rb") as file:
        file.seek(max(size - _END.size - 0xFFFF, 0))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise BadArchive(f"{source.name} is not a readable archive: no end of a zip directory")
    *_, entries, directory, _offset, comment = _END.unpack(tail[at : at + _END.size])
    if at + _END.size + comment != len(tail):
        raise BadArchive(f"{source.name} has data after its end")
    if entries == 0xFFFF or directory > _DIRECTORY:  # the first: a zip64 archive, of which this is not the real size
        raise BadArchive(f"{source.name} has more entries than can be looked into: {_ENTRIES} at most")


class _Tar:
    """A .tar.gz, read once from its start to its end."""

    def __init__(self, source: Source) -> None:
        self._source = source
        limit = max(_SMALL, _RATIO * source.path.stat().st_size)
        self._file = source.path.open("rb")
        self._stream = _Counted(gzip.GzipFile(fileobj=self._file), source.name, limit)

    def close(self) -> None:
        self._stream.close()
        self._file.close()

    def members(self) -> Iterator[tarfile.TarInfo]:
        with tarfile.open(fileobj=self._stream, mode="r:", errorlevel=2) as archive:
            for number, member in enumerate(archive):
                if number >= _ENTRIES:
                    raise BadArchive(f"{self._source.name} has more than {_ENTRIES} entries")
                archive.members = []  # type: ignore[attr-defined]  # it would keep every one; typeshed lacks it
                self._archive = archive
                yield member

    def look(self) -> None:
        seen: set[str] = set()
        for member in self.members():
            name = member.name
            _judge_name(self._source, name)
            if name in seen and not member.isdir():
                raise BadArchive(f"{self._source.name} holds {name!r} twice")
            seen.add(name)
            try:
                tarfile.data_filter(member, str(self._source.path.parent))
            except tarfile.FilterError as error:
                raise BadArchive(f"{self._source.name} holds an odd entry: {error}") from None
        roots = {PurePosixPath(name).parts[0] for name in seen}
        if len(roots) > 1:
            raise BadArchive(f"{self._source.name} has more than one folder at its top: {', '.join(sorted(roots)[:3])}")
        while chunk := self._stream.read(_CHUNK):
            if chunk.strip(b"\0"):
                raise BadArchive(f"{self._source.name} has data after its end")

    def text(self, name: str) -> bytes | None:
        for member in self.members():
            if member.name == name and member.isfile():
                if member.size > _TEXT:
                    raise BadArchive(f"{name} is larger than {_TEXT // _MIB} MiB")
                file = self._archive.extractfile(member)
                return file.read() if file else None
        return None


class _Counted(io.RawIOBase):
    """What is unpacked, as far as a limit; and never much of it at once, whatever a header says."""

    def __init__(self, source: gzip.GzipFile, name: str, limit: int) -> None:
        self._source = source
        self._name = name
        self._limit = limit

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._source.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check(offset)
        return self._source.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _AT_ONCE:
            raise BadArchive(f"{self._name} has a header of {size} bytes")
        data = self._source.read(size)
        self._check(self._source.tell())
        return data

    def _check(self, position: int) -> None:
        if position > self._limit:
            raise BadArchive(f"{self._name} would become over {self._limit // _MIB} MiB, over {_RATIO} times its size")

    def close(self) -> None:
        self._source.close()
        super().close()
