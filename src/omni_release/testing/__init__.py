"""How a project's tests are run: with which dependencies, by which command."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import environments, scripts
from omni_release.core.actions import Write
from omni_release.core.model import Finding, Project, Release, Severity, import_name, importable
from omni_release.core.toml import table

NO_TESTS = "the project has no tests: no file is called test_*.py or *_test.py"

_IMPORTABLE = {".py", ".pyc", ".so", ".pyd"}

_NAMES = ("test", "tests", "testing", "dev")


@dataclass(frozen=True)
class Requirements:
    """What `uv pip install` is asked for, and where that was found."""

    arguments: tuple[str, ...]
    source: str


def requirements(project: Project, wheel: Path, also: tuple[str, ...] = ()) -> Requirements:
    """The wheel and what its tests need: the settings' own list, else a PEP 735 group or an extra of a usual name."""
    runner = (*(("pytest",) if uses_pytest(project) else ()), *also)
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
    target = environments.site_packages(release.environment("candidate"))
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


def places(release: Release) -> CodePlaces:
    """Where the project's own code lies while its tests run."""
    installed = environments.site_packages(release.environment("candidate"))
    packages = tuple(
        (
            installed / Path(*import_name(package).split(".")).with_suffix(package.suffix),
            PurePosixPath(package.as_posix()),
        )
        for package in release.project.packages
    )
    return CodePlaces((*packages, (release.tests_tree, PurePosixPath())), installed)


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


_IMPORT = "import"

Frame = tuple[str, int]


@dataclass(frozen=True)
class DeprecationRecord:
    """A warning as `children.recorder` writes it. `frames` (file, line) begin with the innermost."""

    category: str
    message: str
    file: str
    line: int
    expected: bool
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class CodePlaces:
    """Where the project's own code lay when the tests ran: each folder or file, and its path in the checkout."""

    own: tuple[tuple[Path, PurePosixPath], ...]
    site_packages: Path

    def in_checkout(self, file: str) -> str | None:
        """The path in the checkout of a file of the project's own; None for any other."""
        path = Path(file)
        for place, stands_for in self.own:
            if path == place or path.is_relative_to(place):
                return (stands_for / path.relative_to(place).as_posix()).as_posix()
        return None

    def top(self, file: str) -> str:
        """What a file belongs to: the top-level package (of a namespace, the part below it) or the file itself."""
        path = Path(file)
        if not path.is_relative_to(self.site_packages):
            return file
        parts = path.relative_to(self.site_packages).parts
        namespace = len(parts) > 2 and not (self.site_packages / parts[0] / "__init__.py").exists()
        return "/".join(parts[: 2 if namespace else 1])


def read_deprecations(path: Path) -> Iterator[DeprecationRecord]:
    """What was recorded; a line that a killed process cut short is passed over."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
            if "category" not in entry:
                continue
            frames = tuple((str(file), int(number)) for file, number, _ in entry.pop("frames"))
            yield DeprecationRecord(**entry, frames=frames)
        except (ValueError, TypeError, KeyError):
            continue


def read_imports(path: Path) -> Iterator[tuple[str, str]]:
    """Each package of the project that a process imported, and the file it came from; one pair for each process."""
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            yield from json.loads(line).get("imported", {}).items()


def pytest_failures(path: Path) -> int:
    """How many tests failed in all runs of pytest that have written down their end; at least 1 for a run gone wrong."""
    failed = 0
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("pytest", 0) not in (0, 5):
                failed += max(entry["failed"], 1)
    return failed


def deprecation_findings(records: Iterable[DeprecationRecord], places: CodePlaces) -> Iterator[Finding]:
    """Errors, by file and line, for what the project, its tests or an import of theirs causes; notices for others."""
    seen: set[tuple[object, ...]] = set()
    for record in records:
        if record.expected:
            continue
        cause = _cause(record, places)
        where = places.in_checkout(cause[0]) if cause else places.top(record.file)
        key = (record.category, record.message, where, cause and cause[1])
        if key in seen:
            continue
        seen.add(key)
        said = f"{record.category}: {record.message.strip()}"
        if cause:
            yield Finding(said, "deprecation", path=where, line=cause[1])
        else:
            yield Finding(f"{said} (in {where}, a third party's own)", "deprecation", Severity.NOTICE)


def _cause(record: DeprecationRecord, places: CodePlaces) -> Frame | None:
    """The project's own line that causes a warning; None where it is a third party's internal affair."""
    if places.in_checkout(record.file):
        return record.file, record.line
    own = next((n for n, (file, _) in enumerate(record.frames) if places.in_checkout(file)), None)
    if own is None:
        return None
    between = record.frames[:own]
    if len(between) == 1 and between[0][0] != _IMPORT:
        return record.frames[own]  # called by the project itself, whatever `stacklevel` says
    if len(between) >= 2 and between[-1][0] == _IMPORT and places.top(between[-2][0]) == places.top(record.file):
        return record.frames[own]  # an `import` of the project's own, of the very package that warns
    return None
