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
from omni_release.core.redaction import strip_userinfo
from omni_release.core.world import Completed, IndexFile
from omni_release.index import describe_error, in_utc
from omni_release.scripts.ask_index import URL

DEADLINE = 600.0
"""Seconds that an answer may take, the download of a large file included."""

_ERRORS: dict[str, type[OmniReleaseError]] = {
    kind.__name__: kind for kind in (Inconclusive, PermanentRefusal, UsageError)
}


def quick_call(project: str) -> tuple[str, ...]:
    """The call of the program that lists most pages, without the libraries; it answers null for the others."""
    return (sys.executable, "-P", "-m", "omni_release.scripts.ask_index", project)


def call(*arguments: str) -> tuple[str, ...]:
    """The call of this program on our interpreter."""
    return (sys.executable, "-P", "-m", "omni_release.index.apart", *arguments)


def to_dict(file: IndexFile) -> dict[str, Any]:
    """A file as JSON has it."""
    return dataclasses.asdict(file) | {"uploaded": file.uploaded.isoformat() if file.uploaded else None}


def from_dict(document: dict[str, Any]) -> IndexFile:
    """A file as JSON has it."""
    uploaded = document["uploaded"]
    return IndexFile(**document | {"uploaded": in_utc(datetime.datetime.fromisoformat(uploaded)) if uploaded else None})


def quick_answer(printed: str) -> list[dict[str, Any]] | None:
    """The files that `quick_call` has printed; None where the libraries have to ask: also where it has crashed."""
    try:
        document = json.loads(printed)
    except ValueError:
        return None
    return document if isinstance(document, list) else None


def answer(printed: str, code: int) -> Any:
    """What the program has answered. Raises the error that it prints; Inconclusive where it prints something else."""
    try:
        document = json.loads(printed)
    except ValueError:
        message = f"the program that asks the index {Completed(code, (), 0.0).ended(DEADLINE)} without an answer"
        raise Inconclusive(message, "Run the same command again.") from None
    if isinstance(document, dict) and "error" in document:
        raise _ERRORS.get(document["error"], Inconclusive)(document["message"], document["hint"])
    return document


def main(argv: list[str]) -> None:
    """Ask, and print the answer."""
    verb, what, *rest = argv
    url = os.environ.pop(URL)
    try:
        if verb == "files":
            from omni_release.index.client import Client

            answer: object = [to_dict(file) for file in Client(f"{url.rstrip('/')}/").files(what)]
        else:
            from omni_release.index import downloads

            answer = str(downloads.kept(url, from_dict(json.loads(what)), Path(rest[0])))
    except OmniReleaseError as error:
        answer = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
    except Exception as error:  # noqa: BLE001 - the process that has asked gets it as a message
        message = f"{strip_userinfo(url)} cannot be read: {describe_error(error)}"
        answer = {"error": Inconclusive.__name__, "message": message, "hint": "Check that the index is up."}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
