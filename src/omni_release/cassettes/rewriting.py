"""Cassettes that are there already, written again as a recording would be: small, and without keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from omni_release import cassettes
from omni_release.cassettes import Scrubber
from omni_release.core.actions import Write
from omni_release.core.model import Project
from omni_release.smoke import runner


@dataclass(frozen=True)
class Rewriting:
    """One cassette's change: its path in the project, its size in bytes before and after."""

    path: str
    before: int
    after: int
    write: Write


def changes(project: Project, secrets: tuple[str, ...]) -> Iterator[Rewriting]:
    """What would be written; nothing for a cassette that is as it should be. Raises UnreadableCassette."""
    scrubber = Scrubber(secrets)
    for path in runner.recordings(project):
        found = cassettes.read(path)
        entries = [
            cassettes.entry(
                scrubber,
                (one.method, one.uri, one.sent, {"content-type": "application/json"} if one.sent else {}),
                (one.code, one.reason, one.body, one.headers),
            )
            for one in found.interactions
        ]
        before, after = path.read_bytes(), cassettes.written(entries, found.provenance).encode()
        if before != after:
            shown = path.relative_to(project.root).as_posix()
            yield Rewriting(shown, len(before), len(after), Write(path, after))
