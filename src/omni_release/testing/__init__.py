"""How a project's tests are run: with which dependencies, by which command."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import scripts
from omni_release.core.actions import Write
from omni_release.core.model import Project, Release
from omni_release.environments import venv
from omni_release.project import import_name, importable, table
from omni_release.testing.deprecations import Places

NO_TESTS = "the project has no tests: no file is called test_*.py or *_test.py"
_IMPORTABLE = {".py", ".pyc", ".so", ".pyd"}
_NAMES = ("test", "tests", "testing", "dev")


@dataclass(frozen=True)
class Requirements:
    """What `uv pip install` is asked for, and where that was found."""

    arguments: tuple[str, ...]
    source: str


def requirements(project: Project, wheel: Path) -> Requirements:
    """The wheel and what its tests need: the settings' own list, else a PEP 735 group or an extra of a usual name."""
    from omni_release.smoke import runner as smoke_runner

    runner: tuple[str, ...] = ("pytest",) if uses_pytest(project) else ()
    if smoke_runner.wanted(project):
        runner += (smoke_runner.requirement(project, wheel),)
    if own := project.settings.tests.requirements:
        return Requirements((str(wheel), *runner, *own), "`requirements` of the settings")
    groups = table(project.metadata, "dependency-groups")
    extras = table(project.metadata, "project", "optional-dependencies")
    for name in _NAMES:
        if name in groups:
            group = f"{project.root / 'pyproject.toml'}:{name}"
            return Requirements((str(wheel), *runner, "--group", group), f"the dependency group `{name}`")
        if name in extras:
            return Requirements((f"{wheel}[{name}]", *runner), f"the extra `{name}`")
    return Requirements((str(wheel), *runner), f"none declared (no group and no extra is called {', '.join(_NAMES)})")


def recorded(release: Release) -> Path:
    """The file to which the tests' deprecation warnings are recorded."""
    return release.folder / "warnings.jsonl"


def recorder(release: Release) -> tuple[Write, ...]:
    """What makes each interpreter of the candidate environment record its warnings."""
    target = venv.site_packages(release.environment("candidate"))
    info = target / "omni_release_recorder-0.dist-info"
    module = scripts.program("warnings_recorder")
    packages = list(importable(release.project))
    arguments = f"{str(recorded(release))!a}, {packages!a}"
    start = f"import omni_release_recorder; omni_release_recorder.install({arguments})\n"
    return (
        Write(target / "omni_release_recorder.py", module.read_bytes()),
        Write(target / "omni_release_recorder.pth", start.encode()),
        # What pytest needs to take it for a plugin, in whatever way pytest is started.
        Write(info / "METADATA", b"Metadata-Version: 2.1\nName: omni-release-recorder\nVersion: 0\n"),
        Write(info / "entry_points.txt", b"[pytest11]\nomni_release_recorder = omni_release_recorder\n"),
    )


def places(release: Release) -> Places:
    """Where the project's own code lies while its tests run."""
    installed = venv.site_packages(release.environment("candidate"))
    packages = tuple(
        (
            installed / Path(*import_name(package).split(".")).with_suffix(package.suffix),
            PurePosixPath(package.as_posix()),
        )
        for package in release.project.packages
    )
    return Places((*packages, (release.tests_tree, PurePosixPath())), installed)


def uses_pytest(project: Project) -> bool:
    """Whether the tests' command is pytest, of which we know how to ask for a report."""
    return project.settings.tests.command[0] == "pytest"


def exist(project: Project, files: Iterable[PurePosixPath]) -> bool:
    """Whether there is anything that pytest would collect, or a command of the project's own."""
    if not uses_pytest(project):
        return True
    return any(re.fullmatch(r"test_.*\.py|.*_test\.py", file.name) for file in files)


def inside_packages(project: Project, files: Iterable[PurePosixPath]) -> tuple[str, ...]:
    """What pytest must be told where all tests lie in the import packages: to run those that are installed."""
    left = without_packages(project, files)
    return () if exist(project, left) else ("--pyargs", *importable(project))


def without_packages(project: Project, files: Iterable[PurePosixPath]) -> tuple[PurePosixPath, ...]:
    """The tree that the tests run in: without what can be imported of the import packages, so that only the installed
    ones can be. Their other files stay: tests read them where they lie in the checkout.
    """
    packages = [PurePosixPath(package.as_posix()) for package in project.packages]
    return tuple(
        file
        for file in files
        if file.suffix not in _IMPORTABLE or not any(file.is_relative_to(package) for package in packages)
    )
