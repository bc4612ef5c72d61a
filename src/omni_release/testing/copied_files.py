"""The files that the tests run with: those of the checkout that are copied, and tests that go into the package.

Tests inside an import package that the wheel leaves out, and that are imported as a part of it, run as a part of the
installed package alone: next to it, `from .. import x` and `import acme.tests` lead nowhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import distributions, environments, source_tree, testing
from omni_release.core.model import Package, Project, Release
from omni_release.core.world import World
from omni_release.file_roles import TEST_FOLDERS

_MODULES = {".py", ".pyc", ".so", ".pyd"}
_RELATIVE = re.compile(r"^[ \t]*from[ \t]+(\.{2,})", re.MULTILINE)


@dataclass(frozen=True)
class InnerTests:
    """A folder of tests in the checkout, its files, and its place below site-packages."""

    folder: PurePosixPath
    installed: PurePosixPath
    files: tuple[PurePosixPath, ...]


def copied(release: Release, world: World) -> tuple[PurePosixPath, ...]:
    """The files of the checkout that the tests need: all but the modules that are installed with the wheel."""
    files = source_tree.files_at_start(release.project.root, world.processes)
    moved = {tests.folder for tests in installed_tests(release, world)}
    files = tuple(file for file in files if moved.isdisjoint(file.parents))
    return without_modules(release.project, files, _shipped(release))


def installed_tests(release: Release, world: World) -> tuple[InnerTests, ...]:
    """Tests that run as a part of the installed package, where the project has no others."""
    files = source_tree.files_at_start(release.project.root, world.processes)
    found = inner_tests(release.project, files, _shipped(release))
    folders = {tests.folder for tests in found}
    others = (file for file in files if folders.isdisjoint(file.parents))
    left = without_modules(release.project, others, _shipped(release))
    return () if not testing.uses_pytest(release.project) or testing.has_tests(release.project, left) else found


def node_in_checkout(release: Release, path: str) -> str:
    """The path, or node id, in the checkout of a test that is installed in an import package; any other as it is."""
    for package in release.project.packages:
        installed = installed_path(release, package)
        if path.startswith(f"{installed}/"):
            return f"{package.path.as_posix()}{path.removeprefix(installed)}"
    return path


def installed_path(release: Release, package: Package) -> str:
    """The path of an installed import package, relative to the copy of the tests."""
    site = environments.site_packages(release.environment("candidate"))
    return Path(os.path.relpath(site / Path(*package.name.split(".")), release.tests_tree)).as_posix()


def _shipped(release: Release) -> frozenset[str]:
    wheels = [path for path in distributions.in_folder(release.dist) if distributions.is_wheel(path.name)]
    return frozenset(name for wheel in wheels for name in distributions.names(wheel))


def without_modules(
    project: Project, files: Iterable[PurePosixPath], shipped: frozenset[str]
) -> tuple[PurePosixPath, ...]:
    """The files without the modules of the import packages, so that tests can import only the installed ones.

    Other files of the packages stay, as tests read them from the checkout; so do tests that the wheel, whose files are
    `shipped`, leaves out.
    """
    packages = [PurePosixPath(package.path.as_posix()) for package in project.packages]

    def stays(file: PurePosixPath) -> bool:
        package = next((package for package in packages if file.is_relative_to(package)), None)
        if package is None or file.suffix not in _MODULES:
            return True
        in_package = file.relative_to(package.parent)
        left_out = not any(in_package.as_posix() == name or name.endswith(f"/{in_package}") for name in shipped)
        return bool(shipped) and left_out and testing.is_of_tests(in_package)

    return tuple(filter(stays, files))


def inner_tests(project: Project, files: Iterable[PurePosixPath], shipped: frozenset[str]) -> tuple[InnerTests, ...]:
    """The folders of tests that run inside an import package.

    `files` are those of the checkout, `shipped` the names of the wheels' files.
    """
    found: dict[tuple[PurePosixPath, PurePosixPath], list[PurePosixPath]] = {}
    for file in files if shipped else ():
        for package in project.packages:
            path = PurePosixPath(package.path.as_posix())
            parts = file.relative_to(path).parts if file.is_relative_to(path) else ()
            depth = next((n for n, part in enumerate(parts[:-1]) if part in TEST_FOLDERS), None)
            if depth is not None:
                inside = PurePosixPath(*parts[: depth + 1])
                places = path / inside, PurePosixPath(*package.name.split(".")) / inside
                found.setdefault(places, []).append(file)
                break
    return tuple(
        InnerTests(folder, installed, tuple(file.relative_to(folder) for file in listed))
        for (folder, installed), listed in found.items()
        if not any(name.startswith(f"{installed}/") for name in shipped)
        and any(_is_part(project.root, folder, installed, file) for file in listed)
    )


def _is_part(root: Path, folder: PurePosixPath, installed: PurePosixPath, file: PurePosixPath) -> bool:
    """Whether a module of the tests imports relatively from above their folder, or from them by their full name."""
    if file.suffix != ".py":
        return False
    try:
        text = (root / file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    full_name = re.escape(".".join(installed.parts))
    above = any(len(dots) > len(file.relative_to(folder).parts) for dots in _RELATIVE.findall(text))
    return above or re.search(rf"(?m)^[ \t]*(?:from|import)[ \t]+{full_name}\b", text) is not None
