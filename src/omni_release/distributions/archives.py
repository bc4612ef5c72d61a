"""Reads the archives of wheels and sdists without unpacking them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from omni_release.core.errors import InvalidDistribution

TYPE_CHECKING = False  # see distributions/__init__.py
if TYPE_CHECKING:
    from typing import IO

_MIB = 1024 * 1024
# PyPI takes an archive for a bomb whose content is over 64 MiB and over 50 times the archive's size.
_RATIO, _SMALL = 50, 64 * _MIB
_ENTRIES = 100_000  # each costs memory
_DIRECTORY = 16 * _MIB
_READ_AT_ONCE = 8 * _MIB
_TEXT = 8 * _MIB
_CHUNK = 64 * 1024
# What the standard library raises for a broken archive. A flipped bit can make a zip archive one of a later version
# (NotImplementedError, a RuntimeError) or an encrypted one (RuntimeError).
_UNREADABLE = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, struct.error),
    *(EOFError, RuntimeError, ValueError, OverflowError),
)
_END = struct.Struct("<4s4H2LH")


@dataclass(frozen=True)
class Entry:
    """An entry of an archive. It can be read until the next entry is asked for.

    `header` is what the archive says of it: its time, its permissions and so on. `read` and `sha256` raise
    InvalidDistribution where the archive is broken.
    """

    archive: Archive = field(repr=False)
    name: str
    size: int
    is_file: bool
    header: tarfile.TarInfo | zipfile.ZipInfo = field(repr=False)
    _open: Callable[[], IO[bytes] | None] = field(repr=False)

    def read(self) -> bytes:
        """All its bytes. A bounded archive gives at most 8 MiB: more raises InvalidDistribution."""
        if self.archive.bounded and self.size > _TEXT:
            raise InvalidDistribution(f"{self.name} is larger than {_TEXT // _MIB} MiB")
        return b"".join(self._chunks())

    @property
    def sha256(self) -> str:
        """Of its bytes, in hexadecimal."""
        digest = hashlib.sha256()
        for chunk in self._chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def _chunks(self) -> Iterator[bytes]:
        with self.archive.readable(), self._open() or io.BytesIO() as file:
            while chunk := file.read(_CHUNK):
                yield chunk


@dataclass(frozen=True)
class Archive:
    """A wheel or an sdist on the disk. `name` is its file name, which decides how it is read: .tar.gz, else as zip.

    A `bounded` archive comes from a stranger: it is read in bounded memory, within PyPI's limits for bombs.
    All methods raise InvalidDistribution for a file that is not a readable archive.
    """

    path: Path
    name: str
    bounded: bool = False

    @contextlib.contextmanager
    def readable(self) -> Iterator[None]:
        """Turn what the standard library raises for a broken archive into InvalidDistribution."""
        try:
            yield
        except _UNREADABLE as error:
            raise InvalidDistribution(f"{self.name} is not a readable archive: {error}") from None

    def entries(self) -> Iterator[Entry]:
        """All entries, folders included, in their order."""
        with self.readable():
            if self.name.endswith(".tar.gz"):
                with _open_tar(self) as (tar, _):
                    for member in _members(self, tar):
                        opened = partial(tar.extractfile, member)
                        yield Entry(self, member.name, member.size, member.isfile(), member, opened)
            else:
                with _open_zip(self) as archive:
                    for info in archive.infolist():
                        read = partial(archive.open, info)
                        yield Entry(self, info.filename, info.file_size, not info.is_dir(), info, read)

    def names(self) -> tuple[str, ...]:
        """The names of all entries, folders included."""
        return tuple(entry.name for entry in self.entries())

    def read(self, wanted: str | re.Pattern[str]) -> bytes | None:
        """The first file with this name, or with a name that matches as a whole; None where there is none."""
        for entry in self.entries():
            found = entry.name == wanted if isinstance(wanted, str) else wanted.fullmatch(entry.name)
            if found and entry.is_file:
                return entry.read()
        return None

    def refuse_bomb(self) -> None:
        """Raise InvalidDistribution where the content is over PyPI's limits for bombs."""
        with self.readable():
            if self.name.endswith(".tar.gz"):
                with _open_tar(self) as (_, stream):
                    while stream.read(_CHUNK):  # raises beyond the limit
                        pass
            else:
                with zipfile.ZipFile(self.path) as archive:
                    _refuse_large(self, archive.infolist())

    def validate(self) -> None:
        """Check that the archive unpacks to what it shows, into its own folder. Raises InvalidDistribution if not."""
        with self.readable():
            if self.name.endswith(".tar.gz"):
                with _open_tar(self) as (tar, stream):
                    _validate_tar(self, tar, stream)
            else:
                with _open_zip(self) as archive:
                    _validate_zip(self, archive)


