"""A package as its maintainers have it: a git repository at the release's tag."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from packaging.version import InvalidVersion, Version

from omni_release import index
from omni_release.environments.installer_config import default_index
from omni_release.index.client import Client
from tests.compatibility import Package

_GENERATED = ("PKG-INFO", "*.egg-info")  # back ends write these into an sdist; a checkout has neither
_IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid", "-c", "commit.gpgsign=false")


def prepare(package: Package, target: Path, *, sdists: Path, checkouts: Path | None) -> str:
    """Create a repository of the package at `target`; says what it was made of: `checkout` or `sdist`."""
    if checkouts and (tag := _tag(checkouts / package.name, package.version)):
        _git("clone", "--quiet", "--no-hardlinks", str(checkouts / package.name), str(target), cwd=checkouts)
        _git("checkout", "--quiet", tag, cwd=target)
        _submodules(checkouts / package.name, target)
        return "checkout"
    _unpack(_download(package, sdists), target)
    for name in ("test", "tests") if package.parts_of_tests else ():
        shutil.rmtree(target / name, ignore_errors=True)
    _git("init", "--quiet", "--initial-branch=main", cwd=target)
    _git("add", "--all", cwd=target)
    _git("commit", "--quiet", f"--message={package.version}", cwd=target)
    _git("tag", f"v{package.version}", cwd=target)
    return "sdist"


def _tag(root: Path, version: str) -> str | None:
    """The tag of a version in a full checkout; None where there is no such checkout or tag."""
    if not (root / ".git").exists():
        return None
    return next((tag for tag in _git("tag", cwd=root).split() if _version_of(tag) == Version(version)), None)


def _version_of(tag: str) -> Version | None:
    """The version in the name of a tag, as v1.0, release-1.0 or 2026.07.22; None where there is none."""
    try:
        return Version(tag.removeprefix("release-"))
    except InvalidVersion:
        return None


def _submodules(source: Path, target: Path) -> None:
    """Check out the submodules that are checked out in `source`, from there."""
    for line in _git("submodule", "status", cwd=source).splitlines():
        path = line[1:].split()[1]
        if not line.startswith("-"):
            _git("config", f"submodule.{path}.url", str(source / path), cwd=target)
            _git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", path, cwd=target)


def _download(package: Package, folder: Path) -> Path:
    """The sdist of exactly these bytes, from this machine's default index or from an earlier download."""
    path = folder / f"{package.name}-{package.version}.tar.gz"
    if not path.exists():
        client = Client(default_index(os.environ), deadline=60)
        (file,) = (file for file in client.files(package.name) if file.sha256 == package.sha256)
        with index.open_session(client.simple_url) as session:
            content = session.s.get(file.url, timeout=60).content
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == package.sha256, f"{path} has other bytes"
    return path


def _unpack(sdist: Path, target: Path) -> None:
    """The tree of an sdist, without what the build wrote into it."""
    with tarfile.open(sdist) as archive:
        archive.extractall(target.with_suffix(".unpacked"), filter="data")
    (root,) = target.with_suffix(".unpacked").iterdir()
    root.rename(target)
    target.with_suffix(".unpacked").rmdir()
    for pattern in _GENERATED:
        for path in (*target.glob(pattern), *target.glob(f"src/{pattern}")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _git(*arguments: str, cwd: Path) -> str:
    return subprocess.run(["git", *_IDENTITY, *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout
