"""The simple API's pages: JSON (PEP 691, 700, 714, 792) and HTML (PEP 503, 592, 658)."""

from __future__ import annotations

import datetime
import html
import json
from collections.abc import Sequence

from omni_release.local_index.submission import Held

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
OLD_HTML = "text/html"
_API = "1.4"


def kind(page: str) -> str:
    """`json` or `html`, of a content type."""
    return "json" if page == JSON else "html"


def project(name: str, files: Sequence[Held], page: str) -> str:
    """A project's page, of a content type."""
    return _json(name, files) if page == JSON else _html(name, files)


def root(names: Sequence[str], page: str) -> str:
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
