"""The packages of one repository, and what they require of each other."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from omni_release.core.errors import UsageError, did_you_mean
from omni_release.versions.member import canonical


class Kind(enum.StrEnum):
    """For what a package requires another one."""

    RUNTIME = "runtime"
    EXTRA = "extra"
    BUILD = "build"
    DEVELOPMENT = "development"


@dataclass(frozen=True)
class Requirement:
    """What a package requires of a sibling.

    `name` is the sibling's, normalised; `specifier` is as PEP 440 has it (`==1.2.3`), empty where every version will
    do. `stated` is the requirement as it is written, `path` its file, relative to the workspace's root, and `line` its
    line (from 1). `group` is the name of the extra or of the dependency group. `follows` says that the build writes
    the sibling's version into it.
    """

    name: str
    kind: Kind
    specifier: str
    stated: str
    path: str
    line: int
    group: str = ""
    follows: bool = False

    @property
    def where(self) -> str:
        """`path:line`."""
        return f"{self.path}:{self.line}"

    @property
    def is_published(self) -> bool:
        """Whether the requirement is in the metadata of the distributions: groups for development are not."""
        return self.kind in (Kind.RUNTIME, Kind.EXTRA)


@dataclass(frozen=True)
class WorkspacePackage:
    """A package of a workspace.

    `name` is as it is written, `key` normalised. `folder` is relative to the workspace's root, with forward slashes,
    `.` for the root itself. `version` is normalised; None where no file states it, for the reason `no_version`. `tag`
    is the template of its tags, empty where the tags that exist decide. `group` names the packages that share its
    version, empty where it has one of its own. `private` is why it is never released, empty where it is.
    """

    name: str
    key: str
    folder: str
    version: str | None
    no_version: str = ""
    requirements: tuple[Requirement, ...] = ()
    tag: str = ""
    group: str = ""
    private: str = ""

    def requires(self, *kinds: Kind) -> frozenset[str]:
        """The siblings that it requires for these purposes; for all of them where none is given."""
        return frozenset(item.name for item in self.requirements if not kinds or item.kind in kinds)


@dataclass(frozen=True)
class Workspace:
    """The packages of one repository, by their normalised names, in alphabetical order.

    `groups` are the packages that share a version, by the name of the group. `found_by` says what names the packages:
    `[tool.uv.workspace]`, say.
    """

    root: Path
    name: str
    packages: Mapping[str, WorkspacePackage]
    groups: Mapping[str, tuple[str, ...]]
    found_by: str

    def folder_of(self, key: str) -> Path:
        """The folder of a package, absolute."""
        return self.root / self.packages[key].folder

    def package_at(self, folder: Path) -> WorkspacePackage | None:
        """The package in a folder; None where there is none."""
        wanted = folder.resolve()
        return next((item for item in self.packages.values() if self.folder_of(item.key).resolve() == wanted), None)

    def has_one_version(self, package: WorkspacePackage) -> bool:
        """Whether all packages that are released share the version of this one, and so its tags."""
        return set(self.groups.get(package.group, ())) >= {other.key for other in self.released}

    @property
    def released(self) -> Iterator[WorkspacePackage]:
        """The packages that a release can contain."""
        return (package for package in self.packages.values() if not package.private)

    def named(self, name: str) -> WorkspacePackage:
        """The package of this name, in any spelling. Raises UsageError where there is none, or it is never released."""
        package = self.packages.get(canonical(name))
        if package is None:
            hint = did_you_mean(name, self.packages, f"The packages are {', '.join(self.packages)}.")
            raise UsageError(f"the workspace {self.name} has no package {name}", hint)
        if package.private:
            raise UsageError(f"{package.name} is never released: {package.private}", "Name another package.")
        return package
