"""Calls `scripts.ask_index`, which asks an index in a process of its own, and reads what it answers."""

from __future__ import annotations

import dataclasses
import datetime
import json
import sys
from typing import Any

from omni_release.core.errors import Inconclusive, OmniReleaseError, PermanentRefusal, UsageError
from omni_release.core.world import IndexFile
from omni_release.index import in_utc

DEADLINE = 600.0
"""Seconds that an answer may take, the download of a large file included."""

_ERRORS: dict[str, type[OmniReleaseError]] = {
    kind.__name__: kind for kind in (Inconclusive, PermanentRefusal, UsageError)
}


def call(*arguments: str) -> tuple[str, ...]:
    """The call of the program on our interpreter."""
    return (sys.executable, "-P", "-m", "omni_release.scripts.ask_index", *arguments)


def to_dict(file: IndexFile) -> dict[str, Any]:
    """A file as JSON has it."""
    return dataclasses.asdict(file) | {"uploaded": file.uploaded.isoformat() if file.uploaded else None}


def from_dict(document: dict[str, Any]) -> IndexFile:
    """A file as JSON has it."""
    uploaded = document["uploaded"]
    return IndexFile(**document | {"uploaded": in_utc(datetime.datetime.fromisoformat(uploaded)) if uploaded else None})


def answer(printed: str, code: int) -> Any:
    """What the program has answered. Raises the error that it prints; Inconclusive where it prints something else."""
    try:
        document = json.loads(printed)
    except ValueError:
        raise Inconclusive(f"asking the index ended with exit code {code}", "Try it again.") from None
    if isinstance(document, dict) and "error" in document:
        raise _ERRORS.get(document["error"], Inconclusive)(document["message"], document["hint"])
    return document
