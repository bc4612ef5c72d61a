"""Where the import packages of a checkout are: as the build back end finds them, else by their usual places."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.core.model import Package

NOT_PACKAGES = frozenset(
    (
        *("tests", "test", "testing", "unit_tests", "integration_tests", "docs", "doc", "documentation", "examples"),
        *(
            "example",
            "samples",
            "bench",
            "benchmark",
            "benchmarks",
            "scripts",
            "ci",
            "tasks",
            "build",
            "dist",
            "htmlcov",
        ),
        *("site", "venv", "env", "node_modules", "newsfragments", "changelog", "requirements", "debian", "__pycache__"),
    )
)
"""Folders at the top of a checkout that are packages only where the back end names them."""

SOURCE_FOLDERS = ("src", "lib", "python", "source", "py")
_MODULES = (".py", ".pyi", ".pyx", ".so", ".pyd")
_DEEPEST = 5


@dataclass(frozen=True)
class Installed:
    """A path of the checkout that a back end installs, and as what; an empty `target` is the top of site-packages."""

    path: str
    target: str


@dataclass(frozen=True)
class Find:
    """A search for packages, as setuptools' `find_packages` performs it, in folders relative to the project."""

    where: tuple[str, ...] = (".",)
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    namespaces: bool = False


def source_path(packages: Iterable[Package], file: str) -> PurePosixPath | None:
    """The path in the checkout of a file of the wheel; None where it is in none of the import packages."""
    path = PurePosixPath(file)
    for package in sorted(packages, key=lambda one: -len(one.name)):  # a package can be in another one's namespace
        place = PurePosixPath(*package.name.split("."))
        if path.is_relative_to(place.with_suffix(package.path.suffix)):
            return PurePosixPath(package.path.as_posix(), path.relative_to(place.with_suffix(package.path.suffix)))
    return None


@dataclass(frozen=True)
class FoundPackages:
    """The import packages of a checkout. `looked_at` says where they were looked for.

    `compiled` are the names of modules without Python source. With `without_modules`, the project is to have none.
    """

    packages: tuple[Package, ...]
    compiled: tuple[str, ...] = ()
    without_modules: bool = False
    looked_at: str = ""


def strings(value: object) -> list[str]:
    """The strings of a list in the settings; a string alone is one."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def plain(pattern: str) -> str:
    """The beginning of a glob pattern that is a plain path: `src/acme/**/*.py` is in src/acme."""
    kept = []
    for part in pattern.replace("\\", "/").removeprefix("./").strip("/").split("/"):
        if re.search(r"[*?\[]", part):
            break
        kept.append(part)
    return "/".join(kept) or "."


def module_name(name: str) -> str:
    """The import name that a project's name suggests."""
    return re.sub(r"[-_.]+", "_", name)


def expand(root: Path, installed: Installed, depth: int = _DEEPEST) -> Iterator[Package]:
    """The packages and modules at an installed path, the topmost ones; those inside of namespace folders as well."""
    path, target = PurePosixPath(installed.path), installed.target
    full = root / path
    if full.is_file():
        dotted = PurePosixPath(target).with_suffix("").as_posix().replace("/", ".")
        if path.suffix in (".py", ".pyx") and is_import_name(dotted):
            yield Package(Path(path), dotted)
    elif not full.is_dir() or not depth or (target and not is_import_name(target.replace("/", "."))):
        return
    elif target and _has_modules(full):
        yield Package(Path(path), target.replace("/", "."))
    else:
        for entry in sorted(full.iterdir()):
            inside = Installed((path / entry.name).as_posix(), f"{target}/{entry.name}".lstrip("/"))
            if entry.is_file():
                left_out = full == root
            else:
                left_out = _is_no_package(entry) or (full == root and entry.name in NOT_PACKAGES)
            if not left_out:
                yield from expand(root, inside, depth - 1)


def is_import_name(dotted: str) -> bool:
    """Could an import statement name it? The first part may be a folder of stubs (`acme-stubs`)."""
    first, *rest = dotted.split(".")
    return all(part.isidentifier() for part in (first.removesuffix("-stubs"), *rest))


def _has_modules(folder: Path) -> bool:
    return any(entry.suffix in _MODULES and entry.is_file() for entry in folder.iterdir())


