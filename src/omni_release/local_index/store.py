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
import itertools
import json
import os
from dataclasses import asdict
from pathlib import Path

from omni_release.local_index.submission import Digests, Held, Submission

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
        partial = self.incoming()
        partial.write_text(json.dumps(asdict(held) | {"uploaded": at.isoformat()}), encoding="utf-8")
        os.replace(partial, self._folder / "held" / f"{held.name}.json")
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
