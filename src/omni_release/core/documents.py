"""Files: written in one step, read as JSON, lines of JSON or Python, known by the hash of their bytes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_release.core.errors import Inconclusive
from omni_release.core.model import Artifact

if TYPE_CHECKING:
    import ast


def write_file(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace the content of `path` in one step: a reader, or a crash, sees all of the old or all of the new bytes.

    Missing folders are created. The file's mode is kept; a new file gets 0644. Without `sync`, a loss of power can
    leave the file empty. Raises OSError, with the old content in place and no temporary file left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, name)
        else:
            os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def to_json(content: object) -> str:
    """A JSON document as a person reads it: indented, with a line feed at its end."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def to_output(content: Mapping[str, object]) -> str:
    """The JSON document that a command prints: see docs/stability.md for its version."""
    return to_json({"schema_version": SCHEMA_VERSION, **content})


SCHEMA_VERSION = 1


def read_json(path: Path) -> object:
    """The content of a JSON document; None if there is no such file. Raises Inconclusive if it cannot be read."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise Inconclusive(f"{path} cannot be read: {error}", "Start a new run.") from None


def append_json_line(path: Path, entry: Mapping[str, object], *, sync: bool = False) -> None:
    """Append an entry to a file of JSON lines, in one write: parallel processes do not mix their lines.

    After a line that a crash cut short, a new line begins. With `sync` it returns when the disk has the entry.
    """
    line = json.dumps(entry, ensure_ascii=False)
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        start = "" if file.read(1) in (b"", b"\n") else "\n"
        # The bytes of a file name that are not text become JSON's own escapes.
        file.write(f"{start}{line}\n".encode("utf-8", "backslashreplace"))
        file.flush()
        if sync:
            os.fsync(file.fileno())


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The entries of a file of JSON lines, oldest first; none if there is no such file. Skips incomplete lines."""
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_bytes().split(b"\n"):
            with contextlib.suppress(ValueError, RecursionError):
                if isinstance(entry := json.loads(line), dict):
                    yield entry


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def artifact_of(path: Path) -> Artifact:
    """The name, size and hash of a file."""
    return Artifact(path.name, path.stat().st_size, sha256(path))


def parse_python(source: bytes | str) -> ast.Module | None:
    """The syntax of a Python module; None where it does not parse on this Python."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the project's strings is no finding of a check
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
