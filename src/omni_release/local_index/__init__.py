"""A package index on this machine: refuses what PyPI refuses, serves the simple API, and shows faults by script."""

from __future__ import annotations

import datetime
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast, get_origin, get_type_hints

from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import File

from omni_release.core.world import ACTIVE, ProjectStatus

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata


MIB = 1024 * 1024

GIB = 1024 * MIB

_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Digests:
    """Of a file's bytes, in lower-case hexadecimal; None where an upload states none."""

    md5: str | None = None
    sha256: str | None = None
    blake2_256: str | None = None

    @staticmethod
    def of(path: Path) -> Digests:
        """All digests of a file."""
        md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        blake2 = hashlib.blake2b(digest_size=32)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                for digest in (md5, sha256, blake2):
                    digest.update(chunk)
        return Digests(md5.hexdigest(), sha256.hexdigest(), blake2.hexdigest())


@dataclass(frozen=True)
class Account:
    """An account that may upload. Its token is for `project`, a normalised name; None is for any project."""

    username: str
    password: str = field(repr=False)
    project: str | None = None
    verified: bool = True
    second_factor: bool = True


@dataclass(frozen=True)
class UploadRequest:
    """An upload of one file. `account` is None where its credentials are wrong; sizes are in bytes.

    `path` has the file's bytes, `digests` those of these bytes, and `stated` those that the client sent. Of a file that
    is larger than the index takes only the first bytes are there: less than `size`. `unparsed` are the metadata fields
    that cannot be read.
    """

    metadata: RawMetadata
    filename: str | None
    filetype: str
    path: Path
    size: int
    digests: Digests
    stated: Digests
    account: Account | None
    protocol: str = "1"
    attestations: str | None = None
    unparsed: tuple[str, ...] = ()

    @staticmethod
    def of_file(
        path: Path, metadata: Mapping[str, object], unparsed: tuple[str, ...], account: Account
    ) -> UploadRequest:
        """The upload that a client makes of a built file."""
        filetype = "bdist_wheel" if path.name.endswith(".whl") else "sdist"
        digests, raw = Digests.of(path), cast("RawMetadata", metadata)
        size = path.stat().st_size
        return UploadRequest(raw, path.name, filetype, path, size, digests, digests, account, unparsed=unparsed)

    @property
    def version(self) -> str:
        """The version that the metadata states; empty where it states none."""
        return self.metadata.get("version", "")

    @property
    def name(self) -> str:
        """The project name that the metadata states; empty where it states none."""
        return self.metadata.get("name", "")

    @property
    def is_wheel(self) -> bool:
        return self.filename is not None and self.filename.endswith(".whl")

    @property
    def is_sdist(self) -> bool:
        return self.filename is not None and self.filename.endswith((".tar.gz", ".zip"))


@dataclass(frozen=True)
class StoredFile:
    """A file on the index. `metadata_sha256` is that of its core metadata file (PEP 658); None where it has none.

    `provenance` says whether the index has one of it (PEP 740).
    """

    name: str
    version: str
    filetype: str
    size: int
    digests: Digests
    uploaded: datetime.datetime
    requires_python: str | None = None
    metadata_sha256: str | None = None
    provenance: bool = False


@dataclass(frozen=True)
class IndexPolicy:
    """The limits and state of an index, by default PyPI's. Sizes in bytes; `taken` and `prohibited` are project names.

    `new_projects` is how many projects the account may still create; None is any number. `status` is that of each
    project on it.
    """

    file_limit: int = 100 * MIB
    project_limit: int = 10 * GIB
    release_age: datetime.timedelta = datetime.timedelta(days=14)
    taken: frozenset[str] = frozenset()
    prohibited: frozenset[str] = frozenset()
    new_projects: int | None = None
    read_only: bool = False
    uploads_disabled: bool = False
    status: ProjectStatus = ACTIVE


@dataclass(frozen=True)
class UploadContext:
    """All that the upload rules look at: the upload, and the index at that moment.

    `deleted` are the names of deleted files, which cannot be used again.
    """

    upload: UploadRequest
    files: tuple[StoredFile, ...]
    deleted: frozenset[str]
    policy: IndexPolicy
    now: datetime.datetime


_FIELDS = 999

_TEXT = 16 * MIB

# Names of fields that differ between the form and packaging's RawMetadata.
_RENAMED = {
    "platform": "platforms",
    "supported_platform": "supported_platforms",
    "license_file": "license_files",
    "import_name": "import_names",
    "import_namespace": "import_namespaces",
}


class InvalidForm(Exception):
    """A body that is not an upload, with the reason."""


