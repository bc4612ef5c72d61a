"""Which files of the checkout a wheel should contain, and which of those are probably left out on purpose."""

from __future__ import annotations

import ast
import configparser
import contextlib
import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from omni_release import distributions, file_roles, source_tree
from omni_release.core.model import Project, Release
from omni_release.core.toml import table
from omni_release.core.world import World

# Files that are compiled into others, or are meant for those who work on the project.
_SOURCES = frozenset(
    [".pyx", ".pxd", ".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".f90", ".md", ".rst", ".po", ".pot", ".in", ".orig"]
)


def expected(release: Release, world: World) -> Iterator[tuple[PurePosixPath, str]]:
    """Each file of the import packages, and its name in a wheel. Tests and sources of extensions are left out."""
    files = source_tree.files_at_start(release.project.root, world.processes)
    excluded = tuple(_exclusions(release.project.metadata))
    with_tests = {file.parent for file in files if file_roles.is_test_module(file)}
    packages = tuple((package, PurePosixPath(package.path.as_posix())) for package in release.project.packages)
    for file in files:
        package, folder = next(((p, folder) for p, folder in packages if file.is_relative_to(folder)), (None, file))
        if package is None or file.suffix in _SOURCES or file_roles.is_test_module(file):
            continue
        # `testing` is more often a package for the users' own tests, unless tests are in it.
        parents = set(file.parents)
        if any(parent.name == "tests" for parent in parents):
            continue
        if any(parent.name in ("test", "testing") for parent in with_tests & parents):
            continue
        if any(fnmatch.fnmatchcase(text, pattern) for pattern in excluded for text in _spellings(file)):
            continue
        base = PurePosixPath(package.name.replace(".", "/"))
        below = file.relative_to(folder)
        yield file, (base / below).as_posix() if below.parts else f"{base.as_posix()}{package.path.suffix}"


_NOT_FOUND = re.compile(
    r"No module named '(?P<module>[\w.]+)'|"
    r"cannot import name '(?P<name>\w+)' from (?:partially initialized module )?'(?P<package>[\w.]+)'"
)


def not_found(project: Project, text: str) -> str:
    """The file that the last import error in a text does not find, by its name in a wheel; of the project alone.

    Empty where the text has no such error, or the checkout has no such file.
    """
    found = (match["module"] or f"{match['package']}.{match['name']}" for match in _NOT_FOUND.finditer(text))
    files = [file for module in found if (file := _name_in_wheel(project, module))]
    return files[-1] if files else ""


def _name_in_wheel(project: Project, module: str) -> str:
    """The file of a module, or the first of a package without `__init__.py`; empty where the checkout has none."""
    for package in project.packages:
        if not f"{module}.".startswith(f"{package.name}."):
            continue
        base, below = package.name.replace(".", "/"), module[len(package.name) + 1 :].replace(".", "/")
        if not below:
            return f"{base}{package.path.suffix or '/__init__.py'}"
        folder = project.root / package.path
        candidates = (f"{below}/__init__.py", f"{below}.py")
        inside = (path.relative_to(folder).as_posix() for path in sorted((folder / below).glob("*.py")))
        if file := next((name for name in candidates if (folder / name).is_file()), next(inside, "")):
            return f"{base}/{file}"
    return ""


_EXCLUDING = {"exclude", "excludes", "wheel-exclude", "source-exclude", "exclude-package-data", "exclude_package_data"}


def _exclusions(metadata: Mapping[str, object]) -> Iterator[str]:
    """The patterns of files and packages that the settings of the build back end leave out, as shell patterns."""

    def strings(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from strings(value.get("path"))
        elif isinstance(value, list):
            for item in value:
                yield from strings(item)

    def walk(settings: Mapping[str, object]) -> Iterator[str]:
        for key, value in settings.items():
            if key in _EXCLUDING:
                groups = value.values() if isinstance(value, Mapping) else (value,)
                yield from (text for group in groups for text in strings(group))
            elif isinstance(value, Mapping):
                yield from walk(value)

    tool = table(metadata, "tool")
    for name in _BACK_ENDS:
        for pattern in walk(table(tool, name)):
            plain = pattern.strip("/").removesuffix("/**").removesuffix("/*")
            if plain not in ("", "*", "**"):
                yield from (plain, f"{plain}/*", f"*/{plain}", f"*/{plain}/*")


_BACK_ENDS = ("flit", "hatch", "maturin", "pdm", "poetry", "scikit-build", "setuptools", "uv")


def _spellings(file: PurePosixPath) -> tuple[str, str]:
    """A file as patterns of back ends name it: by its path, and by its package without a source folder."""
    folders = file.parent.parts[1:] if file.parts[0] in ("src", "lib", "python") else file.parent.parts
    return file.as_posix(), ".".join(folders)


def has_extension(name: str, inside: set[str]) -> bool:
    """Whether a wheel has a module as an extension: `_speed.py` as `_speed.cpython-311-x86_64-linux-gnu.so`."""
    start = f"{name.removesuffix('.py')}."
    return any(other.startswith(start) and other.endswith((".so", ".pyd")) for other in inside)


_NOT_SHIPPED = frozenset(
    ["bench", "benchmark", "benchmarks", "demo", "demos", "doc", "docs", "example", "examples", "samples", "tools"]
)
_INSTALL_LISTS = ("mesonpy", "scikit_build_core", "skbuild")
_IMPORT = re.compile(rb"^[ \t]*(?:>>> )?(?:from\s+[\w.]+\s+import\s*\([^)]*\)|(?:from|import)\s[^\n]*)", re.MULTILINE)


def left_out_on_purpose(
    project: Project, module: PurePosixPath, all_files: Sequence[tuple[PurePosixPath, str]], imported: str
) -> bool:
    """Whether a module that a wheel lacks is probably not meant to ship. No import statement in `imported` names it,
    and it is a setup.py, or in a folder of examples or tools; or its folder is no package, but one above is; or the
    back end installs only what its own build files list.
    """
    named = module.parent.name if module.name == "__init__.py" else module.stem
    if re.search(rf"\b{re.escape(named)}\b", imported):
        return False
    packages = {PurePosixPath(name).parent for _, name in all_files if name.endswith("/__init__.py")}
    if _NOT_SHIPPED & set(module.parts[1:-1]) or module.name == "setup.py":
        return True
    if module.parent not in packages and any(parent in packages for parent in module.parent.parents):
        return True
    back_end = str(table(project.metadata, "build-system").get("build-backend", ""))
    return back_end.startswith(_INSTALL_LISTS)


def imports(wheel: Path) -> str:
    """All import statements in a wheel."""
    modules = (entry for entry in distributions.contents(wheel) if entry.name.endswith((".py", ".pyi")))
    return "\n".join(match.decode("utf-8", "replace") for entry in modules for match in _IMPORT.findall(entry.read()))


def patterns_without_files(release: Release) -> Iterator[tuple[str, str]]:
    """Each pattern of data files in the settings of the build back end that matches nothing, and its table.

    It is looked for in the copy that was built: a front end, for example, may only exist after its own build.
    """
    tool = table(release.project.metadata, "tool")
    for where, package, pattern in _package_data(release):
        folders = tuple(_folders(release, package))
        if folders and not any(_matches(folder, pattern) for folder in folders):
            yield pattern, f"{where} of {package or '*'}"
    included = table(tool, "poetry").get("include")
    for item in included if isinstance(included, list) else ():
        pattern = str(item.get("path", "")) if isinstance(item, dict) else str(item)
        if pattern and not _matches(release.source, pattern):
            yield pattern, "`include` in [tool.poetry]"
    for target in ((), ("targets", "wheel")):
        artifacts = table(tool, "hatch", "build", *target).get("artifacts", [])
        for pattern in artifacts if isinstance(artifacts, list) else ():
            inside = str(pattern).strip("/")
            anywhere = inside if str(pattern).startswith("/") or "/" in inside else f"**/{inside}"
            if not inside.startswith("!") and not _matches(release.source, anywhere):
                yield str(pattern), f"`artifacts` in [{'.'.join(('tool.hatch.build', *target))}]"
    for names, key in _INCLUDED:
        listed = table(tool, *names).get(key)
        for pattern in map(str, listed if isinstance(listed, list) else ()):
            if not _matches(release.source, pattern.strip("/")):
                yield pattern, f"`{key}` in [tool.{'.'.join(names)}]"


_INCLUDED = (
    (("pdm", "build"), "includes"),
    (("pdm", "build"), "source-includes"),
    (("flit", "sdist"), "include"),
    (("uv", "build-backend"), "source-include"),
)
"""Where other back ends list the files that they add, by their path in the project."""


def _package_data(release: Release) -> Iterator[tuple[str, str, str]]:
    """The patterns of package data for setuptools, in each file that can have them: where, the package, the pattern."""
    where = "[tool.setuptools.package-data]"
    for package, patterns in table(release.project.metadata, "tool", "setuptools", "package-data").items():
        yield from ((where, package, str(pattern)) for pattern in (patterns if isinstance(patterns, list) else ()))
    parser = configparser.RawConfigParser(strict=False)
    with contextlib.suppress(OSError, UnicodeDecodeError, configparser.Error):
        parser.read_string((release.source / "setup.cfg").read_text(encoding="utf-8-sig"))
    where = "[options.package_data]"
    for package, text in parser.items(where[1:-1]) if parser.has_section(where[1:-1]) else ():
        yield from ((where, package, pattern) for pattern in re.split(r"[\s,]+", text) if pattern)
    try:
        tree = ast.parse((release.source / "setup.py").read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    named = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "package_data"]
    for value in named:
        with contextlib.suppress(ValueError, AttributeError):  # computed
            for package, patterns in ast.literal_eval(value).items():
                yield from (("`package_data` in setup.py", package, str(pattern)) for pattern in patterns)


_OUTPUT = re.compile(
    r"(?i)(?:^|/)(?:dist|build|static|assets|public|out|www|web|webui|frontend|ui)(?:/|$)|\.(?:m?js|css|html)$"
)


def is_front_end(release: Release, pattern: str) -> bool:
    """Whether a pattern is for the output of a front end that is built with npm: a package.json has a build script."""
    if not _OUTPUT.search(pattern):
        return False
    for depth in ("", "*/", "*/*/", "*/*/*/"):
        for path in release.source.glob(f"{depth}package.json"):
            if "node_modules" not in path.parts and b'"build"' in path.read_bytes():
                return True
    return False


def _folders(release: Release, package: str) -> Iterator[Path]:
    """The folders in the copy of the packages that a key of package-data is about; `*` is all of them."""
    for own in release.project.packages:
        if package in ("*", "") or own.name == package:
            yield release.source / own.path
        elif package.startswith(f"{own.name}."):
            yield release.source / own.path / package.removeprefix(f"{own.name}.").replace(".", "/")


def _matches(folder: Path, pattern: str) -> bool:
    """Whether a file below the folder matches; a pattern that pathlib does not take is left to the back end."""
    try:
        return any(folder.glob(pattern)) or any(folder.rglob(pattern))
    except (ValueError, NotImplementedError, OSError):
        return True
