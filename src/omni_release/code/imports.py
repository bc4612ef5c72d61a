"""The imports and declared requirements of a project, with their lines, and the table of abandoned packages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from omni_release.core.documents import parse_python
from omni_release.core.toml import read_values, table
from omni_release.distributions import parsed_requirement


@dataclass(frozen=True)
class Import:
    """An absolute import of `module`, dotted; `line` and `column` count from 1.

    It is `guarded` if the module does without it: in a `try` that catches the failure, or under a test of the version,
    the platform or what is installed. `in_function`: it runs when the function is called.
    """

    module: str
    path: str
    line: int
    column: int
    guarded: bool = False
    in_function: bool = False


@dataclass(frozen=True)
class DeclaredRequirement:
    """A requirement in pyproject.toml, with its normalised name; `line` is None where it cannot be found.

    It is `hard` if each install or build needs it, and `runtime` if each install, or one with an extra, has it.
    """

    name: str
    requirement: str
    line: int | None
    hard: bool = True
    runtime: bool = True


@dataclass(frozen=True)
class AbandonedPackage:
    """An entry of abandoned.toml: an abandoned package, or modules of Python or of a package that is maintained.

    `name` is normalised, and empty for modules alone. `checked` is the day on which the source was read. `providers`
    are the packages that bring the modules back, for a project that requires one of them. `distribution` is the package
    that installs the modules, and its newest release may `still` have them.
    """

    name: str
    modules: tuple[str, ...]
    why: str
    successor: str
    source: str
    checked: str
    providers: tuple[str, ...] = ()
    distribution: str = ""
    still: bool = False

    @property
    def description(self) -> str:
        """The reason, the source with its date, and the fix, in three lines."""
        fix = f"Use {self.successor}" if not self.successor.startswith("see ") else f"Replace it: {self.successor}"
        return f"{self.why}\nSource: {self.source}, read on {self.checked}\n→ {fix}"


def load_abandoned() -> tuple[AbandonedPackage, ...]:
    """The entries of abandoned.toml."""
    content = read_values(Path(__file__).with_name("abandoned.toml").read_text(encoding="utf-8"))
    return tuple(
        AbandonedPackage(
            entry["name"],
            tuple(entry.get("modules", ())),
            entry["why"],
            entry["successor"],
            entry["source"],
            entry["checked"].isoformat(),
            tuple(entry.get("providers", ())),
            entry.get("distribution", entry["name"]),
            entry.get("still", False),
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


_GUARD_TESTS = re.compile(
    r"\bTYPE_CHECKING\b|version_info|\bsys\.version|hexversion|\bPY_?[23]|python_version|\bplatform\b|\bos\.name\b"
    r"|find_spec|find_loader|\b_?(?:HAS|HAVE|USE|WITH)_|has_\w+|is_\w*(?:available|installed)|\bsys\.modules\b|__debug__"
)
_IMPORT_ERRORS = re.compile(r"\b(?:ImportError|ModuleNotFoundError|Exception|BaseException)\b")


def parse(path: Path, mentions: re.Pattern[bytes] | None = None) -> ast.Module | None:
    """The syntax of a Python file; None where it does not match `mentions`, or does not parse."""
    try:
        data = path.read_bytes()
        if mentions and not mentions.search(data):
            return None
    except OSError:
        return None
    return parse_python(data)


def read_imports(root: Path, file: PurePosixPath, mentions: re.Pattern[bytes] | None = None) -> Iterator[Import]:
    """The absolute imports of a Python file, where it matches `mentions`; none of a file that does not parse.

    `importlib.import_module("…")` and `__import__("…")` count too.
    """
    if (tree := parse(root / file, mentions)) is None:
        return
    try:
        nodes = list(_walk(tree, guarded=False, in_function=False))
    except RecursionError:
        return
    for node, guarded, in_function in nodes:
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
        place = (file.as_posix(), node.lineno, node.col_offset + 1)
        yield from (Import(name, *place, guarded, in_function) for name in names)


def _walk(node: ast.AST, *, guarded: bool, in_function: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Each node, whether it is guarded, and whether it is in a function."""
    yield node, guarded, in_function
    within = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    within_guard = guarded or is_guard(node)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, guarded=within_guard, in_function=within)


def is_guard(node: ast.AST) -> bool:
    """Whether what is in this statement may fail, or be left out, and the module goes on."""
    if isinstance(node, ast.Try | ast.TryStar):
        return any(h.type is None or _IMPORT_ERRORS.search(ast.unparse(h.type)) for h in node.handlers)
    if isinstance(node, ast.With):
        contexts = [ast.unparse(item.context_expr) for item in node.items]
        return any("suppress" in context and _IMPORT_ERRORS.search(context) for context in contexts)
    return isinstance(node, ast.If | ast.IfExp) and _GUARD_TESTS.search(ast.unparse(node.test)) is not None


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
    groups = table(metadata, "dependency-groups").values()
    lists = [(project.get("dependencies"), True, True)]
    lists.append((table(metadata, "build-system").get("requires"), True, False))
    lists += [(listed, False, True) for listed in table(project, "optional-dependencies").values()]
    lists += [(listed, False, False) for listed in groups]
    for listed, hard, runtime in lists:
        for requirement in listed if isinstance(listed, list) else ():
            if not isinstance(requirement, str):
                continue  # a table that includes another dependency group
            if name := name_of(requirement):
                always = hard and ";" not in requirement  # a marker: for some Pythons or platforms
                yield DeclaredRequirement(name, requirement, line_with(requirement), always, runtime)
    for key, value in table(metadata, "tool", "poetry", "dependencies").items():
        if key != "python":
            optional = isinstance(value, dict) and bool(value.get("optional") or value.get("markers"))
            yield DeclaredRequirement(canonicalize_name(key), key, line_with(key), not optional)


def name_of(requirement: str) -> str:
    """The normalised name of a requirement; empty where it is invalid, which `project-valid` reports."""
    found = parsed_requirement(requirement)
    return canonicalize_name(found.name) if found else ""
