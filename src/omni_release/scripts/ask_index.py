"""Ask an index in a process of its own: to import the libraries for it takes longer than many a run.

    python -m omni_release.scripts.ask_index files PROJECT
    python -m omni_release.scripts.ask_index fetch FILE FOLDER

The variable `URL` has the address of the simple API, which may have a password in it. FILE is JSON, as `files` prints
it. Prints JSON: the files, or the path of the one that was fetched; or the error, as its class, message and hint. See
`index.apart`, which calls it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from omni_release.core.errors import OmniReleaseError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from typing import Any

URL = "OMNI_RELEASE_SIMPLE_URL"
"""The variable with the address of the index."""

_SILENCE = 15.0  # seconds without a byte


def _listed(url: str) -> list[dict[str, Any]] | None:
    """The files on the JSON page of a project (PEP 691), by the standard library alone; None where that is not enough.

    The libraries then say what is wrong, or read the page in another form: to import them takes half a second.
    """
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
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _file(entry: dict[str, Any], page: str) -> dict[str, Any]:
    """A file of a JSON page, with the fields of `core.world.IndexFile`. Raises as what reads a page that is not one."""
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


def main(argv: list[str]) -> None:
    """Ask, and print the answer."""
    verb, what, *rest = argv
    url = os.environ.pop(URL)
    try:
        if verb == "files":
            found = _listed(f"{url.rstrip('/')}/{what}/")
            if found is None:
                from omni_release.index import apart
                from omni_release.index.client import Client

                found = [apart.to_dict(file) for file in Client(f"{url.rstrip('/')}/").files(what)]
            printed = json.dumps(found)
        else:
            from omni_release.index import apart, downloads

            printed = json.dumps(str(downloads.kept(url, apart.from_dict(json.loads(what)), Path(rest[0]))))
    except OmniReleaseError as error:
        printed = json.dumps({"error": type(error).__name__, "message": error.message, "hint": error.hint})
    sys.stdout.write(printed)


if __name__ == "__main__":
    main(sys.argv[1:])
