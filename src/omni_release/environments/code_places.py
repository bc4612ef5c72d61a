"""Where a project's code is in an environment, and where that is in the checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.core.model import Project


@dataclass(frozen=True)
class CodePlaces:
    """The folders and files of a project's own code in an environment, with their paths in the checkout."""

    own: tuple[tuple[Path, PurePosixPath], ...]
    site_packages: Path

    @classmethod
    def installed(cls, project: Project, site_packages: Path, *more: tuple[Path, PurePosixPath]) -> CodePlaces:
        """The places of the installed import packages, and `more` of them."""
        own = []
        for package in project.packages:
            place = site_packages / Path(*package.name.split(".")).with_suffix(package.path.suffix)
            own.append((place, PurePosixPath(package.path.as_posix())))
        return cls((*own, *more), site_packages)

    def in_checkout(self, file: str) -> str | None:
        """The path in the checkout of a file of the project; None for any other."""
        path = Path(file)
        for place, original in self.own:
            if path == place or path.is_relative_to(place):
                return (original / path.relative_to(place).as_posix()).as_posix()
        return None

    def ships(self, file: str) -> bool:
        """Whether this is an installed file, not one of the tests."""
        return Path(file).is_relative_to(self.site_packages)

    def package_of(self, file: str) -> str:
        """The top-level package of an installed file (below a namespace, one level more); else the file itself."""
        path = Path(file)
        if not path.is_relative_to(self.site_packages):
            return file
        parts = path.relative_to(self.site_packages).parts
        namespace = len(parts) > 2 and not (self.site_packages / parts[0] / "__init__.py").exists()
        return "/".join(parts[: 2 if namespace else 1])
