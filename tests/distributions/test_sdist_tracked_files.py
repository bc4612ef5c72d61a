"""Which files of an sdist git does not know."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.core.model import Project, Severity
from omni_release.core.settings import Settings
from omni_release.distributions.content_checks import sdist_tracked_files
from tests.repositories import cloned

SETTINGS = {"tool": {"setuptools_scm": {"version_file": "acme/_scm.py"}, "hatch": {"build": {"artifacts": ["*.css"]}}}}


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("acme.py", "tracked"),
        ("PKG-INFO", "built"),
        ("src/acme.egg-info/SOURCES.txt", "checkout"),
        ("pyproject.toml.orig", "built"),
        ("acme/_scm.py", "checkout"),
        ("style.css", "checkout"),
        ("acme/fast.c", "checkout"),  # of fast.pyx
        ("acme/locale/de.mo", "checkout"),  # of de.po
        ("acme/config.py", "checkout"),  # of config.py.in
        ("Cargo.lock", "checkout"),
        ("acme/version.py", "checkout"),
        ("acme/parser.py", "built"),  # a generator wrote it, and it was not there before
        ("acme/parser.py", "rebuilt"),  # it was there, and the build wrote it again
        ("LICENSE", "root"),  # as the repository's, one level up
        ("vendored/LICENSE", "root"),
    ],
)
def test_known(name: str, where: str, tmp_path: Path) -> None:
    """A file that is tracked, or generated, or has a tracked file's bytes is no finding."""
    assert findings(tmp_path, name, where) == []


@pytest.mark.parametrize("name", ["notes.txt", "acme/draft.py", "data/customers.csv", "acme/slow.c"])
def test_untracked(name: str, tmp_path: Path) -> None:
    """A file that lies in the checkout without git knowing it is an error, ignored or not."""
    assert findings(tmp_path, name, "checkout") == [f"acme-1.0.tar.gz contains {name}, which git does not track"]


def findings(folder: Path, name: str, where: str) -> list[str]:
    """The errors for an sdist with this file, which is tracked, or in the checkout, or in the copy that was built."""
    checkout = replace(cloned(folder), project=Path("packages/acme"))
    for file in ("acme/fast.pyx", "acme/locale/de.po", "acme/config.py.in", *([name] if where == "tracked" else ())):
        checkout.commit(f"packages/acme/{file}")
    checkout.commit("LICENSE", "the licence of all")
    root = checkout.root / checkout.project
    with checkout.open() as (release, world):
        release = replace(release, project=Project(root, "acme", (), Settings(), SETTINGS))
        for base in {"checkout": [root], "built": [release.source], "rebuilt": [root, release.source]}.get(where, []):
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            (base / name).write_text("new", encoding="utf-8")
        if where == "checkout":
            copy(root / name, release.source / name)
        if where == "rebuilt":
            os.utime(root / name, (1, 1))
        release.dist.mkdir()
        content = b"the licence of all" if where == "root" else b"new"
        with tarfile.open(release.dist / "acme-1.0.tar.gz", "w:gz") as archive:
            info = tarfile.TarInfo(f"acme-1.0/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        found = tuple(sdist_tracked_files(release, world))
    return [finding.message for finding in found if finding.severity is Severity.ERROR]


def copy(source: Path, target: Path) -> None:
    """A copy with the same time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
