"""What the tests of versions share: the case projects, each with the places that are its truth."""

from __future__ import annotations

import shutil
from pathlib import Path

from omni_release import versions
from omni_release.adapters import files as adapters_files
from omni_release.adapters.index import reader
from omni_release.cli import version, version_output
from tests.conftest import CASES, git

PROJECTS = CASES / "versions"
AT = {"monorepo": "packages/acme", "around": "lib", "workspace": "packages/acme-core"}
"""Where the project lies in its repository, if not at its top."""


def checkout(name: str, target: Path) -> Path:
    """A case in a repository of its own; the project's folder."""
    shutil.copytree(PROJECTS / name, target)
    (target / "expected.txt").unlink()
    git("init", "--quiet", "--initial-branch=main", cwd=target)
    git("add", "--all", "--force", cwd=target)
    git("commit", "--quiet", "--message=start", cwd=target)
    git("tag", "v1.0.1" if name == "drifted" else "v1.2.3" if name == "generated" else "v0.9", cwd=target)
    return target / AT.get(name, "")


def listed(root: Path) -> str:
    """The places of a project, a line each."""
    found = versions.find_places(str(root)).places
    return "".join(f"{place.role} {place.where} {place.value}\n" for place in found)


def change(root: Path, verb: str, value: str = "", *, docs: bool = False, dry: bool = False, index: str = "") -> int:
    """`version sync`, `set` or `bump`, in this process."""
    arguments = version_output.Arguments(verb=verb, value=value, dry_run=dry, docs=docs)
    return version.change(root, arguments, adapters_files, reader(index) if index else None)


def contents(top: Path) -> dict[str, bytes]:
    """All files below a folder, but for git's own."""
    files = (path for path in top.rglob("*") if path.is_file() and ".git" not in path.relative_to(top).parts)
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in files}
