"""Compare the API of two wheels, or of two folders, and write what breaks as JSON. Runs on our own interpreter.

    python -m omni_release.api.program OLD NEW WORK RESULT

Unpacks wheels into the folder WORK. A process of its own: griffe keeps a processor busy, while a run does other things.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import sys
from pathlib import Path, PurePosixPath

from omni_release import distributions
from omni_release.api.breaks import ApiComparison
from omni_release.api.surface import load
from omni_release.core.errors import InvalidDistribution

_READ = (".py", ".pyi")
_SEEN = (".so", ".pyd")  # only that they are there
_STUBS = re.compile(r"^([^/]+)-stubs/")  # a distribution of them alone (PEP 561)
_NO_FILE = (FileExistsError, IsADirectoryError, NotADirectoryError, ValueError)  # also a folder of that name; a NUL
_DATA = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")


def unpacked(wheel: Path, folder: Path) -> Path:
    """The modules of a wheel, below a folder; of compiled ones only the names, and of stubs those of their package.

    Raises InvalidDistribution for what is no wheel.
    """
    distributions.refuse_bomb(wheel)
    folder.mkdir(parents=True)
    for entry in distributions.contents(wheel):
        name = PurePosixPath(_STUBS.sub(r"\1/", _DATA.sub("", entry.name)))
        if name.suffix not in (*_READ, *_SEEN) or name.is_absolute() or ".." in name.parts:
            continue
        target = folder / name
        with contextlib.suppress(*_NO_FILE):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(entry.read() if name.suffix in _READ else b"")
    return folder


def main(argv: list[str]) -> None:
    """Compare, and write the result: of what is no wheel, only why."""
    old, new, work, result = map(Path, argv)
    try:
        folders = [
            path if path.is_dir() else unpacked(path, work / which) for path, which in ((old, "old"), (new, "new"))
        ]
    except InvalidDistribution as error:
        result.write_text(json.dumps({"invalid": str(error)}), encoding="utf-8")
        return
    before, after = (load(folder) for folder in folders)
    comparison = ApiComparison(before, after)
    document = {
        "alike": comparison.are_alike(),
        "changes": [dataclasses.asdict(change) for change in comparison.changes()],
        "added": list(comparison.added()),
        "unread": list(dict.fromkeys((*before.unread, *after.unread))),
    }
    result.write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
