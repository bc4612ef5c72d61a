"""What was built, looked into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from omni_release import artifacts
from omni_release.model import Finding, Release
from omni_release.project import import_name
from omni_release.seams import World


def artifacts_match(release: Release, world: World) -> Iterator[Finding]:
    """What was built is this project at this version: file names, metadata, import packages.

    Where the version differs, which place does the build read it from? Where a package is missing, look at what the
    back end is told to include (`packages`, `sources`, `include`).
    """
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    expected = canonicalize_name(release.project.name)
    versions = set()
    for path in artifacts.in_folder(release.dist):
        try:
            name, version = artifacts.name_and_version(path.name)
            message = artifacts.metadata(path)
        except ValueError as error:
            yield Finding(str(error), "artifact-unreadable")
            continue
        versions.add(version)
        if name != expected:
            yield Finding(f"{path.name} is named {name}, the project is {expected}", "artifact-name")
        if release.version is not None and Version(version) != Version(release.version):
            yield Finding(f"{path.name} is version {version}, the project is {release.version}", "artifact-version")
        stated = (canonicalize_name(str(message["Name"])), str(message["Version"]))
        if stated != (name, version):
            yield Finding(f"the metadata in {path.name} say {' '.join(stated)}", "artifact-metadata")
        if artifacts.is_wheel(path.name):
            yield from _packages(release, path)
    if len(versions) > 1:
        yield Finding(f"the distributions are of different versions: {', '.join(sorted(versions))}", "artifact-version")


def _packages(release: Release, wheel: Path) -> Iterator[Finding]:
    names = artifacts.names(wheel)
    for package in release.project.packages:
        dotted = import_name(package)
        base = dotted.replace(".", "/")
        if not any(name.startswith((f"{base}/", f"{base}.")) for name in names):
            said = f"{wheel.name} holds no {dotted!r}: whoever installs it can import nothing of {package.as_posix()}"
            yield Finding(said, "hollow-wheel")
