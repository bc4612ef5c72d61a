"""What a project imports and declares, with its lines: read from the code itself, without running any of it."""

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
    """An absolute import of `module`, dotted."""

    module: str
    path: str
    line: int
    column: int


@dataclass(frozen=True)
class Declared:
    """A requirement of pyproject.toml, its normalised name, and the line that it stands on, as far as it is found."""

    name: str
    requirement: str
    line: int | None


def mentions(packages: tuple[Dead, ...]) -> re.Pattern[bytes]:
    """What stands in a file that imports one of these packages: all others need not be parsed."""
    names = {module.rpartition(".")[2] for package in packages for module in package.modules}
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b".encode())


def imports(root: Path, file: PurePosixPath, mentions: re.Pattern[bytes]) -> Iterator[Import]:
    """The absolute imports of a Python file; none of what is no Python, or does not mention anything of interest."""
    try:
        data = (root / file).read_bytes()
        if not mentions.search(data):
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in somebody's string is not our affair
            parsed = ast.parse(data)
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
        return
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and (name := _by_name(node)):
            names = [name]
        else:
            continue
        yield from (Import(name, file.as_posix(), node.lineno, node.col_offset + 1) for name in names)


def _by_name(node: ast.Call) -> str:
    """The module of `importlib.import_module("…")` and `__import__("…")`."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
        return str(node.args[0].value)
    return ""


def declared(root: Path, metadata: Mapping[str, object]) -> Iterator[Declared]:
    """The requirements of `dependencies`, of the extras, the dependency groups and the build system."""
    lines = _lines(root)
    for requirement in _requirements(metadata):
        try:
            name = canonicalize_name(Requirement(requirement).name)
        except InvalidRequirement:
            continue  # another check tells
        yield Declared(name, requirement, _line(lines, requirement))
    poetry = table(metadata, "tool", "poetry", "dependencies")
    for key in poetry:
        if key != "python":
            yield Declared(canonicalize_name(key), key, _line(lines, key))


def _requirements(metadata: Mapping[str, object]) -> Iterator[str]:
    project = table(metadata, "project")
    lists = [project.get("dependencies"), table(metadata, "build-system").get("requires")]
    lists += table(project, "optional-dependencies").values()
    lists += table(metadata, "dependency-groups").values()
    for found in lists:
        yield from (entry for entry in (found if isinstance(found, list) else ()) if isinstance(entry, str))


def _lines(root: Path) -> list[str]:
    try:
        return (root / "pyproject.toml").read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError):
        return []


def _line(lines: list[str], wanted: str) -> int | None:
    return next((number for number, line in enumerate(lines, 1) if wanted in line), None)


@dataclass(frozen=True)
class Dead:
    """What is known of a package that its makers have given up."""

    name: str
    modules: tuple[str, ...]
    why: str
    successor: str
    source: str
    checked: str

    @property
    def said(self) -> str:
        """All of it, in a sentence and a half."""
        return f"{self.why}\n→ {self.successor}  ({self.source}, read on {self.checked})"


def dead() -> tuple[Dead, ...]:
    """The table of given-up packages, deprecated.toml."""
    read = tomllib.loads(Path(__file__).with_name("abandoned.toml").read_text(encoding="utf-8"))
    return tuple(
        Dead(
            entry["name"],
            tuple(entry.get("modules", ())),
            entry["why"],
            entry["successor"],
            entry["source"],
            entry["checked"].isoformat(),
        )
        for entry in read["package"]
    )


def of(module: str, packages: tuple[Dead, ...]) -> Dead | None:
    """The given-up package that a module is of."""
    return next((p for p in packages for m in p.modules if re.match(rf"{re.escape(m)}(\.|$)", module)), None)
