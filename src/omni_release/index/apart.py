"""Ask an index in a process of its own: to import the libraries for it takes longer than many a run.

    python -m omni_release.index.apart files PROJECT
    python -m omni_release.index.apart fetch FILE FOLDER

The variable `URL` has the address of the simple API, which may have a password in it. FILE is JSON, as `files` prints
it. Prints JSON: the files, or the path of the one that was fetched; or the error, as its class, message and hint.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import sys
from pathlib import Path
from typing import Any

from omni_release.core.errors import Inconclusive, OmniReleaseError, PermanentRefusal, UsageError
from omni_release.core.world import IndexFile
from omni_release.index import in_utc

URL = "OMNI_RELEASE_SIMPLE_URL"
"""The variable with the address of the index."""

_SILENCE = 15.0  # seconds without a byte

DEADLINE = 600.0
"""Seconds that an answer may take, the download of a large file included."""

_ERRORS: dict[str, type[OmniReleaseError]] = {
    kind.__name__: kind for kind in (Inconclusive, PermanentRefusal, UsageError)
}


def call(*arguments: str) -> tuple[str, ...]:
    """The call of this program on our interpreter."""
    return (sys.executable, "-P", "-m", "omni_release.index.apart", *arguments)


def to_json(file: IndexFile) -> str:
    """A file as JSON."""
    uploaded = file.uploaded.isoformat() if file.uploaded else None
    return json.dumps(dataclasses.asdict(file) | {"uploaded": uploaded})


def from_json(document: dict[str, Any]) -> IndexFile:
    """A file from its JSON."""
    uploaded = document["uploaded"]
    return IndexFile(**document | {"uploaded": uploaded and datetime.datetime.fromisoformat(uploaded)})


def answer(printed: str, code: int) -> Any:
    """What the program has answered. Raises the error that it prints; Inconclusive where it prints something else."""
    try:
        document = json.loads(printed)
    except ValueError:
        raise Inconclusive(f"asking the index ended with exit code {code}", "Try it again.") from None
    if isinstance(document, dict) and "error" in document:
        raise _ERRORS.get(document["error"], Inconclusive)(document["message"], document["hint"])
    return document


def _listed(url: str) -> tuple[IndexFile, ...] | None:
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
        return tuple(_file(entry, url) for entry in page["files"])
    except urllib.error.HTTPError as error:
        return () if error.code == 404 else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _file(entry: dict[str, Any], page: str) -> IndexFile:
    """A file of a JSON page."""
    import urllib.parse

    yanked, uploaded, provenance = entry.get("yanked", False), entry.get("upload-time"), entry.get("provenance")
    return IndexFile(
        entry["filename"],
        entry["hashes"].get("sha256"),
        urllib.parse.urljoin(page, entry["url"]),
        in_utc(datetime.datetime.fromisoformat(uploaded)) if uploaded else None,
        None if yanked is False else yanked if isinstance(yanked, str) else "",
        entry.get("requires-python") or "",
        urllib.parse.urljoin(page, provenance) if provenance and isinstance(provenance, str) else "",
    )


def main(argv: list[str]) -> None:
    """Ask, and print the answer."""
    verb, what, *rest = argv
    url = os.environ.pop(URL)
    try:
        if verb == "files":
            found = _listed(f"{url.rstrip('/')}/{what}/")
            if found is None:
                from omni_release.index.client import Client

                found = Client(f"{url.rstrip('/')}/").files(what)
            printed = f"[{', '.join(map(to_json, found))}]"
        else:
            from omni_release.index import downloads

            printed = json.dumps(str(downloads.kept(url, from_json(json.loads(what)), Path(rest[0]))))
    except OmniReleaseError as error:
        printed = json.dumps({"error": type(error).__name__, "message": error.message, "hint": error.hint})
    sys.stdout.write(printed)


if __name__ == "__main__":
    main(sys.argv[1:])
