"""The imports and declared requirements of a project, with their lines, and the table of abandoned packages."""

from __future__ import annotations

import ast
import re
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from omni_release.core.toml import table


@dataclass(frozen=True)
class Import:
    """An absolute import of `module`, dotted; `line` and `column` count from 1."""

    module: str
    path: str
    line: int
    column: int


@dataclass(frozen=True)
class DeclaredRequirement:
    """A requirement in pyproject.toml, with its normalised name; `line` is None where it cannot be found."""

    name: str
    requirement: str
    line: int | None


@dataclass(frozen=True)
class AbandonedPackage:
    """An entry of abandoned.toml: an abandoned package, or modules of Python or of a package that is maintained.

    `name` is normalised, and empty for modules alone. `checked` is the day on which the source was read.
    """

    name: str
    modules: tuple[str, ...]
    why: str
    successor: str
    source: str
    checked: str

    @property
    def description(self) -> str:
        """The reason, the successor, and the source with its date, in two lines."""
        return f"{self.why}\n→ {self.successor}  ({self.source}, read on {self.checked})"


def load_abandoned() -> tuple[AbandonedPackage, ...]:
    """The entries of abandoned.toml."""
    content = tomllib.loads(Path(__file__).with_name("abandoned.toml").read_text(encoding="utf-8"))
    return tuple(
        AbandonedPackage(
            entry["name"],
            tuple(entry.get("modules", ())),
            entry["why"],
            entry["successor"],
            entry["source"],
            entry["checked"].isoformat(),
        )
        for entry in content["package"]
    )


def abandoned_package(module: str, packages: tuple[AbandonedPackage, ...]) -> AbandonedPackage | None:
    """The entry that an imported module belongs to."""
    return next((p for p in packages for m in p.modules if re.match(rf"{re.escape(m)}(\.|$)", module)), None)


def mentions(packages: tuple[AbandonedPackage, ...]) -> re.Pattern[bytes]:
    """A pattern that every file matches that imports one of these packages: no other file needs parsing."""
    names = {module.rpartition(".")[2] for package in packages for module in package.modules}
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b".encode())


def read_imports(root: Path, file: PurePosixPath, mentions: re.Pattern[bytes]) -> Iterator[Import]:
    """The absolute imports of a Python file, where it matches `mentions`; none of a file that does not parse.

    `importlib.import_module("…")` and `__import__("…")` count too.
    """
    try:
        data = (root / file).read_bytes()
        if not mentions.search(data):
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the project's strings is no finding of this check
            tree = ast.parse(data)
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function in ("import_module", "__import__") and (name := str(node.args[0].value)):
                names = [name]
        else:
            continue
        yield from (Import(name, file.as_posix(), node.lineno, node.col_offset + 1) for name in names)


def declared_requirements(root: Path, metadata: Mapping[str, object]) -> Iterator[DeclaredRequirement]:
    """The requirements of `dependencies`, the extras, the dependency groups, the build system, and of Poetry."""
    try:
        lines = (root / "pyproject.toml").read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError):
        lines = []

    def line_with(text: str) -> int | None:
        # `settings_reader.line_of` finds keys; a requirement is an element of an array.
        return next((number for number, line in enumerate(lines, 1) if text in line), None)

    project = table(metadata, "project")
    lists = [project.get("dependencies"), table(metadata, "build-system").get("requires")]
    lists += [*table(project, "optional-dependencies").values(), *table(metadata, "dependency-groups").values()]
    for requirements in lists:
        for requirement in requirements if isinstance(requirements, list) else ():
            if not isinstance(requirement, str):
                continue  # a table that includes another dependency group
            try:
                name = canonicalize_name(Requirement(requirement).name)
            except InvalidRequirement:
                continue  # `project-valid` reports it
            yield DeclaredRequirement(name, requirement, line_with(requirement))
    for key in table(metadata, "tool", "poetry", "dependencies"):
        if key != "python":
            yield DeclaredRequirement(canonicalize_name(key), key, line_with(key))
