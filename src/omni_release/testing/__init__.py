"""The project's tests: what they require, whether there are any, and what records their reads and warnings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import distributions, environments, file_roles, scripts, source_tree
from omni_release.core.actions import Write
from omni_release.core.model import Project, Release, importable
from omni_release.core.world import World
from omni_release.testing import pytest_settings

NO_TESTS = "the project has no tests: no file is named test_*.py, *_test.py, test.py or tests.py"

_REPOSITORY = re.compile(r"(?:git|hg|svn|bzr)\+[a-z]+://")


@dataclass(frozen=True)
class Requirements:
    """The arguments of `uv pip install` for a test environment, and where they are declared.

    `files` write the files of constraints that the arguments name. `reduced` are arguments for a second try, without
    locked versions and repositories; empty where they are no others.
    """

    arguments: tuple[str, ...]
    source: str
    files: tuple[Write, ...] = ()
    reduced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plugin:
    """A plugin of pytest for the tests of a project: what it requires, and what installs it without that.

    Apart, because it may require more of other packages than the plugin uses, and contradict the project in them.
    """

    requirements: tuple[str, ...] = ()
    itself: str = ""


def requirements(release: Release, world: World, extra: tuple[str, ...] = ()) -> Requirements:
    """The wheel, its test requirements, and `extra` ones.

    Test requirements are those of the settings, else those that the project declares.
    """
    from omni_release.testing.declared import declared

    project, wheel = release.project, distributions.installable(release.dist)
    added = (*(("pytest",) if uses_pytest(project) else ()), *extra)
    if own := project.settings.tests.requirements:
        return Requirements((str(wheel), *added, *own), "`requirements` in the settings")
    settings = pytest_settings.read(project.root, project.metadata)
    found = declared(project, wheel, release.source, settings, files_of_tests(project, world))
    extras = f"[{','.join(found.extras)}]" if found.extras else ""
    files = tuple(
        Write(release.work_dir / f"{name}.txt", "\n".join((*lines, "")).encode())
        for name, lines in (("constraints", found.constraints), ("locked", found.locked))
        if lines
    )
    constrained = [word for file in files for word in ("--constraints", str(file.path))]
    arguments = (f"{wheel}{extras}", *added, *found.packages, *found.options, *constrained)
    kept = [package for package in found.packages if not _REPOSITORY.search(package)]
    reduced = (f"{wheel}{extras}", *added, *kept, *found.options, *constrained[: 2 * bool(found.constraints)])
    return Requirements(arguments, found.source, files, reduced if reduced != arguments else ())


def uses_pytest(project: Project) -> bool:
    """Whether the command of the tests is pytest itself, which can write a report."""
    return project.settings.tests.command[0] == "pytest"


def has_tests(project: Project, files: Iterable[PurePosixPath]) -> bool:
    """Whether pytest would collect one of these files, if need be by its name, or the tests have their own command."""
    files = tuple(files)
    return not uses_pytest(project) or _collects(project, files) or bool(_by_name(files))


def _collects(project: Project, files: Iterable[PurePosixPath]) -> bool:
    """Whether pytest would collect one of these files without its name."""
    settings = pytest_settings.read(project.root, project.metadata)
    folders = settings.folders(project.root)
    return any(
        file.suffix == ".py" and settings.collects(file) and any(file.is_relative_to(folder) for folder in folders)
        for file in files
    )


def files_of_tests(project: Project, world: World) -> tuple[PurePosixPath, ...]:
    """The modules of the tests and of their helpers."""
    return tuple(file for file in source_tree.files_at_start(project.root, world.processes) if is_of_tests(file))


def is_of_tests(file: PurePosixPath) -> bool:
    """Whether this is a module of the tests, or of their helpers."""
    return file.suffix == ".py" and (file.name.startswith("test") or file_roles.is_test(file))


def named_tests(project: Project, files: Iterable[PurePosixPath]) -> tuple[str, ...]:
    """The arguments for pytest where it would collect nothing: a `test.py`, or all that is installed with the wheel."""
    files = tuple(files)
    return () if _collects(project, files) else _by_name(files) or ("--pyargs", *importable(project))


def _by_name(files: Iterable[PurePosixPath]) -> tuple[str, ...]:
    """The modules of tests at the top that pytest collects only where they are named."""
    return tuple(str(file) for file in files if str(file) in ("test.py", "tests.py"))


def recorder_files(release: Release, environment: str = "candidate") -> tuple[Write, ...]:
    """The files that make each interpreter of an environment record its deprecation warnings."""
    target = environments.site_packages(release.environment(environment))
    info = target / "omni_release_recorder-0.dist-info"
    module = scripts.program("warnings_recorder")
    packages = list(importable(release.project))
    arguments = f"{str(warnings_file(release))!a}, {packages!a}"
    start = f"import omni_release_recorder; omni_release_recorder.install({arguments})\n"
    if environment == "candidate":
        reads = f"{str(reads_file(release))!a}, {own_folders(target, release)!a}, {[str(target)]!a}"
        start = f"import omni_release_reads; omni_release_reads.install({reads})\n{start}"
    return (
        Write(target / "omni_release_recorder.py", module.read_bytes()),
        Write(target / "omni_release_reads.py", scripts.program("reads_recorder").read_bytes()),
        Write(target / "omni_release_recorder.pth", start.encode()),
        # What makes it a plugin of pytest, however pytest is started.
        Write(info / "METADATA", b"Metadata-Version: 2.1\nName: omni-release-recorder\nVersion: 0\n"),
        Write(info / "entry_points.txt", b"[pytest11]\nomni_release_recorder = omni_release_recorder\n"),
    )


def own_folders(site: Path, release: Release) -> list[str]:
    """What the wheel has at its top, as installed: reads of these are recorded, those of other packages are not."""
    names = distributions.names(distributions.installable(release.dist))
    return [str(site / top) for top in sorted({name.partition("/")[0] for name in names})]


def reads_file(release: Release) -> Path:
    """The file of JSON lines in which is recorded what the tests have read and started."""
    return release.work_dir / "reads.jsonl"


def warnings_file(release: Release) -> Path:
    """The file of JSON lines in which the tests' deprecation warnings, imports and results are recorded."""
    return release.folder / "warnings.jsonl"
