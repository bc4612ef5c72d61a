"""The release as it is installed in an environment: its files, entry points, requirements, and whose a module is."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, EntryPoints
from pathlib import Path

from packaging.utils import canonicalize_name

from omni_release import distributions, environments
from omni_release.core.documents import parse_python
from omni_release.core.model import Finding, Severity, importable
from omni_release.distributions import expected_files
from omni_release.distributions.import_names import ImportNames
from omni_release.environments.code_places import CodePlaces
from omni_release.environments.imports import Environment, ImportFailure, is_module
from omni_release.environments.requirements import Declaration, WheelRequirements

# Modules of Python that are not on each platform, or not in each version any more.
_PLATFORM_MODULES = {
    *("_curses", "_posixsubprocess", "_scproxy", "_winapi", "_winreg", "crypt", "curses", "fcntl", "grp", "msvcrt"),
    *("nis", "nt", "ossaudiodev", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog", "termios", "tty"),
    *("winreg", "winsound"),
}


@dataclass(frozen=True)
class InstalledRelease:
    """The release as it is installed in an environment, with what its wheel declares."""

    environment: Environment
    wheel: Path

    @cached_property
    def requirements(self) -> WheelRequirements:
        """What the wheel requires; the test environment shows which distribution has which module."""
        candidate = environments.site_packages(self.environment.release.environment("candidate"))
        return WheelRequirements.of(self.wheel, candidate, self.environment.site)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The names of the wheel's files."""
        return distributions.names(self.wheel)

    @cached_property
    def entry_points(self) -> EntryPoints:
        """The entry points of the wheel."""
        name = canonicalize_name(self.environment.release.project.name)
        found = Distribution.discover(path=[str(self.environment.site)])
        own = (distribution for distribution in found if canonicalize_name(distribution.name) == name)
        return next((distribution.entry_points for distribution in own), EntryPoints())

    def has_module(self, module: str) -> bool:
        """Whether the wheel has this module, or modules below it."""
        path = module.replace(".", "/")
        return any(re.match(rf"{re.escape(path)}(/|\.)", name) for name in self.files)

    @property
    def modules(self) -> tuple[str, ...]:
        """The import packages of the project; where none is known, those that its metadata state (PEP 794).

        Where they state none, the top-level packages and modules of the wheel.
        """
        if known := importable(self.environment.release.project):
            return known
        stated = ImportNames.of_metadata(distributions.metadata(self.wheel))
        tops = {re.sub(r"\.py$", "", name.partition("/")[0]) for name in self.files if name.endswith(".py")}
        found = sorted(name for name in tops if is_module(name) and "." not in name)
        return stated.own if stated and stated.own else tuple(found)

    def is_own(self, module: str) -> bool:
        """Whether a module belongs to a package of the wheel: if it is missing, the wheel is at fault."""
        return any(is_in(module, name) for name in self.modules) or self.has_module(module)

    def third_party(self, failure: ImportFailure) -> str | None:
        """The missing module of another project that explains the failure; None where it is not that."""
        missing = [name for name in failure.missing if name not in failure.broken and not self.is_own(name)]
        missing = [name for name in missing if name.partition(".")[0] not in sys.stdlib_module_names]
        written = (whole for name in missing for whole in self._written(name, failure))
        declared = (name for name in (*missing, *written) if self.requirements.declaration(name).distribution)
        return next(declared, next(iter(missing), None))

    def _written(self, module: str, failure: ImportFailure) -> Iterator[str]:
        """The modules below a missing one that the failing statements import: the error names its top alone.

        So `google`, of which many distributions have a part, becomes `google.auth`.
        """
        for file, line in failure.places:
            tree = parse_python(path.read_bytes()) if (path := Path(file)).is_file() else None
            for node in ast.walk(tree) if tree else ():
                if isinstance(node, (ast.Import, ast.ImportFrom)) and node.lineno <= line <= (node.end_lineno or line):
                    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                    yield from (name for name in names if name.startswith(f"{module}."))

    def of_other_platforms(self, failure: ImportFailure) -> bool:
        """Whether the failure is that this is another platform than the module is for."""
        if any(name.partition(".")[0] in _PLATFORM_MODULES for name in failure.missing):
            return True
        missing = self.third_party(failure)
        return missing is not None and bool(self.requirements.declaration(missing).marker)

    def place(self, failure: ImportFailure) -> tuple[str | None, int | None]:
        """The last line of the project itself that led to the failure, by its path in the checkout."""
        places = CodePlaces.installed(self.environment.release.project, self.environment.site)
        for file, line in reversed(failure.places):
            if (path := places.in_checkout(file)) is not None:
                return path, line
        return None, None

    def finding(self, message: str, rule: str, failure: ImportFailure, severity: Severity = Severity.ERROR) -> Finding:
        """A finding at the line of the project that led to the failure, about the file that the wheel lacks."""
        path, line = self.place(failure)
        wheel, lost = self.lost(failure)
        return Finding(message, rule, severity, path, line, distribution=wheel, subjects=lost)

    def lost(self, failure: ImportFailure) -> tuple[str, tuple[str, ...]]:
        """The wheel, and the file of the project that an import does not find in it; empty where it is another."""
        text = f"No module named '{failure.missing[0]}'" if failure.missing else failure.message
        file = expected_files.not_found(self.environment.release.project, text)
        return (self.wheel.name, (file,)) if file else ("", ())

    def needs(self, module: str) -> str:
        """That a module is needed, and who declares it, to follow the name of what needs it."""
        declared = self.requirements.declaration(module)
        name = declared.distribution
        plain = not name or canonicalize_name(name) == canonicalize_name(module)
        needed = f"needs {module}" if plain else f"needs {module} ({name})"
        root = self.environment.release.project.root
        if not name and any((root / base / f"{module}{end}").exists() for base in ("", "src") for end in ("", ".py")):
            return f"{needed}, which is in the checkout, but not in the wheel"
        return f"{needed}, {_who_declares(declared)}"


def _who_declares(declared: Declaration) -> str:
    if declared.extras and not declared.always:
        verb = "declares" if len(declared.extras) == 1 else "declare"
        return f"which only the {extras(declared.extras)} {verb}"
    if declared.marker:
        return f"which is required only where {declared.marker}"
    if declared.always:
        return "which the required distribution does not provide"
    return "which no dependency and no extra declares"


def extras(names: tuple[str, ...]) -> str:
    """`extra viz`, or `extras viz and test`."""
    return f"extra {names[0]}" if len(names) == 1 else f"extras {', '.join(names[:-1])} and {names[-1]}"


def is_in(module: str, package: str) -> bool:
    """Whether a module is this package, or in it."""
    return module == package or module.startswith(f"{package}.")
