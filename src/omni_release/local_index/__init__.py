"""A package index on this machine: refuses what PyPI refuses, serves the simple API, and shows faults by script."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

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
    """A file on the index. `metadata_sha256` is that of its core metadata file (PEP 658); None where it has none."""

    name: str
    version: str
    filetype: str
    size: int
    digests: Digests
    uploaded: datetime.datetime
    requires_python: str | None = None
    metadata_sha256: str | None = None


@dataclass(frozen=True)
class IndexPolicy:
    """The limits and state of an index, by default PyPI's. Sizes in bytes; `taken` and `prohibited` are project names.

    `new_projects` is how many projects the account may still create; None is any number.
    """

    file_limit: int = 100 * MIB
    project_limit: int = 10 * GIB
    release_age: datetime.timedelta = datetime.timedelta(days=14)
    taken: frozenset[str] = frozenset()
    prohibited: frozenset[str] = frozenset()
    new_projects: int | None = None
    read_only: bool = False
    uploads_disabled: bool = False


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