@contextlib.contextmanager
def _open_zip(archive: Archive) -> Iterator[zipfile.ZipFile]:
    """The zip archive. A bounded one has a directory of a size that fits into memory, and nothing after its end."""
    if archive.bounded:
        size = archive.path.stat().st_size
        with archive.path.open("rb") as file:
            file.seek(max(size - _END.size - 0xFFFF, 0))
            tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            raise InvalidDistribution(f"{archive.name} is not a readable archive: no end of a zip directory")
        *_, entries, directory, _offset, comment = _END.unpack(tail[at : at + _END.size])
        if at + _END.size + comment != len(tail):
            raise InvalidDistribution(f"{archive.name} has data after its end")
        if entries == 0xFFFF or directory > _DIRECTORY:  # the first: a zip64 archive, whose real size is elsewhere
            raise InvalidDistribution(f"{archive.name} has more entries than can be read: {_ENTRIES} at most")
    with zipfile.ZipFile(archive.path) as opened:
        yield opened


def _refuse_large(archive: Archive, entries: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)
    if size > _SMALL and size > _RATIO * archive.path.stat().st_size:
        raise InvalidDistribution(f"{archive.name} unpacks to {size / _MIB:.0f} MiB, over {_RATIO} times its size")


def _validate_zip(archive: Archive, opened: zipfile.ZipFile) -> None:
    entries = opened.infolist()
    _refuse_large(archive, entries)
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        _validate_entry_name(archive, name)
        if name in seen:
            raise InvalidDistribution(f"{archive.name} contains {name!r} twice")
        seen.add(name)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InvalidDistribution(f"{archive.name} contains a link: {name!r}")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InvalidDistribution(f"{archive.name} compresses {name!r} with a method that some installers lack")
        if entry.flag_bits & 1:
            raise InvalidDistribution(f"{archive.name} contains {name!r} encrypted")
        with opened.open(entry) as file:  # raises where the entry's own header has another name
            file.read(1)
    if entries and min(entry.header_offset for entry in entries) != 0:
        raise InvalidDistribution(f"{archive.name} has data before its first entry")


@contextlib.contextmanager
def _open_tar(archive: Archive) -> Iterator[tuple[tarfile.TarFile, gzip.GzipFile | _BoundedStream]]:
    """The .tar.gz, and the stream of its unpacked bytes, which is read once from start to end."""
    with archive.path.open("rb") as file, gzip.GzipFile(fileobj=file) as unzipped:
        limit = max(_SMALL, _RATIO * archive.path.stat().st_size)
        stream = _BoundedStream(unzipped, archive.name, limit) if archive.bounded else unzipped
        with tarfile.open(fileobj=stream, mode="r:", errorlevel=2) as tar:
            yield tar, stream


def _members(archive: Archive, tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for number, member in enumerate(tar):
        if archive.bounded and number >= _ENTRIES:
            raise InvalidDistribution(f"{archive.name} has more than {_ENTRIES} entries")
        tar.members = []  # type: ignore[attr-defined]  # it would keep every one; typeshed lacks it
        yield member


def _validate_tar(archive: Archive, tar: tarfile.TarFile, stream: gzip.GzipFile | _BoundedStream) -> None:
    seen: set[str] = set()
    for member in _members(archive, tar):
        name = member.name
        _validate_entry_name(archive, name)
        if name in seen and not member.isdir():
            raise InvalidDistribution(f"{archive.name} contains {name!r} twice")
        seen.add(name)
        try:
            tarfile.data_filter(member, str(archive.path.parent))
        except tarfile.FilterError as error:
            raise InvalidDistribution(f"{archive.name} contains an unsafe entry: {error}") from None
    roots = {PurePosixPath(name).parts[0] for name in seen}
    if len(roots) > 1:
        names = ", ".join(sorted(roots)[:3])
        raise InvalidDistribution(f"{archive.name} has more than one top-level folder: {names}")
    while chunk := stream.read(_CHUNK):
        if chunk.strip(b"\0"):
            raise InvalidDistribution(f"{archive.name} has data after its end")


def _validate_entry_name(archive: Archive, name: str) -> None:
    parts = PurePosixPath(name).parts
    unsafe = name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or not parts
    if unsafe or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise InvalidDistribution(f"{archive.name} contains an entry that unpacks outside its folder: {name!r}")


class _BoundedStream(io.RawIOBase):
    """The unpacked bytes of a .tar.gz, up to a limit, and never many at once: tarfile reads what a header says."""

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
        if size < 0 or size > _READ_AT_ONCE:
            raise InvalidDistribution(f"{self._name} has a header of {size} bytes")
        data = self._source.read(size)
        self._check(self._source.tell())
        return data

    def _check(self, position: int) -> None:
        if position > self._limit:
            limit = self._limit // _MIB
            raise InvalidDistribution(f"{self._name} unpacks to over {limit} MiB, over {_RATIO} times its size")
