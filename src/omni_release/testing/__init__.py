"""The project's tests: their requirements, the files they need, and the deprecation warnings they cause."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import environments, scripts
from omni_release.core.actions import Write
from omni_release.core.documents import read_json_lines
from omni_release.core.model import Finding, Project, Release, Severity, importable
from omni_release.core.toml import table

NO_TESTS = "the project has no tests: no file is named test_*.py or *_test.py"

_MODULES = {".py", ".pyc", ".so", ".pyd"}
_GROUPS = ("test", "tests", "testing", "dev")
_NOTHING_FAILED = (0, 5)  # exit codes of pytest: passed, and no tests collected


@dataclass(frozen=True)
class Requirements:
    """The arguments of `uv pip install` for a test environment, and where they are declared."""

    arguments: tuple[str, ...]
    source: str


def requirements(project: Project, wheel: Path, extra: tuple[str, ...] = ()) -> Requirements:
    """The wheel, its test requirements, and `extra` ones.

    Test requirements are those of the settings, else a dependency group (PEP 735) or an extra with a usual name.
    """
    added = (*(("pytest",) if uses_pytest(project) else ()), *extra)
    if own := project.settings.tests.requirements:
        return Requirements((str(wheel), *added, *own), "`requirements` in the settings")
    groups = table(project.metadata, "dependency-groups")
    extras = table(project.metadata, "project", "optional-dependencies")
    for name in _GROUPS:
        if name in groups:
            group = f"{project.root / 'pyproject.toml'}:{name}"
            return Requirements((str(wheel), *added, "--group", group), f"the dependency group `{name}`")
        if name in extras:
            return Requirements((f"{wheel}[{name}]", *added), f"the extra `{name}`")
    return Requirements((str(wheel), *added), f"none declared (no group or extra is named {', '.join(_GROUPS)})")


def uses_pytest(project: Project) -> bool:
    """Whether the command of the tests is pytest itself, which can write a report."""
    return project.settings.tests.command[0] == "pytest"


def has_tests(project: Project, files: Iterable[PurePosixPath]) -> bool:
    """Whether pytest would collect one of these files, or the tests have a command of their own."""
    return not uses_pytest(project) or any(re.fullmatch(r"test_.*\.py|.*_test\.py", file.name) for file in files)


def packages_to_test(project: Project, files: Iterable[PurePosixPath]) -> tuple[str, ...]:
    """The arguments for pytest where all tests are inside the import packages: run those that are installed."""
    return () if has_tests(project, without_modules(project, files)) else ("--pyargs", *importable(project))


def without_modules(project: Project, files: Iterable[PurePosixPath]) -> tuple[PurePosixPath, ...]:
    """The files without the modules of the import packages, so that tests can import only the installed ones.

    Other files of the packages stay, as tests read them from the checkout.
    """
    packages = [PurePosixPath(package.path.as_posix()) for package in project.packages]
    return tuple(
        file
        for file in files
        if file.suffix not in _MODULES or not any(file.is_relative_to(package) for package in packages)
    )


def warnings_file(release: Release) -> Path:
    """The file of JSON lines in which the tests' deprecation warnings, imports and results are recorded."""
    return release.folder / "warnings.jsonl"


def recorder_files(release: Release) -> tuple[Write, ...]:
    """The files that make each interpreter of the candidate environment record its deprecation warnings."""
    target = environments.site_packages(release.environment("candidate"))
    info = target / "omni_release_recorder-0.dist-info"
    module = scripts.program("warnings_recorder")
    packages = list(importable(release.project))
    arguments = f"{str(warnings_file(release))!a}, {packages!a}"
    start = f"import omni_release_recorder; omni_release_recorder.install({arguments})\n"
    return (
        Write(target / "omni_release_recorder.py", module.read_bytes()),
        Write(target / "omni_release_recorder.pth", start.encode()),
        # What makes it a plugin of pytest, however pytest is started.
        Write(info / "METADATA", b"Metadata-Version: 2.1\nName: omni-release-recorder\nVersion: 0\n"),
        Write(info / "entry_points.txt", b"[pytest11]\nomni_release_recorder = omni_release_recorder\n"),
    )


