"""An upload as it comes in: a multipart form, its file streamed to the disk, within limits for all else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from omni_release.local_index import MIB, Account, Digests, Submission

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata

_FIELDS = 999
_TEXT = 16 * MIB
_CHUNK = 64 * 1024
_BUFFER = MIB

_RENAMED = {"platform": "platforms", "supported_platform": "supported_platforms", "license_file": "license_files"}
_LISTS = frozenset(
    {
        *("platforms", "supported_platforms", "classifiers", "requires", "provides", "obsoletes", "requires_dist"),
        *("provides_dist", "obsoletes_dist", "requires_external", "provides_extra", "dynamic", "license_files"),
        *("import_names", "import_namespaces"),
    }
)
_TEXTS = frozenset(
    {
        *("metadata_version", "name", "version", "summary", "description", "home_page", "author", "author_email"),
        *("license", "download_url", "maintainer", "maintainer_email", "requires_python"),
        *("description_content_type", "license_expression"),
    }
)


class BadForm(Exception):
    """Why a body is no upload."""


@dataclass
class Form:
    """What came in: the fields, in their order, and the file's name, size and digests."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    filename: str | None = None
    size: int = 0
    digests: Digests = field(default_factory=Digests)

    def get(self, name: str) -> str | None:
        """The first value of a field, None where it is not there. `UNKNOWN` is an old tool's word for nothing."""
        return next((value for key, value in self.fields if key == name and value != "UNKNOWN"), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name and value != "UNKNOWN"]


def read(stream: IO[bytes], content_type: str, target: Path, keep: int) -> Form:
    """The form. Of its file `keep` bytes and one more are written to `target`, the rest is counted only.

    Raises BadForm for what is not a form, or for one with too many fields or too much text.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        raise BadForm("The upload is not multipart/form-data.")
    decoder = MultipartDecoder(boundary.encode("utf-8", "replace"), max_form_memory_size=_BUFFER, max_parts=_FIELDS)
    form = Form()
    try:
        with target.open("wb") as file:
            _fill(form, _events(decoder, stream), _Kept(file, keep))
    except RequestEntityTooLarge:
        raise BadForm(f"The upload has more than {_FIELDS} fields, or a part whose header has no end.") from None
    except (ValueError, UnicodeError) as error:
        raise BadForm(f"The upload is not a whole multipart form: {error}.") from None
    return form


def submission(form: Form, path: Path, account: Account | None) -> Submission:
    """The form's fields as core metadata: what twine's and uv's names for them stand for."""
    stated = (form.get(f"{name}_digest") or None for name in ("md5", "sha256", "blake2_256"))
    return Submission(
        metadata=_metadata(form),
        filename=form.filename,
        filetype=form.get("filetype") or "",
        path=path,
        size=form.size,
        digests=form.digests,
        stated=Digests(*stated),
        account=account,
        protocol=form.get("protocol_version") or "1",
        attestations=form.get("attestations"),
    )


class _Kept:
    """The part of a file that is written, and the digests and the size of all of it."""

    def __init__(self, file: IO[bytes], keep: int) -> None:
        self._file = file
        self._left = keep + 1
        self.size = 0
        self._hashes = (
            hashlib.md5(usedforsecurity=False),
            hashlib.sha256(),
            hashlib.blake2b(digest_size=32),
        )

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self._left > 0:
            kept = data[: self._left]
            self._left -= len(kept)
            self._file.write(kept)
            for digest in self._hashes:
                digest.update(kept)

    @property
    def digests(self) -> Digests:
        return Digests(*(digest.hexdigest() for digest in self._hashes))


def _events(decoder: MultipartDecoder, stream: IO[bytes]) -> Iterator[Field | File | Data]:
    """The decoder's events, up to the form's end."""
    while True:
        chunk = stream.read(_CHUNK)
        decoder.receive_data(chunk or None)
        event = decoder.next_event()
        while not isinstance(event, (NeedData, Epilogue)):
            if isinstance(event, (Field, File, Data)):
                yield event
            event = decoder.next_event()
        if isinstance(event, Epilogue) or not chunk:
            return


def _fill(form: Form, events: Iterator[Field | File | Data], kept: _Kept) -> None:
    name, text, total = "", bytearray(), 0
    into: Callable[[bytes], object] = text.extend
    for event in events:
        match event:
            case File():
                if form.filename is not None or event.name != "content":
                    into = _Nothing().write  # a signature, say: PyPI ignores it too
                else:
                    form.filename, into = event.filename, kept.write
            case Field():
                name, text = event.name or "", bytearray()
                into = text.extend
            case Data():
                if into == text.extend:
                    total += len(event.data)
                    if total > _TEXT:
                        raise BadForm(f"The upload has more than {_TEXT // MIB} MiB of text.")
                into(event.data)
                if not event.more_data and into == text.extend:
                    form.fields.append((name, text.decode()))
    form.size, form.digests = kept.size, kept.digests


class _Nothing:
    def write(self, data: bytes) -> None:
        pass


def _metadata(form: Form) -> RawMetadata:
    found: dict[str, object] = {}
    for key in dict.fromkeys(key for key, _ in form.fields):
        name = _RENAMED.get(key, key)
        values = form.all(key)
        if not values or values == [""]:
            continue
        if name in _LISTS:
            found[name] = values
        elif name in _TEXTS:
            found[name] = values[0]
        elif name == "keywords":
            found[name] = [word.strip(" ") for value in values for word in value.split(",")]
        elif name == "project_urls":
            found[name] = dict(_url(value) for value in values)
    return cast("RawMetadata", found)


def _url(value: str) -> tuple[str, str]:
    label, _, url = value.partition(",")
    return label.strip(), url.strip()
