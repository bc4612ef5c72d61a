"""List the files of a project on an index, by the standard library alone: its libraries take long to import.

    python -m omni_release.scripts.ask_index PROJECT

The variable `URL` has the address of the simple API. Prints the files as JSON, with the fields of
`core.world.IndexFile`; or null where that takes more: the libraries then say what is wrong, see `index.apart`.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from typing import Any

URL = "OMNI_RELEASE_SIMPLE_URL"
"""The variable with the address of the index, which may have a password in it."""

_SILENCE = 15.0  # seconds without a byte


def listed(url: str) -> list[dict[str, Any]] | None:
    """The files on the JSON page of a project (PEP 691); None where there is no such page, or it needs a login."""
    import urllib.error
    import urllib.parse
    import urllib.request

    if "@" in urllib.parse.urlsplit(url).netloc:
        return None
    accepted = {"Accept": "application/vnd.pypi.simple.v1+json", "Cache-Control": "no-cache"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=accepted), timeout=_SILENCE) as response:  # noqa: S310 - of the configured index
            if "json" not in response.headers.get_content_type():
                return None
            page = json.load(response)
        return [_file(entry, url) for entry in page["files"]]
    except urllib.error.HTTPError as error:
        return [] if error.code == 404 else None
    except Exception:  # noqa: BLE001 - no answer, one that is cut off, or no HTTP: the libraries say what is wrong
        return None


def _file(entry: dict[str, Any], page: str) -> dict[str, Any]:
    """A file of a JSON page. Raises ValueError, KeyError, TypeError or AttributeError where it is none."""
    import datetime
    import urllib.parse

    yanked, uploaded, provenance = entry.get("yanked", False), entry.get("upload-time"), entry.get("provenance")
    return {
        "name": entry["filename"],
        "sha256": entry["hashes"].get("sha256"),
        "url": urllib.parse.urljoin(page, entry["url"]),
        "uploaded": datetime.datetime.fromisoformat(uploaded).isoformat() if uploaded else None,
        "yanked": None if yanked is False else yanked if isinstance(yanked, str) else "",
        "requires_python": entry.get("requires-python") or "",
        "provenance": urllib.parse.urljoin(page, provenance) if provenance and isinstance(provenance, str) else "",
    }


if __name__ == "__main__":
    json.dump(listed(f"{os.environ.pop(URL).rstrip('/')}/{sys.argv[1]}/"), sys.stdout)