def is_package(folder: Path) -> bool:
    """Has a folder an `__init__` module?"""
    return any((folder / f"__init__{suffix}").is_file() for suffix in (".py", ".pyi", ".pyx"))


def _is_no_package(folder: Path) -> bool:
    return "." in folder.name or (folder / "pyvenv.cfg").exists()


def search(root: Path, find: Find, package_dir: str = "") -> Iterator[Package]:
    """The topmost packages that setuptools' search finds; its usual folders that are no packages are left out."""
    for where in find.where:
        base = where if where not in ("", ".") else package_dir or "."
        found = list(_search_in(root, base, "", find, _DEEPEST))
        with_init = [package for package in found if is_package(root / package.path)]
        # At the top, a folder without `__init__.py` is rarely meant.
        yield from with_init if base == "." and find.include == ("*",) and with_init else found


def _search_in(root: Path, path: str, prefix: str, find: Find, depth: int) -> Iterator[Package]:
    folder = root / path
    for entry in sorted(folder.iterdir()) if folder.is_dir() and depth else ():
        dotted = f"{prefix}{entry.name}"
        if not entry.is_dir() or not is_import_name(dotted) or _is_no_package(entry):
            continue
        unusual = not prefix and entry.name in NOT_PACKAGES and folder == root
        if not (is_package(entry) or find.namespaces) or (unusual and find.include == ("*",)):
            continue
        inside = PurePosixPath(path, entry.name).as_posix()
        chosen = _matches(dotted, find.include) and not _matches(dotted, find.exclude)
        if chosen and _has_modules(entry):
            yield Package(Path(inside), dotted)
        else:
            yield from _search_in(root, inside, f"{dotted}.", find, depth - 1)


def _matches(dotted: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(dotted, pattern) for pattern in patterns)


def named_like(root: Path, name: str, folders: Iterable[str]) -> Iterator[Installed]:
    """The package or module with the project's name in the first of these folders that has one."""
    wanted = module_name(name).lower()
    dotted = [part.replace("-", "_") for part in name.lower().split(".")]
    for folder in folders:
        for entry in sorted((root / folder).iterdir()) if (root / folder).is_dir() else ():
            if entry.name.lower() in (wanted, f"{wanted}.py", f"{wanted}-stubs"):
                if entry.is_file() or _has_modules(entry):
                    yield Installed(PurePosixPath(folder, entry.name).as_posix(), entry.name)
                    return
        for parts in (dotted, name.lower().replace("-", ".").split(".")):
            inside = "/".join(parts)
            if len(parts) > 1 and (root / folder / inside).is_dir() and _has_modules(root / folder / inside):
                yield Installed(PurePosixPath(folder, inside).as_posix(), inside)
                return


def usual(root: Path, name: str) -> list[Package]:
    """The packages of a project whose back end names none: all of src/, else the one with its name, else all."""
    if is_package(root / "src"):  # the package itself, which the build installs under its name
        return [Package(Path("src"), module_name(name))]
    if found := list(expand(root, Installed("src", ""))):
        return found
    candidates = (*named_like(root, name, (".", *SOURCE_FOLDERS)), *_in_a_namespace(root, name))
    for installed in candidates[:1]:
        return list(expand(root, installed))
    for folder in SOURCE_FOLDERS[1:]:
        if not is_package(root / folder) and (found := list(expand(root, Installed(folder, "")))):
            return found
    top = [package for package in search(root, Find()) if package.name not in NOT_PACKAGES]
    return top or [package for installed in _in_a_monorepo(root, name) for package in expand(root, installed)]


def _in_a_namespace(root: Path, name: str) -> Iterator[Installed]:
    found = sorted(root.glob(f"*/{module_name(name)}/__init__.py"))
    if len(found) == 1:
        folder = found[0].parent.relative_to(root).as_posix()
        yield Installed(folder, folder)


def _in_a_monorepo(root: Path, name: str) -> Iterator[Installed]:
    """The package with the project's name, deeper in the checkout (`packages/core/src/acme`)."""
    for folders in ("*/*", "*/*/*"):
        found = [path.parent.relative_to(root) for path in root.glob(f"{folders}/{module_name(name)}/__init__.py")]
        found = [path for path in found if not any(part in NOT_PACKAGES or part[0] == "." for part in path.parts)]
        if len(found) == 1:
            yield Installed(found[0].as_posix(), found[0].name)
            return
