"""Read, describe and compare sdists and wheels."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from omni_release.core.errors import Inconclusive, InvalidDistribution
from omni_release.core.model import LOCAL_WHEEL, Artifact

TYPE_CHECKING = False  # as the type checker knows it: importing typing takes longer than the rest of a start
if TYPE_CHECKING:
    from email.message import Message

    from packaging.requirements import Requirement
    from packaging.tags import Tag

    from omni_release.core.world import World
    from omni_release.distributions.archives import Entry


PREBUILT = "prebuilt "
"""What the hash of the checkout begins with where the distributions were built elsewhere."""


def built_elsewhere(world: World) -> bool:
    """Whether the distributions of this run were handed over, and not built by it."""
    return (world.journal.tree_hash() or "").startswith(PREBUILT)


def is_wheel(name: str) -> bool:
    """Whether a file's name is a wheel's."""
    return name.endswith(".whl")


def name_and_version(name: str) -> tuple[str, str]:
    """The normalised project name and the version that a distribution's file name states.

    Raises InvalidDistribution for a name that is neither a wheel's (PEP 427) nor an sdist's (PEP 625).
    """
    from packaging.utils import parse_sdist_filename, parse_wheel_filename

    try:
        project, version, *_ = parse_wheel_filename(name) if is_wheel(name) else parse_sdist_filename(name)
    except ValueError as error:
        raise InvalidDistribution(str(error)) from None
    return str(project), str(version)


def project_and_version(artifacts: Sequence[Artifact]) -> tuple[str, str]:
    """The normalised project name and the version of the artifacts of a run, which all state the same ones.

    There must be at least one. Raises InvalidDistribution as `name_and_version` does.
    """
    return name_and_version(artifacts[0].name)


def version_to_release(stated: str | None, pinned: Sequence[Artifact]) -> str | None:
    """The version to release: that of the built files, spelled as the project states it.

    The built files decide, even if the project states another version by now. Before the build it is the version that
    the project states; None where it states none.
    """
    if not pinned:
        return stated
    _, built = project_and_version(pinned)
    return stated if stated and same_version(stated, built) else built


def parsed_requirement(line: str) -> Requirement | None:
    """A requirement (PEP 508); None for anything else: the rules of the index report it where it matters."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def refuse_bomb(path: Path) -> None:
    """Raises InvalidDistribution for a file whose content would fill the memory, and for one that is no archive."""
    from omni_release.distributions.archives import Archive

    Archive(path, path.name, bounded=True).refuse_bomb()


def contents(path: Path) -> Iterator[Entry]:
    """The files in a wheel or an sdist, one at a time; in an sdist without the name of its top folder.

    Each entry can be read until the next one is asked for. Raises InvalidDistribution for a file that is not a
    readable archive.
    """
    from omni_release.distributions.archives import Archive

    for entry in Archive(path, path.name).entries():
        if entry.is_file:
            name = entry.name if is_wheel(path.name) else entry.name.partition("/")[2]
            yield dataclasses.replace(entry, name=name)


def names(path: Path) -> tuple[str, ...]:
    """The names of the files in a distribution, as `contents` has them. Raises InvalidDistribution as it does."""
    return tuple(entry.name for entry in contents(path))


def core_metadata(path: Path) -> bytes:
    """The file with the core metadata in a wheel (METADATA) or an sdist (PKG-INFO).

    Raises InvalidDistribution for a distribution without one, and for a file that is not a readable archive.
    """
    from omni_release.distributions.archives import Archive

    wanted = r"[^/]+\.dist-info/METADATA" if is_wheel(path.name) else r"[^/]+/PKG-INFO"
    found = Archive(path, path.name).read(re.compile(wanted))
    if found is None:
        missing = ".dist-info/METADATA" if is_wheel(path.name) else "PKG-INFO"
        raise InvalidDistribution(f"{path.name} contains no {missing}")
    return found


def metadata(path: Path) -> Message:
    """The core metadata of a distribution, parsed: every value is text. Raises InvalidDistribution as `core_metadata`.

    Metadata are UTF-8: https://packaging.python.org/en/latest/specifications/core-metadata/. A parser of bytes makes a
    `Header` of each value that is not ASCII, and loses such characters of the description.
    """
    from email.parser import Parser

    return Parser().parsestr(core_metadata(path).decode("utf-8", "replace"))


def named_release(text: str) -> tuple[str, str] | None:
    """The project and the version of `NAME==VERSION`, or of `NAME` with no version; None for anything else."""
    wanted = parsed_requirement(text)
    pins = [spec.version for spec in wanted.specifier if spec.operator in ("==", "===")] if wanted else []
    if wanted is None or os.sep in text or wanted.extras or len(wanted.specifier) != len(pins) or len(pins) > 1:
        return None
    return wanted.name, pins[0] if pins else ""


def wheels(folder: Path) -> tuple[Path, ...]:
    """The wheels in a folder of distributions, else the one next to it that was built from the sdist for this machine.

    A compiled project has only the second where it is not built for all platforms: no index takes it.
    """
    return tuple(sorted(folder.glob("*.whl"))) or tuple(sorted(folder.with_name(LOCAL_WHEEL).glob("*.whl")))


def is_sdist_only(folder: Path) -> bool:
    """Whether a compiled project has an sdist in this folder, and a wheel only for this machine."""
    return folder.is_dir() and not any(folder.glob("*.whl")) and bool(wheels(folder))


@functools.cache
def _accepted_tags() -> tuple[Tag, ...]:
    """The tags of the wheels that this interpreter can install, the best first."""
    from packaging.tags import sys_tags

    return tuple(sys_tags())


def installable(folder: Path) -> Path:
    """The one of a folder's `wheels` that this interpreter can install. Raises Inconclusive where there is none."""
    from packaging.utils import parse_wheel_filename

    found = wheels(folder)
    if not found:
        raise Inconclusive(f"no wheel in {folder}", "Build first: omni-release build")
    tags = {wheel: parse_wheel_filename(wheel.name)[3] for wheel in found}
    for tag in _accepted_tags():
        for wheel in found:
            if tag in tags[wheel]:
                return wheel
    names = ", ".join(wheel.name for wheel in found)
    raise Inconclusive(f"none of {names} can be installed on this machine", "Run this on a platform that has a wheel.")


def same_version(first: str, second: str) -> bool:
    """Whether two versions are equal under PEP 440, however they are spelled."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(first) == Version(second)
    except InvalidVersion:
        return first == second


def version_of(name: str) -> str:
    """The version that a file's name states; empty for a name that is not a distribution's."""
    try:
        return name_and_version(name)[1]
    except InvalidDistribution:
        return ""


def is_of(name: str, version: str) -> bool:
    """Whether a file's name states this version; a name that is not a distribution's states none."""
    stated = version_of(name)
    return bool(stated) and same_version(stated, version)


def in_folder(folder: Path) -> tuple[Path, ...]:
    """The distributions in a folder, the sdist first. Raises Inconclusive where there are none."""
    found = sorted(folder.glob("*.tar.gz")) + sorted(folder.glob("*.whl"))
    if not found:
        raise Inconclusive(f"no distributions in {folder}", "Build first: omni-release build")
    return tuple(found)


def built(folder: Path) -> tuple[Path, ...]:
    """The distributions in a folder, and a wheel for this machine alone next to it. Raises as `in_folder` does."""
    found = in_folder(folder)
    return (*found, *(wheel for wheel in wheels(folder) if wheel not in found))
