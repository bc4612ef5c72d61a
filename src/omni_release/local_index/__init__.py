"""The rehearsal index: takes and refuses what PyPI does, serves the simple API, and goes wrong when told to."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Mapping
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
    def of(chunks: Iterable[bytes]) -> Digests:
        """The digests of all chunks, one after the other."""
        md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        blake2 = hashlib.blake2b(digest_size=32)
        for chunk in chunks:
            for digest in (md5, sha256, blake2):
                digest.update(chunk)
        return Digests(md5.hexdigest(), sha256.hexdigest(), blake2.hexdigest())


@dataclass(frozen=True)
class Account:
    """Who may upload: `project` is the normalised name that the token is for, None for any."""

    username: str
    password: str = field(repr=False)
    project: str | None = None
    verified: bool = True
    second_factor: bool = True


@dataclass(frozen=True)
class Submission:
    """One upload. `account` is None where its credentials are not known; sizes are in bytes.

    `path` holds the bytes that were kept: less than `size` where the file is larger than the index takes.
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
    unread: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The version that the metadata state; empty where they state none."""
        return self.metadata.get("version", "")

    @property
    def name(self) -> str:
        """The project name that the metadata state; empty where they state none."""
        return self.metadata.get("name", "")

    @property
    def is_wheel(self) -> bool:
        return self.filename is not None and self.filename.endswith(".whl")

    @property
    def is_sdist(self) -> bool:
        return self.filename is not None and self.filename.endswith((".tar.gz", ".zip"))


@dataclass(frozen=True)
class Held:
    """A file that the index has. `metadata_sha256` is that of its core metadata file, None where it has none."""

    name: str
    version: str
    filetype: str
    size: int
    digests: Digests
    uploaded: datetime.datetime
    requires_python: str | None = None
    metadata_sha256: str | None = None


@dataclass(frozen=True)
class Policy:
    """What an index goes by. Sizes in bytes, as PyPI has them. `taken` and `prohibited` are project names."""

    file_limit: int = 100 * MIB
    project_limit: int = 10 * GIB
    release_age: datetime.timedelta = datetime.timedelta(days=14)
    taken: frozenset[str] = frozenset()
    prohibited: frozenset[str] = frozenset()
    new_projects: int | None = None
    read_only: bool = False
    uploads_disabled: bool = False


@dataclass(frozen=True)
class Case:
    """All that a rule may look at. `deleted` are the names of files that were deleted, and cannot be used again."""

    submission: Submission
    held: tuple[Held, ...]
    deleted: frozenset[str]
    policy: Policy
    now: datetime.datetime


def from_file(
    metadata: Mapping[str, object], unread: tuple[str, ...], path: Path, account: Account | None = None
) -> Submission:
    """The upload that a client would make of a built file."""
    with path.open("rb") as file:
        digests = Digests.of(iter(lambda: file.read(_CHUNK), b""))
    return Submission(
        metadata=cast("RawMetadata", metadata),
        filename=path.name,
        filetype="bdist_wheel" if path.name.endswith(".whl") else "sdist",
        path=path,
        size=path.stat().st_size,
        digests=digests,
        stated=digests,
        account=account,
        unread=unread,
    )