def read(stream: IO[bytes], content_type: str, target: Path, limit: int, account: Account | None) -> UploadRequest:
    """The upload in a request's body. Of its file `limit` bytes and one more are written to `target`, others counted.

    Raises InvalidForm for a body that is not a form, or that has too many fields or too much text.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        raise InvalidForm("The upload is not multipart/form-data.")
    try:
        with target.open("wb") as file:
            content = _FileContent(file, limit + 1)
            parser = _UploadParser(content)
            body = cast("IO[bytes]", _BoundedText(stream, parser))
            raw, _ = parser.parse(body, boundary.encode("utf-8", "replace"), None)
            pairs = [(key, value.encode("latin-1").decode()) for key, value in raw.items(multi=True)]
    except RequestEntityTooLarge:
        raise InvalidForm(f"The upload has more than {_FIELDS} fields, or a part whose header has no end.") from None
    except ValueError as error:
        raise InvalidForm(f"The upload is not a complete multipart form: {error}.") from None
    # `UNKNOWN` is what old tools send for an empty field.
    fields = MultiDict((key, value) for key, value in pairs if value != "UNKNOWN")
    stated = (fields.get(f"{name}_digest") or None for name in ("md5", "sha256", "blake2_256"))
    metadata, unparsed = _core_metadata(fields)
    return UploadRequest(
        metadata=metadata,
        unparsed=unparsed,
        filename=parser.filename,
        filetype=fields.get("filetype", ""),
        path=target,
        size=content.size,
        digests=Digests.of(target),
        stated=Digests(*stated),
        account=account,
        protocol=fields.get("protocol_version") or "1",
        attestations=fields.get("attestations"),
    )


class _FileContent(io.RawIOBase):
    """The content of an uploaded file: the first bytes are written to `file`, if any, the others are counted."""

    def __init__(self, file: IO[bytes] | None, limit: int = 0) -> None:
        self._file = file
        self._limit = limit
        self.size = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]  # the parser writes bytes only
        if self._file is not None and self.size < self._limit:
            self._file.write(data[: self._limit - self.size])
        self.size += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return 0  # the parser rewinds what it has written


class _UploadParser(MultiPartParser):
    """Streams the first file called `content`, and drops all others: PyPI ignores signatures, too."""

    def __init__(self, content: _FileContent) -> None:
        super().__init__(max_form_memory_size=_TEXT + MIB, max_form_parts=_FIELDS)  # the sum is in `_BoundedText`
        self.filename: str | None = None
        self._content = content
        self._dropped = _FileContent(None)

    @property
    def file_size(self) -> int:
        """The bytes of all files so far."""
        return self._content.size + self._dropped.size

    def get_part_charset(self, headers: Headers) -> str:
        return "latin-1"  # loses nothing; in UTF-8 the parser would replace bytes that `read` has to refuse

    def start_file_streaming(self, event: File, total_content_length: int | None) -> IO[bytes]:
        if self.filename is not None or event.name != "content":
            return cast("IO[bytes]", self._dropped)
        self.filename = event.filename
        return cast("IO[bytes]", self._content)


class _BoundedText:
    """A body with a limit for its text, which is all but the content of its files."""

    def __init__(self, stream: IO[bytes], parser: _UploadParser) -> None:
        self._stream = stream
        self._parser = parser
        self._read = 0

    def read(self, size: int) -> bytes:
        if self._read - self._parser.file_size > _TEXT:
            raise InvalidForm(f"The upload has more than {_TEXT // MIB} MiB of text.")
        data = self._stream.read(size)
        self._read += len(data)
        return data


def _core_metadata(fields: MultiDict[str, str]) -> tuple[RawMetadata, tuple[str, ...]]:
    """The fields of core metadata, by packaging's names and in its types; and those that are there too often."""
    from packaging.metadata import RawMetadata

    metadata: dict[str, object] = {}
    unparsed: list[str] = []
    for name, hint in get_type_hints(RawMetadata).items():
        form_names = [key for key in (*(old for old, new in _RENAMED.items() if new == name), name) if key in fields]
        values = [value for key in form_names for value in fields.getlist(key)]
        if not values or values == [""]:
            continue
        if name == "keywords":
            metadata[name] = [word.strip(" ") for value in values for word in value.split(",")]
        elif name == "project_urls":
            pairs = [value.partition(",") for value in values]
            urls = {label.strip(): url.strip() for label, _, url in pairs}
            metadata[name] = urls
            unparsed += [name] if len(urls) < len(pairs) else []
        elif get_origin(hint) is list:
            metadata[name] = values
        else:
            metadata[name] = values[0]
            unparsed += [name] if len(values) > 1 else []
    return cast("RawMetadata", metadata), tuple(unparsed)