@dataclass(frozen=True)
class CodePlaces:
    """The folders and files of the project's own code during the tests, with their paths in the checkout."""

    own: tuple[tuple[Path, PurePosixPath], ...]
    site_packages: Path

    def in_checkout(self, file: str) -> str | None:
        """The path in the checkout of a file of the project; None for any other."""
        path = Path(file)
        for place, original in self.own:
            if path == place or path.is_relative_to(place):
                return (original / path.relative_to(place).as_posix()).as_posix()
        return None

    def package_of(self, file: str) -> str:
        """The top-level package of an installed file (below a namespace, one level more); else the file itself."""
        path = Path(file)
        if not path.is_relative_to(self.site_packages):
            return file
        parts = path.relative_to(self.site_packages).parts
        namespace = len(parts) > 2 and not (self.site_packages / parts[0] / "__init__.py").exists()
        return "/".join(parts[: 2 if namespace else 1])


def code_places(release: Release) -> CodePlaces:
    """The places of the project's code in the candidate environment and in the copy of the tests."""
    installed = environments.site_packages(release.environment("candidate"))
    own = [(release.tests_tree, PurePosixPath())]
    for package in reversed(release.project.packages):
        path = installed / Path(*package.name.split(".")).with_suffix(package.path.suffix)
        own.insert(0, (path, PurePosixPath(package.path.as_posix())))
    return CodePlaces(tuple(own), installed)


# -- what scripts/warnings_recorder.py has recorded -------------------------------------------------------------------

_IMPORT = "import"

Frame = tuple[str, int]


@dataclass(frozen=True)
class DeprecationRecord:
    """A recorded warning. `frames` (file, line) begin with the innermost; `import` is the import system's own code.

    `expected` is True for a warning that a test catches on purpose.
    """

    category: str
    message: str
    file: str
    line: int
    expected: bool
    frames: tuple[Frame, ...]


def read_deprecations(path: Path) -> Iterator[DeprecationRecord]:
    """The recorded warnings. Skips entries of another form: the tests themselves can write to this file."""
    for entry in read_json_lines(path):
        with contextlib.suppress(KeyError, TypeError, ValueError):
            frames = tuple((str(file), int(number)) for file, number, _ in entry.pop("frames"))
            yield DeprecationRecord(**entry, frames=frames)


def read_imports(path: Path) -> Iterator[tuple[str, str]]:
    """Each package of the project that a process imported, and its file; one pair for each process."""
    for entry in read_json_lines(path):
        yield from entry.get("imported", {}).items()


def pytest_failures(path: Path) -> int:
    """The number of failed tests in all recorded runs of pytest, at least 1 for each run that failed."""
    runs = [entry for entry in read_json_lines(path) if entry.get("pytest", 0) not in _NOTHING_FAILED]
    return sum(max(run["failed"], 1) for run in runs)


def deprecation_findings(records: Iterable[DeprecationRecord], places: CodePlaces) -> Iterator[Finding]:
    """Errors, by file and line, for warnings that the project, its tests or their imports cause; else notices."""
    seen: set[tuple[object, ...]] = set()
    for record in records:
        if record.expected:
            continue
        cause = _cause(record, places)
        where = places.in_checkout(cause[0]) if cause else places.package_of(record.file)
        key = (record.category, record.message, where, cause and cause[1])
        if key in seen:
            continue
        seen.add(key)
        message = f"{record.category}: {record.message.strip()}"
        if cause:
            yield Finding(message, "deprecation", path=where, line=cause[1])
        else:
            yield Finding(f"{message} (within {where}, third-party code)", "deprecation", Severity.NOTICE)


def _cause(record: DeprecationRecord, places: CodePlaces) -> Frame | None:
    """The project's own line that causes a warning; None where third-party code causes it."""
    if places.in_checkout(record.file):
        return record.file, record.line
    own = next((n for n, (file, _) in enumerate(record.frames) if places.in_checkout(file)), None)
    if own is None:
        return None
    between = record.frames[:own]
    if len(between) == 1 and between[0][0] != _IMPORT:
        return record.frames[own]  # called by the project itself, whatever `stacklevel` says
    if len(between) < 2 or between[-1][0] != _IMPORT:
        return None
    # An import by the project, of the very package that warns.
    return record.frames[own] if places.package_of(between[-2][0]) == places.package_of(record.file) else None
