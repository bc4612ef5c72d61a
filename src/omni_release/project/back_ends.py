"""Which files each build back end installs, as its settings say: the import packages of a project."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.core.model import Package
from omni_release.core.toml import read_values, table
from omni_release.project import setup_files
from omni_release.project.layout import (
    NOT_PACKAGES,
    Find,
    FoundPackages,
    Installed,
    expand,
    is_package,
    module_name,
    named_like,
    plain,
    search,
    strings,
    usual,
)
from omni_release.project.setup_files import SetupFiles


@dataclass(frozen=True)
class BackEndFiles:
    """What a back end reads: the folder, the project's name, pyproject.toml, setup.cfg and setup.py."""

    root: Path
    name: str
    metadata: Mapping[str, object]
    setup: SetupFiles

    def tool(self, *keys: str) -> dict[str, object]:
        """A table below [tool]."""
        return table(self.metadata, "tool", *keys)


class NoModules(Exception):
    """The settings say that the project has no modules."""


class NoneListed(NoModules):
    """The settings list no package: one that is there nevertheless is forgotten."""


def find(checkout: BackEndFiles) -> FoundPackages:
    """The import packages of a project: those that its back end installs, else those in the usual places."""
    reader = _reader(checkout)
    compiled: list[str] = []
    named: list[str] = []
    packages: list[Package] = []
    try:
        for found in reader(checkout):
            if isinstance(found, Package):
                packages.append(found)
            elif found.path:
                named.append(found.path)
                packages += expand(checkout.root, found)
            else:
                compiled.append(found.target)
    except NoneListed:
        packages = [package for package in usual(checkout.root, checkout.name) if _is_forgotten(checkout, package)]
        if not packages:
            return FoundPackages((), without_modules=True)
    except NoModules:
        return FoundPackages((), without_modules=True)
    if not packages and not compiled:
        if named and all((checkout.root / path).exists() for path in named):
            return FoundPackages((), without_modules=True)  # data alone
        packages = usual(checkout.root, checkout.name)
    packages = [package for package in packages if not _is_of_developers(checkout, package)] or packages
    chosen = tuple(_topmost(packages))
    own = module_name(checkout.name)
    tops = {package.name.partition(".")[0] for package in chosen}
    return FoundPackages(
        chosen,
        tuple(sorted({name for name in compiled if name.partition(".")[0] not in tops})),
        looked_at=", ".join(dict.fromkeys(named)) or f"src/, lib/, python/, {own}/ and {own}.py",
    )


def _is_of_developers(checkout: BackEndFiles, package: Package) -> bool:
    """Whether a package is one of tests or tools at the top, which got into the settings by mistake."""
    own = module_name(checkout.name)
    return package.path.as_posix() in NOT_PACKAGES and package.name in NOT_PACKAGES and package.name != own


def _is_forgotten(checkout: BackEndFiles, package: Package) -> bool:
    """Whether a package is one of the project by its place or its name, though the settings list none."""
    return package.path.parts[0] == "src" or package.name == module_name(checkout.name)


def _topmost(packages: Iterable[Package]) -> Iterator[Package]:
    """Each package once, in order of their paths, without those inside of another."""
    taken: list[Package] = []
    for package in sorted(packages, key=lambda package: (package.path.as_posix().count("/"), package.path)):
        inside = any(package.path.is_relative_to(other.path) for other in taken)
        if not inside and package.name not in {other.name for other in taken}:
            taken.append(package)
    return iter(sorted(taken, key=lambda package: package.path))


Found = Iterator[Installed | Package]
"""What is installed: paths, packages, or compiled modules, which are `Installed` without a path."""


def _reader(checkout: BackEndFiles) -> Callable[[BackEndFiles], Found]:
    build = table(checkout.metadata, "build-system")
    requires = build.get("requires")
    names = [str(build.get("build-backend", "")), *map(str, requires if isinstance(requires, list) else ())]
    for name in names:
        for pattern, reader in _READERS:
            if re.match(pattern, name, re.IGNORECASE):
                return reader
    return _setuptools if "build-backend" not in build else _none


def _none(checkout: BackEndFiles) -> Found:
    yield from ()


