"""The other packages of a workspace, for pip and uv: files that are on no index yet, beside all that is on one.

Both read the variables in each place where they install something: for the build, the tests, and as users do. A version
of a package is taken from wherever it is, so what an index has of a sibling can be chosen as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from omni_release import distributions

_FOLDER = "siblings"
_PIP, _UV = "PIP_FIND_LINKS", "UV_FIND_LINKS"


def offered(folders: Sequence[Path], work_dir: Path, outer: Mapping[str, str]) -> dict[str, str]:
    """Copy the distributions in these folders below the run's working folder; the variables that name them.

    The copies have the same path in each run but for the working folder, which the inputs of an outcome leave out.
    """
    target = work_dir / _FOLDER
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for folder in folders:
        for path in folder.iterdir():
            if path.name.endswith((".whl", ".tar.gz")):
                shutil.copyfile(path, target / path.name)
    # As an address: pip separates with blanks, uv with commas, and a path can have both.
    address = target.as_uri()
    return {_PIP: _joined(" ", address, outer.get(_PIP, "")), _UV: _joined(",", address, outer.get(_UV, ""))}


def provided(work_dir: Path, environment: Mapping[str, str]) -> dict[str, set[str]]:
    """The versions of siblings that the installers of this run are offered, by normalised name."""
    from packaging.utils import canonicalize_name

    folder = work_dir / _FOLDER
    found: dict[str, set[str]] = {}
    if folder.is_dir() and folder.as_uri() in environment.get(_UV, "").split(","):
        for path in folder.iterdir():
            name, version = distributions.name_and_version(path.name)
            found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def _joined(separator: str, *parts: str) -> str:
    return separator.join(filter(None, parts))
