"""The files of a local index, on the disk, so that the next process of a run finds them; and their pages.

FOLDER/
  files/NAME            the bytes, as they were uploaded
  files/NAME.metadata   METADATA of a wheel (PEP 658)
  files/NAME.provenance its provenance (PEP 740), where it was attached
  held/NAME.json        the facts about a file: only with this record is it on the index
  deleted/NAME          a name that cannot be used again
  incoming/             uploads in progress
"""

from __future__ import annotations

import datetime
import hashlib
import html
import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from omni_release.core.documents import write_file
from omni_release.core.world import ACTIVE, ProjectStatus
from omni_release.local_index import Digests, StoredFile, UploadRequest

_FOLDERS = ("files", "held", "deleted", "incoming")

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
OLD_HTML = "text/html"
_API = "1.4"

QUARANTINED = "quarantined"
CLOSED = ("archived", QUARANTINED)
"""The statuses of projects that take no uploads (PEP 792); one in quarantine offers no files either."""


class Store:
    """The files of one project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = itertools.count()
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)

    def files(self) -> tuple[StoredFile, ...]:
        """All files, in the order of their upload."""
        files = []
        for path in (self._folder / "held").glob("*.json"):
            record = json.loads(path.read_bytes())
            record["digests"] = Digests(**record["digests"])
            record["uploaded"] = datetime.datetime.fromisoformat(record["uploaded"])
            files.append(StoredFile(**record))
        return tuple(sorted(files, key=lambda file: (file.uploaded, file.name)))

    def deleted(self) -> frozenset[str]:
        """The names that cannot be used again."""
        return frozenset(path.name for path in (self._folder / "deleted").iterdir())

    def incoming(self) -> Path:
        """A new path for an upload in progress."""
        return self._folder / "incoming" / f"{os.getpid()}-{next(self._number)}"

    def path(self, name: str) -> Path | None:
        """The path of a file, its metadata (`NAME.metadata`) or provenance (`NAME.provenance`); None where not here."""
        of = name.removesuffix(".metadata").removesuffix(".provenance")
        if not (self._folder / "held" / f"{of}.json").is_file():
            return None
        path = self._folder / "files" / name
        return path if path.is_file() else None

    def add(self, upload: UploadRequest, metadata: bytes | None, at: datetime.datetime) -> None:
        """Store an upload: its bytes are moved from where they came in."""
        assert upload.filename is not None
        name, required = upload.filename, upload.metadata.get("requires_python")
        digest = None if metadata is None else hashlib.sha256(metadata).hexdigest()
        file = StoredFile(name, upload.version, upload.filetype, upload.size, upload.digests, at, required, digest)
        if metadata is not None:
            (self._folder / "files" / f"{name}.metadata").write_bytes(metadata)
        os.replace(upload.path, self._folder / "files" / name)
        record = json.dumps(asdict(file) | {"uploaded": at.isoformat()})
        write_file(self._folder / "held" / f"{name}.json", record.encode())

    def attach(self, name: str, provenance: bytes) -> None:
        """Give a file a provenance, as PyPI does after an upload with attestations."""
        (self._folder / "files" / f"{name}.provenance").write_bytes(provenance)
        record = self._folder / "held" / f"{name}.json"
        write_file(record, json.dumps(json.loads(record.read_bytes()) | {"provenance": True}).encode())

    def delete(self, name: str) -> None:
        """Delete a file, as its owner can on the web. Its name cannot be used again."""
        (self._folder / "deleted" / name).touch()
        (self._folder / "held" / f"{name}.json").unlink(missing_ok=True)
        for suffix in ("", ".metadata", ".provenance"):
            (self._folder / "files" / f"{name}{suffix}").unlink(missing_ok=True)


def page_format(content_type: str) -> str:
    """`json` or `html`."""
    return "json" if content_type == JSON else "html"


def root_page(names: Sequence[str], content_type: str) -> str:
    """The page of all projects (PEP 503, PEP 691)."""
    if content_type == JSON:
        return json.dumps({"meta": {"api-version": _API}, "projects": [{"name": name} for name in names]})
    return _document("Simple index", [f'<a href="{name}/">{name}</a>' for name in names])


def project_page(
    name: str, files: Sequence[StoredFile], content_type: str, status: ProjectStatus = ACTIVE, base: str = ""
) -> str:
    """The page of a project (PEP 503, PEP 691) with this status (PEP 792); one in quarantine shows no files.

    `base` is the address of the server: that of a provenance is always a whole one (PEP 740).
    """
    files = () if status.name == QUARANTINED else files
    if content_type != JSON:
        return _document(f"Links for {name}", [_link(file, base) for file in files], status)
    page = {
        "meta": {"api-version": _API},
        "name": name,
        "project-status": {"status": status.name} | ({"reason": status.reason} if status.reason else {}),
        "versions": list(dict.fromkeys(file.version for file in files)),
        "files": [_json_file(file, base) for file in files],
    }
    return json.dumps(page)


def _json_file(file: StoredFile, base: str) -> dict[str, object]:
    metadata: object = {"sha256": file.metadata_sha256} if file.metadata_sha256 else False
    required: dict[str, object] = {"requires-python": file.requires_python} if file.requires_python else {}
    return {
        "filename": file.name,
        "url": f"/files/{file.name}",
        "hashes": {"sha256": file.digests.sha256},
        "size": file.size,
        "upload-time": file.uploaded.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "yanked": False,
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "provenance": _provenance_url(file, base) if file.provenance else None,
        **required,
    }


def _link(file: StoredFile, base: str) -> str:
    name = html.escape(file.name, quote=True)
    attributes = [f'href="/files/{name}#sha256={file.digests.sha256}"']
    if file.requires_python:
        attributes.append(f'data-requires-python="{html.escape(file.requires_python, quote=True)}"')
    if file.metadata_sha256:
        attributes.append(f'data-dist-info-metadata="sha256={file.metadata_sha256}"')
        attributes.append(f'data-core-metadata="sha256={file.metadata_sha256}"')
    if file.provenance:
        attributes.append(f'data-provenance="{html.escape(_provenance_url(file, base), quote=True)}"')
    return f"<a {' '.join(attributes)}>{name}</a>"


def _provenance_url(file: StoredFile, base: str) -> str:
    return f"{base.rstrip('/')}/files/{file.name}.provenance"


def _document(title: str, links: Sequence[str], status: ProjectStatus | None = None) -> str:
    facts = {"repository-version": _API}
    if status is not None:
        facts["project-status"] = status.name
        facts |= {"project-status-reason": status.reason} if status.reason else {}
    pairs = ((f"pypi:{name}", html.escape(text, quote=True)) for name, text in facts.items())
    head = "".join(f'    <meta name="{name}" content="{text}">\n' for name, text in pairs)
    body = "".join(f"    {link}<br>\n" for link in links)
    return (
        f"<!DOCTYPE html>\n<html>\n  <head>\n{head}    <title>{title}</title>\n  </head>\n"
        f"  <body>\n{body}  </body>\n</html>\n"
    )