def _hatch(checkout: BackEndFiles) -> Found:
    """[tool.hatch.build.targets.wheel], else [tool.hatch.build]: only-include, packages, include; sources."""
    build, wheel = checkout.tool("hatch", "build"), checkout.tool("hatch", "build", "targets", "wheel")
    settings = build | wheel
    packages = strings(settings.get("packages"))
    included = [pattern for pattern in strings(settings.get("include")) if not pattern.startswith("!")]
    paths = strings(settings.get("only-include")) or packages or included
    stated = settings.get("sources")
    sources = stated if isinstance(stated, dict) else dict.fromkeys(strings(stated), "")
    sources = {plain(source): str(target).strip("/") for source, target in sources.items()}
    sources |= {parent: "" for path in packages if (parent := plain(path).rpartition("/")[0])}
    if not paths:
        roots = _hatch_default(checkout)
        sources |= {parent: "" for path in roots if (parent := path.rpartition("/")[0]) == "src"}
        paths = roots
    for path in dict.fromkeys(map(plain, paths)):
        yield from (Installed(inside, to) for inside, to in sources.items() if inside.startswith(f"{path}/") and to)
        yield Installed(path, _moved(path, sources))
    forced = settings.get("force-include")
    for path, target in forced.items() if isinstance(forced, dict) else ():
        if not str(path).startswith(("..", "/", "~")):
            yield Installed(plain(str(path)), str(target).strip("/"))
    if not paths and settings.get("bypass-selection") is True:
        raise NoModules


def _moved(path: str, sources: Mapping[str, str]) -> str:
    """Where a path is installed: below what replaces the first source folder that it is in."""
    if path == ".":
        return ""
    for source, target in sorted(sources.items()):
        if source == "." or f"{path}/".startswith(f"{source}/"):
            rest = path if source == "." else path[len(source) :].strip("/")
            return "/".join(part for part in (target.strip("./"), rest) if part)
    return path


def _hatch_default(checkout: BackEndFiles) -> list[str]:
    """The package with the project's name at the top, in src/, as a module, or as the only one in a namespace."""
    if found := [installed.path for installed in named_like(checkout.root, checkout.name, (".", "src"))]:
        return found
    spaces = sorted(checkout.root.glob(f"*/{module_name(checkout.name)}/__init__.py"))
    return [path.parent.parent.name for path in spaces if len(spaces) == 1]


def _setuptools(checkout: BackEndFiles) -> Found:
    """[tool.setuptools], setup.cfg and `setup(…)`."""
    found = setup_files.installed(checkout.root, checkout.tool("setuptools"), checkout.setup)
    if found is None:
        raise NoneListed
    yield from found


def _flit(checkout: BackEndFiles) -> Found:
    """[tool.flit.module], else the project's name; at the top or in src/."""
    name = checkout.tool("flit", "module").get("name") or checkout.tool("flit", "metadata").get("module")
    inside = str(name or checkout.name.replace("-", "_")).replace(".", "/")
    for path in (f"{folder}{inside}{suffix}" for folder in ("", "src/") for suffix in ("", ".py")):
        if (checkout.root / path).exists():
            yield Installed(path, path.removeprefix("src/"))


def _pdm(checkout: BackEndFiles) -> Found:
    """[tool.pdm.build] package-dir and includes; without includes, all packages, else all modules."""
    settings = checkout.tool("pdm", "build") or checkout.tool("pdm")
    base = settings.get("package-dir", "src" if (checkout.root / "src").is_dir() else "")
    base = plain(str(base)) if base else "."
    if includes := [plain(path) for path in strings(settings.get("includes"))]:
        for path in includes:
            yield Installed(path, _moved(path, {base: ""}))
        return
    found = list(search(checkout.root, Find((base,), exclude=("tests",))))
    yield from found
    if not found and base == ".":
        modules = sorted(checkout.root.glob("*.py"))
        own = [path for path in modules if path.stem == module_name(checkout.name)]
        yield from (Installed(path.name, path.name) for path in own)
    elif not found:
        yield Installed(base, "")


