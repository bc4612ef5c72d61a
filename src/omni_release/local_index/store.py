"""What the rehearsal index holds, on the disk: so that the next process of a run finds it again.

FOLDER/
  files/NAME            the bytes, as they were uploaded
  files/NAME.metadata   a wheel's METADATA (PEP 658)
  held/NAME.json        what is known of it: with this file it is held, without it is not
  deleted/NAME          a name that cannot be used again
  incoming/             uploads under way
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
from omni_release.local_index import Digests, Held, Submission

_FOLDERS = ("files", "held", "deleted", "incoming")


class Store:
    """The files of one project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = itertools.count()
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)

    def held(self) -> tuple[Held, ...]:
        """All files, in the order of their upload."""
        found = (_read(path) for path in (self._folder / "held").glob("*.json"))
        return tuple(sorted(found, key=lambda held: (held.uploaded, held.name)))

    def deleted(self) -> frozenset[str]:
        """The names that cannot be used again."""
        return frozenset(path.name for path in (self._folder / "deleted").iterdir())

    def incoming(self) -> Path:
        """A place for an upload that is under way."""
        return self._folder / "incoming" / f"{os.getpid()}-{next(self._number)}"

    def path(self, name: str) -> Path | None:
        """Where a file, or a file's metadata, lies; None where nothing is held under that name."""
        held = name.removesuffix(".metadata")
        if not (self._folder / "held" / f"{held}.json").is_file():
            return None
        path = self._folder / "files" / name
        return path if path.is_file() else None

    def keep(self, given: Submission, metadata: bytes | None, at: datetime.datetime) -> Held:
        """Hold an upload: its bytes are moved from where they came in."""
        assert given.filename is not None
        held = Held(
            given.filename,
            given.version,
            given.filetype,
            given.size,
            given.digests,
            at,
            given.metadata.get("requires_python"),
            hashlib.sha256(metadata).hexdigest() if metadata is not None else None,
        )
        if metadata is not None:
            (self._folder / "files" / f"{held.name}.metadata").write_bytes(metadata)
        os.replace(given.path, self._folder / "files" / held.name)
        record = json.dumps(asdict(held) | {"uploaded": at.isoformat()})
        write_file(self._folder / "held" / f"{held.name}.json", record.encode())
        return held

    def delete(self, name: str) -> None:
        """Hold a file no longer, as its owner can on the web. Its name stays used."""
        (self._folder / "deleted" / name).touch()
        self.forget(name)

    def forget(self, name: str) -> None:
        """Lose a file, as if it had never come."""
        (self._folder / "held" / f"{name}.json").unlink(missing_ok=True)
        (self._folder / "files" / name).unlink(missing_ok=True)
        (self._folder / "files" / f"{name}.metadata").unlink(missing_ok=True)


def _read(path: Path) -> Held:
    found = json.loads(path.read_bytes())
    return Held(
        **found
        | {
            "digests": Digests(**found["digests"]),
            "uploaded": datetime.datetime.fromisoformat(found["uploaded"]),
        }
    )


JSON = "application/vnd.pypi.simple.v1+json"

HTML = "application/vnd.pypi.simple.v1+html"

OLD_HTML = "text/html"

_API = "1.4"


def page_format(page: str) -> str:
    """`json` or `html`, of a content type."""
    return "json" if page == JSON else "html"


def project_page(name: str, files: Sequence[Held], page: str) -> str:
    """A project's page, of a content type."""
    return _json(name, files) if page == JSON else _html(name, files)


def root_page(names: Sequence[str], page: str) -> str:
    """The page of all projects."""
    if page == JSON:
        return json.dumps({"meta": {"api-version": _API}, "projects": [{"name": name} for name in names]})
    return _document("Simple index", [f'<a href="{name}/">{name}</a>' for name in names])


def _json(name: str, files: Sequence[Held]) -> str:
    return json.dumps(
        {
            "meta": {"api-version": _API},
            "name": name,
            "project-status": {"status": "active"},
            "versions": list(dict.fromkeys(held.version for held in files)),
            "files": [_file(held) for held in files],
        }
    )


def _file(held: Held) -> dict[str, object]:
    at = held.uploaded.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    metadata: object = {"sha256": held.metadata_sha256} if held.metadata_sha256 else False
    required: dict[str, object] = {"requires-python": held.requires_python} if held.requires_python else {}
    return {
        "filename": held.name,
        "url": f"/files/{held.name}",
        "hashes": {"sha256": held.digests.sha256},
        "size": held.size,
        "upload-time": at,
        "yanked": False,
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        **required,
    }


def _html(name: str, files: Sequence[Held]) -> str:
    return _document(f"Links for {name}", [_link(held) for held in files])


def _link(held: Held) -> str:
    name = html.escape(held.name, quote=True)
    attributes = [f'href="/files/{name}#sha256={held.digests.sha256}"']
    if held.requires_python:
        attributes.append(f'data-requires-python="{html.escape(held.requires_python, quote=True)}"')
    if held.metadata_sha256:
        attributes.append(f'data-dist-info-metadata="sha256={held.metadata_sha256}"')
        attributes.append(f'data-core-metadata="sha256={held.metadata_sha256}"')
    return f"<a {' '.join(attributes)}>{name}</a>"


def _document(title: str, links: Sequence[str]) -> str:
    body = "".join(f"    {link}<br>\n" for link in links)
    return (
        '<!DOCTYPE html>\n<html>\n  <head>\n    <meta name="pypi:repository-version" content="'
        f'{_API}">\n    <title>{title}</title>\n  </head>\n  <body>\n{body}  </body>\n</html>\n'
    )
