"""`omni-release workflow github`: print the workflows, or write them where the service looks for them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from omni_release import workflows
from omni_release.core import errors
from omni_release.core.actions import Write
from omni_release.core.errors import Conflict, UsageError
from omni_release.core.world import Files

FOLDER = Path(".github", "workflows")


def main(root: Path, name: str, files: Files, *, write: bool, json: bool = False) -> int:
    """Print or write the workflows, as JSON too. Raises Conflict where a file of another content is there."""
    if name and name not in workflows.NAMES:
        raise UsageError(f"there is no workflow {name!r}", f"There are: {', '.join(workflows.NAMES)}.")
    # The matrix is what nox lists: without a noxfile there is none.
    parts = {"gate": ("sessions",) if (root / "noxfile.py").is_file() else ()}
    texts = {n: workflows.github(n, *parts.get(n, ())) for n in workflows.NAMES if name in ("", n)}
    if write:
        _write(root, texts, files)
    if json:
        from json import dumps

        told = [{"path": (FOLDER / f"{n}.yml").as_posix(), "text": text} for n, text in texts.items()]
        sys.stdout.write(dumps({"workflows": told, "written": write}, indent=2, ensure_ascii=False) + "\n")
    elif write:
        sys.stdout.writelines(f"{(FOLDER / n).as_posix()}.yml\n" for n in texts)
    else:
        sys.stdout.write("---\n".join(f"# {(FOLDER / n).as_posix()}.yml\n{text}" for n, text in texts.items()))
    return errors.EXIT_PASSED


def _write(root: Path, texts: Mapping[str, str], files: Files) -> None:
    targets = {root / FOLDER / f"{n}.yml": text.encode() for n, text in texts.items()}
    for target, content in targets.items():
        if target.exists() and target.read_bytes() != content:
            raise Conflict(f"{target} is there, and is another", "Compare it with what is printed without --write.")
    for target, content in targets.items():
        files.write(Write(target, content))