def _poetry(checkout: BackEndFiles) -> Found:
    """[tool.poetry] packages: include, from, to; else the project's name, at the top or in src/."""
    settings = checkout.tool("poetry")
    if settings.get("package-mode") is False:
        raise NoModules
    packages = settings.get("packages")
    for entry in packages if isinstance(packages, list) else ():
        formats = strings(entry.get("format")) if isinstance(entry, dict) else []
        if not isinstance(entry, dict) or (formats and "wheel" not in formats):
            continue
        inside = plain(str(entry.get("include", "")))
        inside = "" if inside == "." else inside
        path = PurePosixPath(str(entry.get("from", "")), inside).as_posix()
        yield Installed(path, "/".join(part for part in (str(entry.get("to", "")).strip("/"), inside) if part))
    if not packages:
        yield from named_like(checkout.root, checkout.name, (".", "src"))


def _uv(checkout: BackEndFiles) -> Found:
    """[tool.uv.build-backend]: module-name, module-root, namespace."""
    settings = checkout.tool("uv", "build-backend")
    base = settings.get("module-root", "src")
    base = plain(str(base)) if base else "."
    names = strings(settings.get("module-name"))
    if not names and settings.get("namespace") is True:
        yield Installed(base, "")
        return
    for name in names:
        inside = name.replace(".", "/")
        yield Installed(PurePosixPath(base, inside).as_posix(), inside)
    if not names:
        yield from named_like(checkout.root, checkout.name, (base,))


def _maturin(checkout: BackEndFiles) -> Found:
    """[tool.maturin]: python-source, module-name, python-packages; else the name of the crate."""
    settings = checkout.tool("maturin")
    named = settings.get("manifest-path")
    manifests = [named] if isinstance(named, str) else ["Cargo.toml", "rust/Cargo.toml"]
    crate = next((found for path in manifests if (found := _toml(checkout.root / path))), {})
    library = table(crate, "lib").get("name") or table(crate, "package").get("name") or checkout.name
    module = str(settings.get("module-name") or library).replace("-", "_")
    stated = settings.get("python-source")
    bases = [plain(stated)] if isinstance(stated, str) else [".", "python", "src"]
    names = (module.partition(".")[0], module_name(checkout.name), *strings(settings.get("python-packages")))
    inside = [name.replace(".", "/") for name in names]
    paths = [(PurePosixPath(base, name).as_posix(), name) for name in inside for base in bases]
    folders = [Installed(path, name) for path, name in paths if is_package(checkout.root / path)]
    if not folders and settings.get("bindings") == "bin":
        raise NoModules
    yield from folders or [Installed("", module)]


def _toml(path: Path) -> dict[str, object]:
    try:
        return read_values(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _scikit_build(checkout: BackEndFiles) -> Found:
    """[tool.scikit-build.wheel] packages; else the project's name in src/, python/ or at the top."""
    packages = checkout.tool("scikit-build", "wheel").get("packages")
    if packages == []:
        raise NoneListed
    if isinstance(packages, dict):
        yield from (Installed(plain(str(path)), str(target).strip("/")) for target, path in packages.items())
    elif packages is not None:
        yield from (Installed(plain(path), plain(path).rpartition("/")[2]) for path in strings(packages))
    else:
        yield from named_like(checkout.root, checkout.name, ("src", "python", "."))


_READERS: tuple[tuple[str, Callable[[BackEndFiles], Found]], ...] = (
    ("hatchling", _hatch),
    ("flit", _flit),
    ("pdm", _pdm),
    ("poetry", _poetry),
    ("uv_build|uv-build", _uv),
    ("maturin", _maturin),
    ("scikit_build_core|scikit-build-core", _scikit_build),
    ("setuptools|pbr", _setuptools),
)


_COMPILING = re.compile(
    r"maturin|scikit[-_]build|meson|cmake|sipbuild|cython|pybind11|nanobind|setuptools[-_]rust|cffi"
)
"""Build requirements of projects whose modules may have no Python source."""


def compiles(metadata: Mapping[str, object]) -> bool:
    """May a project have modules without Python source?"""
    build = table(metadata, "build-system")
    return bool(_COMPILING.search(f"{build.get('build-backend', '')} {build.get('requires', '')}".lower()))
